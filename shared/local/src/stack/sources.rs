//! What feeds the functions that no HTTP request feeds: queues, streams and the schedule, as the template maps them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sfm_core::clock::Clock;
use sfm_store::platform::Platform;
use tokio::sync::{Semaphore, watch};

use super::handler::Handler;
use super::streams::stream_records;
use crate::aws::Endpoint;

/// How often an idle stream is asked for news.
const STREAM_PAUSE: Duration = Duration::from_millis(40);
/// Records that are dealt with are forgotten once there are this many.
const TRIM_EVERY: usize = 500;
/// How long a receive call waits for messages.
const LONG_POLL_SECONDS: i32 = 20;
/// A poller that met an error waits this long.
const AFTER_ERROR: Duration = Duration::from_millis(500);

/// A queue and the function that it feeds.
#[derive(Clone)]
pub struct QueueSource {
    pub queue_url: String,
    pub queue_arn: String,
    pub batch_size: i32,
    pub concurrency: usize,
    pub handler: Handler,
}

impl QueueSource {
    /// Receives for ever. Each batch is a task, so that a slow one does not hold up the next.
    pub async fn poll(self, platform: Platform) {
        let sqs = platform.sqs();
        let room = Arc::new(Semaphore::new(self.concurrency));
        loop {
            let Ok(permit) = room.clone().acquire_owned().await else { return };
            let received = sqs
                .receive_message()
                .queue_url(&self.queue_url)
                .max_number_of_messages(self.batch_size)
                .wait_time_seconds(LONG_POLL_SECONDS)
                .message_system_attribute_names(MessageSystemAttributeName::All)
                .send()
                .await;
            let messages = match received {
                Ok(received) => received.messages.unwrap_or_default(),
                Err(_) => {
                    tokio::time::sleep(AFTER_ERROR).await;
                    continue;
                }
            };
            if messages.is_empty() {
                continue;
            }
            let (source, sqs) = (self.clone(), sqs.clone());
            tokio::spawn(async move {
                source.feed(&sqs, messages).await;
                drop(permit);
            });
        }
    }

    /// Deletes what the function did not name as failed; the rest comes back after its visibility timeout.
    async fn feed(&self, sqs: &aws_sdk_sqs::Client, messages: Vec<Message>) {
        let records: Vec<Value> = messages.iter().map(|message| self.record(message)).collect();
        let answer = match tokio::spawn((self.handler)(json!({"Records": records}))).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(e)) => return tracing::warn!(error = %e, queue = self.queue_arn, "the function failed"),
            Err(e) => return tracing::error!(error = %e, queue = self.queue_arn, "the function panicked"),
        };
        let failed: Vec<&str> = failures(&answer).collect();
        let done = messages.iter().filter(|message| !failed.contains(&message.message_id().unwrap_or_default()));
        let entries = done.enumerate().filter_map(|(i, message)| {
            DeleteMessageBatchRequestEntry::builder().id(i.to_string()).set_receipt_handle(message.receipt_handle.clone()).build().ok()
        });
        let entries: Vec<_> = entries.collect();
        if !entries.is_empty()
            && let Err(e) = sqs.delete_message_batch().queue_url(&self.queue_url).set_entries(Some(entries)).send().await
        {
            tracing::warn!(error = %e, queue = self.queue_arn, "messages were not deleted and will come again");
        }
    }

    fn record(&self, message: &Message) -> Value {
        let attributes = message.attributes().into_iter().flatten().map(|(name, value)| (name.as_str().to_owned(), json!(value)));
        json!({
            "messageId": message.message_id(),
            "receiptHandle": message.receipt_handle(),
            "body": message.body(),
            "md5OfBody": message.md5_of_body(),
            "attributes": attributes.collect::<serde_json::Map<_, _>>(),
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": self.queue_arn,
            "awsRegion": super::REGION,
        })
    }
}

fn failures(answer: &Value) -> impl Iterator<Item = &str> {
    answer["batchItemFailures"].as_array().into_iter().flatten().filter_map(|failure| failure["itemIdentifier"].as_str())
}

/// A table's stream and the function that it feeds.
#[derive(Clone)]
pub struct StreamSource {
    pub table: String,
    pub stream_arn: String,
    pub batch_size: usize,
    pub max_retries: u32,
    pub bisect: bool,
    /// Keeps only the records whose `eventName` is one of these; empty keeps all.
    pub event_names: Vec<String>,
    /// Where records go that failed too often.
    pub failures_bucket: Option<String>,
    /// Holds the sequence number of the last record that was dealt with.
    pub checkpoint: PathBuf,
    pub handler: Handler,
}

