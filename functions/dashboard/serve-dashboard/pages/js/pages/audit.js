// Who did what, and when.
import { fill, h } from "../dom.js";
import { time } from "../format.js";
import { action, empty, lead, link, sheet, table } from "../parts.js";

export const title = "Audit";
const WORDS = {
    "key.created": "Created a key", "key.revoked": "Revoked a key", "webhook.created": "Added a webhook", "webhook.changed": "Changed a webhook", "webhook.enabled": "Enabled a webhook", "webhook.disabled": "Disabled a webhook", "webhook.deleted": "Deleted a webhook",
    "webhook.secret_rotated": "Made a new webhook secret", "webhook.old_secret_expired": "Ended an old webhook secret", "webhook.tested": "Sent a test event", "webhook.recovered": "Sent missed events again",
    "delivery.redelivered": "Sent an event again", "fax.viewed": "Looked at a document", "fax.sent": "Sent a fax", "fax.deleted": "Deleted a fax", "fax.scheduled": "Scheduled a fax",
    "scheduled.canceled": "Canceled a scheduled fax", "contact.created": "Added a contact", "contact.updated": "Changed a contact", "contact.deleted": "Deleted a contact",
    "account.updated": "Changed the account's settings", "faxes.exported": "Exported a month's faxes",
    "member.added": "Added a member", "member.removed": "Removed a member",
};

function target(entry) {
    if (!entry.target) return "–";
    const code = h("code", null, entry.target);
    if (entry.target.startsWith("fax_")) return link(`#/faxes/${entry.target}`, code);
    return entry.target.startsWith("wh_") ? link(`#/developers/webhooks/${entry.target}`, code) : code;
}

export async function render({ api, owner }) {
    if (!owner) return [lead("Only owners of the account can read the audit log.")];
    const entries = [], place = h("div", null);
    async function more() {
        const before = entries.at(-1)?.id;
        const list = await api.get(`audit?limit=50${before ? `&before=${before}` : ""}`);
        entries.push(...list.data);
        const first = list.data[0]?.id;
        fill(place, entries.length ? table("Audit log, newest first", [
            ["What", (entry) => WORDS[entry.action] ?? entry.action],
            ["Who", (entry) => entry.actor],
            ["When", (entry) => time(entry.at)],
            ["On", (entry) => [target(entry), h("div", { class: "small" }, entry.detail)]],
        ], entries) : empty("Nothing is recorded yet."), list.has_more && action("Show older entries", more));
        if (!before || !first) return;
        const row = place.querySelector(`[data-id="${first}"]`);
        row.tabIndex = -1;
        row.focus();
    }
    await more();
    return [lead("Who changed keys, webhooks and members, who sent and deleted faxes, and who looked at which document. Entries are kept for six years unless the operator chose otherwise."), sheet(null, place)];
}
