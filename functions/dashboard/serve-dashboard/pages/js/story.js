// A fax's calls, told in words.
import { h } from "./dom.js";
import { ended } from "./failures.js";
import { count, duration, timeOfDay } from "./format.js";

const ORDINALS = ["First", "Second", "Third"];
const between = (from, to) => Math.max(0, Math.round((new Date(to) - new Date(from)) / 1000));

function call(attempt, fax) {
    const name = `${ORDINALS[attempt.number - 1] ?? `${attempt.number}th`} call`;
    if (!attempt.outcome) return [timeOfDay(attempt.started_at), ` – ${name}: under way.`];
    const long = attempt.duration_seconds ? `, after ${duration(attempt.duration_seconds)}` : "";
    const part = attempt.outcome !== "delivered" && attempt.pages_sent ? ` ${count(attempt.pages_sent, "page")} of ${fax.pages} had arrived.` : "";
    return [timeOfDay(attempt.started_at), ` – ${name}: ${ended(attempt.outcome)}${long}.${part}`];
}

function last(fax) {
    if (fax.status === "delivered") return ["Delivered."];
    if (fax.status === "canceled") return ["Canceled. The pages that never arrived are not counted."];
    if (fax.status === "failed") return ["Given up. The pages that never arrived are not counted."];
    if (fax.attempts.length && fax.attempts.at(-1).outcome) return ["The line is called again in a few minutes."];
    return fax.attempts.length ? [] : ["It waits for its turn; usually that takes seconds."];
}

export function story(fax) {
    const lines = [[timeOfDay(fax.created_at), " – The fax was accepted."]];
    fax.attempts.forEach((attempt, index) => {
        const before = fax.attempts[index - 1];
        const pause = before?.ended_at ? between(before.ended_at, attempt.started_at) : 0;
        if (pause) lines.push([`We waited ${duration(pause)} before calling again.`]);
        lines.push(call(attempt, fax));
    });
    return h("ol", { class: "story" }, [...lines, last(fax)].filter((line) => line.length).map((line) => h("li", null, line)));
}
