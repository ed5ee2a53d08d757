//! EventBridge: `PutEvents`, and rules that put what matches on queues.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sfm_core::clock::Clock;

use super::pattern::Pattern;
use super::queues::{Outgoing, Queues};
use super::response;
use super::{ACCOUNT, EndpointError};

const MAX_ENTRIES: usize = 10;
const MAX_SIZE: usize = 1024 * 1024;

/// Puts the events of a bus that match a pattern on a queue.
#[derive(Debug, Clone)]
pub struct BusRule {
    pub name: String,
    pub event_bus_name: String,
    pub pattern: Value,
    pub target_queue_name: String,
}

pub(super) struct Events {
    rules: Vec<(BusRule, Pattern)>,
    buses: BTreeSet<String>,
    queues: Queues,
    clock: Clock,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutEvents {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    source: Option<String>,
    detail_type: Option<String>,
    detail: Option<String>,
    event_bus_name: Option<String>,
    #[serde(default)]
    resources: Vec<String>,
    /// Seconds since the epoch.
    time: Option<f64>,
}

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "PascalCase")]
enum Outcome {
    Put { event_id: String },
    Refused { error_code: &'static str, error_message: String },
}

impl Events {
    pub(super) fn new(rules: Vec<BusRule>, queues: Queues, clock: Clock) -> Result<Self, EndpointError> {
        let rules = rules.into_iter().map(|rule| match Pattern::compile(&rule.pattern) {
            Ok(pattern) => Ok((rule, pattern)),
            Err(source) => Err(EndpointError::Rule { rule: rule.name, source }),
        });
        let rules = rules.collect::<Result<Vec<_>, _>>()?;
        let mut buses: BTreeSet<_> = rules.iter().map(|(rule, _)| rule.event_bus_name.clone()).collect();
        buses.insert("default".to_owned());
        Ok(Self { rules, buses, queues, clock })
    }

    pub(super) fn answer(&self, operation: &str, region: &str, body: &[u8]) -> Response<Bytes> {
        if operation != "PutEvents" {
            return error("UnknownOperationException", &format!("EventBridge has no {operation} here, only PutEvents."));
        }
        let entries = match serde_json::from_slice::<PutEvents>(body) {
            Ok(request) => request.entries,
            Err(unread) => return error("SerializationException", &unread.to_string()),
        };
        if entries.is_empty() || entries.len() > MAX_ENTRIES {
            let bound = if entries.is_empty() { "greater than or equal to 1" } else { "less than or equal to 10" };
            let constraint = format!("failed to satisfy constraint: Member must have length {bound}");
            return error("ValidationException", &format!("1 validation error detected: Value at 'entries' {constraint}"));
        }
        if entries.iter().map(Entry::size).sum::<usize>() >= MAX_SIZE {
            return error("ValidationException", "Total size of the entries in the request is over the limit.");
        }
        let outcomes: Vec<_> = entries
            .into_iter()
            .map(|entry| match self.put(region, entry) {
                Ok(event_id) => Outcome::Put { event_id },
                Err((error_code, error_message)) => Outcome::Refused { error_code, error_message },
            })
            .collect();
        let failed = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Refused { .. })).count();
        response::json(200, &json!({ "FailedEntryCount": failed, "Entries": outcomes }))
    }

    fn put(&self, region: &str, entry: Entry) -> Result<String, (&'static str, String)> {
        let source = required("Source", entry.source)?;
        let detail_type = required("DetailType", entry.detail_type)?;
        let detail = required("Detail", entry.detail)?;
        if source.starts_with("aws.") {
            return Err(("NotAuthorizedForSourceException", "Not authorized for the source.".to_owned()));
        }
        let detail = serde_json::from_str::<Value>(&detail).ok().filter(Value::is_object);
        let detail = detail.ok_or_else(|| ("MalformedDetail", "Detail is malformed.".to_owned()))?;
        // A name, or an ARN that ends in `event-bus/NAME`.
        let bus = entry.event_bus_name.as_deref().unwrap_or("default");
        let bus = bus.rsplit_once(":event-bus/").map_or(bus, |(_, name)| name);
        if !self.buses.contains(bus) {
            return Err(("ResourceNotFoundException", format!("Event bus {bus} does not exist.")));
        }
        let time = entry.time.and_then(|seconds| Timestamp::from_second(seconds as i64).ok());
        let time = time.unwrap_or_else(|| self.clock.now());
        let id = uuid::Uuid::new_v4().to_string();
        let event = json!({
            "version": "0",
            "id": id,
            "detail-type": detail_type,
            "source": source,
            "account": ACCOUNT,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": if region.is_empty() { "us-east-1" } else { region },
            "resources": entry.resources,
            "detail": detail,
        });
        let rules = self.rules.iter().filter(|(rule, _)| rule.event_bus_name == bus);
        for (rule, _) in rules.filter(|(_, pattern)| pattern.matches(&event)) {
            // As in the cloud, a target that cannot be reached is no concern of whoever put the event.
            if let Err(error) = self.queues.send(&rule.target_queue_name, Outgoing { body: event.to_string(), delay: None, group: None }) {
                tracing::error!(rule = rule.name, queue = rule.target_queue_name, %error, "event not delivered");
            }
        }
        Ok(id)
    }
}

impl Entry {
    /// As EventBridge counts it.
    fn size(&self) -> usize {
        let texts = [&self.source, &self.detail_type, &self.detail].into_iter().flatten().chain(&self.resources);
        texts.map(String::len).sum::<usize>() + self.time.map_or(0, |_| 14)
    }
}

fn required(name: &str, value: Option<String>) -> Result<String, (&'static str, String)> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| {
        let message = format!("Parameter {name} is not valid. Reason: {name} is a required argument.");
        ("InvalidArgument", message)
    })
}

fn error(code: &str, message: &str) -> Response<Bytes> {
    response::json(400, &json!({ "__type": code, "message": message }))
}
