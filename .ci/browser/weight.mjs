// What the first visit costs: everything that is loaded until the overview is drawn, the sign-in's client included.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { openTab, signIn } from "./browser.mjs";
import { ROOT } from "./stack.mjs";

const BUDGET = 150 * 1024;

export async function weigh(browser, base) {
    const tab = await openTab(browser, base);
    const bodies = new Map();
    const pending = [];
    tab.page.on("response", (response) => {
        const { pathname } = new URL(response.url());
        if (pathname.startsWith("/dashboard") && !pathname.startsWith("/dashboard/api/") && response.status() === 200) {
            pending.push(response.body().then((body) => bodies.set(pathname, body.length), () => {}));
        }
    });
    await tab.page.goto(`${base}/dashboard/`);
    await tab.page.getByRole("heading", { name: "Sign in" }).waitFor();
    await Promise.all(pending);
    const total = () => [...bodies.values()].reduce((sum, bytes) => sum + bytes, 0);
    const before = total();
    const paint = () => tab.page.evaluate(() => new Promise((resolve) => new PerformanceObserver((list) => resolve(list.getEntriesByName("first-contentful-paint")[0]?.startTime)).observe({ type: "paint", buffered: true })));
    const signInPaint = await paint();
    await signIn(tab);
    await tab.page.getByRole("heading", { name: "Overview" }).waitFor();
    await Promise.all(pending);
    console.log(`weight: ${(before / 1024).toFixed(1)} KiB for the sign-in page, ${(total() / 1024).toFixed(1)} KiB in all until the overview is drawn (${bodies.size} files, uncompressed)`);
    console.log(`first contentful paint: ${Math.round(signInPaint)} ms, after sign-in ${Math.round(await paint())} ms`);
    const wrong = total() > BUDGET ? [`${total()} bytes are more than ${BUDGET}`] : [];
    const own = new URL(base).origin;
    for (const url of tab.requests) if (!url.startsWith("blob:") && new URL(url).hostname !== new URL(own).hostname) wrong.push(`a request to a third party: ${url}`);
    await tab.context.close();
    return wrong;
}

/** The client is npm's file, byte for byte. */
export function vendored() {
    const theirs = createRequire(import.meta.url).resolve("oauth4webapi");
    const pages = join(ROOT, "functions/serve-dashboard/pages/vendor");
    const same = (one, other) => readFileSync(one).equals(readFileSync(other));
    const wrong = [];
    if (!same(theirs, join(pages, "oauth4webapi.js"))) wrong.push("vendor/oauth4webapi.js is not npm's file");
    if (!same(join(theirs, "../../LICENSE.md"), join(pages, "oauth4webapi.LICENSE.md"))) wrong.push("the vendored licence is not npm's");
    return wrong;
}
