//! `sfm webhook …`

use std::collections::BTreeSet;

use clap::Subcommand;
use jiff::Timestamp;
use serde_json::{Value, json};
use sfm_core::clock::{ApiTime, parse_time};
use sfm_core::event::EventType;
use sfm_core::id::{AccountId, DeliveryId, EndpointId, EventId};
use sfm_core::principal::Principal;
use sfm_core::secret::Secret;
use sfm_core::webhook::Endpoint;
use sfm_service::webhooks::{Change, WebhookError, WebhookService};
use sfm_store::accounts::Accounts;
use sfm_store::platform::Platform;

use super::{CommandError, id};

#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// Makes an endpoint and shows its secret
    #[command(after_help = "Example:\n  sfm webhook add acct_01M8G0F2Z7V5YKQ4T9XN3D6B1C https://example.com/faxes --event fax.received")]
    Add {
        /// The account, acct_…
        account: String,
        /// Where events are posted to, https://…
        url: String,
        /// fax.delivered, fax.failed, fax.received (all three without it), fax.canceled, scheduled.failed
        #[arg(long, value_parser = EventType::for_endpoint)]
        event: Vec<EventType>,
        /// What people call it
        #[arg(long)]
        description: Option<String>,
    },
    /// Lists the endpoints of an account
    #[command(after_help = "Example:\n  sfm webhook list acct_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    List {
        /// The account, acct_…
        account: String,
    },
    /// Changes an endpoint; what is not named stays
    #[command(after_help = "Example:\n  sfm webhook update wh_01M8G0F2Z7V5YKQ4T9XN3D6B1C --url https://example.com/new")]
    Update {
        /// The endpoint, wh_…
        id: String,
        /// Where events are posted to, https://…
        #[arg(long)]
        url: Option<String>,
        /// All that it is told of from now on
        #[arg(long, value_parser = EventType::for_endpoint)]
        event: Vec<EventType>,
        /// What people call it
        #[arg(long)]
        description: Option<String>,
    },
    /// Switches it on again; recover_since tells where a recovery would begin
    #[command(after_help = "Example:\n  sfm webhook enable wh_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    Enable {
        /// The endpoint, wh_…
        id: String,
    },
    /// Switches it off; events go on to be logged
    #[command(after_help = "Example:\n  sfm webhook disable wh_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    Disable {
        /// The endpoint, wh_…
        id: String,
    },
    /// Deletes an endpoint
    #[command(after_help = "Example:\n  sfm webhook delete wh_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    Delete {
        /// The endpoint, wh_…
        id: String,
    },
    /// Makes a new secret; the old one signs for 24 hours more
    #[command(after_help = "Example:\n  sfm webhook rotate wh_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    Rotate {
        /// The endpoint, wh_…
        id: String,
        /// The old one signs no more
        #[arg(long)]
        expire_now: bool,
    },
    /// Ends the overlap of a rotation
    #[command(after_help = "Example:\n  sfm webhook expire-old wh_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    ExpireOld {
        /// The endpoint, wh_…
        id: String,
    },
    /// Sends a test event
    #[command(after_help = "Example:\n  sfm webhook test wh_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    Test {
        /// The endpoint, wh_…
        id: String,
    },
    /// The log of an endpoint, or with --account of an event
    #[command(after_help = "Example:\n  sfm webhook deliveries wh_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    Deliveries {
        /// The endpoint, wh_…, or the event, evt_…
        id: String,
        /// The account of the event
        #[arg(long)]
        account: Option<String>,
        /// Goes on behind this delivery
        #[arg(long)]
        before: Option<String>,
    },
    /// The newest 100 events of an account, of 30 days
    #[command(after_help = "Example:\n  sfm webhook events acct_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    Events {
        /// The account, acct_…
        account: String,
        /// Goes on behind this event
        #[arg(long)]
        before: Option<String>,
    },
    /// Tells a delivery's event to its endpoint once more
    #[command(after_help = "Example:\n  sfm webhook redeliver dlv_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    Redeliver {
        /// The delivery, dlv_…
        delivery: String,
    },
    /// Tries anew what failed, or was not told, since a time
    #[command(after_help = "Example:\n  sfm webhook recover wh_01M8G0F2Z7V5YKQ4T9XN3D6B1C --since 2026-11-24T00:00:00Z")]
    Recover {
        /// The endpoint, wh_…
        id: String,
        /// From when on, RFC 3339
        #[arg(long)]
        since: String,
    },
}

