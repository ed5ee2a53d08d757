// A developer's first hour: a key, a fax, a webhook, and the key's end.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { visit } from "./browser.mjs";
import { eventually, ROOT } from "./stack.mjs";

const LETTER = join(ROOT, "shared/fax-document/samples/letter.pdf");

async function takeSecret(page) {
    const secret = await page.locator("dialog .secret").textContent();
    await page.getByRole("button", { name: "I have stored it" }).click();
    return secret;
}

async function createKey({ page }) {
    await page.getByRole("button", { name: "Create a key" }).click();
    await page.getByRole("button", { name: "Create the key" }).click();
    assert.match(await page.locator("dialog [data-field=name] .error").textContent(), /Enter a name/);
    await page.getByRole("textbox", { name: "Name" }).fill("Billing server");
    await page.getByRole("button", { name: "Create the key" }).click();
    const key = await takeSecret(page);
    await page.getByRole("row", { name: /Billing server/ }).waitFor();
    assert.match(key, /^sfm_live_/);
    assert.ok(!(await page.content()).includes(key), "the key is still on the page");
    return key;
}

const call = (base, key, body) => fetch(`${base}/v1/faxes`, { method: body ? "POST" : "GET", headers: { authorization: `Bearer ${key}` }, body: body && JSON.stringify(body) });

async function addWebhook({ page }, receiver) {
    await page.getByRole("button", { name: "Add a webhook" }).click();
    await page.getByRole("textbox", { name: "URL" }).fill(receiver.url);
    await page.locator("dialog").getByRole("button", { name: "Add the webhook" }).click();
    const secret = await takeSecret(page);
    assert.match(secret, /^whsec_/);
    await page.getByRole("heading", { level: 1, name: /^Webhook 127/ }).waitFor();
    return page.url();
}

/** A fax by the API, watched on its page, which is not loaded again. */
async function watchFax(tab, key) {
    const { page, base } = tab;
    const answer = await call(base, key, { to: "+15005550001", document: { content: readFileSync(LETTER).toString("base64"), content_type: "application/pdf" } });
    assert.equal(answer.status, 201, await answer.clone().text());
    const fax = await answer.json();
    await page.evaluate(() => { window.notReloaded = true; });
    await visit(tab, `#/faxes/${fax.id}`, /^Fax to/);
    await page.locator("dd .status", { hasText: "Delivered" }).waitFor();
    assert.ok(await page.evaluate(() => window.notReloaded), "the page was loaded again");
    await page.getByRole("button", { name: "Show the pages" }).click();
    await page.waitForFunction(() => document.querySelector("img.paper")?.naturalWidth > 100);
}

async function useWebhook({ page }, address, receiver) {
    await page.goto(address);
    const delivery = page.locator("main details", { hasText: "fax.delivered" }).first();
    await delivery.filter({ hasText: "Succeeded" }).waitFor();
    const [first] = receiver.arrived;
    assert.equal(first.body.type, "fax.delivered");
    await delivery.locator("summary").click();
    await delivery.getByRole("button", { name: "Send it again" }).click();
    await eventually("the second delivery", () => receiver.arrived.filter(({ body }) => body.id === first.body.id).length === 2);
    await delivery.filter({ hasText: "2 attempts" }).waitFor();

    await page.getByRole("button", { name: "Make a new secret" }).click();
    await page.locator("dialog").getByRole("button", { name: "Make a new secret" }).click();
    assert.match(await takeSecret(page), /^whsec_/);
    await page.getByText("The old secret signs beside the new one until").waitFor();
    await page.getByRole("button", { name: "Send a test event" }).click();
    const test = await eventually("the test event", () => receiver.arrived.find(({ body }) => body.type === "webhook.test"));
    assert.equal(test.headers["x-sfm-signature"].match(/v1=/g).length, 2, "both secrets sign");
    await page.getByRole("button", { name: "End the old secret now" }).click();
    await page.getByRole("button", { name: "End the old secret", exact: true }).click();
    await page.getByText("The old secret signs beside").waitFor({ state: "detached" });
}

/** Repeated clicks send once, and a refusal keeps what was typed. */
async function sendFromPage(tab) {
    const { page } = tab;
    await visit(tab, "#/send", "Send a fax");
    await page.getByLabel("Fax number").fill("not a number");
    await page.getByLabel("File", { exact: true }).setInputFiles(LETTER);
    const button = page.getByRole("button", { name: "Send the fax" });
    await button.click();
    await page.locator("[data-field=to] .error").filter({ hasText: /./ }).waitFor();
    assert.equal(await page.getByLabel("Fax number").inputValue(), "not a number");
    assert.equal(await page.getByLabel("Fax number").evaluate((input) => input === document.activeElement), true, "the focus is on the field that is wrong");
    await page.getByLabel("Fax number").fill("+1 500 555 0001");
    const sent = [];
    page.on("request", (request) => request.method() === "POST" && request.url().endsWith("/faxes") && sent.push(request.headers()["idempotency-key"]));
    await button.evaluate((element) => { element.click(); element.click(); element.click(); });
    await page.getByRole("heading", { level: 1, name: /^Fax to/ }).waitFor();
    assert.equal(sent.length, 1);
    assert.ok(sent[0]);
}

export async function flow(tab, receiver) {
    const { page, base } = tab;
    await visit(tab, "#/developers", "Developers");
    const key = await createKey(tab);
    const webhook = await addWebhook(tab, receiver);
    await watchFax(tab, key);
    await useWebhook(tab, webhook, receiver);
    await sendFromPage(tab);
    await visit(tab, "#/developers", "Developers");
    assert.equal((await call(base, key)).status, 200);
    await page.getByRole("button", { name: "Revoke Billing server" }).click();
    await page.getByRole("button", { name: "Revoke the key" }).click();
    await page.getByRole("row", { name: /Billing server.*Revoked/ }).waitFor();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1", "the focus is not lost with the button");
    assert.equal((await call(base, key)).status, 401);
    return { webhook: new URL(webhook).hash };
}
