//! Queues of hints: a message says that something is worth a look, never what to do.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::platform::{ConfigError, Platform};
use crate::sdk_error;

/// The longest delay of a queue message.
pub const LONGEST_DELAY: SignedDuration = SignedDuration::from_mins(15);

#[derive(Debug, Clone, thiserror::Error)]
#[error("the queue did not answer: {0}")]
pub struct QueueError(String);

#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    /// The queue whose URL stands in the environment variable `url_var`.
    pub fn new(platform: &Platform, url_var: &str) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.sqs(), url: platform.var(url_var)? })
    }

    /// Sends a hint that arrives at `due`, not before; at once when that has passed.
    ///
    /// What is due later than the longest delay is the due index's business: nothing is sent.
    pub async fn send(&self, hint: &impl Serialize, due: Timestamp, now: Timestamp) -> Result<(), QueueError> {
        let ahead = due.duration_since(now);
        if ahead > LONGEST_DELAY {
            return Ok(());
        }
        let seconds = u64::try_from(ahead.as_millis().max(0)).unwrap_or(0).div_ceil(1000);
        let body = serde_json::to_string(hint).map_err(|e| QueueError(e.to_string()))?;
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .delay_seconds(i32::try_from(seconds).unwrap_or(i32::MAX))
            .send()
            .await
            .map(|_| ())
            .map_err(|e| QueueError(sdk_error::summary(&e)))
    }

    /// Sends hints that arrive at once, ten a call.
    pub async fn send_all(&self, hints: &[impl Serialize]) -> Result<(), QueueError> {
        for chunk in hints.chunks(10) {
            let entries = chunk.iter().enumerate().map(|(i, hint)| {
                let body = serde_json::to_string(hint).map_err(|e| QueueError(e.to_string()))?;
                let entry = SendMessageBatchRequestEntry::builder().id(i.to_string()).message_body(body).build();
                entry.map_err(|e| QueueError(e.to_string()))
            });
            let entries = entries.collect::<Result<Vec<_>, _>>()?;
            let sent = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await;
            let sent = sent.map_err(|e| QueueError(sdk_error::summary(&e)))?;
            if let Some(failed) = sent.failed().first() {
                return Err(QueueError(format!("{}: {}", failed.code(), failed.message().unwrap_or_default())));
            }
        }
        Ok(())
    }
}