impl WebhookCommand {
    pub async fn run(self, platform: &Platform) -> Result<Value, CommandError> {
        match self {
            Self::Add { account, url, event, description } => add(platform, id(&account, "account")?, &url, event, description).await,
            Self::List { account } => endpoints(platform, id(&account, "account")?).await,
            Self::Update { id: endpoint, url, event, description } => {
                update(platform, id(&endpoint, "endpoint")?, url, event, description).await
            }
            Self::Enable { id: endpoint } => enable(platform, id(&endpoint, "endpoint")?).await,
            Self::Disable { id: endpoint } => disable(platform, id(&endpoint, "endpoint")?).await,
            Self::Delete { id: endpoint } => delete(platform, id(&endpoint, "endpoint")?).await,
            Self::Rotate { id: endpoint, expire_now } => rotate(platform, id(&endpoint, "endpoint")?, expire_now).await,
            Self::ExpireOld { id: endpoint } => expire_old_secret(platform, id(&endpoint, "endpoint")?).await,
            Self::Test { id: endpoint } => test(platform, id(&endpoint, "endpoint")?).await,
            Self::Deliveries { id: of, account, before } => {
                let account = account.map(|account| id(&account, "account")).transpose()?;
                let before = before.map(|before| id(&before, "delivery")).transpose()?;
                deliveries(platform, &of, account, before).await
            }
            Self::Events { account, before } => {
                let before = before.map(|before| id(&before, "event")).transpose()?;
                events(platform, id(&account, "account")?, before).await
            }
            Self::Redeliver { delivery } => redeliver(platform, id(&delivery, "delivery")?).await,
            Self::Recover { id: endpoint, since } => recover(platform, id(&endpoint, "endpoint")?, &since).await,
        }
    }
}

/// The newest entries that a log prints.
const SHOWN: u32 = 100;

impl From<WebhookError> for CommandError {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::Store(e) => e.into(),
            WebhookError::Queue(e) => Self::new("unavailable", e.to_string()),
            WebhookError::NotFound => Self::new("not_found", error.to_string()),
            WebhookError::TooMany | WebhookError::Disabled => Self::new("conflict", error.to_string()),
            WebhookError::Url(_) | WebhookError::UrlTooLong | WebhookError::DescriptionTooLong => Self::invalid(error.to_string()),
        }
    }
}

fn operator_of(endpoint: &Endpoint) -> Principal {
    Principal::Operator { account: endpoint.account_id }
}

fn shown(endpoint: &Endpoint) -> Value {
    let mut value = json!(endpoint.resource());
    value["account_id"] = json!(endpoint.account_id);
    value
}

fn with_secret((endpoint, secret): (Endpoint, Secret)) -> Value {
    let mut value = shown(&endpoint);
    value["secret"] = secret.expose().into();
    value
}

fn list(data: Vec<Value>) -> Value {
    json!({"object": "list", "data": data})
}

/// Webhooks are of the plans that have the API.
async fn with_api(platform: &Platform, account: AccountId) -> Result<(), CommandError> {
    let account = Accounts::new(platform)?.get(account).await?.ok_or_else(|| CommandError::not_found("account"))?;
    if account.plan.includes_api() {
        return Ok(());
    }
    Err(CommandError::new(
        "plan_upgrade_required",
        "Webhooks are part of the Business and Enterprise plans. Change the account's plan first.",
    ))
}

pub async fn add(
    platform: &Platform,
    account: AccountId,
    url: &str,
    events: Vec<EventType>,
    description: Option<String>,
) -> Result<Value, CommandError> {
    with_api(platform, account).await?;
    let webhooks = WebhookService::new(platform)?;
    Ok(with_secret(webhooks.add(&Principal::Operator { account }, url, events.into_iter().collect(), description).await?))
}

pub async fn endpoints(platform: &Platform, account: AccountId) -> Result<Value, CommandError> {
    Ok(list(WebhookService::new(platform)?.list(account).await?.iter().map(shown).collect()))
}

pub async fn update(
    platform: &Platform,
    endpoint: EndpointId,
    url: Option<String>,
    events: Vec<EventType>,
    description: Option<String>,
) -> Result<Value, CommandError> {
    let webhooks = WebhookService::new(platform)?;
    let found = webhooks.find(endpoint).await?;
    with_api(platform, found.account_id).await?;
    let events: BTreeSet<_> = events.into_iter().collect();
    let change = Change { url, events: (!events.is_empty()).then_some(events), description, status: None };
    Ok(shown(&webhooks.update(&operator_of(&found), endpoint, change).await?))
}

