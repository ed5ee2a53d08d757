//! What may be seen of, and done to, each call that the product makes over a wire: the seam of the fault injector and of the
//! counters. In the `sfm` binary nothing intercepts.

use std::fmt::Debug;

use serde_json::Value;
use tokio::sync::watch;

/// One call from the product to a far end. An SDK's retries of one call share its `id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `dynamodb`, `sqs`, `s3`, `events`, `secretsmanager` or `carrier`.
    pub service: &'static str,
    /// As the service names it: `TransactWriteItems`, `PutObject`; for the carrier `POST /v2/faxes`.
    pub operation: String,
    /// What it is about: tables with their indexes, a queue, a bucket with the first part of the key, a bus; empty for the carrier.
    pub target: String,
    /// The request's path, in which S3 has the bucket and the key; a copy's source follows after a space.
    pub path: String,
    pub id: String,
    /// The access key id (or user agent) that signed the request: the name of the calling function on the local stack.
    pub caller: String,
}

/// What happens to a call.
#[derive(Debug, Clone)]
pub enum Verdict {
    Perform,
    /// The connection is closed and nothing is done.
    Refuse,
    /// The call is carried out and the connection closed instead of an answer.
    DropResponse,
    /// The call is carried out and no answer ever comes: the caller is about to die.
    NeverRespond,
    /// DynamoDB refuses a write, because a transaction of another has one of its items. Other calls are carried out.
    Conflict,
    /// Nothing is done, and the service answers with this error in its own form.
    Fail {
        status: u16,
        code: &'static str,
    },
    /// Of a batch all but the last entry is done; the answer says so as the service does. Other calls are carried out.
    Partial,
    /// An object that is read breaks off in the middle, and one that is written is not kept. Of other calls the answer is lost.
    Break,
    /// A query of an index finds nothing, as one does that has not caught up. Other calls are carried out.
    Stale,
    /// The call is carried out once the value is true; never, when the sender is gone.
    Hold(watch::Receiver<bool>),
}

pub trait CallInterceptor: Debug + Send + Sync {
    fn verdict(&self, _call: &Call) -> Verdict {
        Verdict::Perform
    }

    /// What a queue or a stream feeds a function with, all at once, instead of one event; what any of them says to have failed comes again.
    fn feed(&self, _function: &str, event: Value) -> Vec<Value> {
        vec![event]
    }

    /// Told after a call was carried out, before its answer leaves.
    fn performed(&self, _call: &Call, _request: &[u8], _status: u16, _response: &[u8]) {}
}

/// Lets everything pass.
#[derive(Debug, Default)]
pub struct NoInterceptor;

impl CallInterceptor for NoInterceptor {}

/// Returns when a held call may go on.
pub async fn released(mut release: watch::Receiver<bool>) {
    if release.wait_for(|released| *released).await.is_err() {
        std::future::pending::<()>().await;
    }
}
