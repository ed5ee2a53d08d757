// Building elements. Text is always text: nothing here parses HTML.

/** h("p", { class: "lead", onclick: f }, "text", node, [more]) */
export function h(tag, properties, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties ?? {})) {
        if (value === null || value === undefined || value === false) continue;
        if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
        else if (name === "value") element.value = value;
        else element.setAttribute(name, value === true ? "" : value);
    }
    return put(element, children);
}

/** Appends nodes and text; nested lists are flattened, null and false left out. */
export function put(element, ...children) {
    element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
    return element;
}

export function fill(element, ...children) {
    element.replaceChildren();
    return put(element, children);
}

/** Fills again what changed meanwhile; the focus stays in the row that it was in. */
export function refill(element, ...children) {
    const { activeElement: focused } = document;
    const row = element.contains(focused) && focused.closest("[data-id]")?.dataset.id;
    fill(element, children);
    if (row) element.querySelector(`[data-id="${row}"] ${focused.tagName}`)?.focus({ preventScroll: true });
}

let last = 0;
export const unique = (prefix) => `${prefix}-${++last}`;

/** Says something to screen readers. */
export function announce(text) {
    document.getElementById("announcer").textContent = text;
}
