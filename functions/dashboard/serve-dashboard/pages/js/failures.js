// What a failure means for the person who sent the fax, and what to do next.
export const NEXT = {
    busy: "Send it again in a while, or ask the recipient whether the machine is free.",
    no_answer: "The machine may be off or out of paper. Call the recipient, then send it again.",
    no_fax_tone: "A person or an answering machine may have picked up. Check that this is the fax number, then send it again.",
    line_dropped: "Send it again. If it happens again, send fewer pages at a time.",
    training_failed: "The line was poor. Send it again; another hour of the day often helps.",
    number_invalid: "Check the number with the recipient before you send it again.",
    number_unreachable: "Check the country code and the number. If both are right, send it again later.",
    rejected: "The recipient's machine may block unknown senders. Ask them to allow your number.",
    document_unreadable: "Save the document as a new PDF and send that. If it happens again, tell us the fax's id.",
    carrier_error: "This is the telephone network's fault, not yours. Send it again in a few minutes.",
    timeout: "It may have arrived: ask the recipient before you send it again.",
    quota_exceeded: "This month's pages are used up. Wait for the next period or ask for a larger plan.",
    baa_required: "Your plan needs a signed business associate agreement before it can send. Ask the service's operator.",
    no_active_number: "The account has no active fax number. Ask the service's operator for one.",
};

const ENDED = {
    delivered: "all pages arrived", canceled: "it was stopped on request", busy: "the line was busy", no_answer: "nobody answered", no_fax_tone: "the call was answered, but not by a fax machine",
    line_dropped: "the call was cut off", training_failed: "the two machines could not agree on a speed", number_invalid: "the number is not in service",
    number_unreachable: "the number could not be reached", rejected: "the call was refused", document_unreadable: "the carrier could not read the document",
    carrier_error: "the carrier could not place the call", timeout: "the carrier never said how the call ended",
};
export const ended = (outcome) => ENDED[outcome] ?? outcome;
