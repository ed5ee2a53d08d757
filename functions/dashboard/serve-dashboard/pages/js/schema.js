// JSON schemas and the document's prose, as elements.
import { h } from "./dom.js";

export function resolver(document) {
    return function resolve(node) {
        if (!node?.$ref) return node;
        return resolve(node.$ref.slice(2).split("/").reduce((at, part) => at?.[part.replaceAll("~1", "/").replaceAll("~0", "~")], document));
    };
}

/** Paragraphs, lists, tables as they stand, `code` and **weight**: what the document uses of Markdown. */
export function prose(text) {
    return (text ?? "").split(/\n{2,}/).filter(Boolean).map((block) => {
        const lines = block.split("\n");
        if (block.startsWith("```") || block.startsWith("|")) return h("pre", { tabindex: "0" }, block.replace(/^```\w*\n|```$/g, ""));
        if (/^#+ /.test(block)) return h("h3", null, inline(block.replace(/^#+ /, "")));
        if (lines.every((line) => /^[-*] /.test(line))) return h("ul", null, lines.map((line) => h("li", null, inline(line.slice(2)))));
        return h("p", null, inline(block));
    });
}

function inline(text) {
    return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => (/^`.+`$/.test(part) ? h("code", null, part.slice(1, -1)) : /^\*\*.+\*\*$/.test(part) ? h("strong", null, part.slice(2, -2)) : part));
}

export function typeName(schema = {}) {
    if (schema.$ref) return schema.$ref.split("/").at(-1);
    if (schema.oneOf ?? schema.anyOf) return (schema.oneOf ?? schema.anyOf).map(typeName).join(" or ");
    if ("const" in schema) return JSON.stringify(schema.const);
    if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
    if (schema.type === "array") return `list of ${typeName(schema.items)}`;
    return [schema.type].flat().filter(Boolean).join(" or ") + (schema.format ? ` (${schema.format})` : "") || "anything";
}

/** The fields of an object; of a list, those of its entries. */
export function fields(schema, resolve, depth = 0) {
    const whole = resolve(schema);
    const properties = Object.entries(whole?.properties ?? {});
    if (!properties.length || depth > 2) return h("p", { class: "small faint" }, typeName(schema));
    return h("dl", { class: "small" }, properties.map(([name, property]) => {
        const inner = (property.oneOf ?? [property.type === "array" ? property.items : property]).map(resolve).find((one) => one?.properties);
        return [h("dt", null, h("code", null, name), whole.required?.includes(name) ? "" : h("span", { class: "faint" }, " optional")),
            h("dd", null, h("span", { class: "faint" }, typeName(property)), prose(property.description), inner && fields(inner, resolve, depth + 1))];
    }));
}
