//! SQS: `winterbaume-sqs`, with queues that keep the stack's time. Messages live in memory only.

use std::collections::HashMap;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use jiff::SignedDuration;
use sfm_core::clock::Clock;
use winterbaume_core::{MockRequest, MockResponse, MockService as _};
use winterbaume_sqs::state::{SqsError, SqsState};
use winterbaume_sqs::types::{Message, MessageAttribute, MessageMoveTask, Queue};
use winterbaume_sqs::{SendMessageOutput, SqsBackend, SqsService, SqsStateView, StateViewError};

use super::ACCOUNT;

pub(super) struct Sqs(SqsService);

impl Sqs {
    pub(super) fn new(queues: Queues) -> Self {
        Self(SqsService::with_backend(Arc::new(queues)))
    }

    pub(super) async fn answer(&self, region: &str, parts: &Parts, body: Bytes) -> Response<Bytes> {
        let region = if region.is_empty() { "us-east-1" } else { region };
        let request = MockRequest {
            method: parts.method.to_string(),
            // Where it reads the region from.
            uri: format!("https://sqs.{region}.amazonaws.com/"),
            headers: parts.headers.clone(),
            body,
        };
        let mut answer = self.0.handle(request).await;
        if answer.status >= 400 {
            name_as_aws_does(&mut answer);
        }
        let mut response = Response::new(answer.body);
        *response.status_mut() = http::StatusCode::from_u16(answer.status).unwrap_or(http::StatusCode::BAD_GATEWAY);
        *response.headers_mut() = answer.headers;
        response
    }
}

/// AWS puts an error's new name into the body and the one from the days of the query protocol into a header; SDKs go by either.
/// `winterbaume` knows the old names only.
fn name_as_aws_does(answer: &mut MockResponse) {
    let Ok(mut body) = serde_json::from_slice::<serde_json::Value>(&answer.body) else { return };
    let old = body["__type"].as_str().unwrap_or_default().to_owned();
    let new = match old.as_str() {
        "AWS.SimpleQueueService.NonExistentQueue" => "QueueDoesNotExist",
        "QueueAlreadyExists" => "QueueNameExists",
        same => same,
    };
    body["__type"] = format!("com.amazonaws.sqs#{new}").into();
    answer.body = body.to_string().into();
    let side = if answer.status < 500 { "Sender" } else { "Receiver" };
    if let Ok(old) = format!("{old};{side}").parse() {
        answer.headers.insert("x-amzn-query-error", old);
    }
}

/// All queues, of whatever region.
///
/// `winterbaume` reads the system's clock wherever it needs the time. So when the stack's clock has moved, all that is stored moves
/// back by as much, and what is shown of it is shown in the stack's time.
#[derive(Clone)]
pub(super) struct Queues {
    url: String,
    clock: Clock,
    shifted: Arc<Mutex<Shifted>>,
}

#[derive(Default)]
struct Shifted {
    state: SqsState,
    /// How far ahead of the system's clock the stack's was when `state` was moved last.
    offset: SignedDuration,
}

type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Map = HashMap<String, String>;
type Result<T, E = SqsError> = std::result::Result<T, E>;

impl Queues {
    /// Their URLs begin with `url`.
    pub(super) fn new(url: String, clock: Clock) -> Self {
        let offset = clock.offset();
        Self { url, clock, shifted: Arc::new(Mutex::new(Shifted { state: SqsState::default(), offset })) }
    }

    pub(super) fn send(&self, queue: &str, body: &str) -> Result<()> {
        self.now().state.send_message(queue, body, None, HashMap::new(), None, None).map(drop)
    }

