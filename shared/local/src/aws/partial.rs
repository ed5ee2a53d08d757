//! Batches that are carried out in part, as AWS may: the last entry is left out, and the answer says so.

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

/// What an answer says of the entry that was left out.
pub(super) enum LeftOut {
    /// Of SQS, whose entries have ids.
    Message(Value),
    /// Of EventBridge, whose answer goes by the order of the entries.
    Event,
    /// Of DynamoDB: the member of the answer, and what stands in it.
    Items(&'static str, Value),
}

/// A batch without its last entry, None when nothing remains of it, and what was left out. None for what is no batch.
pub(super) fn split(operation: &str, body: &[u8]) -> Option<(Option<Bytes>, LeftOut)> {
    let mut asked: Value = serde_json::from_slice(body).ok()?;
    let (remains, left_out) = match operation {
        "SendMessageBatch" | "DeleteMessageBatch" | "PutEvents" => {
            let entries = asked["Entries"].as_array_mut()?;
            let last = entries.pop()?;
            let left_out = if operation == "PutEvents" { LeftOut::Event } else { LeftOut::Message(last["Id"].clone()) };
            (!entries.is_empty(), left_out)
        }
        "BatchGetItem" => {
            let tables = asked["RequestItems"].as_object_mut()?;
            let (table, request) = tables.iter_mut().next_back()?;
            let key = request["Keys"].as_array_mut()?.pop()?;
            let mut left_out = request.clone();
            left_out["Keys"] = json!([key]);
            let left_out = json!({table.clone(): left_out});
            tables.retain(|_, request| request["Keys"].as_array().is_some_and(|keys| !keys.is_empty()));
            (!tables.is_empty(), LeftOut::Items("UnprocessedKeys", left_out))
        }
        "BatchWriteItem" => {
            let tables = asked["RequestItems"].as_object_mut()?;
            let (table, writes) = tables.iter_mut().next_back()?;
            let write = writes.as_array_mut()?.pop()?;
            let left_out = json!({table.clone(): [write]});
            tables.retain(|_, writes| writes.as_array().is_some_and(|writes| !writes.is_empty()));
            (!tables.is_empty(), LeftOut::Items("UnprocessedItems", left_out))
        }
        _ => return None,
    };
    Some((remains.then(|| asked.to_string().into()), left_out))
}

/// The answer to the rest of a batch, with what was left out.
pub(super) fn told(answer: Response<Bytes>, left_out: LeftOut) -> Response<Bytes> {
    answer.map(|body| {
        let Ok(mut told) = serde_json::from_slice::<Value>(&body) else { return body };
        let mut push = |member: &str, entry: Value| match told[member].as_array_mut() {
            Some(entries) => entries.push(entry),
            None => told[member] = json!([entry]),
        };
        match left_out {
            LeftOut::Message(id) => {
                push("Failed", json!({"Id": id, "SenderFault": false, "Code": "InternalError", "Message": "try again"}));
            }
            LeftOut::Event => {
                push("Entries", json!({"ErrorCode": "InternalFailure", "ErrorMessage": "try again"}));
                told["FailedEntryCount"] = json!(1);
            }
            LeftOut::Items(member, items) => {
                told[member] = items;
                if member == "UnprocessedKeys" && told["Responses"].is_null() {
                    told["Responses"] = json!({});
                }
            }
        }
        told.to_string().into()
    })
}
