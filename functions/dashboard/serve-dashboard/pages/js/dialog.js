// Dialogs. The browser keeps the focus inside and gives it back; Escape closes.
import { announce, h, unique } from "./dom.js";
import { form } from "./form.js";

export function open(title, build) {
    const id = unique("dialog");
    const dialog = h("dialog", { "aria-labelledby": id, onclose: () => dialog.remove() }, h("h2", { id }, title));
    dialog.append(...build(() => dialog.close()).flat().filter(Boolean));
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
}

/** Asks before something that cannot be undone; `act` runs while the dialog is open, and its failure is said in it; `done` runs after it is closed. */
export function confirm({ title, text, action, act, done }) {
    open(title, (close) => [
        h("p", null, text),
        form([], { label: action, cancel: close, submit: async () => { await act(); close(); await done?.(); } }),
    ]);
}

/** Shows a secret, this once. Escape does not close it: only the button does. */
export function showSecret({ title, text, secret, done }) {
    const dialog = open(title, (close) => [
        h("p", null, text),
        h("code", { class: "secret", tabindex: "0", "aria-label": "Secret" }, secret),
        h("div", { class: "row" }, copyButton(secret), h("button", { class: "main", onclick() { close(); done?.(); } }, "I have stored it")),
    ]);
    dialog.addEventListener("cancel", (event) => event.preventDefault());
}

export function copyButton(text) {
    const button = h("button", { type: "button", async onclick() {
        try {
            await navigator.clipboard.writeText(text);
            button.textContent = "Copied";
            announce("Copied");
        } catch {
            button.textContent = "Copy it by hand";
        }
    } }, "Copy");
    return button;
}
