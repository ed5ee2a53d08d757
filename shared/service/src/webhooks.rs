//! What an account's owner, or an operator for it, does with webhooks: the functions behind the commands and the dashboard.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use sfm_core::audit::{Action, AuditEntry};
use sfm_core::clock::Clock;
use sfm_core::event::{Event, EventType};
use sfm_core::id::{AccountId, DeliveryId, EndpointId, EventId};
use sfm_core::principal::Principal;
use sfm_core::secret::Secret;
use sfm_core::webhook::delivery::Delivery;
use sfm_core::webhook::{Endpoint, EndpointStatus, MAX_ENDPOINTS, Reason, Recovery};
use sfm_http_client::ssrf::{SafeHttp, UrlRejected};
use sfm_store::StoreError;
use sfm_store::audit::Audit;
use sfm_store::deliveries::{Deliveries, DeliveryKey};
use sfm_store::events::Events;
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::queue::{Queue, QueueError};
use sfm_store::webhooks::Webhooks;

/// More than anybody writes.
const LONGEST_URL: usize = 2048;
const LONGEST_DESCRIPTION: usize = 200;

#[derive(Debug, Clone)]
pub struct WebhookService {
    webhooks: Webhooks,
    deliveries: Deliveries,
    events: Events,
    audit: Audit,
    queue: Queue,
    guard: SafeHttp,
    clock: Clock,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    #[error("The URL {0}.")]
    Url(UrlRejected),
    #[error("The URL has more than {LONGEST_URL} characters.")]
    UrlTooLong,
    #[error("The description has more than {LONGEST_DESCRIPTION} characters.")]
    DescriptionTooLong,
    #[error("An account may have {MAX_ENDPOINTS} webhook endpoints. Delete one first.")]
    TooMany,
    #[error("The endpoint is disabled. Enable it first.")]
    Disabled,
    #[error("There is no such endpoint, delivery or event.")]
    NotFound,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// What of an endpoint is changed.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub url: Option<String>,
    pub events: Option<BTreeSet<EventType>>,
    pub description: Option<String>,
    pub status: Option<EndpointStatus>,
}

