import { readFileSync } from "node:fs";
import { verify } from "./verify.mjs";

for (const line of readFileSync(0, "utf8").trimEnd().split("\n")) {
  const [now, secret, header, , , , body] = line.split("\t");
  console.log(verify(Buffer.from(body, "hex"), header, secret, Number(now)));
}