pub async fn enable(platform: &Platform, endpoint: EndpointId) -> Result<Value, CommandError> {
    let webhooks = WebhookService::new(platform)?;
    let found = webhooks.find(endpoint).await?;
    with_api(platform, found.account_id).await?;
    let (enabled, missed_since) = webhooks.enable(&operator_of(&found), endpoint).await?;
    let mut value = shown(&enabled);
    // What a recovery would begin with.
    value["recover_since"] = json!(missed_since.map(ApiTime::from));
    Ok(value)
}

pub async fn disable(platform: &Platform, endpoint: EndpointId) -> Result<Value, CommandError> {
    let webhooks = WebhookService::new(platform)?;
    let found = webhooks.find(endpoint).await?;
    Ok(shown(&webhooks.disable(&operator_of(&found), endpoint).await?))
}

pub async fn delete(platform: &Platform, endpoint: EndpointId) -> Result<Value, CommandError> {
    let webhooks = WebhookService::new(platform)?;
    let found = webhooks.find(endpoint).await?;
    webhooks.delete(&operator_of(&found), endpoint).await?;
    Ok(json!({"id": endpoint, "deleted": true}))
}

pub async fn rotate(platform: &Platform, endpoint: EndpointId, expire_now: bool) -> Result<Value, CommandError> {
    let webhooks = WebhookService::new(platform)?;
    let found = webhooks.find(endpoint).await?;
    Ok(with_secret(webhooks.rotate(&operator_of(&found), endpoint, expire_now).await?))
}

pub async fn expire_old_secret(platform: &Platform, endpoint: EndpointId) -> Result<Value, CommandError> {
    let webhooks = WebhookService::new(platform)?;
    let found = webhooks.find(endpoint).await?;
    Ok(shown(&webhooks.expire_old_secret(&operator_of(&found), endpoint).await?))
}

pub async fn test(platform: &Platform, endpoint: EndpointId) -> Result<Value, CommandError> {
    let webhooks = WebhookService::new(platform)?;
    let found = webhooks.find(endpoint).await?;
    with_api(platform, found.account_id).await?;
    Ok(json!(webhooks.test(&operator_of(&found), endpoint).await?.resource()))
}

/// The log of an endpoint, or of an event of an account.
pub async fn deliveries(
    platform: &Platform,
    of: &str,
    account: Option<AccountId>,
    before: Option<DeliveryId>,
) -> Result<Value, CommandError> {
    let webhooks = WebhookService::new(platform)?;
    let found = match (of.parse::<EventId>(), account) {
        (Ok(event), Some(account)) => webhooks.deliveries_of_event(account, event).await?,
        (Ok(_), None) => return Err(CommandError::invalid("The deliveries of an event need --account.")),
        (Err(_), _) => {
            let endpoint = webhooks.find(id(of, "endpoint")?).await?;
            webhooks.deliveries(endpoint.account_id, endpoint.id, before, SHOWN).await?.0
        }
    };
    Ok(list(found.iter().map(|delivery| json!(delivery.resource())).collect()))
}

pub async fn events(platform: &Platform, account: AccountId, before: Option<EventId>) -> Result<Value, CommandError> {
    let found = WebhookService::new(platform)?.events(account, before, SHOWN as usize).await?;
    let event = |body: String| serde_json::from_str(&body).map_err(|e| CommandError::new("internal_error", e.to_string()));
    Ok(list(found.iter().filter_map(|found| found.body()).map(event).collect::<Result<_, _>>()?))
}

pub async fn redeliver(platform: &Platform, delivery: DeliveryId) -> Result<Value, CommandError> {
    let webhooks = WebhookService::new(platform)?;
    let key = webhooks.find_delivery(delivery).await?;
    with_api(platform, key.account_id).await?;
    Ok(json!(webhooks.redeliver(&Principal::Operator { account: key.account_id }, key.id).await?.resource()))
}

/// Begins a recovery, and does not wait for it: `recovered` counts what it has come to so far; the list of endpoints
/// tells on.
pub async fn recover(platform: &Platform, endpoint: EndpointId, since: &str) -> Result<Value, CommandError> {
    let wrong = || CommandError::invalid("--since must be a time in RFC 3339, such as 2026-07-01T17:00:00Z.");
    let since: Timestamp = parse_time(since).ok_or_else(wrong)?;
    let webhooks = WebhookService::new(platform)?;
    let found = webhooks.find(endpoint).await?;
    with_api(platform, found.account_id).await?;
    let recovery = webhooks.recover(&operator_of(&found), endpoint, since).await?;
    Ok(json!({"id": endpoint, "recovered": recovery.begun, "recovery": recovery.resource()}))
}