impl WebhookService {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            webhooks: Webhooks::new(platform)?,
            deliveries: Deliveries::new(platform)?,
            events: Events::new(platform)?,
            audit: Audit::new(platform)?,
            queue: Queue::new(platform, "WEBHOOKS_QUEUE_URL")?,
            guard: platform.guard()?,
            clock: platform.clock(),
        })
    }

    fn checked(&self, url: &str) -> Result<String, WebhookError> {
        if url.len() > LONGEST_URL {
            return Err(WebhookError::UrlTooLong);
        }
        self.guard.parse(url).map(String::from).map_err(WebhookError::Url)
    }

    fn entry(&self, who: &Principal, action: Action, target: impl ToString) -> AuditEntry {
        AuditEntry::new(who, action, target, self.clock.now())
    }

    /// Makes an endpoint. Its secret is shown here, and never again but by rotating it.
    ///
    /// # Errors
    /// When the URL, the description or the number of endpoints is not allowed.
    pub async fn add(
        &self,
        who: &Principal,
        url: &str,
        events: BTreeSet<EventType>,
        description: Option<String>,
    ) -> Result<(Endpoint, Secret), WebhookError> {
        let url = self.checked(url)?;
        if description.as_ref().is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION) {
            return Err(WebhookError::DescriptionTooLong);
        }
        let endpoint = Endpoint::new(who.account(), url, events, description, self.clock.now());
        let entry = self.entry(who, Action::WebhookCreated, endpoint.id).detail(endpoint.url.as_str());
        if !self.webhooks.add(&endpoint, MAX_ENDPOINTS, self.audit.write(&entry)?).await? {
            return Err(WebhookError::TooMany);
        }
        let secret = newest(&endpoint)?;
        Ok((endpoint, secret))
    }

    /// The endpoints of an account, oldest first.
    pub async fn list(&self, account: AccountId) -> Result<Vec<Endpoint>, WebhookError> {
        Ok(self.webhooks.of(account).await?)
    }

    /// One endpoint.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`]
    pub async fn get(&self, account: AccountId, id: EndpointId) -> Result<Endpoint, WebhookError> {
        self.webhooks.get(account, id).await?.ok_or(WebhookError::NotFound)
    }

    /// Finds an endpoint by its id alone, for operators.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`]
    pub async fn find(&self, id: EndpointId) -> Result<Endpoint, WebhookError> {
        self.webhooks.find(id).await?.ok_or(WebhookError::NotFound)
    }

    /// Changes an endpoint, all at once or not at all.
    ///
    /// # Errors
    /// When the URL or the description is not allowed, or there is no such endpoint: then nothing is changed.
    pub async fn update(&self, who: &Principal, id: EndpointId, change: Change) -> Result<Endpoint, WebhookError> {
        let Change { url, events, description, status } = change;
        let url = url.as_deref().map(|url| self.checked(url)).transpose()?;
        if description.as_ref().is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION) {
            return Err(WebhookError::DescriptionTooLong);
        }
        let events = events.filter(|events| !events.is_empty());
        let now = self.clock.now();
        let mut entries = Vec::new();
        if url.is_some() || events.is_some() || description.is_some() {
            let mut entry = AuditEntry::new(who, Action::WebhookChanged, id, now);
            entry.detail.clone_from(&url);
            entries.push(entry);
        }
        entries.extend(status.map(|status| {
            let action = if status == EndpointStatus::Enabled { Action::WebhookEnabled } else { Action::WebhookDisabled };
            // Entries of one moment are in no order: this one comes after the other.
            AuditEntry::new(who, action, id, now + SignedDuration::from_millis(1))
        }));
        if entries.is_empty() {
            return self.get(who.account(), id).await;
        }
        self.change(who.account(), id, &entries, |endpoint| {
            if let Some(url) = &url {
                endpoint.url.clone_from(url);
                endpoint.quick = false;
            }
            if let Some(events) = &events {
                endpoint.events.clone_from(events);
            }
            if let Some(description) = &description {
                endpoint.description = (!description.is_empty()).then(|| description.clone());
            }
            match status {
                Some(EndpointStatus::Enabled) => endpoint.enable(),
                Some(EndpointStatus::Disabled) => endpoint.disable(Reason::Owner, now),
                None => {}
            }
        })
        .await
    }

    /// Switches an endpoint off.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`]
    pub async fn disable(&self, who: &Principal, id: EndpointId) -> Result<Endpoint, WebhookError> {
        let now = self.clock.now();
        let entry = self.entry(who, Action::WebhookDisabled, id);
        self.change(who.account(), id, &[entry], |endpoint| endpoint.disable(Reason::Owner, now)).await
    }

    /// Switches an endpoint on again. What failed meanwhile can be recovered since the time that is returned, if anything did.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`]
    pub async fn enable(&self, who: &Principal, id: EndpointId) -> Result<(Endpoint, Option<Timestamp>), WebhookError> {
        let entry = self.entry(who, Action::WebhookEnabled, id);
        let enabled = self.webhooks.change(who.account(), id, vec![self.audit.write(&entry)?], |endpoint| {
            let missed_since = endpoint.missed_since();
            endpoint.enable();
            missed_since
        });
        enabled.await?.ok_or(WebhookError::NotFound)
    }

    /// Deletes an endpoint. Its deliveries end with it.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`]
    pub async fn delete(&self, who: &Principal, id: EndpointId) -> Result<(), WebhookError> {
        let entry = self.entry(who, Action::WebhookDeleted, id);
        if self.webhooks.delete(who.account(), id, self.audit.write(&entry)?).await? { Ok(()) } else { Err(WebhookError::NotFound) }
    }

    /// Makes a new secret and shows it. The old one signs for a day more, unless it is to end now.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`]
    pub async fn rotate(&self, who: &Principal, id: EndpointId, expire_now: bool) -> Result<(Endpoint, Secret), WebhookError> {
        let now = self.clock.now();
        let entry = self.entry(who, Action::WebhookSecretRotated, id);
        let endpoint = self.change(who.account(), id, &[entry], |endpoint| endpoint.rotate(expire_now, now)).await?;
        let secret = newest(&endpoint)?;
        Ok((endpoint, secret))
    }

    /// Ends the overlap of a rotation: the old secret signs no more.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`]
    pub async fn expire_old_secret(&self, who: &Principal, id: EndpointId) -> Result<Endpoint, WebhookError> {
        let entry = self.entry(who, Action::WebhookOldSecretExpired, id);
        self.change(who.account(), id, &[entry], Endpoint::expire_old_secrets).await
    }

    async fn change(
        &self,
        account: AccountId,
        id: EndpointId,
        entries: &[AuditEntry],
        change: impl Fn(&mut Endpoint),
    ) -> Result<Endpoint, WebhookError> {
        let entries = entries.iter().map(|entry| self.audit.write(entry)).collect::<Result<_, _>>()?;
        let changed = self.webhooks.change(account, id, entries, change);
        changed.await?.map(|(endpoint, ())| endpoint).ok_or(WebhookError::NotFound)
    }

    /// Sends a test event, whatever the endpoint asks to be told of.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`], or [`WebhookError::Disabled`].
    pub async fn test(&self, who: &Principal, id: EndpointId) -> Result<Delivery, WebhookError> {
        let endpoint = self.get(who.account(), id).await?;
        if !endpoint.wants(EventType::WebhookTest) {
            return Err(WebhookError::Disabled);
        }
        self.audit.record(&self.entry(who, Action::WebhookTested, id)).await?;
        let now = self.clock.now();
        let data = json!({"object": "webhook_endpoint", "id": endpoint.id, "message": "This endpoint is reached."}).to_string();
        let event = Event::test(who.account(), data, now);
        self.events.put(&event).await?;
        let delivery = Delivery::new(&event, endpoint.id, now);
        self.deliveries.add(&delivery).await?;
        self.hint(&delivery).await?;
        Ok(delivery)
    }

    /// The log of an endpoint, newest first, at most 100 entries older than `before`; and whether there are more.
    pub async fn deliveries(
        &self,
        account: AccountId,
        endpoint: EndpointId,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<(Vec<Delivery>, bool), WebhookError> {
        Ok(self.deliveries.of_endpoint(account, endpoint, before, limit).await?)
    }

    /// The deliveries of an event to the endpoints that there are.
    pub async fn deliveries_of_event(&self, account: AccountId, event: EventId) -> Result<Vec<Delivery>, WebhookError> {
        let event = self.events.get(account, event).await?.ok_or(WebhookError::NotFound)?;
        let endpoints = self.webhooks.of(account).await?;
        let ids: Vec<_> = endpoints.iter().map(|endpoint| DeliveryId::of(event.id, endpoint.id, event.created_at)).collect();
        Ok(self.deliveries.get_all(account, &ids).await?)
    }

    /// Finds a delivery by its id alone, for operators.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`]
    pub async fn find_delivery(&self, id: DeliveryId) -> Result<DeliveryKey, WebhookError> {
        self.deliveries.find(id).await?.ok_or(WebhookError::NotFound)
    }

    /// The events of an account that it is told of, within 30 days, newest first: at most `limit` older than `before`.
    pub async fn events(&self, account: AccountId, before: Option<EventId>, limit: usize) -> Result<Vec<Event>, WebhookError> {
        Ok(self.events.told(account, before, limit).await?)
    }

    /// Tries a delivery anew, at once, whatever became of it.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`], or [`WebhookError::Disabled`] for its endpoint.
    pub async fn redeliver(&self, who: &Principal, id: DeliveryId) -> Result<Delivery, WebhookError> {
        let key = DeliveryKey { account_id: who.account(), id };
        if self.deliveries.get_all(key.account_id, &[key.id]).await?.is_empty() {
            return Err(WebhookError::NotFound);
        }
        self.audit.record(&self.entry(who, Action::DeliveryRedelivered, key.id)).await?;
        let now = self.clock.now();
        let again = self.deliveries.update(key, |delivery| {
            delivery.redeliver(now);
            true
        });
        let delivery = again.await?.ok_or(WebhookError::NotFound)?;
        self.hint(&delivery).await?;
        Ok(delivery)
    }

    /// Begins to try anew, at once, what failed since a time, waits for an attempt, or was never tried. A recovery that
    /// runs and has begun as early is joined; else this one takes its place, and begins where the earlier of the two
    /// does.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`], or [`WebhookError::Disabled`].
    pub async fn recover(&self, who: &Principal, id: EndpointId, since: Timestamp) -> Result<Recovery, WebhookError> {
        let endpoint = self.get(who.account(), id).await?;
        if endpoint.status == EndpointStatus::Disabled {
            return Err(WebhookError::Disabled);
        }
        let entry = self.entry(who, Action::WebhookRecovered, id);
        if let Some(running) = endpoint.recovery.filter(|running| running.finished_at.is_none() && running.since <= since) {
            self.audit.record(&entry).await?;
            return Ok(running);
        }
        let now = self.clock.now();
        let job = Event::recovery(who.account(), id, now);
        let others = vec![self.audit.write(&entry)?, self.events.add(&job)?];
        let begun = self.webhooks.change(who.account(), id, others, |endpoint| endpoint.recover(job.id, since, now));
        begun.await?.map(|(_, recovery)| recovery).ok_or(WebhookError::NotFound)
    }

    async fn hint(&self, delivery: &Delivery) -> Result<(), WebhookError> {
        let (now, key) = (self.clock.now(), DeliveryKey::from(delivery));
        Ok(self.queue.send_fair(&key, key.account_id, delivery.due().unwrap_or(now), now).await?)
    }
}

fn newest(endpoint: &Endpoint) -> Result<Secret, WebhookError> {
    endpoint.secrets.first().map(|secret| secret.secret.clone()).ok_or(WebhookError::NotFound)
}
