// Faxes to be sent later.
import { confirm } from "../dialog.js";
import { h } from "../dom.js";
import { NEXT } from "../failures.js";
import { phone, status, time } from "../format.js";
import { empty, lead, link, pager, sheet, table } from "../parts.js";

export const title = "Scheduled";

function what(item) {
    if (item.failure) return [status(item.status), h("div", { class: "small" }, `${item.failure.message} ${NEXT[item.failure.code] ?? ""}`)];
    return [status(item.status), item.fax_id && [" ", link(`#/faxes/${item.fax_id}`, "See the fax")]];
}

export async function render({ api, query, reload }) {
    const list = await api.get(`scheduled?limit=25&page=${query.get("page") ?? 1}`);
    const cancel = (item) => item.status === "pending" && h("button", { type: "button", class: "danger", "aria-label": `Cancel the fax to ${item.to}`, onclick: () => confirm({
        title: "Cancel this fax?", text: `It will not be sent to ${phone(item.to)}.`, action: "Cancel the fax",
        act: () => api.remove(`scheduled/${item.id}`), done: reload,
    }) }, "Cancel");
    return [
        lead("Faxes that wait for their time. Until then they can be canceled."),
        sheet(null, list.data.length ? table("Scheduled faxes", [
            ["To", (item) => phone(item.to)],
            ["To be sent", (item) => time(item.send_at)],
            ["Pages", (item) => item.pages ?? "–"],
            ["Status", what],
            ["", cancel, "actions"],
        ], list.data, { quiet: true }) : empty("Nothing is waiting. ", link("#/send", "Send a fax at a time that you choose")), pager(list, (page) => `#/scheduled?page=${page}`)),
    ];
}
