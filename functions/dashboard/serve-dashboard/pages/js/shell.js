// The frame of every page: header, navigation, account switcher.
import { signOut } from "./auth.js";
import { fill, h } from "./dom.js";

const PAGES = [["#/", "Overview"], ["#/faxes", "Faxes"], ["#/scheduled", "Scheduled"], ["#/contacts", "Contacts"], ["#/numbers", "Numbers"], ["#/developers", "Developers"], ["#/audit", "Audit", "owner"], ["#/reference", "API reference"]];

const brand = () => h("a", { class: "brand", href: "#/" }, h("img", { src: "/dashboard/icon.svg", alt: "" }), "Send FAX Mail");

function switcher({ session, account, choose }) {
    if (session.accounts.length < 2) return h("span", { class: "who name" }, account.name);
    return h("select", { "aria-label": "Account", onchange: (event) => choose(event.target.value) }, session.accounts.map(({ id, name }) => h("option", { value: id, selected: id === account.id }, name)));
}

/** `state` is null before sign-in. */
export function drawShell(state) {
    const nav = document.getElementById("nav");
    nav.hidden = !state?.account;
    const menu = h("button", { type: "button", class: "menu", "aria-expanded": "false", "aria-controls": "nav", onclick() {
        menu.setAttribute("aria-expanded", String(nav.classList.toggle("open")));
    } }, "Menu");
    fill(document.getElementById("header"), h("div", { class: "bar" }, brand(),
        state && [state.account && switcher(state), h("span", { class: "who" }, state.session.email), h("button", { type: "button", class: "leave", onclick: signOut }, "Sign out"), state.account && menu]));
    if (!state?.account) return;
    const shown = PAGES.filter(([, , role]) => !role || state.account.role === role);
    fill(nav, h("ul", null, h("li", null, h("a", { class: "send", href: "#/send" }, "Send a fax")), shown.map(([href, label]) => h("li", null, h("a", { href }, label)))));
}

/** Marks the page that is shown, and closes the menu. */
export function markPage(path) {
    const nav = document.getElementById("nav");
    nav.classList.remove("open");
    document.querySelector(".menu")?.setAttribute("aria-expanded", "false");
    for (const entry of nav.querySelectorAll("a")) {
        const href = entry.getAttribute("href").slice(1);
        if (href === path || (href !== "/" && path.startsWith(`${href}/`))) entry.setAttribute("aria-current", "page");
        else entry.removeAttribute("aria-current");
    }
}