    /// The queues as of now.
    fn now(&self) -> MutexGuard<'_, Shifted> {
        let mut shifted = self.shifted.lock().unwrap_or_else(PoisonError::into_inner);
        let offset = self.clock.offset();
        let moved = milliseconds(offset) - milliseconds(shifted.offset);
        shifted.offset = offset;
        if moved != 0 {
            for queue in shifted.state.queues.values_mut() {
                for message in &mut queue.messages {
                    message.visible_at -= moved;
                    message.sent_timestamp -= moved;
                    if let Some(first) = &mut message.approximate_first_receive_timestamp {
                        *first -= moved;
                    }
                }
                for (_, expires_at) in queue.dedup_index.values_mut() {
                    *expires_at -= moved;
                }
            }
        }
        shifted
    }

    fn on<T: Send + 'static>(&self, action: impl FnOnce(&mut SqsState) -> T) -> Answer<T> {
        Box::pin(ready(action(&mut self.now().state)))
    }

    fn create(&self, region: &str, name: &str, attributes: &Map, tags: Option<&Map>) -> Result<Queue> {
        let mut shifted = self.now();
        shifted.state.create_queue(name, region, ACCOUNT, attributes, tags)?;
        let created = shifted.state.queues.get_mut(name).ok_or(SqsError::NonExistentQueue)?;
        created.queue.url = format!("{}/{ACCOUNT}/{name}", self.url);
        Ok(created.queue.clone())
    }

    fn receive(&self, name: &str, max: usize, visibility_timeout: Option<u32>) -> Result<Vec<Message>> {
        let mut shifted = self.now();
        let offset = milliseconds(shifted.offset);
        let system_now = self.clock.now().as_millisecond() - offset;
        // `winterbaume` keeps messages for ever.
        if let Some(queue) = shifted.state.queues.get_mut(name) {
            let oldest = system_now - i64::from(queue.queue.message_retention_period) * 1000;
            queue.messages.retain(|message| message.sent_timestamp >= oldest);
        }
        let mut messages = shifted.state.receive_message(name, max, visibility_timeout)?;
        for message in &mut messages {
            message.sent_timestamp += offset;
            message.approximate_first_receive_timestamp = message.approximate_first_receive_timestamp.map(|first| first + offset);
        }
        Ok(messages)
    }

    fn attributes(&self, name: &str) -> Result<Map> {
        let shifted = self.now();
        let mut attributes = shifted.state.get_queue_attributes(name)?;
        // `winterbaume` leaves out messages that were received before and are visible again.
        if let Some(queue) = shifted.state.queues.get(name) {
            let visible = queue.messages.iter().filter(|message| message.is_visible()).count();
            attributes.insert("ApproximateNumberOfMessages".to_owned(), visible.to_string());
        }
        Ok(attributes)
    }
}

