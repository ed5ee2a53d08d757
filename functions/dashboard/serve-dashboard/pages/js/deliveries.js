// An endpoint's deliveries and their attempts, kept up to date while the page is open.
import { h, refill } from "./dom.js";
import { count, status, time, timeOfDay } from "./format.js";
import { action, empty, watch } from "./parts.js";

const TROUBLE = {
    host_not_allowed: "the URL does not lead to a public address", connect: "no connection", tls: "the TLS certificate was refused", timeout: "no answer within 10 seconds",
    protocol: "the answer was not HTTP, or was cut short", redirect: "redirects are not followed", gone: "410 Gone: it wants no more", status: "not a 2xx answer",
    endpoint_disabled: "the endpoint was disabled, nothing was sent", event_expired: "the event was too old, nothing was sent",
};

function attempt(entry) {
    const how = [entry.status_code && `HTTP ${entry.status_code}`, entry.error && (TROUBLE[entry.error] ?? entry.error), `${entry.duration_ms} ms`].filter(Boolean).join(", ");
    return h("li", null, timeOfDay(entry.at), ` – ${how}`, entry.answer && h("pre", { tabindex: "0", "aria-label": "Answer" }, entry.answer));
}

export async function deliveries({ api, owner, signal }, at) {
    const list = h("div", null), opened = new Set();
    const more = action("Show older ones", async () => {
        const before = list.childElementCount;
        pages += 1;
        await refresh();
        list.children[before]?.querySelector("summary").focus();
    });
    let pages = 1, shown = "";

    const entry = (delivery) => {
        const box = h("details", { "data-id": delivery.id, open: opened.has(delivery.id), ontoggle: () => (box.open ? opened.add(delivery.id) : opened.delete(delivery.id)) },
            h("summary", null, status(delivery.status), " ", h("code", null, delivery.event_type), " ", time(delivery.created_at), ` · ${count(delivery.attempts.length, "attempt")}`),
            h("ol", { class: "story" }, delivery.attempts.map(attempt)),
            delivery.next_attempt_at && delivery.status === "pending" && h("p", { class: "small" }, "Next attempt: ", time(delivery.next_attempt_at)),
            h("p", { class: "small faint" }, "Event ", h("code", null, delivery.event_id)),
            owner && action("Send it again", async () => { await api.post(`deliveries/${delivery.id}/redeliver`); await refresh(); }, { done: "It is sent again." }));
        return box;
    };

    async function refresh() {
        const got = [];
        let next;
        for (let page = 1; page <= pages; page++) {
            next = await api.get(`${at}/deliveries?limit=20${got.length ? `&before=${got.at(-1).id}` : ""}`);
            got.push(...next.data);
        }
        if (JSON.stringify(got) === shown) return;
        shown = JSON.stringify(got);
        refill(list, got.length ? got.map(entry) : empty("Nothing has been delivered yet. Send a test event to see whether your program is reached."));
        more.hidden = !next.has_more;
    }

    await refresh();
    watch(signal, async () => { await refresh(); return true; });
    return { element: h("div", null, list, more), refresh };
}
