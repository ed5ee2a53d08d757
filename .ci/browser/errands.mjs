// What else people do on the pages, each once, and what the audit log has of it.
import assert from "node:assert/strict";
import { inspect, openTab, signIn, visit } from "./browser.mjs";

const answer = (page, label) => page.getByRole("dialog").getByRole("button", { name: label }).click();

/** A text is dropped where files are. */
async function drop(page) {
    const dataTransfer = await page.evaluateHandle(() => {
        const carried = new DataTransfer();
        carried.items.add(new File(["Dear colleagues"], "note.txt", { type: "text/plain" }));
        return carried;
    });
    await page.dispatchEvent(".drop", "drop", { dataTransfer });
    assert.equal(await page.getByLabel("File", { exact: true }).evaluate((input) => input.files[0].name), "note.txt");
}

/** The browser shows it in place of the page, and comes back. */
async function openDocument(page) {
    await page.getByRole("button", { name: "Open the document" }).click();
    // Not back before it is there. What the browser's viewer takes over it does not always report as an answer: so it is asked for once more.
    await page.waitForURL((url) => !url.pathname.startsWith("/dashboard/"));
    const response = await page.request.get(page.url());
    assert.equal(response.headers()["content-type"], "application/pdf");
    await page.goBack();
    await page.getByRole("heading", { level: 1, name: /^Fax to/ }).waitFor();
}

async function scheduled(tab) {
    const { page } = tab;
    await visit(tab, "#/send", "Send a fax");
    await page.getByLabel("Fax number").fill("+15005550001");
    await drop(page);
    await page.getByLabel("At a time that you choose").check();
    await page.getByLabel("Date and time").fill("2020-01-01T10:00");
    await page.getByRole("button", { name: "Send the fax" }).click();
    await page.locator("[data-field=send_at] .error").filter({ hasText: /./ }).waitFor();
    const tomorrow = new Date(Date.now() + 86400e3).toISOString().slice(0, 10);
    await page.getByLabel("Date and time").fill(`${tomorrow}T10:00`);
    await page.getByRole("button", { name: "Send the fax" }).click();
    await page.getByRole("heading", { level: 1, name: "Scheduled" }).waitFor();
    const row = page.getByRole("row", { name: /Pending/ }).first();
    assert.match(await row.textContent(), /10:00/, "the time is the reader's");
    await row.getByRole("button").click();
    await answer(page, "Cancel the fax");
    await page.getByRole("row", { name: /Canceled/ }).first().waitFor();
}

async function faxes(tab) {
    const { page } = tab;
    await visit(tab, "#/faxes", "Faxes");
    await page.getByLabel("Status").selectOption("delivered");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.getByRole("link", { name: "Show all" }).waitFor();
    assert.equal(await page.locator("tbody tr").filter({ hasNotText: "Delivered" }).count(), 0);
    await page.locator("tbody a").first().click();
    await page.getByRole("button", { name: "Send again" }).click();
    const before = page.url();
    await answer(page, "Send it again");
    await page.waitForURL((url) => url.href !== before);
    // The first fax, delivered too, is still shown for a moment.
    await page.getByText(page.url().split("/").pop(), { exact: true }).waitFor();
    await page.locator("dd .status", { hasText: "Delivered" }).waitFor();
    await openDocument(page);
    await page.getByRole("button", { name: "Delete" }).click();
    await answer(page, "Delete the fax");
    await page.getByRole("heading", { level: 1, name: "Faxes" }).waitFor();
}

async function contact(tab) {
    const { page } = tab;
    await visit(tab, "#/contacts", "Contacts");
    await page.getByRole("textbox", { name: "Name" }).fill("Records <office> & archive");
    await page.getByLabel("Fax number").fill("12");
    await page.getByRole("button", { name: "Add the contact" }).click();
    await page.locator("[data-field=fax_number] .error").filter({ hasText: /./ }).waitFor();
    await page.getByLabel("Fax number").fill("+12125550199");
    await page.getByRole("button", { name: "Add the contact" }).click();
    const row = page.getByRole("row", { name: /Records <office> & archive/ });
    await row.waitFor();
    await page.getByRole("textbox", { name: "Name" }).fill("N".repeat(100));
    await page.getByRole("textbox", { name: "Company" }).fill("C".repeat(100));
    await page.getByLabel("Fax number").fill("+12125550198");
    await page.getByRole("button", { name: "Add the contact" }).click();
    await page.getByRole("row", { name: /NNN/ }).waitFor();
    await row.getByRole("button").click();
    await answer(page, "Delete the contact");
    await row.waitFor({ state: "detached" });
}

async function webhook(tab, address) {
    const { page } = tab;
    await visit(tab, address, /^Webhook/);
    await page.getByRole("button", { name: "Disable" }).click();
    await page.getByRole("button", { name: "Enable" }).click();
    await page.getByRole("button", { name: "Change" }).click();
    await page.getByRole("textbox", { name: "Description" }).fill("Records system");
    await page.getByRole("button", { name: "Save" }).click();
    await page.locator("dd", { hasText: "Records system" }).waitFor();
    await page.getByText("Send again what was missed").click();
    await page.getByRole("button", { name: "Send them again" }).click();
    await page.getByText(/being sent again|Sent again: /).first().waitFor();
}

async function audit(tab) {
    const { page } = tab;
    await visit(tab, "#/audit", "Audit");
    for (const what of ["Created a key", "Revoked a key", "Looked at a document", "Sent a fax", "Deleted a fax", "Added a webhook", "Made a new webhook secret"]) {
        assert.ok(await page.getByRole("row", { name: new RegExp(`^${what}`) }).count(), `the audit log lacks: ${what}`);
    }
}

/** Members see no button that would be refused. */
async function asMember(browser, base) {
    const tab = await openTab(browser, base);
    const { page } = tab;
    await page.route("**/dashboard/api/session", async (route) => {
        const session = await (await route.fetch()).json();
        await route.fulfill({ json: { ...session, accounts: session.accounts.map((account) => ({ ...account, role: "member" })) } });
    });
    await signIn(tab);
    await visit(tab, "#/developers", "Developers");
    await page.getByText("Only owners of the account change them").waitFor();
    for (const name of ["Create a key", "Add a webhook", /^Revoke/]) assert.equal(await page.getByRole("button", { name }).count(), 0);
    assert.equal(await page.getByRole("link", { name: "Audit" }).count(), 0);
    const wrong = await inspect(tab, "member");
    await tab.context.close();
    return wrong;
}

export async function errands(browser, tab, address) {
    await scheduled(tab);
    await faxes(tab);
    await contact(tab);
    await webhook(tab, address);
    await audit(tab);
    return asMember(browser, tab.base);
}
