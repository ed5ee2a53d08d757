//! The HTTP API: routes of the template, events in payload format 2.0, and the gateway's own refusals.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use sfm_core::clock::Clock;

use super::authorizer::Authorizer;
use super::handler::Handler;

/// What an HTTP API takes as a body.
const LARGEST_BODY: usize = 10 * 1024 * 1024;
/// What Lambda takes as an event.
const LARGEST_EVENT: usize = 6 * 1024 * 1024;
/// How long an HTTP API waits for a function.
const WALL: Duration = Duration::from_secs(30);

/// The route of everything that no other route takes.
pub const DEFAULT: &str = "$default";

/// One route of the API.
#[derive(Clone)]
pub struct Route {
    pub method: String,
    /// As in the template: `/v1/faxes/{id}`.
    pub path: String,
    /// Who looks at a request's token first.
    pub authorizer: Option<Authorizer>,
    pub handler: Handler,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

#[derive(Debug)]
struct Gateway {
    routes: Vec<Route>,
    clock: Clock,
}

pub fn router(routes: Vec<Route>, clock: Clock) -> Router {
    let gateway = Arc::new(Gateway { routes, clock });
    Router::new().fallback(forward).layer(DefaultBodyLimit::disable()).with_state(gateway)
}

/// The gateway's own answers are not in the API's envelope.
fn refusal(status: StatusCode, message: &'static str) -> Response {
    (status, [(http::header::CONTENT_TYPE, "application/json")], json!({"message": message}).to_string()).into_response()
}

async fn forward(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let path = parts.uri.path();
    let Some((route, params)) = gateway.find(parts.method.as_str(), path) else {
        return refusal(StatusCode::NOT_FOUND, "Not Found");
    };
    let claims = match &route.authorizer {
        None => None,
        Some(authorizer) => match authorizer.claims(&parts.headers).await {
            None => return refusal(StatusCode::UNAUTHORIZED, "Unauthorized"),
            claims => claims,
        },
    };
    let mut event = gateway.event(route, &params, &parts, &body);
    if let Some(claims) = claims {
        event["requestContext"]["authorizer"] = json!({"jwt": {"claims": claims, "scopes": null}});
    }
    if event.to_string().len() > LARGEST_EVENT {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    }
    // A caller that hangs up does not stop a function that was invoked.
    let invoked = tokio::spawn((route.handler)(event));
    match tokio::time::timeout(WALL, invoked).await {
        Err(_) => refusal(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        Ok(Ok(Ok(answer))) => respond(&answer).unwrap_or_else(|| refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")),
        Ok(Ok(Err(e))) => {
            tracing::error!(error = %e, route = ?route, "the function failed");
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
        Ok(Err(_)) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
    }
}

fn respond(answer: &Value) -> Option<Response> {
    let status = StatusCode::from_u16(u16::try_from(answer["statusCode"].as_u64()?).ok()?).ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        headers.insert(HeaderName::try_from(name).ok()?, HeaderValue::from_str(value.as_str()?).ok()?);
    }
    let text = answer["body"].as_str().unwrap_or_default();
    let body = if answer["isBase64Encoded"] == true { Bytes::from(STANDARD.decode(text).ok()?) } else { Bytes::from(text.to_owned()) };
    Some((status, headers, body).into_response())
}

impl Gateway {
    /// The most specific route wins: one without parameters before one with, and one that takes any rest after both, the longer first.
    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>
    fn find(&self, method: &str, path: &str) -> Option<(&Route, BTreeMap<String, String>)> {
        let matching = self.routes.iter().filter(|route| route.method == method || route.method == "ANY");
        let mut found: Vec<_> = matching.filter_map(|route| Some((route, match_path(&route.path, path)?))).collect();
        found.sort_by_key(|(route, params)| {
            let greedy = route.path.contains("+}");
            let fixed = route.path.split('/').count() - params.len();
            (route.path == DEFAULT, greedy, Reverse(fixed), route.method == "ANY")
        });
        found.into_iter().next()
    }

    fn event(&self, route: &Route, params: &BTreeMap<String, String>, parts: &http::request::Parts, body: &[u8]) -> Value {
        let mut headers: BTreeMap<&str, String> = BTreeMap::new();
        for (name, value) in &parts.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            headers.entry(name.as_str()).and_modify(|all| *all = format!("{all},{value}")).or_insert_with(|| value.into_owned());
        }
        let mut query: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            query.entry(name.into_owned()).and_modify(|all| *all = format!("{all},{value}")).or_insert_with(|| value.into_owned());
        }
        let now = self.clock.now();
        let key = if route.path == DEFAULT { DEFAULT.to_owned() } else { format!("{} {}", route.method, route.path) };
        let text = std::str::from_utf8(body).ok().filter(|_| is_text(parts.headers.get(http::header::CONTENT_TYPE)));
        let mut event = json!({
            "version": "2.0",
            "routeKey": key,
            "rawPath": parts.uri.path(),
            "rawQueryString": parts.uri.query().unwrap_or_default(),
            "headers": headers,
            "requestContext": {
                "accountId": super::AWS_ACCOUNT,
                "apiId": "local",
                "domainName": headers.get("host").cloned().unwrap_or_default(),
                "domainPrefix": "local",
                "http": {
                    "method": parts.method.as_str(),
                    "path": parts.uri.path(),
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": headers.get("user-agent").cloned().unwrap_or_default(),
                },
                "requestId": format!("local-{}", now.as_nanosecond()),
                "routeKey": key,
                "stage": "$default",
                "time": now.to_string(),
                "timeEpoch": now.as_millisecond(),
            },
            "isBase64Encoded": text.is_none() && !body.is_empty(),
        });
        if !params.is_empty() {
            event["pathParameters"] = json!(params);
        }
        if !query.is_empty() {
            event["queryStringParameters"] = json!(query);
        }
        if !body.is_empty() {
            event["body"] = text.map_or_else(|| STANDARD.encode(body).into(), Value::from);
        }
        event
    }
}

fn is_text(content_type: Option<&HeaderValue>) -> bool {
    let kind = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    kind.starts_with("text/") || ["application/json", "application/xml", "application/javascript"].iter().any(|text| kind.starts_with(text))
}

fn match_path(pattern: &str, path: &str) -> Option<BTreeMap<String, String>> {
    let mut params = BTreeMap::new();
    if pattern == DEFAULT {
        return Some(params);
    }
    let mut segments = path.split('/');
    for part in pattern.split('/') {
        let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        match name {
            Some(greedy) if greedy.ends_with('+') => {
                let rest = segments.collect::<Vec<_>>().join("/");
                params.insert(greedy.trim_end_matches('+').to_owned(), decoded(&rest));
                return (!rest.is_empty()).then_some(params);
            }
            Some(name) => {
                let segment = segments.next().filter(|segment| !segment.is_empty())?;
                params.insert(name.to_owned(), decoded(segment));
            }
            None if segments.next() == Some(part) => {}
            None => return None,
        }
    }
    segments.next().is_none().then_some(params)
}

fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_gives_its_parameters_decoded() {
        let params = |pattern, path| match_path(pattern, path).map(|params| params.into_values().collect::<Vec<_>>());
        assert_eq!(params("/v1/faxes/{id}", "/v1/faxes/fax%5F1"), Some(vec!["fax_1".to_owned()]));
        assert_eq!(params("/v1/faxes/{id}", "/v1/faxes/"), None);
        assert_eq!(params("/v1/faxes/{id}", "/v1/faxes/a/b"), None);
        assert_eq!(params("/v1/faxes", "/v1/faxes"), Some(vec![]));
        assert_eq!(params("/v1/{rest+}", "/v1/a/b"), Some(vec!["a/b".to_owned()]));
    }

