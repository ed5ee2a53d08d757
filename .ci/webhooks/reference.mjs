import { createHmac, timingSafeEqual } from "node:crypto";

// rawBody = the exact bytes you received (do NOT JSON.parse then re-stringify)
function verify(rawBody, header, secret) {
  const parts = Object.fromEntries(
    header.split(",").map((kv) => kv.split("=")),
  );
  const expected = createHmac("sha256", secret)
    .update(`${parts.t}.${rawBody}`)
    .digest("hex");
  const a = Buffer.from(expected);
  const b = Buffer.from(parts.v1 || "");
  return a.length === b.length && timingSafeEqual(a, b);
}

// The sample ends here; it exports nothing.
export { verify };
