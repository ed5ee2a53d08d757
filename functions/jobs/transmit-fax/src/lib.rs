//! Queue `transmissions` → carrier. A message is a hint to look at a fax; what to do follows from the fax itself.
//!
//! An attempt is recorded before the carrier is called, by a conditional write that only one worker wins. Whoever finds an attempt of
//! which no answer is known asks the carrier, and hands the fax over again only after two look-ups that found nothing.

mod header;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures::future::join_all;
use header::HeaderWriter;
use jiff::{SignedDuration, Timestamp};
use rand::RngExt as _;
use serde::Deserialize;
use sfm_carriers::chosen::can_stop;
use sfm_carriers::{AnyCarrier, AttemptRef, Carrier, CarrierFax, CarrierFaxId, SendError, Submission};
use sfm_core::clock::Clock;
use sfm_core::failure::FailureCode;
use sfm_core::fax::Fax;
use sfm_core::fax::progress::{CallFailure, CallReport, Effect, NextAction, RECONCILE_AFTER};
use sfm_core::sandbox_numbers;
use sfm_service::deletion::DocumentRemoval;
use sfm_service::lines::LineKeeper;
use sfm_service::transmission::{Progress, Transmissions, claim_token};
use sfm_store::documents::Documents;
use sfm_store::faxes::FaxKey;
use sfm_store::metrics::{Metric, Metrics};
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::{ReplaceError, StoreError};
use sfm_web::batch::{batch_response, catch_panic};
use sfm_web::runtime::{Error, Worker};

/// The carrier fetches the document within minutes of accepting the fax; its queue may be long.
const LINK_LIFE: Duration = Duration::from_secs(6 * 3600);
/// A fax that the carrier had no room for waits a quarter of the time that it has waited already, between these, and up to a quarter
/// more by chance: those that wait together do not all come back at once.
const SHORTEST_DEFERRAL: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_DEFERRAL: SignedDuration = SignedDuration::from_mins(10);
/// A fax that waits for a line of its number, which other calls of ours have, waits a quarter of the time that it has waited already, between
/// these: most calls take a minute or two.
const SHORTEST_TURN: SignedDuration = SignedDuration::from_secs(15);
const LONGEST_TURN: SignedDuration = SignedDuration::from_mins(2);
/// How long this worker calls the carrier for no fax after it took none, unless the carrier named a time.
const REST: SignedDuration = SignedDuration::from_secs(10);
/// The longest time that a carrier may ask for.
const LONGEST_REST: SignedDuration = SignedDuration::from_hours(1);
/// How long until the carrier is asked again after it could not be asked, or was still at it.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(5);
/// The same for a fax that is to be canceled: the carrier is asked again whether it has stopped it, and to stop it.
const STOP_AGAIN: SignedDuration = SignedDuration::from_mins(1);

#[derive(Debug)]
pub struct TransmitFax {
    transmissions: Transmissions,
    lines: LineKeeper,
    documents: Documents,
    headers: HeaderWriter,
    removal: DocumentRemoval,
    carrier: AnyCarrier,
    metrics: Metrics,
    /// Whether the carrier can stop a call.
    can_stop: bool,
    clock: Clock,
    /// Until when the carrier takes nothing, as far as this worker knows: what it has in process takes minutes to go.
    resting: Mutex<Timestamp>,
}

/// A hint comes off the bus, or from a worker or the dispatcher.
#[derive(Deserialize)]
#[serde(untagged)]
enum Hint {
    FromBus { detail: FaxKey },
    Direct(FaxKey),
}

