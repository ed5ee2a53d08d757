// Sending a fax, now or later.
import { h } from "../dom.js";
import { readDocument, sourceFields } from "../document.js";
import { choices, field, form, wrong } from "../form.js";
import { localInput, phone, zone } from "../format.js";
import { lead, sheet } from "../parts.js";

export const title = "Send a fax";

function when() {
    const at = h("input", { type: "datetime-local", name: "send_at", value: localInput(new Date(Date.now() + 3600e3)) });
    const later = h("div", { hidden: true }, field("Date and time", at, { hint: `In your time zone, ${zone()}. At most 180 days ahead.` }));
    const choice = choices("When", "radio", "when", [["now", "Now", true], ["later", "At a time that you choose"]]);
    choice.addEventListener("change", (event) => { later.hidden = event.target.value !== "later"; });
    return [choice, later];
}

export async function render({ api, query, go, signal }) {
    const [contacts, numbers] = await Promise.all([api.get("contacts?limit=100"), api.get("numbers?limit=100")]);
    // The oldest first: it is the one that is taken when none is chosen.
    const active = numbers.data.filter((number) => number.status === "active").reverse();
    const bar = h("progress", { max: 1, value: 0, "aria-label": "Upload" });
    const progress = h("div", { hidden: true }, h("p", { class: "small" }, "Uploading…"), bar);
    // One key for what is on the form: however often it is submitted, it is sent once. Another content is another fax, and so is one after a refusal.
    let key;
    const renew = () => { key = crypto.randomUUID(); };
    renew();
    const element = form([
        field("Fax number", h("input", { name: "to", type: "tel", autocomplete: "off", list: "contacts", value: query.get("to") ?? "" }), { hint: "With a country code, such as +1 212 555 1234. Without one it is taken for a US number. Contacts are suggested as you type." }),
        h("datalist", { id: "contacts" }, contacts.data.map((contact) => h("option", { value: contact.fax_number }, [contact.name, contact.company].filter(Boolean).join(", ")))),
        active.length > 1 && field("Send from", h("select", { name: "from" }, active.map(({ number, label }) => h("option", { value: number }, label ? `${phone(number)} – ${label}` : phone(number))))),
        sourceFields(signal),
        when(),
        progress,
    ], { label: "Send the fax", busy: "Sending…", async submit(data) {
        if (!data.get("to").trim()) throw wrong("to", "Enter the number to send the fax to.");
        const later = data.get("when") === "later";
        const body = { to: data.get("to").trim(), ...(data.get("from") && { from: data.get("from") }), ...(await readDocument(data)) };
        if (later && !data.get("send_at")) throw wrong("send_at", "Choose a date and a time.");
        if (later) body.send_at = new Date(data.get("send_at")).toISOString();
        progress.hidden = false;
        try {
            const made = await api.upload(later ? "scheduled" : "faxes", body, { "idempotency-key": key }, (part) => { bar.value = part; });
            go(later ? "#/scheduled" : `#/faxes/${made.id}`);
        } catch (error) {
            if (error.status >= 400 && error.status < 500) renew();
            throw error;
        } finally {
            progress.hidden = true;
        }
    } });
    element.addEventListener("input", renew);
    element.addEventListener("drop", renew);
    return [lead("One number, one document: PDF, TIFF, PNG, JPEG, GIF, WebP or plain text. From a word processor, save it as PDF first."), sheet(null, element)];
}
