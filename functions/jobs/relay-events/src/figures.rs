//! What events say of the service's work. Those of test keys say nothing of it. An event that is published twice counts twice.

use jiff::Timestamp;
use serde::Deserialize;
use sfm_core::event::{Event, EventType};
use sfm_core::failure::FailureCode;
use sfm_store::metrics::{Dimension, Metric, Metrics};

/// What the metrics take of a fax that ended or came in.
#[derive(Deserialize)]
struct Ended {
    pages: u32,
    pages_sent: u32,
    failure: Option<Failure>,
    created_at: Timestamp,
    completed_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Failure {
    code: FailureCode,
}

pub fn write(metrics: &Metrics, events: &[&Event]) {
    let mut all = Vec::new();
    for event in events.iter().filter(|event| !event.test) {
        if event.kind == EventType::FaxQueued {
            all.push((Metric::FaxesAccepted, 1.0));
        }
        let ended = event.fax_id.and(event.data.as_deref()).and_then(|data| serde_json::from_str::<Ended>(data).ok());
        let Some(fax) = ended else { continue };
        let sent = (Metric::PagesSent, f64::from(fax.pages_sent));
        match event.kind {
            EventType::FaxDelivered => {
                let took = fax.completed_at.unwrap_or(event.created_at).duration_since(fax.created_at);
                all.extend([(Metric::FaxesDelivered, 1.0), sent, (Metric::TimeToDelivery, took.as_secs_f64() * 1000.0)]);
            }
            EventType::FaxFailed => {
                all.push(sent);
                let code = fax.failure.map_or("unknown", |failure| failure.code.as_str());
                metrics.write(Some(Dimension { name: "Code", value: code }), &[(Metric::FaxesFailed, 1.0)]);
            }
            EventType::FaxCanceled => all.extend([(Metric::FaxesCanceled, 1.0), sent]),
            EventType::FaxReceived => all.extend([(Metric::FaxesReceived, 1.0), (Metric::PagesReceived, f64::from(fax.pages))]),
            EventType::FaxQueued | EventType::ScheduledFailed | EventType::WebhookTest | EventType::WebhookRecovery => {}
        }
    }
    metrics.write(None, &all);
}
