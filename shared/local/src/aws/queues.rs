//! Queues in memory, in the stack's time: Amazon SQS's standard queues as far as the stack needs them.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues.html>

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use sfm_core::clock::Clock;
use tokio::sync::Notify;
use uuid::Uuid;

use super::ACCOUNT;

/// A receiver that waits looks again so often: delays end, and the stack's clock moves, without a word.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The attributes of a queue that can be set here, with SQS's own defaults in seconds.
const DEFAULTS: [(&str, &str); 3] = [("DelaySeconds", "0"), ("MessageRetentionPeriod", "345600"), ("VisibilityTimeout", "30")];
const REDRIVE_POLICY: &str = "RedrivePolicy";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum QueueError {
    #[error("The specified queue does not exist.")]
    NoSuchQueue,
    #[error("A queue already exists with the same name and a different value for an attribute.")]
    NameExists,
    #[error("The input receipt handle is invalid.")]
    InvalidReceipt,
    #[error("The message is not in flight.")]
    NotInFlight,
    #[error("Attribute {0} is not known here, or its value makes no sense.")]
    InvalidAttribute(String),
}

type Result<T, E = QueueError> = std::result::Result<T, E>;

/// What is to be sent.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) body: String,
    /// Seconds; None: as long as the queue says.
    pub(super) delay: Option<u32>,
    /// What fair queues go by. Here nothing does; it is handed on.
    pub(super) group: Option<String>,
}

/// A message, as a receiver sees it. Times are milliseconds since the epoch.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: String,
    pub(super) group: Option<String>,
    pub(super) sent_at: i64,
    pub(super) first_received_at: Option<i64>,
    pub(super) receive_count: u32,
    pub(super) receipt: String,
    visible_at: i64,
}

struct Queue {
    url: String,
    arn: String,
    created_at: i64,
    attributes: BTreeMap<String, String>,
    /// By their place in the queue.
    messages: BTreeMap<u64, Message>,
}

impl Queue {
    fn seconds(&self, attribute: &str) -> i64 {
        self.attributes.get(attribute).and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// The ARN of the dead-letter queue, and how often a message is received before it goes there.
    fn redrive(&self) -> Option<(String, u32)> {
        let policy: Value = serde_json::from_str(self.attributes.get(REDRIVE_POLICY)?).ok()?;
        let most = &policy["maxReceiveCount"];
        let most = most.as_u64().or_else(|| most.as_str()?.parse().ok())?;
        Some((policy["deadLetterTargetArn"].as_str()?.to_owned(), u32::try_from(most).ok()?))
    }
}

#[derive(Default)]
struct State {
    queues: HashMap<String, Queue>,
    places: u64,
}

impl State {
    fn queue(&mut self, name: &str) -> Result<&mut Queue> {
        self.queues.get_mut(name).ok_or(QueueError::NoSuchQueue)
    }

    fn put(&mut self, name: &str, message: Message) -> Result<()> {
        self.places += 1;
        let place = self.places;
        self.queue(name)?.messages.insert(place, message);
        Ok(())
    }
}

/// All queues, of whatever region.
#[derive(Clone)]
pub(super) struct Queues {
    url: String,
    clock: Clock,
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
}

impl Queues {
    /// Their URLs begin with `url`.
    pub(super) fn new(url: String, clock: Clock) -> Self {
        Self { url, clock, state: Arc::default(), changed: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    /// Makes a queue and returns its URL. The same queue may be made twice.
    pub(super) fn create(&self, region: &str, name: &str, attributes: BTreeMap<String, String>) -> Result<String> {
        for (attribute, value) in &attributes {
            let known = attribute == REDRIVE_POLICY || DEFAULTS.iter().any(|(known, _)| known == attribute) && value.parse::<u32>().is_ok();
            if !known {
                return Err(QueueError::InvalidAttribute(attribute.clone()));
            }
        }
        let defaults = DEFAULTS.map(|(attribute, value)| (attribute.to_owned(), value.to_owned()));
        let attributes: BTreeMap<_, _> = defaults.into_iter().chain(attributes).collect();
        let mut state = self.state();
        if let Some(there) = state.queues.get(name) {
            return if there.attributes == attributes { Ok(there.url.clone()) } else { Err(QueueError::NameExists) };
        }
        let url = format!("{}/{ACCOUNT}/{name}", self.url);
        let arn = format!("arn:aws:sqs:{region}:{ACCOUNT}:{name}");
        let queue = Queue { url: url.clone(), arn, created_at: self.now(), attributes, messages: BTreeMap::new() };
        state.queues.insert(name.to_owned(), queue);
        Ok(url)
    }

    pub(super) fn url(&self, name: &str) -> Result<String> {
        self.state().queue(name).map(|queue| queue.url.clone())
    }

    /// The URLs of the queues whose names begin with `prefix`, in order.
    pub(super) fn list(&self, prefix: &str) -> Vec<String> {
        let state = self.state();
        let mut urls: Vec<_> =
            state.queues.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, queue)| queue.url.clone()).collect();
        urls.sort();
        urls
    }

    pub(super) fn purge(&self, name: &str) -> Result<()> {
        self.state().queue(name).map(|queue| queue.messages.clear())
    }

