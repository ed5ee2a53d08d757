// The API reference, from the service's own OpenAPI document.
import { h } from "../dom.js";
import { lead, link, sheet, table } from "../parts.js";
import { fields, prose, resolver, typeName } from "../schema.js";

export const title = "API reference";
const METHODS = ["get", "post", "put", "patch", "delete"];

function parameters(list) {
    return list.length > 0 && [h("h3", null, "Parameters"), table("Parameters", [
        ["Name", (parameter) => [h("code", null, parameter.name), parameter.required && h("span", { class: "small faint" }, " required")]],
        ["In", (parameter) => parameter.in],
        ["Type", (parameter) => typeName(parameter.schema)],
        ["Meaning", (parameter) => prose(parameter.description)],
    ], list, { quiet: true })];
}

function responses(all, resolve) {
    return [h("h3", null, "Answers"), h("dl", null, Object.entries(all).map(([code, answer]) => {
        const { description, content } = resolve(answer);
        const schema = content?.["application/json"]?.schema;
        return [h("dt", null, h("code", null, code)), h("dd", null, prose(description), Number(code) < 300 && schema && fields(schema, resolve))];
    }))];
}

function operation(method, path, about, shared, resolve) {
    const body = about.requestBody && resolve(about.requestBody).content?.["application/json"]?.schema;
    return h("details", null, h("summary", null, h("span", { class: "method" }, method.toUpperCase()), " ", h("code", null, path), ` – ${about.summary}`),
        prose(about.description), parameters([...shared, ...(about.parameters ?? [])].map(resolve)), body && [h("h3", null, "Body"), fields(body, resolve)], responses(about.responses, resolve));
}

export async function render({ signal }) {
    const document = await fetch("/v1/openapi.json", { signal }).then((answer) => answer.json());
    const resolve = resolver(document);
    const tagged = new Map((document.tags ?? []).map(({ name, description }) => [name, { description, operations: [] }]));
    for (const [path, item] of Object.entries(document.paths)) {
        for (const method of METHODS.filter((method) => item[method])) {
            const tag = item[method].tags?.[0] ?? "Other";
            if (!tagged.has(tag)) tagged.set(tag, { operations: [] });
            tagged.get(tag).operations.push(operation(method, path, item[method], item.parameters ?? [], resolve));
        }
    }
    return [
        lead(`${document.info.title}, version ${document.info.version}. `, link("/v1/openapi.json", "The OpenAPI document")),
        document.info.description && sheet("In general", prose(document.info.description)),
        [...tagged].filter(([, { operations }]) => operations.length).map(([name, { description, operations }]) => sheet(name, prose(description), operations)),
    ];
}
