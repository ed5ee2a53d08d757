// The account's own fax numbers.
import { date, phone, status } from "../format.js";
import { empty, lead, sheet, table } from "../parts.js";

export const title = "Numbers";

export async function render({ api }) {
    const list = await api.get("numbers?limit=100");
    return [
        lead("The account's own numbers: faxes are sent from them and come in on them. The service's operator adds and releases numbers."),
        sheet(null, list.data.length ? table("Fax numbers", [
            ["Number", (number) => phone(number.number)],
            ["Label", (number) => number.label ?? "–"],
            ["Status", (number) => status(number.status)],
            ["Since", (number) => date(number.created_at)],
        ], list.data, { quiet: true }) : empty("This account has no fax number yet. Ask the service's operator for one.")),
    ];
}