    pub(super) fn attributes(&self, name: &str) -> Result<BTreeMap<String, String>> {
        let now = self.now();
        let mut state = self.state();
        let queue = state.queue(name)?;
        let mut attributes = queue.attributes.clone();
        let (mut visible, mut in_flight, mut delayed) = (0, 0, 0);
        for message in queue.messages.values() {
            match (message.visible_at <= now, message.receive_count) {
                (true, _) => visible += 1,
                (false, 0) => delayed += 1,
                (false, _) => in_flight += 1,
            }
        }
        attributes.extend(
            [
                ("QueueArn", queue.arn.clone()),
                ("CreatedTimestamp", (queue.created_at / 1000).to_string()),
                ("ApproximateNumberOfMessages", visible.to_string()),
                ("ApproximateNumberOfMessagesNotVisible", in_flight.to_string()),
                ("ApproximateNumberOfMessagesDelayed", delayed.to_string()),
            ]
            .map(|(attribute, value)| (attribute.to_owned(), value)),
        );
        Ok(attributes)
    }

    /// Sends a message and returns its id.
    pub(super) fn send(&self, name: &str, message: Outgoing) -> Result<String> {
        let now = self.now();
        let mut state = self.state();
        let delay = message.delay.map_or_else(|| Ok(state.queue(name)?.seconds("DelaySeconds")), |delay| Ok(i64::from(delay)))?;
        let id = Uuid::new_v4().to_string();
        let message = Message {
            id: id.clone(),
            body: message.body,
            group: message.group,
            sent_at: now,
            first_received_at: None,
            receive_count: 0,
            receipt: String::new(),
            visible_at: now + delay * 1000,
        };
        state.put(name, message)?;
        drop(state);
        self.changed.notify_waiters();
        Ok(id)
    }

    /// At most `most` messages, as soon as there is one, but no later than after `wait` of the system's time.
    pub(super) async fn receive(&self, name: &str, most: usize, visibility: Option<u32>, wait: Duration) -> Result<Vec<Message>> {
        let until = Instant::now() + wait;
        loop {
            // Before the look, so that nothing that is sent after it is missed.
            let changed = self.changed.notified();
            let messages = self.take(name, most, visibility)?;
            let left = until.saturating_duration_since(Instant::now());
            if !messages.is_empty() || left.is_zero() {
                return Ok(messages);
            }
            let _ = tokio::time::timeout(LOOK_AGAIN.min(left), changed).await;
        }
    }

    /// The first visible messages, which are then in flight. What is too old is gone; what was received too often goes to the dead.
    fn take(&self, name: &str, most: usize, visibility: Option<u32>) -> Result<Vec<Message>> {
        let now = self.now();
        let mut state = self.state();
        let queue = state.queue(name)?;
        let oldest = now - queue.seconds("MessageRetentionPeriod") * 1000;
        queue.messages.retain(|_, message| message.sent_at >= oldest);
        let hidden_until = now + visibility.map_or_else(|| queue.seconds("VisibilityTimeout"), i64::from) * 1000;
        let redrive = queue.redrive();
        let (mut taken, mut dead) = (Vec::new(), Vec::new());
        for (place, message) in queue.messages.iter_mut().filter(|(_, message)| message.visible_at <= now) {
            if taken.len() == most {
                break;
            }
            if redrive.as_ref().is_some_and(|(_, times)| message.receive_count >= *times) {
                dead.push(*place);
                continue;
            }
            message.receive_count += 1;
            message.first_received_at.get_or_insert(now);
            message.visible_at = hidden_until;
            message.receipt = format!("{place}:{}", Uuid::new_v4());
            taken.push(message.clone());
        }
        let dead: Vec<Message> = dead.iter().filter_map(|place| queue.messages.remove(place)).collect();
        if let Some((target, _)) = redrive.filter(|_| !dead.is_empty()) {
            let target = target.rsplit(':').next().unwrap_or_default().to_owned();
            for message in dead {
                let fresh = Message { receive_count: 0, first_received_at: None, receipt: String::new(), ..message };
                // As in the cloud, a dead-letter queue that is not there keeps nothing.
                let _ = state.put(&target, fresh);
            }
            drop(state);
            self.changed.notify_waiters();
        }
        Ok(taken)
    }

    /// Deletes the message of a receipt, also of one that a later receipt follows. Twice is no error.
    pub(super) fn delete(&self, name: &str, receipt: &str) -> Result<()> {
        let place = place(receipt)?;
        self.state().queue(name)?.messages.remove(&place);
        Ok(())
    }

    /// Ends, or begins anew, the time in which nobody else sees a message.
    pub(super) fn change_visibility(&self, name: &str, receipt: &str, seconds: u32) -> Result<()> {
        let now = self.now();
        let place = place(receipt)?;
        let mut state = self.state();
        let message = state.queue(name)?.messages.get_mut(&place).filter(|message| message.receipt == receipt);
        let message = message.ok_or(QueueError::InvalidReceipt)?;
        if message.visible_at <= now {
            return Err(QueueError::NotInFlight);
        }
        message.visible_at = now + i64::from(seconds) * 1000;
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }
}

/// The place in the queue that a receipt names.
fn place(receipt: &str) -> Result<u64> {
    receipt.split_once(':').and_then(|(place, _)| place.parse().ok()).ok_or(QueueError::InvalidReceipt)
}
