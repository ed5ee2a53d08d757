// Parts that several pages use.
import { signIn } from "./auth.js";
import { announce, fill, h } from "./dom.js";

export const sheet = (title, ...children) => h("section", { class: "sheet" }, title && h("h2", null, title), children);
export const lead = (...text) => h("p", { class: "lead" }, text);
export const link = (href, ...text) => h("a", { href }, text);
export const empty = (...text) => h("p", { class: "faint" }, text);
export const crumb = (href, text) => h("p", { class: "crumb" }, link(href, `← ${text}`));

/** `columns`: `[label, (item) => content, class]`; the first is the row's heading. Roles are spelled out, because on a small screen the rows are laid out as blocks. `quiet`: the caption repeats the heading above. */
export function table(caption, columns, items, { quiet } = {}) {
    return h("table", { role: "table" }, h("caption", { class: quiet && "unseen" }, caption),
        h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map(([label, , kind]) => h("th", { scope: "col", role: "columnheader", class: kind }, label || h("span", { class: "unseen" }, "Actions"))))),
        h("tbody", { role: "rowgroup" }, items.map((item) => h("tr", { role: "row", "data-id": item.id }, columns.map(([label, content, kind], index) => {
            const cell = { class: kind, "data-label": label || false };
            return index === 0 ? h("th", { scope: "row", role: "rowheader", ...cell }, h("span", null, content(item))) : h("td", { role: "cell", ...cell }, h("span", null, content(item)));
        })))));
}

/** Links to the pages before and after of a list. */
export function pager(list, address) {
    if (list.page === 1 && !list.has_more) return null;
    return h("nav", { class: "row", "aria-label": "Pages of the list" },
        list.page > 1 && h("a", { class: "button", href: address(list.page - 1) }, "← Newer"),
        h("span", { class: "faint" }, `Page ${list.page}`),
        list.has_more && h("a", { class: "button", href: address(list.page + 1) }, "Older →"));
}

/** A button that runs something once at a time and says what went wrong beside itself. */
export function action(label, run, { kind, done } = {}) {
    let running = false;
    const error = h("span", { class: "error", role: "alert" });
    const button = h("button", { type: "button", class: kind, async onclick() {
        if (running) return;
        running = true;
        button.setAttribute("aria-disabled", "true");
        fill(error);
        try {
            await run();
            if (done) announce(done);
        } catch (failure) {
            if (failure.code === "signed_out") await signIn();
            fill(error, failure.message);
        } finally {
            running = false;
            button.removeAttribute("aria-disabled");
        }
    } }, label);
    return h("span", null, button, error);
}

/** Calls `look` every two seconds until it answers false or the page is left. A page that nobody sees does not ask. */
export function watch(signal, look) {
    const again = () => setTimeout(async () => {
        if (signal.aborted) return;
        try {
            if (document.hidden || (await look())) again();
        } catch {
            if (!signal.aborted) again();
        }
    }, 2000);
    again();
}

export function failure(error, retry) {
    return h("div", { class: "notice bad", role: "alert" }, h("p", null, error.message), error.requestId && h("p", { class: "small faint" }, `Request ${error.requestId}`),
        retry && h("button", { type: "button", onclick: retry }, "Try again"));
}
