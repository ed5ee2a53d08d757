// One webhook endpoint: its settings, its secret, its deliveries.
import { confirm, open, showSecret } from "../dialog.js";
import { deliveries } from "../deliveries.js";
import { announce, h } from "../dom.js";
import { field, form } from "../form.js";
import { count, localInput, status, time, zone } from "../format.js";
import { action, crumb, sheet } from "../parts.js";
import { endpointBody, endpointFields } from "../webhooks.js";

export const title = "Webhook";
const REASONS = { failing: "every attempt failed for five days", gone: "the endpoint answered 410 Gone", owner: "an owner switched it off" };

const facts = (endpoint) => h("dl", null,
    h("dt", null, "Status"), h("dd", null, status(endpoint.status), endpoint.disabled_reason && `: ${REASONS[endpoint.disabled_reason] ?? endpoint.disabled_reason}`),
    endpoint.resting_until && [h("dt", null, "Rests until"), h("dd", null, time(endpoint.resting_until))],
    endpoint.recovery && [h("dt", null, "Sent again"), h("dd", null, `${count(endpoint.recovery.events, "event")} since `, time(endpoint.recovery.since), endpoint.recovery.status === "running" && ", and more to come")],
    endpoint.failing_since && [h("dt", null, "Failing since"), h("dd", { class: "wrong" }, time(endpoint.failing_since))],
    h("dt", null, "Events"), h("dd", null, endpoint.events.length ? endpoint.events.join(", ") : "fax.delivered, fax.failed, fax.received"),
    h("dt", null, "Description"), h("dd", null, endpoint.description ?? "–"),
    h("dt", null, "Created"), h("dd", null, time(endpoint.created_at)),
    h("dt", null, "Id"), h("dd", null, h("code", null, endpoint.id)));

function edit({ api, reload }, at, endpoint) {
    open("Change the webhook", (close) => [form(endpointFields(endpoint), { label: "Save", cancel: close, async submit(data) {
        await api.patch(at, endpointBody(data));
        close();
        await reload();
    } })]);
}

function settings(context, at, endpoint) {
    const { api, reload, go } = context;
    const on = endpoint.status === "enabled";
    return h("div", { class: "row" },
        h("button", { type: "button", onclick: () => edit(context, at, endpoint) }, "Change"),
        action(on ? "Disable" : "Enable", async () => { await api.patch(at, { status: on ? "disabled" : "enabled" }); await reload(); }),
        h("button", { type: "button", class: "danger", onclick: () => confirm({
            title: "Delete this webhook?", text: `${endpoint.url} is told of nothing any more, and its deliveries are no longer listed.`, action: "Delete the webhook",
            act: () => api.remove(at), done: () => go("#/developers"),
        }) }, "Delete"));
}

function secret({ api, reload, owner }, at, endpoint) {
    const old = endpoint.old_secret_expires_at;
    let made;
    const rotate = () => confirm({
        title: "Make a new secret?", text: "For 24 hours every event is signed with both secrets, the new one first. In that time give your program the new one; nothing is lost meanwhile.", action: "Make a new secret",
        act: async () => { made = await api.post(`${at}/rotate`); },
        done: () => showSecret({ title: "The new secret", text: "Store it now: it is not shown again. The old one works beside it for 24 hours.", secret: made.secret, done: reload }),
    });
    const expire = () => confirm({ title: "End the old secret now?", text: "Programs that still use it refuse our events from now on.", action: "End the old secret", act: () => api.post(`${at}/expire-old-secret`), done: reload });
    return sheet("Secret",
        h("p", null, old ? ["The old secret signs beside the new one until ", time(old), "."] : "Your program checks each event with the secret. A new one works beside the old for 24 hours, so it can be changed without losing an event."),
        owner && h("div", { class: "row" }, h("button", { type: "button", onclick: rotate }, "Make a new secret"), old && h("button", { type: "button", class: "danger", onclick: expire }, "End the old secret now")));
}

function recover({ api }, at, refresh) {
    return h("details", null, h("summary", null, "Send again what was missed"), form([
        field("Since", h("input", { type: "datetime-local", name: "since", value: localInput(new Date(Date.now() - 86400e3)) }), { hint: `In your time zone, ${zone()}. All events since then that failed, wait to be tried again, or were never tried, are sent now. At most 30 days back.` }),
    ], { label: "Send them again", async submit(data, element) {
        const done = await api.post(`${at}/recover`, { since: new Date(data.get("since")).toISOString() });
        const words = done.status === "running" ? "They are being sent again. Reload the page to see how many." : `Sent again: ${count(done.events, "event")}.`;
        element.querySelector(".submit").before(h("p", { class: "failure" }, words));
        announce(words);
        await refresh();
    } }));
}

export async function render(context) {
    const { api, owner, params } = context;
    const at = `webhooks/${params.id}`;
    const endpoint = await api.get(at);
    const log = await deliveries(context, at);
    const test = owner && action("Send a test event", async () => { await api.post(`${at}/test`); await log.refresh(); }, { done: "A test event is on its way." });
    const content = [
        crumb("#/developers", "Developers"),
        sheet("Endpoint", facts(endpoint), owner && settings(context, at, endpoint)),
        secret(context, at, endpoint),
        sheet(null, h("div", { class: "head" }, h("h2", null, "Deliveries"), test), log.element, owner && recover(context, at, log.refresh)),
    ];
    content.title = `Webhook ${endpoint.url.replace(/^https?:\/\//, "")}`;
    return content;
}
