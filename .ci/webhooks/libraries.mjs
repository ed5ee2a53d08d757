// What the API reference's sample and the npm packages say of each case on stdin; see `run`.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { verify as reference } from "./reference.mjs";

// Argument: the folder that the packages are installed in.
const require = createRequire(process.argv[2] + "/");
const Stripe = require("stripe");
const standard = require("standardwebhooks").Webhook;
const svix = require("svix").Webhook;

const headers = (c) => ({ "webhook-id": c.id, "webhook-timestamp": c.timestamp, "webhook-signature": c.standard });
const verifiers = {
  reference: (c) => reference(c.body.toString(), c.sfm, c.secret),
  stripe: (c) => Stripe.webhooks.constructEvent(c.body, c.sfm, c.secret),
  standardwebhooks: (c) => new standard(c.secret).verify(c.body, headers(c)),
  svix: (c) => new svix(c.secret).verify(c.body, headers(c)),
};

function accepts(verify, c) {
  Date.now = () => c.now * 1000;
  try {
    return verify(c) !== false;
  } catch (error) {
    // A refusal, and not a fault of the check.
    if (/Verification/.test(error.constructor.name)) return false;
    throw error;
  }
}

for (const line of readFileSync(0, "utf8").trimEnd().split("\n")) {
  const [now, secret, sfm, id, timestamp, standard, body] = line.split("\t");
  const c = { now: Number(now), secret, sfm, id, timestamp, standard, body: Buffer.from(body, "hex") };
  const said = Object.entries(verifiers).map(([name, verify]) => [name, accepts(verify, c)]);
  console.log(JSON.stringify(Object.fromEntries(said)));
}
