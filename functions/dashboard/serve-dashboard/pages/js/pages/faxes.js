// All faxes, with filters that are part of the address.
import { h, refill } from "../dom.js";
import { faxTable } from "../faxes.js";
import { field } from "../form.js";
import { lead, link, pager, sheet, watch } from "../parts.js";

export const title = "Faxes";
const STATUSES = ["queued", "sending", "delivered", "failed", "canceled", "received"];

function select(name, chosen, options) {
    return h("select", { name }, h("option", { value: "" }, "Any"), options.map((value) => h("option", { value, selected: value === chosen }, value[0].toUpperCase() + value.slice(1))));
}

function filters(query, go) {
    return h("form", { class: "filters", "aria-label": "Filter", onsubmit(event) {
        event.preventDefault();
        const chosen = [...new FormData(event.target)].filter(([, value]) => value);
        go(`#/faxes?${new URLSearchParams(chosen)}`);
    } },
        field("Status", select("status", query.get("status"), STATUSES)),
        field("Direction", select("direction", query.get("direction"), ["outbound", "inbound"])),
        field("From", h("input", { type: "date", name: "from", value: query.get("from") ?? "" })),
        field("To", h("input", { type: "date", name: "to", value: query.get("to") ?? "" })),
        h("div", { class: "row" }, h("button", null, "Filter"), [...query.keys()].some((key) => key !== "page") && link("#/faxes", "Show all")));
}

/** Days are the reader's; the API takes moments. */
function parameters(query) {
    const wanted = new URLSearchParams({ limit: 25, page: query.get("page") ?? 1 });
    for (const name of ["status", "direction"]) if (query.get(name)) wanted.set(name, query.get(name));
    if (query.get("from")) wanted.set("created_after", new Date(`${query.get("from")}T00:00`).toISOString());
    if (query.get("to")) wanted.set("created_before", new Date(`${query.get("to")}T23:59:59.999`).toISOString());
    return wanted;
}

export async function render({ api, query, go, signal }) {
    const address = `faxes?${parameters(query)}`;
    let list = await api.get(address);
    const caption = () => (list.total === null || list.total === undefined ? "Faxes, newest first" : `${list.total} in all, newest first`);
    const body = h("div", null, faxTable(caption(), list.data));
    watch(signal, async () => {
        const next = await api.get(address);
        if (JSON.stringify(next.data) !== JSON.stringify(list.data)) refill(body, faxTable(caption(), next.data));
        list = next;
        return true;
    });
    const to = (page) => `#/faxes?${new URLSearchParams([...[...query].filter(([name]) => name !== "page"), ["page", page]])}`;
    return [lead("Everything sent and received. ", link("#/send", "Send a fax")), sheet(null, filters(query, go), body, pager(list, to))];
}
