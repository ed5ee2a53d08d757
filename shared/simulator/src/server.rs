//! The connections, and the interceptor on every request that comes over them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::error::ApiError;
use super::routes::{self, Answer, Route};
use super::state::State;
use crate::interceptor::{Call, Verdict, released};

const LARGEST_BODY: usize = 1024 * 1024;

/// Makes hyper close the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut")]
struct Cut;

pub(crate) async fn serve(state: Arc<State>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => state.spawn(connection(Arc::clone(&state), stream)),
            Err(error) => {
                // Such as too many open files: it passes, and asking at once would only burn time.
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(state: Arc<State>, stream: TcpStream) {
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { exchange(&state, request).await }
    });
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection has ended");
    }
}

/// One request under its interceptor.
async fn exchange(state: &Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Cut> {
    let (parts, body) = request.into_parts();
    let route = Route::of(&parts.method, parts.uri.path());
    let call = Call {
        service: "carrier",
        operation: route.operation(),
        target: String::new(),
        path: parts.uri.path().to_owned(),
        id: state.next_call(),
        caller: caller(&parts.headers),
    };
    let interceptor = &state.settings.interceptor;
    let verdict = interceptor.verdict(&call);
    match verdict.clone() {
        Verdict::Refuse => return Err(Cut),
        Verdict::Fail { status, .. } => return Ok(respond(Answer::from(ApiError::of_the_service(status)))),
        Verdict::Hold(release) => released(release).await,
        _ => {}
    }
    let body = Limited::new(body, LARGEST_BODY).collect().await.map(|body| body.to_bytes());
    let answer = match &body {
        Ok(body) => routes::answer(state, route, &parts.headers, parts.uri.query().unwrap_or_default(), body).await,
        Err(_) => Answer::from(ApiError::unreadable()),
    };
    interceptor.performed(&call, &body.unwrap_or_default(), answer.status.as_u16(), &answer.body);
    match verdict {
        Verdict::DropResponse | Verdict::Break => Err(Cut),
        Verdict::NeverRespond => match std::future::pending::<Infallible>().await {},
        _ => Ok(respond(answer)),
    }
}

fn caller(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    agent.unwrap_or_default().to_owned()
}

fn respond(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(answer.body));
    *response.status_mut() = answer.status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(answer.content_type));
    response
}
