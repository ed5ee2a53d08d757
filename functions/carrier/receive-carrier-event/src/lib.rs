//! `POST /carrier/telnyx`, `POST /carrier/sinch/{secret}`: what the carrier tells of its own accord. Answered 200 once it is stored;
//! the carrier repeats what it got another answer for.

use http::StatusCode;
use sfm_carriers::chosen::Callbacks;
use sfm_carriers::{AttemptUpdate, Callback, CallbackError, CarrierEvent, Received};
use sfm_core::fax::Fax;
use sfm_core::fax::progress::Effect;
use sfm_service::reception::{InboundService, Noted};
use sfm_service::transmission::{Progress, Transmissions};
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct ReceiveCarrierEvent {
    callbacks: Callbacks,
    transmissions: Transmissions,
    reception: InboundService,
}

impl Endpoint for ReceiveCarrierEvent {
    // What follows may be a secret, and is never logged.
    const ROUTE: &'static str = "POST /carrier/{carrier}";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            callbacks: Callbacks::new(platform)?,
            transmissions: Transmissions::new(platform)?,
            reception: InboundService::new(platform)?,
        })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let callback = self.read(request).await?.map_err(|e| match e {
            CallbackError::Unreadable => {
                // It is the carrier's, and was changed: until somebody reads it, the poll alone tells how faxes end.
                tracing::error!("a callback of the carrier cannot be read");
                ApiError::invalid(e.to_string())
            }
            CallbackError::Unsigned | CallbackError::Stale | CallbackError::Forged => ApiError::bad_signature(e),
            CallbackError::Unavailable(reason) => ApiError::unavailable(reason),
        })?;
        match callback {
            Callback::Attempt(event) => self.record(&event).await?,
            // A number that is nobody's is no error of the carrier's: it need not tell again.
            Callback::Received(received) => self.receive(received).await?,
            Callback::Other => {}
        }
        Ok(Response::empty(StatusCode::OK))
    }
}

impl ReceiveCarrierEvent {
    /// Reads the callback as the chosen carrier's. There is no route of another one's.
    async fn read(&self, request: &Request) -> Result<Result<Callback, CallbackError>, ApiError> {
        match (&self.callbacks, request.path_params.get("secret")) {
            (Callbacks::Telnyx(telnyx), None) => {
                let signature = request.header("telnyx-signature-ed25519")?.unwrap_or_default();
                let timestamp = request.header("telnyx-timestamp")?.unwrap_or_default();
                Ok(telnyx.read(signature, timestamp, &request.body, request.now).await)
            }
            (Callbacks::Sinch(sinch), Some(secret)) => Ok(sinch.read(secret, &request.body).await),
            _ => Err(ApiError::no_route()),
        }
    }

    /// Notes a fax that came in. The poll may have been faster, which is not told that a fax is incomplete.
    async fn receive(&self, received: Received) -> Result<(), ApiError> {
        let partial = received.partial.then(|| received.clone());
        if let (Noted::Known, Some(received)) = (self.reception.note(received).await?, partial)
            && let Some(key) = self.reception.incomplete(&received).await?
        {
            let say = |fax: &mut Fax, _| if std::mem::replace(&mut fax.partial, true) { Progress::Nothing } else { Progress::Changed };
            self.transmissions.record(key.account_id, key.fax_id, say).await?;
        }
        Ok(())
    }

    async fn record(&self, event: &CarrierEvent) -> Result<(), ApiError> {
        let CarrierEvent { reference, id, update } = event;
        let recorded = self
            .transmissions
            .record(reference.account_id, reference.fax_id, |fax, now| {
                let Some(attempt) = fax.attempt(reference.attempt) else { return Progress::Nothing };
                if attempt.carrier_fax_id.as_ref().is_some_and(|known| *known != id.0) {
                    tracing::error!(fax_id = %reference.fax_id, attempt = reference.attempt, "the carrier has this attempt twice");
                    return Progress::Nothing;
                }
                let accepted = fax.accepted(reference.attempt, &id.0, now);
                match update {
                    AttemptUpdate::InProgress if accepted => Progress::Changed,
                    AttemptUpdate::InProgress => Progress::Nothing,
                    AttemptUpdate::Ended(report) => fax.reported(reference.attempt, report, now).into(),
                }
            })
            .await?;
        match recorded {
            None => tracing::warn!(fax_id = %reference.fax_id, "the carrier speaks of a fax that we do not have"),
            Some((_, Progress::Ended(Effect::Contradiction))) => {
                tracing::error!(fax_id = %reference.fax_id, attempt = reference.attempt, "the carrier contradicts what it said before");
            }
            Some(_) => {}
        }
        Ok(())
    }
}
