// Sinch's official SDK, unmodified, against the server that the tests take for Sinch; and the body of our adapter's send against the
// SDK's own types. One line per check; exit 1 when one fails.
//
// Usage: node sinch.mjs PATH-TO-sinch-under-test

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import sdk from "@sinch/sdk-core";
import ts from "typescript";

const here = dirname(fileURLToPath(import.meta.url));
const server = spawn(process.argv[2], { stdio: ["pipe", "pipe", "inherit"] });
const line = await new Promise((resolve, reject) => {
  createInterface({ input: server.stdout }).once("line", resolve);
  server.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  server.once("error", reject);
});
const ready = JSON.parse(line);

const client = (keySecret) =>
  new sdk.SinchClient({
    projectId: ready.project,
    keyId: ready.key_id,
    keySecret,
    faxHostname: ready.url,
    authHostname: ready.url,
  }).fax.faxes;
const faxes = client(ready.key_secret);

let failed = 0;
async function check(what, body) {
  try {
    await body();
    console.log(`ok    sinch sdk: ${what}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  sinch sdk: ${what}: ${error.message}`);
  }
}

async function until(id, status) {
  for (let i = 0; i < 600; i += 1) {
    const found = await faxes.get({ id });
    if (found.status === status) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${id} never became ${status}`);
}

// The SDK sends JSON only where there are files.
const send = (to) => faxes.send({ sendFaxRequestBody: { to, contentUrl: ready.document, files: [], labels: { run: "sdk" } } });

let sent;
await check("sends a fax and sees it completed", async () => {
  [sent] = await send("+12125559876");
  assert.equal(sent.direction, "OUTBOUND");
  const done = await until(sent.id, "COMPLETED");
  assert.equal(done.numberOfPages, 1);
  assert.equal(done.pagesSentSuccessfully, 1);
  assert.ok(done.createTime instanceof Date && done.completedTime instanceof Date);
  assert.deepEqual(done.labels, { run: "sdk" });
});

await check("reads a failure with its type and code", async () => {
  const [busy] = await send("+12125550017");
  const done = await until(busy.id, "FAILURE");
  assert.equal(done.errorType, "CALL_ERROR");
  assert.equal(sdk.Fax.callErrorCodeLabels[done.errorCode], "Busy");
});

await check("lists by direction, status, number and time", async () => {
  const ids = async (filter) => (await faxes.list(filter)).data.map((found) => found.id);
  assert.deepEqual(await ids({ direction: "INBOUND" }), [ready.inbound]);
  assert.deepEqual(await ids({ to: "+12125559876", status: "COMPLETED" }), [sent.id]);
  assert.deepEqual(await ids({ to: "+1212555987" }), [sent.id]);
  const hour = 3_600_000;
  assert.equal((await ids({ createTimeRange: { from: new Date(Date.now() - hour) } })).length, 4);
  assert.deepEqual(await ids({ createTimeRange: { from: new Date(Date.now() + hour) } }), []);
});

await check("walks through the pages", async () => {
  const seen = [];
  for await (const found of faxes.list({ pageSize: 1 })) seen.push(found.id);
  assert.equal(seen.length, 4);
  assert.equal(new Set(seen).size, 4);
  const page = await faxes.list({ pageSize: 3 });
  assert.ok(page.hasNextPage);
  assert.equal((await page.nextPage()).data.length, 1);
});

await check("downloads a document and deletes it", async () => {
  const file = await faxes.downloadContent({ id: ready.inbound });
  assert.equal(file.buffer.length, ready.file_bytes);
  assert.equal(file.buffer.subarray(0, 5).toString(), "%PDF-");
  await faxes.deleteContent({ id: ready.inbound });
  await assert.rejects(faxes.downloadContent({ id: ready.inbound }));
  assert.equal((await faxes.get({ id: ready.inbound })).hasFile, false);
});

await check("reads errors: 401, 402, 404, 422 with the field", async () => {
  const status = async (promise) => promise.then(() => 200, (error) => error.statusCode ?? error.message);
  assert.equal(await status(faxes.get({ id: "unknown" })), 404);
  assert.equal(await status(send("+12125550402")), 402);
  await assert.rejects(send("nobody"), (error) => error.statusCode === 422 && /fieldViolations/.test(JSON.stringify(error)));
  await assert.rejects(client("wrong").get({ id: "unknown" }));
});

await check("parses the events that the server sends", async () => {
  const shown = JSON.stringify(await faxes.get({ id: sent.id }));
  const event = { event: "FAX_COMPLETED", eventTime: new Date().toISOString(), fax: shown, file: "JVBERi0=", fileType: "PDF" };
  const parsed = new sdk.FaxCallbackWebhooks().parseEvent(event);
  assert.ok(parsed.eventTime instanceof Date);
  assert.equal(parsed.fax.id, sent.id);
});

await check("takes every field of our own send, with its type", async () => {
  const folder = mkdtempSync(join(here, ".types-"));
  try {
    const source = (request) => `
      import type { Fax } from "@sinch/sdk-core";
      const request: Fax.SingleFaxRequest = ${JSON.stringify(request)};
      export default request;
    `;
    const problems = (request) => {
      const path = join(folder, "request.ts");
      writeFileSync(path, source(request));
      const options = { strict: true, noEmit: true, skipLibCheck: true, module: ts.ModuleKind.CommonJS, types: [] };
      const program = ts.createProgram([path], options);
      return ts.getPreEmitDiagnostics(program).map((found) => ts.flattenDiagnosticMessageText(found.messageText, " "));
    };
    assert.deepEqual(problems(ready.request), []);
    // The SDK's types take any text; the values that it names stand beside them.
    const named = readFileSync(join(here, "node_modules/@sinch/fax/dist/models/v3/enums.d.ts"), "utf8");
    for (const field of ["imageConversionMethod", "resolution", "callbackUrlContentType"]) {
      assert.ok(named.includes(`'${ready.request[field]}'`), `${field} is ${ready.request[field]}`);
    }
    // That the check can fail: a field that is not there, a value of another type.
    assert.match(problems({ ...ready.request, callbackContentType: "x" }).join(), /callbackContentType/);
    assert.match(problems({ ...ready.request, maxRetries: "0" }).join(), /not assignable/);
    assert.match(problems({ ...ready.request, labels: { attempt: 1 } }).join(), /not assignable/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

server.stdin.end();
process.exitCode = failed === 0 ? 0 : 1;
