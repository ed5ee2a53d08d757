// Keys, webhooks and a first call.
import { copyButton } from "../dialog.js";
import { h } from "../dom.js";
import { keys } from "../keys.js";
import { lead, link, sheet } from "../parts.js";
import { webhooks } from "../webhooks.js";

export const title = "Developers";

function sample() {
    const text = `curl ${location.origin}/v1/faxes \\\n  -H "Authorization: Bearer $SFM_KEY" \\\n  -H "Idempotency-Key: $(uuidgen)" \\\n  -H "Content-Type: application/json" \\\n  -d '{"to":"+12125551234","document_url":"https://example.com/letter.pdf"}'`;
    return sheet("A first call", h("p", null, "Put a key that may send into ", h("code", null, "SFM_KEY"), ", then:"), h("pre", { tabindex: "0", "aria-label": "Example" }, h("code", null, text)), h("div", { class: "row" }, copyButton(text), link("#/reference", "API reference")));
}

export async function render(context) {
    const account = await context.api.get("");
    if (!account.api_access) return [lead("Keys and webhooks for programs that send and receive faxes."), h("div", { class: "notice" }, h("p", null, `The ${account.plan} plan does not include the API. Ask the service's operator for a plan that does; everything else of this dashboard works without it.`))];
    return [
        lead("Keys and webhooks for programs that send and receive faxes."),
        !context.owner && h("div", { class: "notice" }, h("p", null, "You can see these. Only owners of the account change them.")),
        await keys(context),
        await webhooks(context),
        sample(),
    ];
}
