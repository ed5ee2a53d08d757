//! Answers of the JSON services, as far as they are ours and not an emulator's.

use bytes::Bytes;
use http::Response;

/// An answer of a JSON service.
pub(super) fn json(status: u16, body: &serde_json::Value) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from(body.to_string()));
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let json = http::HeaderValue::from_static("application/x-amz-json-1.1");
    answer.headers_mut().insert(http::header::CONTENT_TYPE, json);
    answer
}

/// How DynamoDB answers a write that met a transaction of another; the emulator, which does one thing at a time, never does.
pub(super) fn conflict(operation: &str) -> Option<Response<Bytes>> {
    let error = |name: &str| serde_json::json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{name}"), "message": "conflict"});
    match operation {
        "TransactWriteItems" => {
            let mut body = error("TransactionCanceledException");
            body["CancellationReasons"] =
                serde_json::json!([{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}]);
            Some(json(400, &body))
        }
        "PutItem" | "UpdateItem" | "DeleteItem" => Some(json(400, &error("TransactionConflictException"))),
        _ => None,
    }
}

pub(super) fn unknown_operation() -> Response<Bytes> {
    json(
        400,
        &serde_json::json!({
            "__type": "UnknownOperationException",
            "message": "The local stack has DynamoDB, S3, SQS, Secrets Manager and EventBridge PutEvents, over their JSON and REST protocols."
        }),
    )
}
