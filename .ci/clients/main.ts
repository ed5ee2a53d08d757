// The calls of a first integration, as the generated types let one write them, against the stack that BASE_URL names.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./generated.js";

type InlineDocument = components["schemas"]["InlineDocument"];

const client = createClient<paths>({
  baseUrl: process.env.BASE_URL,
  headers: { Authorization: `Bearer ${process.env.KEY}` },
});
const document: InlineDocument = {
  content: readFileSync(process.env.LETTER!).toString("base64"),
  content_type: "application/pdf",
};

// Typed apart from the call, as a program that builds it does.
const body: components["schemas"]["SendFaxRequest"] = { to: "+15005550001", document, document_url: null };
const sent = await client.POST("/v1/faxes", {
  params: { header: { "Idempotency-Key": randomUUID() } },
  body,
});
assert.equal(sent.response.status, 201, JSON.stringify(sent.error));
const id = sent.data!.id;

const until = Date.now() + 60_000;
let status: string = sent.data!.status;
while (status !== "delivered" && Date.now() < until) {
  const { data } = await client.GET("/v1/faxes/{id}", { params: { path: { id } } });
  status = data!.status;
}
assert.equal(status, "delivered");

const list = await client.GET("/v1/faxes", { params: { query: { limit: 10, status: "delivered" } } });
assert.deepEqual(list.data!.data.map((fax) => fax.id), [id]);

const send_at = new Date(Date.now() + 3_600_000).toISOString();
const later: components["schemas"]["ScheduleFaxRequest"] = { to: "+15005550001", document, send_at };
const scheduled = await client.POST("/v1/scheduled", { body: later });
assert.equal(scheduled.response.status, 201, JSON.stringify(scheduled.error));

const link = await client.POST("/v1/faxes", { body: { to: "+15005550001", document_url: "http://example.com/" } });
assert.equal(link.error?.error.param, "document_url", JSON.stringify(link));

const contact = await client.POST("/v1/contacts", { body: { name: "Manchester", fax_number: "+441612345678" } });
assert.equal(contact.data!.fax_number, "+441612345678");
console.log("6 calls passed");
