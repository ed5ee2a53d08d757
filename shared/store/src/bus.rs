//! The event bus, on which domain events travel to whoever has a rule for them.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use crate::platform::{ConfigError, Platform};
use crate::sdk_error;
use sfm_core::event::Event;

pub const SOURCE: &str = "sendfaxmail";
/// Entries that one call takes.
pub const BATCH: usize = 10;

#[derive(Debug, Clone, thiserror::Error)]
#[error("the event bus did not take it: {0}")]
pub struct BusError(String);

#[derive(Debug, Clone)]
pub struct Bus {
    client: Client,
    name: String,
}

impl Bus {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.eventbridge(), name: platform.var("EVENT_BUS")? })
    }

    /// Publishes at most [`BATCH`] events in one call, and tells of each whether the bus took it.
    pub async fn publish(&self, events: &[&Event]) -> Result<Vec<Result<(), BusError>>, BusError> {
        let entries = events
            .iter()
            .map(|event| {
                let detail = serde_json::to_string(&event.slim()).map_err(|e| BusError(e.to_string()))?;
                Ok(PutEventsRequestEntry::builder()
                    .event_bus_name(&self.name)
                    .source(SOURCE)
                    .detail_type(event.kind.as_str())
                    .detail(detail)
                    .build())
            })
            .collect::<Result<Vec<_>, BusError>>()?;
        let answer = self.client.put_events().set_entries(Some(entries)).send().await.map_err(|e| BusError(sdk_error::summary(&e)))?;
        let results = answer.entries().iter().map(|entry| match entry.error_code() {
            None => Ok(()),
            Some(code) => Err(BusError(format!("{code}: {}", entry.error_message().unwrap_or_default()))),
        });
        let results: Vec<_> = results.collect();
        if results.len() == events.len() { Ok(results) } else { Err(BusError("the answer has another number of entries".into())) }
    }
}
