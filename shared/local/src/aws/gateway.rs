//! The one port: tells the services apart, shows every call to the interceptor, and drops answers when the interceptor says so.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::dynamodb::DynamodbClient;
use super::events::Events;
use super::partial;
use super::request::{Signer, header, json_target, object_target, operation, s3_operation};
use super::response::{conflict, json, unknown_operation};
use super::s3::S3;
use super::secrets::Secrets;
use super::sqs::Sqs;
use sfm_simulator::interceptor::{Call, CallInterceptor, Verdict, released};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A client that stalls in the middle of a request may hold a stop up for so long.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Gateway {
    pub(super) dynamodb: DynamodbClient,
    pub(super) s3: S3,
    pub(super) sqs: Sqs,
    pub(super) secrets: Secrets,
    pub(super) events: Events,
    pub(super) interceptor: Arc<dyn CallInterceptor>,
    pub(super) calls: AtomicU64,
}

/// Returned to hyper as a failure, which makes it close the connection without a word.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer")]
struct Closed;

#[derive(Debug, Clone, Copy)]
enum Service {
    Dynamodb,
    S3,
    Sqs,
    Events,
    Secrets,
}

pub(super) async fn serve(listener: TcpListener, gateway: Arc<Gateway>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(converse(stream, gateway.clone(), stop.clone()))),
                // Out of file descriptors, most likely: others will be closed.
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(STOP_PATIENCE, async { while connections.join_next().await.is_some() {} }).await;
}

