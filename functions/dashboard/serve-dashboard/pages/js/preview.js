// A fax's pages as images. They are asked for by a click, because every look is recorded.
import { fill, h } from "./dom.js";
import { action } from "./parts.js";

export function preview(api, fax) {
    const place = h("div", null);
    const show = async (number) => {
        const url = URL.createObjectURL(await api.get(`faxes/${fax.id}/pages/${number}`));
        const image = h("img", { class: "paper", src: url, alt: `Page ${number} of ${fax.pages}`, onload: () => URL.revokeObjectURL(url) });
        const bar = h("div", { class: "row", role: "group", "aria-label": "Pages of the document", tabindex: "-1" },
            number > 1 && action("← Previous page", () => show(number - 1)),
            h("span", { class: "faint", role: "status" }, `Page ${number} of ${fax.pages}`),
            number < fax.pages && action("Next page →", () => show(number + 1)));
        fill(place, bar, image);
        bar.focus({ preventScroll: true });
    };
    return [fill(place, action("Show the pages", () => show(1))), h("p", { class: "small faint" }, "Who looks at a document, and when, is recorded in the account's audit log.")];
}
