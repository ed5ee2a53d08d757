// Chromium, and what it complains of: an error on the console, a violated policy or an uncaught exception fails the run.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { OWNER, ROOT } from "./stack.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export const SHOTS = join(ROOT, "target/browser");
mkdirSync(SHOTS, { recursive: true });

export const launch = () => chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

export async function openTab(browser, base, { scheme = "light", width = 1280 } = {}) {
    const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 900 }, locale: "en-US", timezoneId: "America/New_York" });
    const page = await context.newPage();
    page.setDefaultTimeout(60000);
    const complaints = [], requests = [];
    // The issuer's own page is not ours to judge.
    const ours = ({ url }) => !url || new URL(url).origin === new URL(base).origin;
    page.on("console", (message) => message.type() === "error" && ours(message.location()) && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("request", (request) => requests.push(request.url()));
    return { context, page, base, complaints, requests, name: `${scheme}-${width}` };
}

/** On the local issuer's page. */
export const chooseUser = (page, email = OWNER) => page.locator("a, button").filter({ hasText: email }).first().click();

export async function signIn({ page, base }, email = OWNER, place = "") {
    await page.goto(`${base}/dashboard/${place}`);
    await page.getByRole("button", { name: "Sign in" }).click();
    await chooseUser(page, email);
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    await page.locator("main h1").waitFor();
}

/** Waits for the page of `hash`, drawn. */
export async function visit({ page }, hash, heading) {
    await page.evaluate((hash) => { location.hash = hash; }, hash);
    await page.getByRole("heading", { level: 1, name: heading }).waitFor();
}

/** A picture, and what axe and the page's width say. Returns what is wrong. */
export async function inspect(tab, what) {
    const { page, name } = tab;
    await page.screenshot({ path: join(SHOTS, `${what}-${name}.png`), fullPage: true });
    const { violations, passes } = await page.evaluate(`${AXE}; axe.run()`);
    const wrong = violations.map(({ id, nodes }) => `axe: ${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
    if (passes.length < 10) wrong.push(`axe looked at next to nothing: ${passes.length} rules`);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (over > 0) wrong.push(`${over} px too wide`);
    const focused = await page.evaluate(() => document.activeElement?.tagName);
    if (focused === "BODY" && what !== "sign-in") wrong.push("the focus is nowhere");
    return wrong.map((text) => `${what} (${name}): ${text}`);
}
