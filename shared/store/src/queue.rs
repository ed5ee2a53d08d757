//! Queues of hints: a message says that something is worth a look, never what to do.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::platform::{ConfigError, Platform};
use crate::sdk_error;
use sfm_core::clock::Clock;
use sfm_core::id::AccountId;

/// The longest delay of a queue message: Amazon SQS developer guide, "Message quotas".
pub const LONGEST_DELAY: SignedDuration = SignedDuration::from_mins(15);
/// Messages that one call takes.
pub const BATCH: usize = 10;
/// How often a batch is sent whose messages the queue takes in part.
const TRIES: usize = 3;

/// Whole seconds from `now` after which a message arrives at `due` or less than a second later.
fn delay(due: Timestamp, now: Timestamp) -> i32 {
    let ahead = due.duration_since(now).clamp(SignedDuration::ZERO, LONGEST_DELAY);
    i32::try_from(ahead.as_millis()).unwrap_or(0).saturating_add(999) / 1000
}

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
        self.send_grouped(hint, None, due, now).await
    }

    /// The same, for a queue that shares its workers fairly between accounts.
    pub async fn send_fair(&self, hint: &impl Serialize, account: AccountId, due: Timestamp, now: Timestamp) -> Result<(), QueueError> {
        self.send_grouped(hint, Some(account.to_string()), due, now).await
    }

    async fn send_grouped(&self, hint: &impl Serialize, group: Option<String>, due: Timestamp, now: Timestamp) -> Result<(), QueueError> {
        if due.duration_since(now) > LONGEST_DELAY {
            return Ok(());
        }
        let body = serde_json::to_string(hint).map_err(|e| QueueError(e.to_string()))?;
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .delay_seconds(delay(due, now))
            .set_message_group_id(group)
            .send()
            .await
            .map(|_| ())
            .map_err(|e| QueueError(sdk_error::summary(&e)))
    }

    /// Sends at most [`BATCH`] hints in one call; each arrives at its time, not before, or at once when that has passed. A time
    /// farther away than the longest delay is met too early, which the worker sees. `group` names the account between which and others
    /// the queue shares its workers fairly.
    ///
    /// What the queue did not take is tried again, with the delay that is then right.
    pub async fn send_batch<H: Serialize>(
        &self,
        hints: &[(H, Timestamp)],
        group: impl Fn(&H) -> Option<AccountId>,
        clock: &Clock,
    ) -> Result<(), QueueError> {
        let mut left: Vec<usize> = (0..hints.len()).collect();
        for _ in 0..TRIES {
            let now = clock.now();
            let entries = left.iter().filter_map(|i| Some((i, hints.get(*i)?))).map(|(i, (hint, due))| {
                let body = serde_json::to_string(hint).map_err(|e| QueueError(e.to_string()))?;
                let entry = SendMessageBatchRequestEntry::builder().id(i.to_string()).message_body(body).delay_seconds(delay(*due, now));
                entry.set_message_group_id(group(hint).map(|account| account.to_string())).build().map_err(|e| QueueError(e.to_string()))
            });
            let entries = entries.collect::<Result<Vec<_>, _>>()?;
            let sent = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await;
            let sent = sent.map_err(|e| QueueError(sdk_error::summary(&e)))?;
            left = sent.failed().iter().filter_map(|failed| failed.id().parse().ok()).collect();
            match sent.failed().first() {
                None => return Ok(()),
                Some(failed) if failed.sender_fault() => return Err(QueueError(failed.code().to_owned())),
                Some(_) => {}
            }
        }
        Err(QueueError(format!("{} hints were not taken", left.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_never_short_and_less_than_a_second_long() {
        let now = Timestamp::from_millisecond(1_800_000_000_250).unwrap_or_default();
        for (ahead_ms, seconds) in [(-5_000, 0), (0, 0), (1, 1), (1_000, 1), (1_001, 2), (899_999, 900), (900_000, 900), (7_200_000, 900)] {
            assert_eq!(delay(now + SignedDuration::from_millis(ahead_ms), now), seconds, "{ahead_ms} ms");
        }
    }
}