fn milliseconds(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The account is always ours and a region has no queues of its own, so both are left aside.
impl SqsBackend for Queues {
    fn create_queue(&self, _: String, region: String, name: String, attributes: Map, tags: Option<Map>) -> Answer<Result<Queue>> {
        Box::pin(ready(self.create(&region, &name, &attributes, tags.as_ref())))
    }

    fn delete_queue(&self, _: String, _: String, name: String) -> Answer<Result<()>> {
        self.on(|state| state.delete_queue(&name))
    }

    fn get_queue_url(&self, _: String, _: String, name: String) -> Answer<Result<String>> {
        self.on(|state| state.get_queue_url(&name).map(str::to_owned))
    }

    fn get_queue_attributes(&self, _: String, _: String, name: String) -> Answer<Result<Map>> {
        Box::pin(ready(self.attributes(&name)))
    }

    fn set_queue_attributes(&self, _: String, _: String, name: String, attributes: Map) -> Answer<Result<()>> {
        self.on(|state| state.set_queue_attributes(&name, &attributes))
    }

    fn list_queues(&self, _: String, _: String, prefix: Option<String>) -> Answer<Result<Vec<Queue>>> {
        self.on(|state| Ok(state.list_queues(prefix.as_deref()).into_iter().cloned().collect()))
    }

    fn send_message(
        &self,
        _: String,
        _: String,
        name: String,
        body: String,
        delay: Option<u32>,
        attributes: HashMap<String, MessageAttribute>,
        group: Option<String>,
        deduplication: Option<String>,
    ) -> Answer<Result<SendMessageOutput>> {
        self.on(|state| {
            let sent = state.send_message(&name, &body, delay, attributes, group.as_deref(), deduplication.as_deref())?;
            Ok(SendMessageOutput { message_id: sent.message_id, body_md5: sent.body_md5 })
        })
    }

    fn receive_messages(
        &self,
        _: String,
        _: String,
        name: String,
        max: usize,
        visibility_timeout: Option<u32>,
    ) -> Answer<Result<Vec<Message>>> {
        Box::pin(ready(self.receive(&name, max, visibility_timeout)))
    }

    fn delete_message(&self, _: String, _: String, name: String, receipt: String) -> Answer<Result<()>> {
        self.on(|state| state.delete_message(&name, &receipt))
    }

    fn purge_queue(&self, _: String, _: String, name: String) -> Answer<Result<()>> {
        self.on(|state| state.purge_queue(&name))
    }

    fn change_message_visibility(&self, _: String, _: String, name: String, receipt: String, timeout: u32) -> Answer<Result<()>> {
        self.on(|state| state.change_message_visibility(&name, &receipt, timeout))
    }

    fn change_message_visibility_batch(
        &self,
        _: String,
        _: String,
        name: String,
        entries: Vec<(String, String, u32)>,
    ) -> Answer<Result<Vec<String>>> {
        self.on(|state| state.change_message_visibility_batch(&name, &entries))
    }

    fn list_queue_tags(&self, _: String, _: String, name: String) -> Answer<Result<Map>> {
        self.on(|state| state.list_queue_tags(&name))
    }

    fn tag_queue(&self, _: String, _: String, name: String, tags: Map) -> Answer<Result<()>> {
        self.on(|state| state.tag_queue(&name, &tags))
    }

    fn untag_queue(&self, _: String, _: String, name: String, keys: Vec<String>) -> Answer<Result<()>> {
        self.on(|state| state.untag_queue(&name, &keys))
    }

    fn add_permission(
        &self,
        _: String,
        _: String,
        name: String,
        label: String,
        accounts: Vec<String>,
        actions: Vec<String>,
    ) -> Answer<Result<()>> {
        self.on(|state| state.add_permission(&name, &label, accounts, actions))
    }

    fn remove_permission(&self, _: String, _: String, name: String, label: String) -> Answer<Result<()>> {
        self.on(|state| state.remove_permission(&name, &label))
    }

    fn list_dead_letter_source_queues(&self, _: String, _: String, name: String) -> Answer<Result<Vec<String>>> {
        self.on(|state| state.list_dead_letter_source_queues(&name))
    }

    fn start_message_move_task(
        &self,
        _: String,
        _: String,
        source: String,
        destination: Option<String>,
        rate: Option<i32>,
    ) -> Answer<Result<String>> {
        self.on(|state| state.start_message_move_task(&source, destination.as_deref(), rate))
    }

    fn cancel_message_move_task(&self, _: String, _: String, task: String) -> Answer<Result<i64>> {
        self.on(|state| state.cancel_message_move_task(&task))
    }

    fn list_message_move_tasks(&self, _: String, _: String, source: String) -> Answer<Result<Vec<MessageMoveTask>>> {
        self.on(|state| Ok(state.list_message_move_tasks(&source).into_iter().cloned().collect()))
    }

    fn scopes_with_state(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn snapshot(&self, _: String, _: String) -> Answer<SqsStateView> {
        self.on(|state| SqsStateView::from(&*state))
    }

    fn restore(&self, _: String, _: String, view: SqsStateView) -> Answer<Result<(), StateViewError>> {
        self.on(|state| {
            *state = SqsState::from(view);
            Ok(())
        })
    }

    fn merge(&self, _: String, _: String, view: SqsStateView) -> Answer<Result<(), StateViewError>> {
        self.on(|state| {
            state.queues.extend(SqsState::from(view).queues);
            Ok(())
        })
    }
}
