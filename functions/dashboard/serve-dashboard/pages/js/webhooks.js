// Webhook endpoints: list and create.
import { open, showSecret } from "./dialog.js";
import { h } from "./dom.js";
import { choices, field, form, wrong } from "./form.js";
import { status, time } from "./format.js";
import { empty, link, sheet, table } from "./parts.js";

export const EVENTS = [
    ["fax.delivered", "A fax reached the other side"], ["fax.failed", "A fax failed for good"], ["fax.received", "A fax came in"],
    ["fax.canceled", "A fax was canceled"], ["scheduled.failed", "A scheduled fax was refused at its time"],
];

/** The fields of an endpoint, empty or with what it has. */
export function endpointFields(endpoint) {
    const chosen = endpoint?.events.length ? endpoint.events : ["fax.delivered", "fax.failed", "fax.received"];
    return [
        field("URL", h("input", { name: "url", type: "url", autocomplete: "off", value: endpoint?.url ?? "", placeholder: "https://" })),
        choices("Tell it when", "checkbox", "events", EVENTS.map(([event, words]) => [event, [words, " ", h("code", { class: "faint" }, event)], chosen.includes(event)])),
        field("Description (optional)", h("input", { name: "description", autocomplete: "off", maxlength: 200, value: endpoint?.description ?? "" })),
    ];
}

export function endpointBody(data) {
    if (!data.get("url").trim()) throw wrong("url", "Enter the URL that is told of events.");
    if (!data.getAll("events").length) throw wrong("events", "Choose at least one event.");
    return { url: data.get("url").trim(), events: data.getAll("events"), description: data.get("description").trim() };
}

function create(api, go) {
    open("Add a webhook", (close) => [form(endpointFields(), { label: "Add the webhook", cancel: close, async submit(data) {
        const made = await api.post("webhooks", endpointBody(data));
        close();
        showSecret({ title: "The webhook's secret", text: "With it your program checks that an event comes from us. Store it now: it is not shown again.", secret: made.secret, done: () => go(`#/developers/webhooks/${made.id}`) });
    } })]);
}

export async function webhooks({ api, owner, go }) {
    const list = await api.get("webhooks?limit=100");
    return sheet(null,
        h("div", { class: "head" }, h("h2", null, "Webhooks"), owner && h("button", { type: "button", class: "main", onclick: () => create(api, go) }, "Add a webhook")),
        list.data.length ? table("Webhook endpoints", [
            ["URL", (endpoint) => [link(`#/developers/webhooks/${endpoint.id}`, endpoint.url), endpoint.description && h("div", { class: "small faint" }, endpoint.description)]],
            ["Events", (endpoint) => h("span", { class: "small" }, endpoint.events.length ? endpoint.events.join(", ") : "All of faxes")],
            ["Status", (endpoint) => [status(endpoint.status), endpoint.failing_since && h("div", { class: "small wrong" }, "Failing since ", time(endpoint.failing_since))]],
        ], list.data, { quiet: true }) : empty("No webhooks yet. A webhook tells your program what becomes of a fax, so that it need not ask."));
}
