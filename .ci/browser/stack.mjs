// A local stack, and a receiver of webhooks beside it.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const ROOT = join(import.meta.dirname, "../..");
const SFM = process.env.SFM ?? join(ROOT, "target/debug/sfm");
export const OWNER = "owner@example.com";

/** Asks until the answer is not false; the deadline is for a machine that is very slow. */
export async function eventually(what, look) {
    const until = Date.now() + 60000;
    while (Date.now() < until) {
        const found = await look();
        if (found) return found;
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`waited in vain for ${what}`);
}

export async function startStack() {
    const folder = mkdtempSync(join(tmpdir(), "sfm-browser-"));
    const log = [];
    const stack = spawn(SFM, ["local", "--port", "0", "--data", folder, "--allow-loopback", "--json"], { stdio: ["ignore", "pipe", "pipe"] });
    process.once("exit", () => stack.kill());
    stack.stderr.on("data", (text) => log.push(text));
    const ended = new Promise((resolve) => stack.once("exit", resolve));
    const ready = await new Promise((resolve, reject) => {
        createInterface({ input: stack.stdout }).once("line", (line) => resolve(JSON.parse(line)));
        stack.once("error", reject);
        ended.then((code) => reject(new Error(`the stack ended with ${code}: ${log.join("").slice(-2000)}`)));
    });
    const env = { ...process.env, ...Object.fromEntries(readFileSync(ready.operator_env, "utf8").split("\n").filter((line) => line.includes("=")).map((line) => line.split(/=(.*)/s).slice(0, 2))) };
    const sfm = (...words) => JSON.parse(execFileSync(SFM, words, { env, encoding: "utf8" }));
    sfm("member", "add", ready.demo_account, OWNER, "--role", "owner");
    return {
        base: ready.base_url, account: ready.demo_account, sfm,
        log: () => log.join(""),
        async stop() { stack.kill("SIGTERM"); await ended; rmSync(folder, { recursive: true, force: true }); },
    };
}

export async function startReceiver() {
    const arrived = [];
    const server = createServer(async (request, response) => {
        const parts = [];
        for await (const part of request) parts.push(part);
        arrived.push({ headers: request.headers, body: JSON.parse(Buffer.concat(parts)) });
        response.end("thank you");
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { url: `http://127.0.0.1:${server.address().port}/hook`, arrived, stop: () => server.close() };
}
