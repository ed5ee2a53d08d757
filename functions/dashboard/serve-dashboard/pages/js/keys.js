// API keys: list, create (shown once), revoke.
import { confirm, open, showSecret } from "./dialog.js";
import { h } from "./dom.js";
import { choices, field, form, wrong } from "./form.js";
import { date, status } from "./format.js";
import { empty, sheet, table } from "./parts.js";

const SCOPES = [
    ["faxes:send", "Send faxes"], ["faxes:read", "See faxes and their documents"], ["faxes:delete", "Delete faxes with their documents"], ["numbers:read", "See fax numbers"], ["contacts:read", "See contacts"],
    ["contacts:write", "Change contacts"], ["scheduled:read", "See scheduled faxes"], ["scheduled:write", "Schedule and cancel faxes"],
];

const called = (key) => key.name ?? "Unnamed key";

function create(api, reload) {
    open("Create a key", (close) => [form([
        field("Name", h("input", { name: "name", autocomplete: "off", maxlength: 100 }), { hint: "Where it is used, such as “Billing server”." }),
        choices("It may", "checkbox", "scopes", SCOPES.map(([scope, words], index) => [scope, [words, " ", h("code", { class: "faint" }, scope)], index < 2])),
        choices("Kind", "radio", "live", [["true", "Live: sends faxes", true], ["false", "Test: nothing goes over the telephone"]]),
    ], { label: "Create the key", cancel: close, async submit(data) {
        if (!data.get("name").trim()) throw wrong("name", "Enter a name, so that you recognise the key later.");
        if (!data.getAll("scopes").length) throw wrong("scopes", "Choose at least one thing that the key may do.");
        const made = await api.post("keys", { name: data.get("name").trim(), scopes: data.getAll("scopes"), live: data.get("live") === "true" });
        close();
        showSecret({ title: "Your new key", text: "Store it now in a safe place: it is not shown again. Whoever has it can act for the account.", secret: made.key, done: reload });
    } })]);
}

const used = (key) => (key.last_used_at ? ["Used ", date(key.last_used_at)] : "Never used");

export async function keys({ api, owner, reload }) {
    const list = await api.get("keys?limit=100");
    const revoke = (key) => owner && !key.revoked_at && h("button", { type: "button", class: "danger", "aria-label": `Revoke ${called(key)}`, onclick: () => confirm({
        title: `Revoke ${called(key)}?`, text: "Programs that use this key are refused from now on. This cannot be undone.", action: "Revoke the key",
        act: () => api.remove(`keys/${key.id}`), done: reload,
    }) }, "Revoke");
    return sheet(null,
        h("div", { class: "head" }, h("h2", null, "Keys"), owner && h("button", { type: "button", class: "main", onclick: () => create(api, reload) }, "Create a key")),
        list.data.length ? table("API keys", [
            ["Name", (key) => [called(key), h("div", { class: "small faint" }, key.prefix && h("code", null, `${key.prefix}…`), key.live ? "" : " test")]],
            ["May", (key) => h("span", { class: "small" }, key.scopes.join(", "))],
            ["Created", (key) => [date(key.created_at), key.created_by && h("div", { class: "small faint" }, key.created_by)]],
            ["Status", (key) => [status(key.revoked_at ? "revoked" : "active"), h("div", { class: "small faint" }, key.revoked_at ? date(key.revoked_at) : used(key))]],
            ["", revoke, "actions"],
        ], list.data, { quiet: true }) : empty("No keys yet. A program needs one to send or read faxes."));
}
