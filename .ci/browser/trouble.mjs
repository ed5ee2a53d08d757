// What must not go wrong when something does: a token that is refused, a connection that breaks, an address without an account. And the keyboard.
import assert from "node:assert/strict";
import { join } from "node:path";
import { chooseUser, inspect, openTab, signIn, visit } from "./browser.mjs";
import { ROOT } from "./stack.mjs";

/** A link from elsewhere, and a session that ends, both lead back to where they began. */
async function comesBack(tab) {
    const { page } = tab;
    await signIn(tab, undefined, "#/contacts");
    await page.getByRole("heading", { level: 1, name: "Contacts" }).waitFor();
    assert.ok(!page.url().includes("code="), "the code is still in the address");
    await page.evaluate(() => {
        sessionStorage.setItem("sfm.token", "expired");
        sessionStorage.setItem("sfm.signed-in-at", "0");
        location.hash = "#/numbers";
    });
    await chooseUser(page);
    await page.getByRole("heading", { level: 1, name: "Numbers" }).waitFor();
}

/** An answer with another sign-in's state is not even sent to the issuer; an ID token with another's nonce is not taken. */
async function refusesForeignAnswers(browser, base) {
    for (const part of ["state", "nonce"]) {
        const { context, page } = await openTab(browser, base);
        await page.addInitScript((part) => {
            const flow = location.search.includes("code=") && JSON.parse(sessionStorage.getItem("sfm.flow"));
            if (flow) sessionStorage.setItem("sfm.flow", JSON.stringify({ ...flow, [part]: "another" }));
        }, part);
        let exchanged = 0;
        page.on("request", (request) => { exchanged += request.method() === "POST" && !request.isNavigationRequest(); });
        await page.goto(`${base}/dashboard/`);
        await page.getByRole("button", { name: "Sign in" }).click();
        await chooseUser(page);
        await page.getByText("The sign-in did not come to an end").waitFor();
        assert.equal(exchanged, part === "state" ? 0 : 1);
        assert.equal(await page.evaluate(() => sessionStorage.getItem("sfm.token")), null);
        await context.close();
    }
}

async function losesNothing(tab) {
    const { page } = tab;
    await visit(tab, "#/send", "Send a fax");
    await page.getByLabel("Fax number").fill("+15005550001");
    await page.getByLabel("File", { exact: true }).setInputFiles(join(ROOT, "shared/fax-document/samples/letter.pdf"));
    const keys = [];
    page.on("request", (request) => request.method() === "POST" && request.url().endsWith("/faxes") && keys.push(request.headers()["idempotency-key"]));
    await page.route("**/faxes", (route) => (route.request().method() === "POST" ? route.abort() : route.continue()));
    await page.getByRole("button", { name: "Send the fax" }).click();
    await page.getByText("The service could not be reached").first().waitFor();
    assert.equal(await page.getByLabel("Fax number").inputValue(), "+15005550001");
    await page.unroute("**/faxes");
    await page.getByRole("button", { name: "Send the fax" }).click();
    await page.getByRole("heading", { level: 1, name: /^Fax to/ }).waitFor();
    assert.equal(keys.length, 2);
    assert.equal(keys[0], keys[1], "what may have arrived is sent again under its own key");
}

/** A sign-in that ended while somebody filled in a form. */
async function keepsTheForm(tab) {
    const { page, context } = tab;
    await visit(tab, "#/contacts", "Contacts");
    await page.getByRole("textbox", { name: "Name" }).fill("Dr. Grace Okafor");
    await page.getByLabel("Fax number").fill("+12125550123");
    await page.evaluate(() => {
        sessionStorage.setItem("sfm.token", "expired");
        sessionStorage.setItem("sfm.signed-in-at", "0");
    });
    await page.getByRole("button", { name: "Add the contact" }).click();
    const [beside] = await Promise.all([context.waitForEvent("page"), page.getByRole("button", { name: "Sign in again" }).click()]);
    await Promise.all([beside.waitForEvent("close"), chooseUser(beside)]);
    await page.locator(".failure").waitFor({ state: "detached" });
    assert.equal(await page.getByRole("textbox", { name: "Name" }).inputValue(), "Dr. Grace Okafor");
    await page.getByRole("button", { name: "Add the contact" }).click();
    await page.getByRole("row", { name: /Dr. Grace Okafor/ }).waitFor();
}

async function keyboard(tab) {
    const { page } = tab;
    await visit(tab, "#/contacts", "Contacts");
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");
    await page.locator("#skip").focus();
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    await visit(tab, "#/developers", "Developers");
    const opener = page.getByRole("button", { name: "Create a key" });
    await opener.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.ok(await opener.evaluate((button) => button === document.activeElement), "the focus goes back to what opened the dialog");
}

/** An issuer that keeps a session of its own, as Cognito does, is told of its end. */
async function signsOutAtTheIssuer(browser, base) {
    const tab = await openTab(browser, base), { page, context } = tab;
    await page.route("**/.well-known/openid-configuration", async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, json: { ...(await response.json()), end_session_endpoint: `${base}/issuer-says-goodbye` } });
    });
    await page.route("**/issuer-says-goodbye*", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>Bye</title>" }));
    await signIn(tab);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL("**/issuer-says-goodbye*");
    const { searchParams } = new URL(page.url());
    assert.equal(searchParams.get("post_logout_redirect_uri"), `${base}/dashboard/`);
    assert.equal(searchParams.get("logout_uri"), `${base}/dashboard/`);
    assert.ok(searchParams.get("client_id"));
    assert.equal(await page.evaluate(() => sessionStorage.getItem("sfm.token")), null);
    await context.close();
}

async function noAccount(tab) {
    const { page } = tab;
    await page.route("**/dashboard/api/session", (route) => route.fulfill({ json: { object: "session", email: "stranger@example.com", accounts: [] } }));
    await page.reload();
    await page.getByRole("heading", { name: "No account yet" }).waitFor();
    await page.getByText("stranger@example.com does not belong").waitFor();
    return inspect(tab, "no-account");
}

export async function trouble(browser, base) {
    const tab = await openTab(browser, base);
    await comesBack(tab);
    await keyboard(tab);
    await losesNothing(tab);
    await keepsTheForm(tab);
    const wrong = (await noAccount(tab)).filter((text) => !text.endsWith("the focus is nowhere"));
    await tab.context.close();
    await refusesForeignAnswers(browser, base);
    await signsOutAtTheIssuer(browser, base);
    return wrong;
}
