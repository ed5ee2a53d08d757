//! Stream of table `events` → event bus. An event leaves the due index once it is fanned out; one that is not in time is published again
//! by the dispatcher.

mod figures;

use aws_lambda_events::dynamodb::{Event as StreamEvent, EventRecord};
use serde::Serialize;
use sfm_core::event::Event;
use sfm_store::bus::{BATCH, Bus};
use sfm_store::metrics::Metrics;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::runtime::{Error, Worker};

#[derive(Debug)]
pub struct RelayEvents {
    bus: Bus,
    metrics: Metrics,
}

/// Where Lambda is to go on: at the first record that failed.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    pub batch_item_failures: Vec<ItemFailure>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemFailure {
    pub item_identifier: String,
}

impl Worker for RelayEvents {
    type Event = StreamEvent;
    type Answer = BatchAnswer;

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { bus: Bus::new(platform)?, metrics: Metrics::new(platform)? })
    }

    async fn handle(&self, batch: StreamEvent) -> Result<BatchAnswer, Error> {
        for records in batch.records.chunks(BATCH) {
            if let Some(failed) = self.relay(records).await {
                let sequence = failed.change.sequence_number.clone().unwrap_or_default();
                return Ok(BatchAnswer { batch_item_failures: vec![ItemFailure { item_identifier: sequence }] });
            }
        }
        Ok(BatchAnswer::default())
    }
}

impl RelayEvents {
    /// Publishes the new events among `records`, up to one that cannot be read; returns the first one that was not published.
    async fn relay<'a>(&self, records: &'a [EventRecord]) -> Option<&'a EventRecord> {
        let mut read: Vec<(&EventRecord, Event)> = Vec::new();
        let mut unreadable = None;
        for record in records.iter().filter(|record| record.event_name == "INSERT") {
            match serde_dynamo::from_item(record.change.new_image.clone()) {
                Ok(event) => read.push((record, event)),
                Err(e) => {
                    tracing::error!(error = %e, "an event row cannot be read");
                    unreadable = Some(record);
                    break;
                }
            }
        }
        if read.is_empty() {
            return unreadable;
        }
        let events: Vec<&Event> = read.iter().map(|(_, event)| event).collect();
        let results = match self.bus.publish(&events).await {
            Ok(results) => results,
            Err(e) => {
                tracing::warn!(error = %e, "events not published");
                return read.first().map(|(record, _)| *record);
            }
        };
        let mut first_failed = None;
        let mut published = Vec::new();
        for ((record, event), result) in read.iter().zip(results) {
            match result {
                Ok(()) => published.push(event),
                Err(e) => {
                    tracing::warn!(error = %e, event_id = %event.id, "event not published");
                    first_failed = first_failed.or(Some(*record));
                }
            }
        }
        figures::write(&self.metrics, &published);
        first_failed.or(unreadable)
    }
}
