//! One way to run a transaction: conflicts with other transactions are tried again, everything else is the caller's to judge.

use std::fmt;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use rand::RngExt as _;
use tokio::time::{Instant, sleep};

use super::StoreError;
use crate::items::Item;

/// How long conflicts are retried where the caller sets no deadline: well within the wall of an API call.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// Where a hundred requests of one account meet, most must wait for the others: trying more often would only be in their way.
const LONGEST_PAUSE: Duration = Duration::from_millis(1500);

/// A write that goes with a change in one transaction: an audit entry, an event.
#[derive(Debug, Clone)]
pub struct Write(TransactWriteItem);

impl From<TransactWriteItem> for Write {
    fn from(item: TransactWriteItem) -> Self {
        Self(item)
    }
}

impl From<Write> for TransactWriteItem {
    fn from(Write(item): Write) -> Self {
        item
    }
}

/// Why one item of a transaction stopped it.
#[derive(Clone, PartialEq)]
pub enum Reason {
    /// This item did not.
    None,
    /// Its condition failed; the item as it is, where the write asked for it.
    Condition(Option<Item>),
}

/// Without the item: it may hold telephone numbers, and this goes to the log.
impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "no reason",
            Self::Condition(None) => "its condition",
            Self::Condition(Some(_)) => "its condition (the item is known)",
        })
    }
}

/// The transaction did nothing, because of these items (in the order of the writes).
#[derive(Debug, Clone, thiserror::Error)]
#[error("a transaction was canceled: {0:?}")]
pub struct Cancelled(pub Vec<Reason>);

impl Cancelled {
    pub fn reason(&self, index: usize) -> &Reason {
        self.0.get(index).unwrap_or(&Reason::None)
    }

    pub fn failed(&self, index: usize) -> bool {
        matches!(self.reason(index), Reason::Condition(_))
    }
}

/// Pauses between tries that all compete for one item: exponential, with full jitter.
#[derive(Debug)]
pub struct Backoff {
    until: Instant,
    pause: Duration,
}

impl Default for Backoff {
    /// For as long as conflicts are retried where the caller sets no deadline.
    fn default() -> Self {
        Self::until(Instant::now() + PATIENCE)
    }
}

impl Backoff {
    pub fn until(until: Instant) -> Self {
        Self { until, pause: FIRST_PAUSE }
    }

    /// Waits before the next try; fails once patience has run out.
    pub async fn wait(&mut self) -> Result<(), StoreError> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(StoreError::Contention);
        }
        let jittered = rand::rng().random_range(Duration::ZERO..=self.pause.min(left));
        sleep(jittered).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

/// Makes a single write again for as long as a transaction of another has its item.
pub(super) async fn past_conflicts<T, E: ProvideErrorMetadata, R, F>(write: impl Fn() -> F) -> Result<T, SdkError<E, R>>
where
    F: Future<Output = Result<T, SdkError<E, R>>>,
{
    let mut backoff = Backoff::default();
    loop {
        let written = write().await;
        let code = written.as_ref().err().and_then(SdkError::as_service_error).and_then(ProvideErrorMetadata::code);
        if code != Some("TransactionConflictException") || backoff.wait().await.is_err() {
            return written;
        }
    }
}

/// Runs `writes` as one transaction. Its token is the same until it is known what became of it, so a lost answer does not run it
/// twice, and the one that ran is not met as another's.
pub(super) async fn transact(client: &Client, writes: Vec<TransactWriteItem>) -> Result<Result<(), Cancelled>, StoreError> {
    let mut backoff = Backoff::default();
    let mut token = new_token();
    loop {
        let call = client.transact_write_items().set_transact_items(Some(writes.clone())).client_request_token(&token);
        let sent = call.send().await;
        let error = match sent {
            Ok(_) => return Ok(Ok(())),
            Err(error) => error,
        };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
            if error.as_service_error().is_some_and(TransactWriteItemsError::is_transaction_in_progress_exception) {
                backoff.wait().await?;
                continue;
            }
            return Err(StoreError::from_sdk(error));
        };
        let reasons = cancelled.cancellation_reasons();
        let code = |code: &str| reasons.iter().any(|r| r.code() == Some(code));
        let conflict = code("TransactionConflict") || code("ThrottlingError") || code("ProvisionedThroughputExceeded");
        // With a conflict beside it a failed condition may be half of the truth: what another's transaction is writing is the rest.
        if code("ConditionalCheckFailed") && !conflict {
            let reasons = reasons.iter().map(|r| match r.code() {
                Some("ConditionalCheckFailed") => Reason::Condition(r.item().cloned()),
                _ => Reason::None,
            });
            return Ok(Err(Cancelled(reasons.collect())));
        }
        if !conflict {
            return Err(StoreError::from_sdk(error));
        }
        backoff.wait().await?;
        token = new_token();
    }
}

fn new_token() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}

#[cfg(test)]
mod tests {
    use super::super::StoreError;
    use super::*;
    use crate::items::s;

    #[test]
    fn what_is_said_of_a_canceled_transaction_shows_nothing_of_its_items() {
        let item = Item::from([("to".into(), s("+15005550001"))]);
        let error = StoreError::from(Cancelled(vec![Reason::None, Reason::Condition(Some(item)), Reason::Condition(None)]));
        assert_eq!(
            error.to_string(),
            "the database is in an unexpected state: a transaction was canceled: [no reason, its condition (the item is known), its condition]"
        );
        assert!(!format!("{error:?}").contains("+1500"));
    }
}
