// What matters today: pages used, what hinders sending, the latest faxes.
import { h, refill } from "../dom.js";
import { faxTable } from "../faxes.js";
import { amount, count, date, time } from "../format.js";
import { empty, lead, link, sheet, watch } from "../parts.js";

export const title = "Overview";

function usage(account) {
    const { used_pages: used, monthly_pages: all } = account;
    const left = Math.max(0, all - used);
    const words = left === 0 ? "All of this period's pages are used. Sending begins again with the next period." : `${count(left, "page")} left.`;
    return sheet("Pages this period",
        h("p", null, h("strong", null, amount(used)), ` of ${count(all, "page")} used. ${words}`),
        h("meter", { min: 0, max: Math.max(all, 1), high: all * 0.9, optimum: 0, value: Math.min(used, all), "aria-label": "Pages used" }),
        h("p", { class: "small faint" }, "The next period begins on ", time(account.period_end), "."));
}

function agreement(account) {
    if (account.baa_signed_at) return ["Signed on ", date(account.baa_signed_at)];
    return account.requires_baa ? h("strong", { class: "wrong" }, "Not signed: the account cannot send yet") : "Not needed for this plan";
}

const facts = (account) => sheet("Account", h("dl", null,
    h("dt", null, "Name"), h("dd", null, account.name),
    h("dt", null, "Plan"), h("dd", null, account.plan[0].toUpperCase() + account.plan.slice(1)),
    h("dt", null, "Business associate agreement"), h("dd", null, agreement(account)),
    h("dt", null, "API"), h("dd", null, account.api_access ? link("#/developers", "Keys and webhooks") : "Not part of this plan"),
    h("dt", null, "Your role"), h("dd", null, account.role === "owner" ? "Owner" : "Member")));

export async function render({ api, signal }) {
    const [account, faxes] = await Promise.all([api.get(""), api.get("faxes?limit=5")]);
    const recent = h("div", null, faxTable("The last five, newest first", faxes.data));
    let shown = JSON.stringify(faxes.data);
    watch(signal, async () => {
        const { data } = await api.get("faxes?limit=5");
        if (JSON.stringify(data) !== shown) refill(recent, faxTable("The last five, newest first", data));
        shown = JSON.stringify(data);
        return true;
    });
    const hindered = account.requires_baa && !account.baa_signed_at;
    return [
        lead(`${account.name}, ${account.plan} plan`),
        hindered && h("div", { class: "notice bad" }, h("p", null, "This account cannot send until its business associate agreement is signed. Ask the service's operator.")),
        usage(account),
        sheet("Recent faxes", recent, faxes.data.length ? link("#/faxes", "All faxes") : empty("A fax is one number and one document. ", link("#/send", "Send the first"))),
        facts(account),
    ];
}
