// The document of a fax: a file, picked or dropped, or a link.
import { h } from "./dom.js";
import { choices, field, wrong } from "./form.js";

const LARGEST = 4 * 1024 * 1024;
const TYPES = { pdf: "application/pdf", tif: "image/tiff", tiff: "image/tiff", png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp", txt: "text/plain" };

function dropZone() {
    const input = h("input", { type: "file", name: "file", accept: Object.keys(TYPES).map((ending) => `.${ending}`).join() });
    const owner = field("File", input, { hint: "Drop a file here or pick one. At most 4 MB; a larger one, up to 20 MB, can be sent by link." });
    owner.dataset.field = "document";
    const over = (on) => (event) => { event.preventDefault(); owner.classList.toggle("over", on); };
    owner.classList.add("drop");
    owner.addEventListener("dragover", over(true));
    owner.addEventListener("dragleave", over(false));
    owner.addEventListener("drop", (event) => {
        over(false)(event);
        if (event.dataTransfer.files.length) input.files = event.dataTransfer.files;
    });
    return owner;
}

/** A file that is dropped beside the zone would be opened by the browser, and the form be lost. */
function keepPage(signal) {
    for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault(), { signal });
}

export function sourceFields(signal) {
    keepPage(signal);
    const file = h("div", null, dropZone());
    const link = h("div", { hidden: true }, field("Link", h("input", { type: "url", name: "document_url", placeholder: "https://" }), { hint: "An https link that opens without a login." }));
    const choice = choices("Document", "radio", "source", [["file", "A file from this device", true], ["link", "A link"]]);
    choice.addEventListener("change", (event) => {
        file.hidden = event.target.value !== "file";
        link.hidden = !file.hidden;
    });
    return [choice, file, link];
}

const base64 = (file) => new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(wrong("document", "This file could not be read. Was it moved or changed? Pick it again."));
    reader.readAsDataURL(file);
});

/** What the form says of the document, as the API takes it. */
export async function readDocument(data) {
    if (data.get("source") === "link") {
        if (!data.get("document_url").trim()) throw wrong("document_url", "Enter the document's link.");
        return { document_url: data.get("document_url").trim() };
    }
    const file = data.get("file");
    if (!file?.size) throw wrong("document", "Pick the document to send.");
    if (file.size > LARGEST) throw wrong("document", `${file.name} has ${(file.size / 1048576).toFixed(1)} MB. Files may have 4 MB; send a larger one by link.`);
    const type = TYPES[file.name.split(".").at(-1).toLowerCase()] ?? file.type ?? "application/octet-stream";
    return { document: { content: await base64(file), content_type: type || "application/octet-stream" } };
}
