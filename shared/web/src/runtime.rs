//! The glue between Lambda and the functions. A function's `main` is one call of [`serve_http`] or [`serve_events`].

use std::sync::Arc;

use lambda_runtime::{LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Endpoint;
use crate::logging;
use crate::serve::respond;
use sfm_store::platform::{ConfigError, Platform};

pub use lambda_runtime::Error;

/// A function that is fed by a queue, a stream or a schedule.
pub trait Worker: Sized + Send + Sync + 'static {
    type Event: DeserializeOwned + Send + 'static;
    type Answer: Serialize + Send + 'static;

    fn new(platform: &Platform) -> Result<Self, ConfigError>;

    /// Works on one event. An error lets Lambda repeat the whole of it; what failed of a batch is said in the answer.
    fn handle(&self, event: Self::Event) -> impl Future<Output = Result<Self::Answer, Error>> + Send;
}

/// Runs an endpoint until Lambda ends the process.
pub async fn serve_http<E: Endpoint>() -> Result<(), Error> {
    logging::init();
    let platform = Platform::from_env()?;
    let endpoint = Arc::new(E::new(&platform)?);
    let clock = platform.clock();
    lambda_http::run(service_fn(move |request: lambda_http::Request| {
        let (endpoint, clock) = (endpoint.clone(), clock.clone());
        async move { Ok::<_, Error>(respond(endpoint, clock, request).await) }
    }))
    .await
}

/// Runs a worker until Lambda ends the process.
pub async fn serve_events<W: Worker>() -> Result<(), Error> {
    logging::init();
    let platform = Platform::from_env()?;
    let worker = Arc::new(W::new(&platform)?);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<W::Event>| {
        let worker = worker.clone();
        async move { worker.handle(event.payload).await }
    }))
    .await
}