impl Worker for TransmitFax {
    type Event = SqsEvent;
    type Answer = SqsBatchResponse;

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            transmissions: Transmissions::new(platform)?,
            lines: LineKeeper::new(platform)?,
            documents: Documents::new(platform)?,
            headers: HeaderWriter::new(platform)?,
            removal: DocumentRemoval::new(platform)?,
            carrier: AnyCarrier::new(platform)?,
            metrics: Metrics::new(platform)?,
            can_stop: can_stop(platform)?,
            clock: platform.clock(),
            resting: Mutex::new(Timestamp::MIN),
        })
    }

    async fn handle(&self, batch: SqsEvent) -> Result<SqsBatchResponse, Error> {
        let followed = join_all(batch.records.iter().map(|message| catch_panic(self.follow(message)))).await;
        Ok(batch_response(&batch.records, followed, "fax not driven"))
    }
}

impl TransmitFax {
    async fn follow(&self, message: &SqsMessage) -> Result<(), Error> {
        let (Hint::Direct(key) | Hint::FromBus { detail: key }) = serde_json::from_str(message.body.as_deref().unwrap_or_default())?;
        let Some(fax) = self.transmissions.get(key).await? else { return Ok(()) };
        match fax.next_action(self.clock.now()) {
            NextAction::Wait(_) | NextAction::Done => Ok(()),
            NextAction::RemoveDocument => Ok(self.removal.remove(fax).await?),
            action if !fax.live => self.play(fax, action).await,
            NextAction::Submit(number) => self.submit(fax, number).await,
            NextAction::Reconcile(number) => self.reconcile(fax, number).await,
            NextAction::LookUp(number) => self.look_up(fax, number).await,
        }
    }

    /// The fax of a test key: no carrier is involved, its number says how it ends.
    async fn play(&self, fax: Fax, action: NextAction) -> Result<(), Error> {
        let played = self.record(&fax, |fax, now| match action {
            _ if fax.next_action(now) != action => Progress::Nothing,
            NextAction::Submit(number) => {
                fax.claim(number, claim_token(), now);
                fax.accepted(number, "test", now);
                Progress::Changed
            }
            NextAction::LookUp(number) => {
                let report = match fax.is_to_be_canceled() {
                    true => CallReport::failed(CallFailure::CANCELED),
                    false => sandbox_numbers::test_report(&fax.to, number, fax.pages),
                };
                fax.reported(number, &report, now).into()
            }
            NextAction::Reconcile(_) | NextAction::RemoveDocument | NextAction::Wait(_) | NextAction::Done => Progress::Nothing,
        });
        if let Some((fax, Progress::Changed)) = played.await? {
            self.transmissions.hint(&fax, self.clock.now()).await;
        }
        Ok(())
    }

