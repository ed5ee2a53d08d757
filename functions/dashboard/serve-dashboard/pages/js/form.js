// Forms: labelled fields, errors in words beside the field that they are about.
import { signInBeside } from "./auth.js";
import { announce, fill, h, put, unique } from "./dom.js";

/** A field: `name` is the API's parameter. */
export function field(label, input, { hint } = {}) {
    const id = input.id || (input.id = unique("field"));
    const described = [hint && `${id}-hint`, `${id}-error`].filter(Boolean).join(" ");
    input.setAttribute("aria-describedby", described);
    return h("div", { "data-field": input.name }, h("label", { for: id }, label), hint && h("p", { class: "hint", id: `${id}-hint` }, hint), input, h("p", { class: "error", id: `${id}-error` }));
}

/** Check boxes or radio buttons, each `[value, label, checked]`. */
export function choices(legend, type, name, options) {
    const error = unique("error");
    return h("fieldset", { "data-field": name, "aria-describedby": error },
        h("legend", null, legend),
        h("div", null, options.map(([value, label, checked]) => h("label", { class: "choice" }, h("input", { type, name, value, checked }), h("span", null, label)))),
        h("p", { class: "error", id: error }));
}

function clear(form) {
    for (const error of form.querySelectorAll(".error")) error.textContent = "";
    for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    form.querySelector(".failure")?.remove();
}

/** Beside its field where there is one, else above the button. The parameter of a field's part, such as `document.content`, belongs to the field. */
export function showError(form, error) {
    const owner = error.param && [...form.querySelectorAll("[data-field]")].find(({ dataset }) => dataset.field && (error.param === dataset.field || error.param.startsWith(`${dataset.field}.`) || dataset.also?.split(" ").includes(error.param)));
    if (owner) {
        owner.querySelector(".error").textContent = error.message;
        const input = owner.querySelector("input:not([type=radio]):not([hidden]), select, textarea") ?? owner.querySelector("input");
        input.setAttribute("aria-invalid", "true");
        input.focus();
    } else {
        const failure = h("div", { class: "notice bad failure", role: "alert" }, h("p", null, error.message), error.requestId && h("p", { class: "small faint" }, `Request ${error.requestId}`));
        if (error.code === "signed_out") put(failure, h("button", { type: "button", onclick: () => signInBeside().then(() => { failure.remove(); announce("You are signed in again."); }) }, "Sign in again"));
        form.querySelector(".submit").before(failure);
    }
}

/** `submit` gets the form's data; while it runs, a second click does nothing. What was typed stays when it fails. */
export function form(parts, { label, submit, cancel, busy = "One moment…" }) {
    const button = h("button", { class: "main" }, label);
    let running = false;
    const element = h("form", { novalidate: true, async onsubmit(event) {
        event.preventDefault();
        if (running) return;
        clear(element);
        running = true;
        button.setAttribute("aria-disabled", "true");
        fill(button, busy);
        try {
            await submit(new FormData(element), element);
        } catch (error) {
            if (error.name !== "AbortError") showError(element, error);
        } finally {
            running = false;
            button.removeAttribute("aria-disabled");
            fill(button, label);
        }
    } });
    return put(element, parts, h("div", { class: "row submit" }, button, cancel && h("button", { type: "button", onclick: cancel }, "Cancel")));
}

/** An error of the page's own, said like the API's. */
export function wrong(param, message) {
    return Object.assign(new Error(message), { param });
}
