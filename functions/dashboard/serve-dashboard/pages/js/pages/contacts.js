// The address book.
import { confirm } from "../dialog.js";
import { h } from "../dom.js";
import { field, form, wrong } from "../form.js";
import { phone } from "../format.js";
import { empty, lead, pager, sheet, table } from "../parts.js";

export const title = "Contacts";

const add = (api, reload) => form([
    field("Name", h("input", { name: "name", autocomplete: "off", maxlength: 200 })),
    field("Fax number", h("input", { name: "fax_number", type: "tel", autocomplete: "off" }), { hint: "With a country code, such as +1 212 555 1234." }),
    field("Company (optional)", h("input", { name: "company", autocomplete: "off", maxlength: 200 })),
], { label: "Add the contact", async submit(data) {
    if (!data.get("name").trim()) throw wrong("name", "Enter a name.");
    if (!data.get("fax_number").trim()) throw wrong("fax_number", "Enter the fax number.");
    await api.post("contacts", { name: data.get("name").trim(), fax_number: data.get("fax_number").trim(), ...(data.get("company").trim() && { company: data.get("company").trim() }) });
    await reload();
} });

export async function render({ api, query, reload }) {
    const list = await api.get(`contacts?limit=50&page=${query.get("page") ?? 1}`);
    const remove = (contact) => h("button", { type: "button", class: "danger", "aria-label": `Delete ${contact.name}`, onclick: () => confirm({
        title: `Delete ${contact.name}?`, text: "Faxes that were sent to this number stay.", action: "Delete the contact",
        act: () => api.remove(`contacts/${contact.id}`), done: reload,
    }) }, "Delete");
    return [
        lead("People and offices that you send to. The numbers are suggested when you send a fax."),
        sheet(null, list.data.length ? table("Contacts", [
            ["Name", (contact) => contact.name],
            ["Company", (contact) => contact.company ?? "–"],
            ["Fax number", (contact) => phone(contact.fax_number)],
            ["", (contact) => h("span", { class: "row" }, h("a", { href: `#/send?to=${encodeURIComponent(contact.fax_number)}`, "aria-label": `Send a fax to ${contact.name}` }, "Send a fax"), remove(contact)), "actions"],
        ], list.data, { quiet: true }) : empty("No contacts yet."), pager(list, (page) => `#/contacts?page=${page}`)),
        sheet("Add a contact", add(api, reload)),
    ];
}
