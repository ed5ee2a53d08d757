//! SQS: the JSON protocol of our own queues. Messages live in memory only.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/Welcome.html>

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response};
use md5::{Digest as _, Md5};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::queues::{Message, Outgoing, QueueError, Queues};
use super::response;

/// Entries of a batch, and messages of an answer.
const MOST: usize = 10;
/// Bytes of a message, and of all messages of a batch.
const LARGEST: usize = 1024 * 1024;
/// Seconds.
const LONGEST_DELAY: u32 = 900;
const LONGEST_WAIT: u64 = 20;
const LONGEST_VISIBILITY: u32 = 43_200;

pub(super) struct Sqs(Queues);

/// Whatever any of the operations is asked for; each reads its own.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Asked {
    queue_name: String,
    queue_name_prefix: String,
    queue_url: String,
    attributes: BTreeMap<String, String>,
    attribute_names: Vec<String>,
    message_system_attribute_names: Vec<String>,
    max_number_of_messages: Option<usize>,
    wait_time_seconds: u64,
    visibility_timeout: Option<u32>,
    receipt_handle: String,
    entries: Vec<Entry>,
    #[serde(flatten)]
    message: Entry,
}

/// A message to send, or a receipt, of a batch.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Entry {
    id: String,
    message_body: String,
    delay_seconds: Option<u32>,
    message_group_id: Option<String>,
    #[serde(rename = "ReceiptHandle")]
    receipt: String,
}

/// An error by its name, and by the one from the days of the query protocol: SDKs go by either.
#[derive(Debug)]
struct Refused {
    name: &'static str,
    old: &'static str,
    message: String,
}

impl Refused {
    fn new(name: &'static str, old: &'static str, message: impl Into<String>) -> Self {
        Self { name, old, message: message.into() }
    }

    fn value(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValueException", "InvalidParameterValue", message)
    }
}

impl From<QueueError> for Refused {
    fn from(error: QueueError) -> Self {
        let (name, old) = match error {
            QueueError::NoSuchQueue => ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"),
            QueueError::NameExists => ("QueueNameExists", "QueueAlreadyExists"),
            QueueError::InvalidReceipt => ("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"),
            QueueError::NotInFlight => ("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"),
            QueueError::InvalidAttribute(_) => ("InvalidAttributeName", "InvalidAttributeName"),
        };
        Self::new(name, old, error.to_string())
    }
}

impl From<Refused> for Response<Bytes> {
    fn from(refused: Refused) -> Self {
        let body = json!({"__type": format!("com.amazonaws.sqs#{}", refused.name), "message": refused.message});
        let mut answer = response::json(400, &body);
        if let Ok(old) = HeaderValue::try_from(format!("{};Sender", refused.old)) {
            answer.headers_mut().insert("x-amzn-query-error", old);
        }
        answer
    }
}

impl Sqs {
    pub(super) fn new(queues: Queues) -> Self {
        Self(queues)
    }

    pub(super) async fn answer(&self, operation: &str, region: &str, body: &[u8]) -> Response<Bytes> {
        match self.act(operation, region, body).await {
            Ok(answer) => response::json(200, &answer),
            Err(refused) => refused.into(),
        }
    }