    #[test]
    fn the_most_specific_route_wins() {
        let handler: Handler = Arc::new(|_| Box::pin(std::future::ready(Ok(Value::Null))));
        let route = |key: &str| {
            let (method, path) = key.split_once(' ').unwrap_or(("ANY", key));
            Route { method: method.into(), path: path.into(), authorizer: None, handler: handler.clone() }
        };
        let routes = [
            "$default",
            "GET /dashboard/{path+}",
            "ANY /dashboard/api/{path+}",
            "GET /dashboard/api/{path+}",
            "GET /dashboard/api/accounts/{id}",
            "GET /dashboard/api/accounts/one",
        ];
        let gateway = Gateway { routes: routes.map(route).into(), clock: Clock::default() };
        for (method, path, taken) in [
            ("GET", "/dashboard/index.html", 1),
            ("GET", "/dashboard/api/session", 3),
            ("PUT", "/dashboard/api/session", 2),
            ("GET", "/dashboard/api/accounts/two", 4),
            ("GET", "/dashboard/api/accounts/one", 5),
            ("PUT", "/dashboard/index.html", 0),
        ] {
            let found = gateway.find(method, path).map(|(route, _)| route.path.clone());
            assert_eq!(found.as_deref(), routes[taken].split(' ').next_back(), "{method} {path}");
        }
    }
}
