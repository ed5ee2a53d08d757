// What the first visit costs: everything that is loaded until the overview is drawn, the sign-in's client included.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { openTab, signIn } from "./browser.mjs";
import { ROOT } from "./stack.mjs";

const BUDGET = 150 * 1024;

const paint = (page) => page.evaluate(() => new Promise((resolve) => new PerformanceObserver((list) => resolve(list.getEntriesByName("first-contentful-paint")[0]?.startTime)).observe({ type: "paint", buffered: true })));

/** The bytes of the pages' files that a tab has asked for, each once, as they are without compression. */
async function bytes(requests, base) {
    const paths = new Set(requests.filter((url) => url.startsWith(`${base}/dashboard/`) && !url.startsWith(`${base}/dashboard/api/`)).map((url) => new URL(url).pathname));
    const sizes = await Promise.all([...paths].map(async (path) => {
        const answer = await fetch(base + path, { headers: { "accept-encoding": "identity" } });
        if (!answer.ok) throw new Error(`${path} is answered with ${answer.status}`);
        return (await answer.arrayBuffer()).byteLength;
    }));
    return { files: paths.size, total: sizes.reduce((sum, size) => sum + size, 0), paths };
}

export async function weigh(browser, base) {
    const { context, page, requests, ...tab } = await openTab(browser, base);
    await page.goto(`${base}/dashboard/`);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    const [door, doorPaint] = [await bytes(requests, base), await paint(page)];
    await signIn({ page, base, ...tab });
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    const all = await bytes(requests, base);
    console.log(`weight: ${(door.total / 1024).toFixed(1)} KiB for the sign-in page, ${(all.total / 1024).toFixed(1)} KiB in all until the overview is drawn (${all.files} files, uncompressed)`);
    console.log(`first contentful paint: ${Math.round(doorPaint)} ms, after sign-in ${Math.round(await paint(page))} ms`);
    const wrong = all.total > BUDGET ? [`${all.total} bytes are more than ${BUDGET}`] : [];
    if (!all.paths.has("/dashboard/vendor/oauth4webapi.js")) wrong.push("the sign-in's client was not weighed");
    for (const url of requests) if (!url.startsWith("blob:") && new URL(url).hostname !== new URL(base).hostname) wrong.push(`a request to a third party: ${url}`);
    await context.close();
    return wrong;
}

/** The client is npm's file, byte for byte. */
export function vendored() {
    const theirs = createRequire(import.meta.url).resolve("oauth4webapi");
    const pages = join(ROOT, "functions/dashboard/serve-dashboard/pages/vendor");
    const same = (one, other) => readFileSync(one).equals(readFileSync(other));
    const wrong = [];
    if (!same(theirs, join(pages, "oauth4webapi.js"))) wrong.push("vendor/oauth4webapi.js is not npm's file");
    if (!same(join(theirs, "../../LICENSE.md"), join(pages, "oauth4webapi.LICENSE.md"))) wrong.push("the vendored licence is not npm's");
    return wrong;
}
