//! What may be seen of, and done to, each call that the product makes over a wire: the seam of the fault injector and of the
//! counters. In the `sfm` binary nothing taps.

use std::fmt::Debug;

/// One call from the product to a far end. An SDK's retries of one call share its `id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `dynamodb`, `sqs`, `s3`, `events`, `secretsmanager` or `carrier`.
    pub service: &'static str,
    /// As the service names it: `TransactWriteItems`, `PutObject`; for the carrier `POST /v2/faxes`.
    pub operation: String,
    /// The request's path, in which S3 has the bucket and the key; a copy's source follows after a space.
    pub path: String,
    pub id: String,
    /// The access key id (or user agent) that signed the request: the name of the calling function on the local stack.
    pub caller: String,
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Perform,
    /// The connection is closed and nothing is done.
    Refuse,
    /// The call is carried out and the connection closed instead of an answer.
    Lose,
    /// The call is carried out and no answer ever comes: the caller is about to die.
    Hang,
    /// DynamoDB refuses a write, because a transaction of another has one of its items. Other calls are carried out.
    Conflict,
}

pub trait Tap: Debug + Send + Sync {
    fn verdict(&self, _call: &Call) -> Verdict {
        Verdict::Perform
    }

    /// Told after a call was carried out, before its answer leaves.
    fn performed(&self, _call: &Call, _request: &[u8], _status: u16, _response: &[u8]) {}
}

/// Lets everything pass.
#[derive(Debug, Default)]
pub struct NoTap;

impl Tap for NoTap {}