    /// Claims the attempt, then hands the fax over.
    async fn submit(&self, mut fax: Fax, number: u32) -> Result<(), Error> {
        let Some(from) = fax.from.clone() else { return Ok(()) };
        let now = self.clock.now();
        let rests_until = *self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        if now < rests_until && fax.may_wait(now) {
            let until = rests_until.max(now + wait(&fax, now, SHORTEST_DEFERRAL, LONGEST_DEFERRAL));
            return self.postpone(fax, number, until).await;
        }
        if !self.lines.announce(&fax, number, now).await? && fax.may_wait(now) {
            let until = now + wait(&fax, now, SHORTEST_TURN, LONGEST_TURN);
            return self.postpone(fax, number, until).await;
        }
        let media_url = self.documents.link(&fax.document_key(), LINK_LIFE).await?;
        let (now, claim) = (self.clock.now(), claim_token());
        fax.claim(number, claim.clone(), now);
        match self.transmissions.store(&mut fax, Progress::Changed, now).await {
            Ok(()) => {}
            // Another worker was faster, and has it now.
            Err(ReplaceError::Conflict) => return Ok(()),
            Err(e) => return Err(e.into()),
        }
        if let Err(e) = self.headers.write(&fax, now).await {
            tracing::warn!(fax_id = %fax.id, attempt = number, error = %e, "deferred: the line above its pages could not be written");
            let until = self.clock.now() + SHORTEST_DEFERRAL;
            return self.defer(&fax, number, &claim, until).await;
        }
        let not_after = now + RECONCILE_AFTER;
        let header = self.headers.text(&fax);
        let submission = Submission { reference: reference(&fax, number), to: fax.to.clone(), from, media_url, header, not_after };
        let asked_at = Instant::now();
        let sent = self.carrier.send(&submission).await;
        self.metrics.write(None, &[(Metric::CarrierLatency, asked_at.elapsed().as_secs_f64() * 1000.0)]);
        match sent {
            Ok(id) => self.accepted(fax, number, &id).await,
            Err(SendError::NotTaken { reason, retry_after, needs_operator }) => {
                // The worker rests after it, so there is one such line a rest.
                match needs_operator {
                    true => tracing::error!(reason, "the carrier refuses the account: mend its key or its bill; faxes wait for a day"),
                    false => tracing::warn!(fax_id = %fax.id, attempt = number, reason, "deferred"),
                }
                let now = self.clock.now();
                let rests_until = now + retry_after.unwrap_or(REST).clamp(REST, LONGEST_REST);
                *self.resting.lock().unwrap_or_else(PoisonError::into_inner) = rests_until;
                let until = rests_until.max(now + wait(&fax, now, SHORTEST_DEFERRAL, LONGEST_DEFERRAL));
                self.defer(&fax, number, &claim, until).await
            }
            Err(SendError::Refused(report)) => self.report(&fax, number, report).await,
            Err(SendError::Ambiguous(reason)) => {
                // The claim has set the time of the look-up.
                tracing::warn!(fax_id = %fax.id, attempt = number, reason, "no clear answer from the carrier");
                Ok(())
            }
        }
    }

    /// Takes a claim back whose attempt the carrier does not have.
    async fn defer(&self, fax: &Fax, number: u32, claim: &str, until: Timestamp) -> Result<(), Error> {
        let deferred = self.record(fax, |fax, now| changed_at_least(fax.deferred(number, claim, until, now)));
        if let Some((fax, Progress::Changed)) = deferred.await? {
            self.transmissions.hint(&fax, self.clock.now()).await;
        }
        Ok(())
    }

    /// Puts a fax off without a claim, while the carrier takes nothing anyway, or its number.
    async fn postpone(&self, fax: Fax, number: u32, until: Timestamp) -> Result<(), Error> {
        let postponed = self.record(&fax, |fax, now| {
            let handed_over = [NextAction::Submit(number), NextAction::Reconcile(number)].contains(&fax.next_action(now));
            if !handed_over || fax.is_to_be_canceled() {
                return Progress::Nothing;
            }
            fax.postponed(until);
            Progress::Changed
        });
        if let Some((fax, Progress::Changed)) = postponed.await? {
            self.transmissions.hint(&fax, self.clock.now()).await;
        }
        Ok(())
    }

    async fn accepted(&self, mut fax: Fax, number: u32, id: &CarrierFaxId) -> Result<(), Error> {
        tracing::info!(fax_id = %fax.id, attempt = number, carrier_fax_id = %id, "handed over");
        let now = self.clock.now();
        fax.accepted(number, &id.0, now);
        match self.transmissions.store(&mut fax, Progress::Changed, now).await {
            // A callback was faster than the answer.
            Err(ReplaceError::Conflict) => {
                self.record(&fax, |fax, now| if fax.accepted(number, &id.0, now) { Progress::Changed } else { Progress::Nothing }).await?;
                Ok(())
            }
            stored => Ok(stored?),
        }
    }