    async fn act(&self, operation: &str, region: &str, body: &[u8]) -> Result<Value, Refused> {
        let unread = |e: serde_json::Error| Refused::new("SerializationException", "MalformedInput", e.to_string());
        let asked: Asked = serde_json::from_slice(body).map_err(unread)?;
        let queues = &self.0;
        let queue = asked.queue_url.rsplit('/').next().unwrap_or_default();
        Ok(match operation {
            "CreateQueue" => json!({"QueueUrl": queues.create(region, &asked.queue_name, asked.attributes)?}),
            "GetQueueUrl" => json!({"QueueUrl": queues.url(&asked.queue_name)?}),
            "ListQueues" => json!({"QueueUrls": queues.list(&asked.queue_name_prefix)}),
            "PurgeQueue" => {
                queues.purge(queue)?;
                json!({})
            }
            "GetQueueAttributes" => {
                let mut attributes = queues.attributes(queue)?;
                attributes.retain(|name, _| wants(&asked.attribute_names, name));
                json!({"Attributes": attributes})
            }
            "SendMessage" => self.send(queue, asked.message)?,
            "SendMessageBatch" => {
                if asked.entries.iter().map(|entry| entry.message_body.len()).sum::<usize>() > LARGEST {
                    let message = "The length of all the messages put together is more than the limit.";
                    return Err(Refused::new("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", message));
                }
                batch(asked.entries, |entry| self.send(queue, entry))?
            }
            "ReceiveMessage" => {
                let most = asked.max_number_of_messages.unwrap_or(1);
                within("MaxNumberOfMessages", most, 1, MOST)?;
                within("WaitTimeSeconds", asked.wait_time_seconds, 0, LONGEST_WAIT)?;
                within("VisibilityTimeout", asked.visibility_timeout.unwrap_or_default(), 0, LONGEST_VISIBILITY)?;
                let wait = Duration::from_secs(asked.wait_time_seconds);
                let messages = queues.receive(queue, most, asked.visibility_timeout, wait).await?;
                let names = [asked.message_system_attribute_names, asked.attribute_names].concat();
                let shown: Vec<Value> = messages.iter().map(|message| shown(message, &names)).collect();
                if shown.is_empty() { json!({}) } else { json!({"Messages": shown}) }
            }
            "DeleteMessage" => {
                queues.delete(queue, &asked.receipt_handle)?;
                json!({})
            }
            "DeleteMessageBatch" => batch(asked.entries, |entry| Ok(queues.delete(queue, &entry.receipt).map(|()| json!({}))?))?,
            "ChangeMessageVisibility" => {
                let seconds = asked.visibility_timeout.unwrap_or_default();
                within("VisibilityTimeout", seconds, 0, LONGEST_VISIBILITY)?;
                queues.change_visibility(queue, &asked.receipt_handle, seconds)?;
                json!({})
            }
            _ => {
                return Err(Refused::new(
                    "UnsupportedOperation",
                    "AWS.SimpleQueueService.UnsupportedOperation",
                    format!("SQS has no {operation} here."),
                ));
            }
        })
    }

    fn send(&self, queue: &str, entry: Entry) -> Result<Value, Refused> {
        let Entry { message_body: body, delay_seconds: delay, message_group_id: group, .. } = entry;
        within("DelaySeconds", delay.unwrap_or_default(), 0, LONGEST_DELAY)?;
        within("MessageBody's length", body.len(), 1, LARGEST)?;
        let md5 = md5(&body);
        let id = self.0.send(queue, Outgoing { body, delay, group })?;
        Ok(json!({"MessageId": id, "MD5OfMessageBody": md5}))
    }
}

/// Carries a batch out, entry by entry: some may fail and others not.
fn batch(entries: Vec<Entry>, act: impl Fn(Entry) -> Result<Value, Refused>) -> Result<Value, Refused> {
    let refuse = |name, old, message: &str| Err(Refused::new(name, old, message));
    if entries.is_empty() {
        return refuse("EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", "There are no entries in the batch.");
    }
    if entries.len() > MOST {
        return refuse(
            "TooManyEntriesInBatchRequest",
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            "A batch has at most 10 entries.",
        );
    }
    let mut ids: Vec<&str> = entries.iter().map(|entry| &*entry.id).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() < entries.len() {
        return refuse("BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Two entries have the same Id.");
    }
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for entry in entries {
        let id = entry.id.clone();
        match act(entry) {
            Ok(mut answer) => {
                answer["Id"] = id.into();
                done.push(answer);
            }
            // A queue that is not there is the fault of the whole request.
            Err(refused) if refused.name == "QueueDoesNotExist" => return Err(refused),
            Err(refused) => failed.push(json!({"Id": id, "SenderFault": true, "Code": refused.name, "Message": refused.message})),
        }
    }
    Ok(json!({"Successful": done, "Failed": failed}))
}

fn within<N: PartialOrd + std::fmt::Display>(name: &str, value: N, least: N, most: N) -> Result<(), Refused> {
    if (&least..=&most).contains(&&value) {
        return Ok(());
    }
    Err(Refused::value(format!("Value {value} for parameter {name} is invalid. Reason: Must be between {least} and {most}.")))
}

/// Whether an attribute is among those that are asked for.
fn wants(names: &[String], name: &str) -> bool {
    names.iter().any(|asked| asked == "All" || asked == name)
}

fn md5(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn shown(message: &Message, names: &[String]) -> Value {
    let attributes = [
        ("ApproximateReceiveCount", Some(message.receive_count.to_string())),
        ("ApproximateFirstReceiveTimestamp", message.first_received_at.map(|at| at.to_string())),
        ("SentTimestamp", Some(message.sent_at.to_string())),
        ("MessageGroupId", message.group.clone()),
    ];
    let attributes = attributes.into_iter().filter(|(name, _)| wants(names, name));
    let attributes: Map<String, Value> = attributes.filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect();
    json!({
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "MD5OfBody": md5(&message.body),
        "Body": message.body,
        "Attributes": attributes,
    })
}
