// How times, numbers and amounts are written.
import { h } from "./dom.js";

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const integer = new Intl.NumberFormat();

/** In the reader's zone; the title has the UTC. */
export const time = (iso, format = moment) => (iso ? h("time", { datetime: iso, title: `${iso.replace("T", " ").replace(/(\.\d+)?Z$/, "")} UTC` }, format.format(new Date(iso))) : "–");
export const timeOfDay = (iso) => time(iso, clock);
export const date = (iso) => time(iso, day);
export const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

export const count = (number, one, many = `${one}s`) => `${integer.format(number)} ${number === 1 ? one : many}`;
export const amount = (number) => integer.format(number);

/** +12125551234 as +1 (212) 555-1234; other countries as they are. */
export const phone = (number) => number?.replace(/^\+1(\d{3})(\d{3})(\d{4})$/, "+1\u00a0($1)\u00a0$2-$3") ?? "–";

export function duration(seconds) {
    if (seconds < 60) return count(seconds, "second");
    const minutes = Math.round(seconds / 60);
    return minutes < 60 ? count(minutes, "minute") : count(Math.round(minutes / 60), "hour");
}

/** A Date as datetime-local wants it, in the reader's zone. */
export function localInput(date) {
    return new Date(date.getTime() - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

const STATUSES = {
    queued: ["wait now", "Queued"], sending: ["wait now", "Sending"], delivered: ["good", "Delivered"], received: ["good", "Received"], failed: ["bad", "Failed"],
    pending: ["wait", "Pending"], sent: ["good", "Sent"], canceled: ["off", "Canceled"], succeeded: ["good", "Succeeded"],
    enabled: ["good", "Enabled"], disabled: ["off", "Disabled"], active: ["good", "Active"], released: ["off", "Released"], revoked: ["off", "Revoked"],
};

export function status(name) {
    const [kind, words] = STATUSES[name] ?? ["off", name];
    return h("span", { class: `status ${kind}` }, words);
}
