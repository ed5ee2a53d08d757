// Start, sign-in and routing: an address such as #/faxes/fax_… is a page of its own, loaded when it is first wanted.
import { accountApi, call } from "./api.js";
import { finishSignIn, isBeside, signIn, signOut, token } from "./auth.js";
import { fill, h } from "./dom.js";
import { failure, lead } from "./parts.js";
import { drawShell, markPage } from "./shell.js";

const ROUTES = [
    ["/", "overview"], ["/send", "send"], ["/faxes", "faxes"], ["/faxes/:id", "fax"], ["/scheduled", "scheduled"], ["/contacts", "contacts"], ["/numbers", "numbers"],
    ["/developers", "developers"], ["/developers/webhooks/:id", "webhook"], ["/audit", "audit"], ["/reference", "reference"],
];
const main = document.getElementById("main");
const state = { session: null, account: null, choose };
let leaving = new AbortController();

function match(path) {
    for (const [pattern, name] of ROUTES) {
        const found = new RegExp(`^${pattern.replace(/:(\w+)/g, "(?<$1>[^/]+)")}$`).exec(path);
        if (found) return { name, params: { ...found.groups } };
    }
    return { name: "missing", params: {} };
}

function show(title, ...children) {
    fill(main, h("h1", { tabindex: "-1" }, title), children);
    document.title = `${title} – Send FAX Mail`;
}

async function route() {
    leaving.abort();
    const { signal } = (leaving = new AbortController());
    const [path, query = ""] = (location.hash.slice(1) || "/").split("?");
    const { name, params } = match(path);
    markPage(path);
    const slow = setTimeout(() => !signal.aborted && fill(main, h("p", { role: "status" }, "Loading…")), 150);
    try {
        const page = await import(`./pages/${name}.js`);
        const context = { ...state, api: accountApi(state.account.id, signal), owner: state.account.role === "owner", params, query: new URLSearchParams(query), signal, reload: route, go: (hash) => { location.hash = hash; } };
        const content = await page.render(context);
        if (signal.aborted) return;
        show(content.title ?? page.title, content);
    } catch (error) {
        if (signal.aborted) return;
        show(error.status === 404 ? "Not found" : "That did not work", error.status === 404 ? lead("There is nothing here, or it is not of this account.") : failure(error, route));
    } finally {
        clearTimeout(slow);
    }
    main.querySelector("h1")?.focus({ preventScroll: true });
    scrollTo(0, 0);
}

function choose(id) {
    sessionStorage.setItem("sfm.account", id);
    state.account = state.session.accounts.find((account) => account.id === id);
    drawShell(state);
    if (location.hash === "#/" || location.hash === "") route();
    else location.hash = "#/";
}

function signInPage(error) {
    drawShell(null);
    document.title = "Sign in – Send FAX Mail";
    fill(main, h("div", { class: "sheet door" }, h("h1", null, "Sign in"), lead("Send and receive faxes, and manage the API, for your organisation."), error && failure(error),
        h("button", { class: "main", type: "button", onclick: () => signIn().catch(() => signInPage(unable())) }, "Sign in")));
}
const unable = () => new Error("The sign-in did not come to an end. Try again; if it keeps happening, ask the service's operator.");

async function start() {
    document.getElementById("skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
    try {
        await finishSignIn();
    } catch {
        return signInPage(unable());
    }
    if (isBeside()) return signIn("", true).catch(() => signInPage(unable()));
    if (!token()) return signInPage();
    try {
        state.session = await call("GET", "session");
    } catch (error) {
        drawShell(null);
        return show("That did not work", failure(error, () => location.reload()), h("button", { type: "button", onclick: signOut }, "Sign out"));
    }
    const { accounts, email } = state.session;
    state.account = accounts.find(({ id }) => id === sessionStorage.getItem("sfm.account")) ?? accounts[0] ?? null;
    drawShell(state);
    if (!state.account) return show("No account yet", lead(`${email} does not belong to any account.`), h("p", null, "Ask the service's operator to add this address to your organisation's account. If you have another address, sign out and sign in with that one."));
    addEventListener("hashchange", route);
    await route();
}

start();
