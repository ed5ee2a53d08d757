// The whole run. Exit 1 with a line for everything that is wrong.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect, launch, openTab, SHOTS, signIn, visit } from "./browser.mjs";
import { errands } from "./errands.mjs";
import { flow } from "./flow.mjs";
import { startReceiver, startStack } from "./stack.mjs";
import { trouble } from "./trouble.mjs";
import { vendored, weigh } from "./weight.mjs";

const VIEWS = [["light", 1280], ["dark", 1280], ["light", 360], ["dark", 360], ["light", 1000]];
const PAGES = [["overview", "#/", "Overview"], ["send", "#/send", "Send a fax"], ["faxes", "#/faxes", "Faxes"], ["scheduled", "#/scheduled", "Scheduled"], ["contacts", "#/contacts", "Contacts"], ["numbers", "#/numbers", "Numbers"], ["developers", "#/developers", "Developers"], ["audit", "#/audit", "Audit"], ["reference", "#/reference", "API reference"], ["missing", "#/nowhere", "Not found"]];

async function lookAround(browser, base, webhook, view) {
    const tab = await openTab(browser, base, view);
    const { page } = tab;
    const wrong = [];
    await page.goto(`${base}/dashboard/`);
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    wrong.push(...(await inspect(tab, "sign-in")));
    await signIn(tab);
    for (const [name, hash, heading] of PAGES) {
        await visit(tab, hash, heading);
        if (name === "reference") await page.locator("summary").nth(1).click();
        wrong.push(...(await inspect(tab, name)));
    }
    await visit(tab, "#/faxes", "Faxes");
    await page.locator("tbody a").first().click();
    await page.getByRole("heading", { level: 1, name: /^Fax (to|from)/ }).waitFor();
    await page.getByRole("button", { name: "Show the pages" }).click();
    await page.waitForFunction(() => document.querySelector("img.paper")?.naturalWidth > 100);
    wrong.push(...(await inspect(tab, "fax")));
    await visit(tab, webhook, /^Webhook/);
    await page.locator("main summary").first().click();
    wrong.push(...(await inspect(tab, "webhook")));
    await visit(tab, "#/developers", "Developers");
    await page.getByRole("button", { name: "Create a key" }).click();
    wrong.push(...(await inspect(tab, "create-key")));
    wrong.push(...tab.complaints.map((text) => `${tab.name}: ${text}`));
    await tab.context.close();
    return wrong;
}

async function run(browser, stack, receiver) {
    const wrong = [...vendored(), ...(await weigh(browser, stack.base))];
    const tab = await openTab(browser, stack.base);
    await signIn(tab);
    let webhook;
    try {
        ({ webhook } = await flow(tab, receiver));
        console.log("flow: sign-in, key, fax delivered, webhook, delivery, redelivery, rotation, one send for three clicks, revocation and 401");
        wrong.push(...(await errands(browser, tab, webhook)));
        console.log("errands: a dropped file scheduled and canceled, filter, open the document, send again, delete, contacts, webhook off, on, changed and recovered, audit, a member's view");
    } catch (error) {
        await tab.page.screenshot({ path: join(SHOTS, "broken.png"), fullPage: true });
        throw error;
    }
    // The browser itself writes every refused request to the console; those here are meant.
    wrong.push(...tab.complaints.filter((text) => !/status of 4\d\d/.test(text)));
    await tab.context.close();
    wrong.push(...(await trouble(browser, stack.base)));
    console.log("trouble: deep link, refused token, lost connection with one idempotency key, a form kept over a sign-in, foreign state and nonce, sign-out at the issuer, no account, keyboard");
    for (const [scheme, width] of VIEWS) wrong.push(...(await lookAround(browser, stack.base, webhook, { scheme, width })));
    return wrong;
}

const stack = await startStack();
const receiver = await startReceiver();
const browser = await launch();
let wrong;
try {
    wrong = await run(browser, stack, receiver);
} catch (error) {
    wrong = [error.stack];
}
await browser.close();
receiver.stop();
writeFileSync(join(SHOTS, "stack.log"), stack.log());
await stack.stop();
for (const line of wrong) console.log(`WRONG  ${line}`);
if (!wrong.length) console.log("axe: no violation on any page, light and dark, 1280, 1000 and 360 px; no error on the console; nothing wider than the screen");
process.exitCode = wrong.length ? 1 : 0;
