//! The answer to a batch of a queue's messages.

use std::panic::AssertUnwindSafe;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsMessage};
use futures::FutureExt as _;

use crate::runtime::Error;

/// What becomes of one message of a batch: a panic over it is its own failure and leaves the others alone.
///
/// # Errors
/// The error of `work`, or its panic.
pub async fn catch_panic<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let caught = AssertUnwindSafe(work).catch_unwind().await;
    caught.unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
        Err(format!("panicked: {}", message.unwrap_or_default()).into())
    })
}

/// The answer to a batch: what failed comes again, and only that.
pub fn batch_response<E: std::fmt::Display>(messages: &[SqsMessage], followed: Vec<Result<(), E>>, what: &str) -> SqsBatchResponse {
    let mut answer = SqsBatchResponse::default();
    for (message, result) in messages.iter().zip(followed) {
        if let Err(e) = result {
            // It comes again; what fails each time ends among the dead letters, which have an alarm.
            tracing::warn!(error = %e, message_id = message.message_id, what, "message failed");
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message.message_id.clone().unwrap_or_default();
            answer.batch_item_failures.push(failure);
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[allow(clippy::panic)]
    async fn a_message_that_panics_fails_and_the_others_of_its_batch_do_not() {
        let messages: Vec<_> = ["one", "two", "three"]
            .iter()
            .map(|id| {
                let mut message = SqsMessage::default();
                message.message_id = Some((*id).to_owned());
                message
            })
            .collect();
        let work = |message: &SqsMessage| {
            let bad = message.message_id.as_deref() == Some("two");
            async move { if bad { panic!("on purpose") } else { Ok(()) } }
        };
        let followed = futures::future::join_all(messages.iter().map(|message| catch_panic(work(message)))).await;
        let answer = batch_response(&messages, followed, "test");
        let failed: Vec<_> = answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
        assert_eq!(failed, ["two"]);
    }
}
