// The table of faxes, on the overview and in the list.
import { h } from "./dom.js";
import { phone, status, time } from "./format.js";
import { empty, link, table } from "./parts.js";

const other = (fax) => (fax.direction === "inbound" ? ["From ", link(`#/faxes/${fax.id}`, phone(fax.from) === "–" ? "unknown number" : phone(fax.from))] : ["To ", link(`#/faxes/${fax.id}`, phone(fax.to))]);

export function faxTable(caption, faxes) {
    if (!faxes.length) return empty("No faxes yet.");
    return table(caption, [
        ["Fax", (fax) => [other(fax), !fax.live && h("span", { class: "faint small" }, " (test)")]],
        ["Status", (fax) => [status(fax.status), fax.failure && h("div", { class: "small" }, fax.failure.message)]],
        ["Pages", (fax) => fax.pages ?? "–"],
        ["When", (fax) => time(fax.created_at)],
    ], faxes);
}
