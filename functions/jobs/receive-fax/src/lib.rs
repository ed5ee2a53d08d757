//! Queue `inbound` → an inbound fax. A message says that a fax has come in; its row says which, and whose it is.
//!
//! The document is fetched and stored, then one transaction makes the fax, its place in the account's list and its event, and
//! settles the row. A document that is not to be had is tried again, soon at first: its link lives for minutes.

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use futures::future::join_all;
use sfm_carriers::{AnyCarrier, Carrier, MediaError};
use sfm_core::clock::Clock;
use sfm_core::fax::document_key;
use sfm_core::inbound::{Inbound, InboundStatus};
use sfm_service::reception::InboundService;
use sfm_store::accounts::Accounts;
use sfm_store::documents::Documents;
use sfm_store::inbound::{InboundFaxes, InboundKey};
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::batch::{batch_response, catch_panic};
use sfm_web::runtime::{Error, Worker};
use tokio::time::Instant;

/// How long a fax waits for its place in the account's list before its message is left to come again.
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub struct ReceiveFax {
    inbound: InboundFaxes,
    reception: InboundService,
    accounts: Accounts,
    carrier: AnyCarrier,
    documents: Documents,
    clock: Clock,
}

impl Worker for ReceiveFax {
    type Event = SqsEvent;
    type Answer = SqsBatchResponse;

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            inbound: InboundFaxes::new(platform)?,
            reception: InboundService::new(platform)?,
            accounts: Accounts::new(platform)?,
            carrier: AnyCarrier::new(platform)?,
            documents: Documents::new(platform)?,
            clock: platform.clock(),
        })
    }

    async fn handle(&self, batch: SqsEvent) -> Result<SqsBatchResponse, Error> {
        let followed = join_all(batch.records.iter().map(|message| catch_panic(self.follow(message.body.as_deref())))).await;
        Ok(batch_response(&batch.records, followed, "received fax not taken"))
    }
}

impl ReceiveFax {
    async fn follow(&self, message: Option<&str>) -> Result<(), Error> {
        let key: InboundKey = serde_json::from_str(message.unwrap_or_default())?;
        let Some(inbound) = self.inbound.get(&key.id).await? else { return Ok(()) };
        match inbound.due() {
            // Its own hint comes when it is due.
            Some(due) if due <= self.clock.now() => self.take(inbound).await,
            _ => Ok(()),
        }
    }

    async fn take(&self, inbound: Inbound) -> Result<(), Error> {
        let pdf = match self.carrier.document(&inbound.received).await {
            Ok(pdf) => pdf,
            Err(e) => return self.again(inbound, &e).await,
        };
        let pages = inbound.received.pages.unwrap_or(1);
        let until = Instant::now() + PATIENCE;
        let account = self.accounts.get(inbound.account_id).await?.ok_or("a number without its account")?;
        self.documents.put(&document_key(inbound.account_id, inbound.fax_id), pdf).await?;
        if self.inbound.take(&inbound, pages, account, self.clock.now(), until).await?.is_some() {
            tracing::info!(fax_id = %inbound.fax_id, pages, "fax received");
        }
        Ok(())
    }

    async fn again(&self, mut inbound: Inbound, reason: &MediaError) -> Result<(), Error> {
        inbound.failed(self.clock.now());
        if inbound.status == InboundStatus::Lost {
            tracing::error!(fax_id = %inbound.fax_id, carrier_fax_id = %inbound.received.id, error = %reason, "a received fax is lost");
        } else {
            tracing::warn!(fax_id = %inbound.fax_id, tries = inbound.tries, error = %reason, "the document of a received fax is not there yet");
        }
        self.inbound.tried(&inbound).await?;
        self.reception.hint(&inbound).await;
        Ok(())
    }
}
