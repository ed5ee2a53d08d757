// Calls of the dashboard's API.
import { justSignedIn, signIn, token } from "./auth.js";

export class ApiError extends Error {
    constructor(status, error = {}) {
        super(error.message ?? "The service gave an answer that this page does not understand. Try again in a moment.");
        Object.assign(this, { status, type: error.type, code: error.code, param: error.param, requestId: error.request_id });
    }
}
const unreachable = () => new ApiError(0, { message: "The service could not be reached. Check your connection and try again; nothing is lost." });

/** Nothing is lost when a page that only reads is left to sign in; what somebody wants to change is for them to repeat. */
async function refused(status, text, method) {
    if (status === 401 && method === "GET" && !justSignedIn()) {
        await signIn();
        return new Promise(() => {});
    }
    if (status === 401 && !justSignedIn()) throw new ApiError(401, { message: "Your sign-in has ended. Sign in again, which leaves this page as it is, and repeat what you did.", code: "signed_out" });
    if (status === 401) throw new ApiError(401, { message: "The service refused your sign-in. Sign out and in again; if that does not help, ask its operator." });
    let body;
    try { body = JSON.parse(text); } catch { body = {}; }
    throw new ApiError(status, body.error ?? { message: body.message });
}

export async function call(method, path, { body, headers, signal } = {}) {
    let answer;
    try {
        answer = await fetch(`/dashboard/api/${path}`, {
            method, signal, cache: "no-store",
            headers: { authorization: `Bearer ${token()}`, ...(body && { "content-type": "application/json" }), ...headers },
            body: body && JSON.stringify(body),
        });
    } catch (error) {
        throw signal?.aborted ? error : unreachable();
    }
    if (!answer.ok) return refused(answer.status, await answer.text(), method);
    return answer.headers.get("content-type")?.startsWith("image/") ? answer.blob() : answer.json();
}

/** A POST that tells how much of it was sent, from 0 to 1. */
export function upload(path, body, headers, progress) {
    return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        request.open("POST", `/dashboard/api/${path}`);
        for (const [name, value] of Object.entries({ authorization: `Bearer ${token()}`, "content-type": "application/json", ...headers })) request.setRequestHeader(name, value);
        request.upload.addEventListener("progress", (event) => event.lengthComputable && progress(event.loaded / event.total));
        request.addEventListener("error", () => reject(unreachable()));
        request.addEventListener("load", () => {
            if (request.status >= 300) return refused(request.status, request.responseText, "POST").then(resolve, reject);
            resolve(JSON.parse(request.responseText));
        });
        request.send(JSON.stringify(body));
    });
}

/** The API of one account, for one page: its calls end when the page is left. */
export function accountApi(id, signal) {
    const at = (path) => `accounts/${id}${path && `/${path}`}`;
    return {
        get: (path) => call("GET", at(path), { signal }),
        post: (path, body, headers) => call("POST", at(path), { body: body ?? {}, headers }),
        patch: (path, body) => call("PATCH", at(path), { body }),
        remove: (path) => call("DELETE", at(path)),
        upload: (path, body, headers, progress) => upload(at(path), body, headers, progress),
    };
}