    /// Asks for an attempt of which no answer is known.
    async fn reconcile(&self, fax: Fax, number: u32) -> Result<(), Error> {
        let Some((started, from)) = fax.current_attempt().map(|attempt| attempt.started_at).zip(fax.from.clone()) else { return Ok(()) };
        match self.carrier.find(&reference(&fax, number), &fax.to, &from, started).await {
            Ok(Some(found)) => self.found(&fax, number, &found).await,
            Ok(None) if fax.may_be_sent_again(self.clock.now()) => self.submit(fax, number).await,
            Ok(None) => {
                let looked = self.record(&fax, |fax, now| {
                    if fax.next_action(now) != NextAction::Reconcile(number) {
                        return Progress::Nothing;
                    }
                    changed_at_least(fax.not_found(now))
                });
                if let Some((fax, Progress::Changed)) = looked.await? {
                    self.transmissions.hint(&fax, self.clock.now()).await;
                }
                Ok(())
            }
            Err(e) => self.look_again(&fax, &e.to_string()).await,
        }
    }

    /// Asks how an attempt is going whose callback is overdue.
    async fn look_up(&self, fax: Fax, number: u32) -> Result<(), Error> {
        let Some(id) = fax.current_attempt().and_then(|attempt| attempt.carrier_fax_id.clone()) else { return Ok(()) };
        match self.carrier.get(&CarrierFaxId(id)).await {
            Ok(Some(found)) => self.found(&fax, number, &found).await,
            Ok(None) => self.report(&fax, number, CallReport::failed(FailureCode::Timeout)).await,
            Err(e) => self.look_again(&fax, &e.to_string()).await,
        }
    }

    /// Writes down what the carrier says of an attempt. A call that is to be canceled and is not over it is asked to stop: how the call ends is
    /// told by a callback, or by the next look.
    async fn found(&self, fax: &Fax, number: u32, found: &CarrierFax) -> Result<(), Error> {
        let stops = self.can_stop && fax.is_to_be_canceled() && found.report.is_none();
        if stops && let Err(e) = self.carrier.stop(&found.id).await {
            return self.look_again(fax, &e.to_string()).await;
        }
        self.record(fax, |fax, now| {
            let update = fax.accepted(number, &found.id.0, now);
            match &found.report {
                Some(report) => fax.reported(number, report, now).into(),
                None if update && !stops => Progress::Changed,
                None => changed_at_least(fax.still_open(now, self.look_after(fax))),
            }
        })
        .await?;
        Ok(())
    }

    async fn look_again(&self, fax: &Fax, reason: &str) -> Result<(), Error> {
        tracing::warn!(fax_id = %fax.id, reason, "the carrier could not be asked");
        self.record(fax, |fax, now| changed_at_least(fax.still_open(now, self.look_after(fax)))).await?;
        Ok(())
    }

    /// How long until the carrier is asked again.
    fn look_after(&self, fax: &Fax) -> SignedDuration {
        if self.can_stop && fax.is_to_be_canceled() { STOP_AGAIN } else { LOOK_AGAIN }
    }

    async fn report(&self, fax: &Fax, number: u32, report: CallReport) -> Result<(), Error> {
        self.record(fax, |fax, now| fax.reported(number, &report, now).into()).await?;
        Ok(())
    }

    async fn record(
        &self,
        fax: &Fax,
        decide: impl FnMut(&mut Fax, Timestamp) -> Progress + Send,
    ) -> Result<Option<(Fax, Progress)>, StoreError> {
        self.transmissions.record(fax.account_id, fax.id, decide).await
    }
}

/// How long a fax waits that cannot be handed over now: longer the longer it has waited.
fn wait(fax: &Fax, now: Timestamp, shortest: SignedDuration, longest: SignedDuration) -> SignedDuration {
    let waited = now.duration_since(fax.created_at) / 4;
    waited.clamp(shortest, longest).mul_f64(rand::rng().random_range(1.0..1.25))
}

/// For decisions that move the due time even where they have no other effect.
fn changed_at_least(effect: Effect) -> Progress {
    match effect {
        Effect::None => Progress::Changed,
        effect => effect.into(),
    }
}

fn reference(fax: &Fax, attempt: u32) -> AttemptRef {
    AttemptRef { account_id: fax.account_id, fax_id: fax.id, attempt }
}
