// One fax: its status as it changes, the story of its calls, its pages.
import { confirm } from "../dialog.js";
import { announce, fill, h } from "../dom.js";
import { NEXT } from "../failures.js";
import { count, phone, status, time } from "../format.js";
import { action, crumb, link, sheet, watch } from "../parts.js";
import { preview } from "../preview.js";
import { story } from "../story.js";

const UNDER_WAY = ["queued", "sending"];

function facts(fax) {
    const pages = fax.pages === null ? "–" : UNDER_WAY.includes(fax.status) || fax.pages_sent === fax.pages || fax.direction === "inbound" ? fax.pages : `${fax.pages}, of which ${fax.pages_sent ?? 0} arrived`;
    return h("dl", null,
        h("dt", null, "Status"), h("dd", null, status(fax.status)),
        h("dt", null, "To"), h("dd", null, phone(fax.to)),
        h("dt", null, "From"), h("dd", null, phone(fax.from)),
        h("dt", null, "Pages"), h("dd", null, pages),
        h("dt", null, fax.direction === "inbound" ? "Received" : "Created"), h("dd", null, time(fax.created_at)),
        fax.completed_at && fax.direction !== "inbound" && [h("dt", null, "Ended"), h("dd", null, time(fax.completed_at))],
        !fax.live && [h("dt", null, "Test"), h("dd", null, "Made with a test key: nothing was sent over the telephone")],
        h("dt", null, "Id"), h("dd", null, h("code", null, fax.id)));
}

const trouble = ({ failure }) => failure && h("div", { class: "notice bad" }, h("p", null, h("strong", null, failure.message)), h("p", null, NEXT[failure.code] ?? "Send it again in a while."));

const incomplete = ({ partial }) => partial && h("div", { class: "notice bad" }, h("p", null, h("strong", null, "Incomplete: the carrier received only part of this fax.")), h("p", null, "Ask the sender to send it again."));

function draw(body, fax) {
    fill(body, trouble(fax), incomplete(fax), sheet("Fax", facts(fax)), fax.direction === "outbound" && sheet("What happened", story(fax)));
}

export async function render({ api, params, owner, go, signal }) {
    const at = `faxes/${params.id}`;
    let fax = await api.get(at);
    const body = h("div", null);
    draw(body, fax);
    if (UNDER_WAY.includes(fax.status)) watch(signal, async () => {
        const next = await api.get(at);
        if (JSON.stringify(next) !== JSON.stringify(fax)) draw(body, next);
        if (next.status !== fax.status) announce(`This fax is ${next.status} now.`);
        fax = next;
        return UNDER_WAY.includes(fax.status);
    });
    const resend = h("button", { type: "button", onclick() {
        const key = crypto.randomUUID();
        confirm({
            title: "Send this fax again?", text: `The same document goes to ${phone(fax.to)} once more, as a new fax.`, action: "Send it again",
            act: async () => go(`#/faxes/${(await api.post(`${at}/resend`, {}, { "idempotency-key": key })).id}`),
        });
    } }, "Send again");
    const download = action("Open the document", async () => location.assign((await api.get(`${at}/document`)).url));
    const remove = h("button", { type: "button", class: "danger", onclick: () => confirm({
        title: "Delete this fax?", text: "It disappears from the list and from the API, with its document. This cannot be undone.", action: "Delete the fax",
        act: () => api.remove(at), done: () => go("#/faxes"),
    }) }, "Delete");
    const content = [
        crumb("#/faxes", "Faxes"),
        h("div", { class: "row sheet" }, fax.direction === "outbound" && resend, download, owner && remove),
        body,
        sheet("Document", preview(api, fax)),
        fax.scheduled_id && h("p", { class: "small" }, "It was ", link("#/scheduled", "scheduled"), "."),
    ];
    content.title = fax.direction === "inbound" ? `Fax from ${phone(fax.from) === "–" ? "an unknown number" : phone(fax.from)}` : `Fax to ${phone(fax.to)}, ${count(fax.pages ?? 0, "page")}`;
    return content;
}
