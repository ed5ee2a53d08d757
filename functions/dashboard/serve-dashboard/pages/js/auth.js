// Sign-in: OpenID Connect's authorization code flow with PKCE. The ID token stays in this tab.
const TOKEN = "sfm.token", FLOW = "sfm.flow", AT = "sfm.signed-in-at", BESIDE = "sfm.sign-in";
const redirectUri = `${location.origin}/dashboard/`;

export const token = () => sessionStorage.getItem(TOKEN);

async function setUp() {
    const [oauth, config] = await Promise.all([import("../vendor/oauth4webapi.js"), fetch("/dashboard/config.json").then((answer) => answer.json())]);
    const issuer = new URL(config.issuer);
    // Plain HTTP is for the local stack alone: its issuer is on this machine.
    const options = { [oauth.allowInsecureRequests]: ["localhost", "127.0.0.1"].includes(issuer.hostname) };
    const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));
    return { oauth, server, client: { client_id: config.client_id }, options };
}

/** Leaves for the issuer; comes back to `place`. */
export async function signIn(place = location.hash, beside = false) {
    sessionStorage.removeItem(TOKEN);
    const { oauth, server, client } = await setUp();
    const flow = { verifier: oauth.generateRandomCodeVerifier(), state: oauth.generateRandomState(), nonce: oauth.generateRandomNonce(), place, beside };
    sessionStorage.setItem(FLOW, JSON.stringify(flow));
    const url = new URL(server.authorization_endpoint);
    const parameters = {
        client_id: client.client_id, redirect_uri: redirectUri, response_type: "code", scope: "openid email",
        state: flow.state, nonce: flow.nonce, code_challenge: await oauth.calculatePKCECodeChallenge(flow.verifier), code_challenge_method: "S256",
    };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    location.assign(url);
}

/** Ends a sign-in that the issuer sent back to this page, if one is under way. */
export async function finishSignIn() {
    const here = new URL(location.href);
    if (!here.searchParams.has("state")) return;
    const flow = JSON.parse(sessionStorage.getItem(FLOW) ?? "null");
    sessionStorage.removeItem(FLOW);
    history.replaceState(null, "", `/dashboard/${flow?.place ?? ""}`);
    if (!flow) return;
    const { oauth, server, client, options } = await setUp();
    const parameters = oauth.validateAuthResponse(server, client, here, flow.state);
    const answer = await oauth.authorizationCodeGrantRequest(server, client, oauth.None(), parameters, redirectUri, flow.verifier, options);
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer, { expectedNonce: flow.nonce, requireIdToken: true });
    sessionStorage.setItem(TOKEN, tokens.id_token);
    sessionStorage.setItem(AT, Date.now());
    if (!flow.beside) return;
    new BroadcastChannel(BESIDE).postMessage(tokens.id_token);
    window.close();
}

/** Signs in in a window of its own, so that what was typed on this page stays. */
export function signInBeside() {
    window.open("/dashboard/?beside", "_blank", "width=560,height=680");
    return new Promise((resolve) => {
        const channel = new BroadcastChannel(BESIDE);
        channel.addEventListener("message", ({ data }) => {
            sessionStorage.setItem(TOKEN, data);
            channel.close();
            resolve();
        });
    });
}

/** Whether this is that window. */
export const isBeside = () => location.search === "?beside";

/** Whether the service refused a token that is some seconds old: signing in once more would go round in circles. */
export const justSignedIn = () => Date.now() - Number(sessionStorage.getItem(AT)) < 10000;

/** Ends the sign-in here and at the issuer, where that one has a session to end: the next person at this machine must not find it open. */
export async function signOut() {
    sessionStorage.clear();
    const { server, client } = await setUp().catch(() => ({}));
    if (!server?.end_session_endpoint) return location.assign("/dashboard/");
    const url = new URL(server.end_session_endpoint);
    // The last one is Cognito's name for the standard's second one.
    for (const [name, value] of Object.entries({ client_id: client.client_id, post_logout_redirect_uri: redirectUri, logout_uri: redirectUri })) url.searchParams.set(name, value);
    location.assign(url);
}
