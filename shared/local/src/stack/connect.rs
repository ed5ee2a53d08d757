//! Connects every event source that the template names to its function.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use sfm_simulator::interceptor::CallInterceptor;
use sfm_store::platform::Platform;
use tokio::sync::watch;

use super::api::{self, Route};
use super::error::StackError;
use super::handler::{Handler, intercepted};
use super::sources::{QueueSource, StreamSource, each, rate_minutes};
use super::template::{Resource, TemplateError, name_of_arn};
use super::{AWS_ACCOUNT, Stack};

impl Stack {
    /// Connects every event source that the template names to its function, and returns the routes.
    pub(super) fn connect(
        &mut self,
        functions: &[Resource],
        dir: &Path,
        poller: &Platform,
        moved: &watch::Receiver<u64>,
        background: Option<Arc<dyn CallInterceptor>>,
    ) -> Result<Vec<Route>, StackError> {
        let mut routes = Vec::new();
        for function in functions {
            let Some(handler) = self.host.handler(&function.name) else { continue };
            for event in function.properties["Events"].as_object().into_iter().flat_map(|events| events.values()) {
                let properties = &event["Properties"];
                let text = |field: &str| properties[field].as_str().unwrap_or_default().to_owned();
                match (event["Type"].as_str().unwrap_or_default(), &background) {
                    ("HttpApi", _) => {
                        let path = if properties["Path"].is_null() { api::DEFAULT.to_owned() } else { text("Path") };
                        let method = if properties["Method"].is_null() { "ANY".to_owned() } else { text("Method").to_uppercase() };
                        let authorizer = match properties["Auth"]["Authorizer"].as_str() {
                            None => None,
                            Some(name) => Some(self.authorizers.get(name).cloned().ok_or_else(|| {
                                TemplateError::Shape(format!("{} asks for an authorizer {name}, which the API has not", function.name))
                            })?),
                        };
                        routes.push(Route { method, path, authorizer, handler: handler.clone() });
                    }
                    ("SQS" | "DynamoDB" | "ScheduleV2", None) => {}
                    ("SQS", Some(interceptor)) => {
                        let arn = text("Queue");
                        let source = QueueSource {
                            queue_url: format!("{}/{AWS_ACCOUNT}/{}", self.aws.url(), name_of_arn(&arn)),
                            queue_arn: arn,
                            batch_size: properties["BatchSize"].as_i64().and_then(|n| i32::try_from(n).ok()).unwrap_or(10).min(10),
                            concurrency: properties["ScalingConfig"]["MaximumConcurrency"]
                                .as_u64()
                                .and_then(|n| usize::try_from(n).ok())
                                .unwrap_or(10),
                            handler: intercepted(handler.clone(), &function.name, interceptor.clone()),
                        };
                        self.tasks.spawn(source.poll(poller.clone()));
                    }
                    ("DynamoDB", Some(interceptor)) => {
                        let handler = intercepted(handler.clone(), &function.name, interceptor.clone());
                        let source = stream_source(function, properties, handler, dir);
                        self.tasks.spawn(source.poll(self.aws.clone(), poller.clone()));
                    }
                    ("ScheduleV2", Some(_)) => {
                        let minutes = rate_minutes(&text("ScheduleExpression"))
                            .ok_or_else(|| TemplateError::Shape(format!("{} has a schedule that is no rate of minutes", function.name)))?;
                        let aws = self.aws.clone();
                        let sweep = move || {
                            let aws = aws.clone();
                            tokio::task::spawn_blocking(move || {
                                if let Err(e) = aws.sweep_ttl().and_then(|_| aws.expire_objects()) {
                                    tracing::error!(error = %e, "expired items were not removed");
                                }
                            });
                        };
                        self.tasks.spawn(each(minutes, handler.clone(), self.shared.clock.clone(), moved.clone(), sweep));
                    }
                    (other, _) => return Err(TemplateError::Shape(format!("{} has an event of type {other}", function.name)).into()),
                }
            }
        }
        Ok(routes)
    }
}

fn stream_source(function: &Resource, properties: &Value, handler: Handler, dir: &Path) -> StreamSource {
    let number = |field: &str, default: u64| properties[field].as_u64().unwrap_or(default);
    let stream_arn = properties["Stream"].as_str().unwrap_or_default().to_owned();
    let patterns = properties["FilterCriteria"]["Filters"].as_array().into_iter().flatten();
    let event_names = patterns
        .filter_map(|filter| serde_json::from_str::<Value>(filter["Pattern"].as_str()?).ok())
        .flat_map(|pattern| pattern["eventName"].as_array().cloned().unwrap_or_default())
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    let failures = properties["DestinationConfig"]["OnFailure"]["Destination"].as_str();
    StreamSource {
        table: name_of_arn(&stream_arn).to_owned(),
        stream_arn,
        batch_size: usize::try_from(number("BatchSize", 100)).unwrap_or(100),
        max_retries: u32::try_from(number("MaximumRetryAttempts", 10)).unwrap_or(10),
        bisect: properties["BisectBatchOnFunctionError"] == true,
        event_names,
        failures_bucket: failures.map(|arn| name_of_arn(arn).to_owned()),
        checkpoint: dir.join(format!("{}.position", function.name)),
        handler,
    }
}