async fn converse(stream: TcpStream, gateway: Arc<Gateway>, mut stop: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn({
        let stop = stop.clone();
        move |request| {
            let (gateway, stop) = (gateway.clone(), stop.clone());
            async move { gateway.answer(request, stop).await }
        }
    });
    let mut connection = pin!(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

impl Gateway {
    async fn answer(&self, request: Request<Incoming>, mut stop: watch::Receiver<bool>) -> Result<Response<Body>, Closed> {
        let (parts, body) = request.into_parts();
        let signer = Signer::of(&parts);
        let Some((service, operation)) = route(&parts, signer.as_ref()) else {
            return Ok(whole(unknown_operation()));
        };
        let signer = signer.unwrap_or_default();
        // Objects stream through and are not looked at.
        let body = match service {
            Service::S3 => Asked::Object(body),
            _ => Asked::Json(body.collect().await.map_err(|_| Closed)?.to_bytes()),
        };
        let call = Call {
            service: service.name(),
            target: match &body {
                Asked::Object(_) => object_target(parts.uri.path()),
                Asked::Json(body) => json_target(body),
            },
            operation,
            path: format!("{} {}", parts.uri.path(), header(&parts.headers, "x-amz-copy-source")).trim_end().to_owned(),
            id: match header(&parts.headers, "amz-sdk-invocation-id") {
                "" => format!("call-{}", self.calls.fetch_add(1, Ordering::Relaxed)),
                id => id.to_owned(),
            },
            caller: signer.access_key.clone(),
        };
        let verdict = self.interceptor.verdict(&call);
        match verdict {
            Verdict::Refuse => return Err(Closed),
            Verdict::Fail { status, code } => return Ok(whole(failure(service, status, code))),
            Verdict::Conflict => {
                if let (Service::Dynamodb, Some(answer)) = (service, conflict(&call.operation)) {
                    return Ok(whole(answer));
                }
            }
            Verdict::Partial => {
                if let Asked::Json(asked) = &body
                    && let Some((rest, left_out)) = partial::split(&call.operation, asked)
                {
                    let answer = match rest {
                        Some(rest) => self.perform_json(&call, service, &signer, &parts, rest, &mut stop).await?,
                        None => json(200, &serde_json::json!({})),
                    };
                    return Ok(whole(partial::told(answer, left_out)));
                }
            }
            Verdict::Break if call.operation == "PutObject" => {
                if let Asked::Object(mut body) = body {
                    let _ = body.frame().await;
                }
                return Err(Closed);
            }
            Verdict::Hold(release) => {
                tokio::select! {
                    () = released(release) => {}
                    () = stopped(&mut stop) => return Err(Closed),
                }
                return self.perform(&call, service, &signer, parts, body, &mut stop).await;
            }
            _ => {}
        }
        let answer = self.perform(&call, service, &signer, parts, body, &mut stop).await?;
        match verdict {
            Verdict::Break if call.operation == "GetObject" => half(answer).await,
            Verdict::Stale if call.operation == "Query" && call.target.contains('.') => {
                Ok(whole(json(200, &serde_json::json!({"Items": [], "Count": 0, "ScannedCount": 0}))))
            }
            Verdict::DropResponse | Verdict::Break => Err(Closed),
            Verdict::NeverRespond => {
                stopped(&mut stop).await;
                Err(Closed)
            }
            _ => Ok(answer),
        }
    }

    async fn perform(
        &self,
        call: &Call,
        service: Service,
        signer: &Signer,
        parts: Parts,
        body: Asked,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Response<Body>, Closed> {
        match body {
            Asked::Object(body) => {
                let answer = self.s3.answer(Request::from_parts(parts, body)).await.map_err(|error| {
                    tracing::error!(?error, "S3 failed");
                    Closed
                })?;
                self.interceptor.performed(call, &[], answer.status().as_u16(), &[]);
                Ok(answer.map(|body| body.map_err(BoxError::from).boxed_unsync()))
            }
            Asked::Json(body) => self.perform_json(call, service, signer, &parts, body, stop).await.map(whole),
        }
    }

    async fn perform_json(
        &self,
        call: &Call,
        service: Service,
        signer: &Signer,
        parts: &Parts,
        body: Bytes,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Response<Bytes>, Closed> {
        let answer = match service {
            Service::Dynamodb => self.dynamodb.answer(&call.operation, parts, body.clone()).await.map_err(|error| {
                tracing::error!(%error, "DynamoDB failed");
                Closed
            })?,
            Service::Events => self.events.answer(&call.operation, &signer.region, &body),
            Service::Secrets => self.secrets.answer(&call.operation, &body),
            // Only here a call may wait for long.
            _ => tokio::select! {
                answer = self.sqs.answer(&call.operation, &signer.region, &body) => answer,
                () = stopped(stop) => return Err(Closed),
            },
        };
        self.interceptor.performed(call, &body, answer.status().as_u16(), answer.body());
        Ok(answer)
    }
}

/// A request's body.
enum Asked {
    Object(Incoming),
    Json(Bytes),
}

impl Service {
    /// As the interceptor knows it.
    fn name(self) -> &'static str {
        match self {
            Self::Dynamodb => "dynamodb",
            Self::S3 => "s3",
            Self::Sqs => "sqs",
            Self::Events => "events",
            Self::Secrets => "secretsmanager",
        }
    }
}

fn route(parts: &Parts, signer: Option<&Signer>) -> Option<(Service, String)> {
    let targets: [(Service, &[&str]); 4] = [
        (Service::Dynamodb, &["DynamoDB_20120810", "DynamoDBStreams_20120810"]),
        (Service::Sqs, &["AmazonSQS"]),
        (Service::Events, &["AWSEvents"]),
        (Service::Secrets, &["secretsmanager"]),
    ];
    if parts.headers.contains_key("x-amz-target") {
        return targets.into_iter().find_map(|(service, names)| Some((service, operation(&parts.headers, names)?)));
    }
    // S3 has no target header, and it is S3 that refuses what is not signed at all.
    signer.is_none_or(|signer| signer.service == "s3").then(|| (Service::S3, s3_operation(parts)))
}

fn whole(answer: Response<Bytes>) -> Response<Body> {
    answer.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync())
}

/// An error as the service tells it.
fn failure(service: Service, status: u16, code: &str) -> Response<Bytes> {
    let named = |prefix: &str| serde_json::json!({"__type": format!("{prefix}{code}"), "message": code});
    match service {
        Service::Dynamodb => json(status, &named("com.amazonaws.dynamodb.v20120810#")),
        Service::Sqs => json(status, &named("com.amazonaws.sqs#")),
        Service::Events | Service::Secrets => json(status, &named("")),
        Service::S3 => {
            let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{code}</Message></Error>");
            let mut answer = json(status, &serde_json::Value::Null).map(|_| Bytes::from(body));
            answer.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/xml"));
            answer
        }
    }
}

/// The first half of an answer's body, and then the connection closes.
async fn half(answer: Response<Body>) -> Result<Response<Body>, Closed> {
    let (mut parts, body) = answer.into_parts();
    let mut body = body.collect().await.map_err(|_| Closed)?.to_bytes();
    parts.headers.insert(http::header::CONTENT_LENGTH, body.len().into());
    body.truncate(body.len() / 2);
    let sent = futures::stream::iter([Ok(Frame::data(body))]);
    // What was given is only sent when there is nothing more at once.
    let cut = futures::stream::once(async {
        tokio::task::yield_now().await;
        Err(BoxError::from(Closed))
    });
    Ok(Response::from_parts(parts, StreamBody::new(sent.chain(cut)).boxed_unsync()))
}