impl StreamSource {
    pub async fn poll(self, aws: Arc<Endpoint>, platform: Platform) {
        let database = aws.database().clone();
        let mut untrimmed = 0;
        let mut position = std::fs::read_to_string(&self.checkpoint).ok().filter(|position| position.parse::<u128>().is_ok());
        loop {
            let read = tokio::task::spawn_blocking({
                let (database, table, position, limit) = (database.clone(), self.table.clone(), position.clone(), self.batch_size);
                move || stream_records(&database, &table, position.as_deref(), limit)
            });
            let records = match read.await {
                Ok(Ok(records)) => records,
                Ok(Err(e)) => {
                    tracing::error!(error = %e, table = self.table, "the stream cannot be read");
                    tokio::time::sleep(AFTER_ERROR).await;
                    continue;
                }
                Err(_) => return,
            };
            let Some(last) = records.last().and_then(sequence_number).map(str::to_owned) else {
                tokio::time::sleep(STREAM_PAUSE).await;
                continue;
            };
            let read_count = records.len();
            let wanted = |record: &Value| self.event_names.is_empty() || self.event_names.iter().any(|name| record["eventName"] == **name);
            let mut kept: Vec<Value> = records.into_iter().filter(wanted).collect();
            for record in &mut kept {
                record["eventSourceARN"] = self.stream_arn.clone().into();
            }
            self.feed(kept, &platform).await;
            if let Err(e) = replace(&self.checkpoint, &last) {
                tracing::warn!(error = %e, "the stream's position was not kept; its records will come again");
            }
            untrimmed += read_count;
            if untrimmed > TRIM_EVERY {
                untrimmed = 0;
                self.trim(aws.clone(), last.clone());
            }
            position = Some(last);
        }
    }

    fn trim(&self, aws: Arc<Endpoint>, position: String) {
        let table = self.table.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(e) = aws.trim_stream(&table, &position) {
                tracing::warn!(error = %e, table, "the stream was not trimmed");
            }
        });
    }

    /// Feeds records until all are dealt with: taken by the function, or kept with the failures.
    async fn feed(&self, records: Vec<Value>, platform: &Platform) {
        let mut pending = vec![(records, 0)];
        while let Some((batch, tries)) = pending.pop() {
            if batch.is_empty() {
                continue;
            }
            let answer = tokio::spawn((self.handler)(json!({"Records": batch}))).await;
            let failed_from = match answer {
                Ok(Ok(answer)) => {
                    let first = failures(&answer).filter_map(|id| batch.iter().position(|r| sequence_number(r) == Some(id))).min();
                    let Some(first) = first else { continue };
                    first
                }
                Ok(Err(e)) => {
                    tracing::warn!(error = %e, table = self.table, "the function failed");
                    0
                }
                Err(_) => 0,
            };
            let mut rest = batch;
            let rest = rest.split_off(failed_from);
            if tries >= self.max_retries {
                self.give_up(rest, platform).await;
            } else if self.bisect && rest.len() > 1 {
                let mut first_half = rest;
                let second_half = first_half.split_off(first_half.len() / 2);
                pending.push((second_half, tries + 1));
                pending.push((first_half, tries + 1));
            } else {
                tokio::time::sleep(STREAM_PAUSE * 2u32.pow(tries.min(6))).await;
                pending.push((rest, tries + 1));
            }
        }
    }

    async fn give_up(&self, records: Vec<Value>, platform: &Platform) {
        let Some(bucket) = &self.failures_bucket else { return };
        let key = format!("{}/{}.json", self.table, records.first().and_then(sequence_number).unwrap_or_default());
        tracing::warn!(table = self.table, records = records.len(), key, "stream records failed too often");
        let body = ByteStream::from(json!({"Records": records}).to_string().into_bytes());
        if let Err(e) = platform.s3().put_object().bucket(bucket).key(key).body(body).send().await {
            tracing::error!(error = %e, "stream records that failed were not kept");
        }
    }
}

/// Writes a small file so that whenever the process dies it holds the old text or the new one.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    std::fs::write(&beside, text)?;
    std::fs::rename(beside, path)
}

fn sequence_number(record: &Value) -> Option<&str> {
    record["dynamodb"]["SequenceNumber"].as_str()
}

/// The minutes of a schedule's expression, `rate(1 minute)` or `rate(N minutes)`.
pub fn rate_minutes(expression: &str) -> Option<i64> {
    let (number, unit) = expression.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    let minutes = number.parse().ok().filter(|minutes| *minutes > 0)?;
    matches!(unit, "minute" | "minutes").then_some(minutes)
}

/// A schedule: fires at once, whenever the clock was moved, and each `minutes` minutes. Its first event says that the queues are
/// empty: they do not outlive a stack.
pub async fn each(minutes: i64, handler: Handler, clock: Clock, mut moved: watch::Receiver<u64>, sweep: impl Fn() + Send) {
    let mut rescan = true;
    loop {
        let now = clock.now();
        let event = json!({"time": now.to_string(), "rescan": rescan});
        rescan = false;
        match tokio::spawn(handler(event)).await {
            Ok(Ok(_)) => {}
            Ok(Err(e)) => tracing::warn!(error = %e, "the scheduled function failed"),
            Err(_) => tracing::error!("the scheduled function panicked"),
        }
        sweep();
        let next = next_tick(minutes, clock.now());
        tokio::select! {
            _ = tokio::time::sleep(wait(next, clock.now())) => {}
            changed = moved.changed() => if changed.is_err() { return },
        }
    }
}

fn next_tick(minutes: i64, now: Timestamp) -> Timestamp {
    let period = minutes.saturating_mul(60);
    let second = now.as_second().div_euclid(period).saturating_add(1).saturating_mul(period);
    Timestamp::from_second(second).unwrap_or(now)
}

fn wait(until: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(now).max(SignedDuration::ZERO)).unwrap_or_default()
}
