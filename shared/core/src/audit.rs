//! The audit log of an account: who changed or looked at what, and when.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::ApiTime;
use crate::id::{AccountId, AuditId, FaxId};
use crate::principal::Principal;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    #[serde(rename = "key.created")]
    KeyCreated,
    #[serde(rename = "key.revoked")]
    KeyRevoked,
    #[serde(rename = "webhook.created")]
    WebhookCreated,
    #[serde(rename = "webhook.changed")]
    WebhookChanged,
    #[serde(rename = "webhook.enabled")]
    WebhookEnabled,
    #[serde(rename = "webhook.disabled")]
    WebhookDisabled,
    #[serde(rename = "webhook.deleted")]
    WebhookDeleted,
    #[serde(rename = "webhook.secret_rotated")]
    WebhookSecretRotated,
    #[serde(rename = "webhook.old_secret_expired")]
    WebhookOldSecretExpired,
    #[serde(rename = "webhook.tested")]
    WebhookTested,
    #[serde(rename = "webhook.recovered")]
    WebhookRecovered,
    #[serde(rename = "delivery.redelivered")]
    DeliveryRedelivered,
    /// Written before the document, or a link to it, is given.
    #[serde(rename = "fax.viewed")]
    FaxViewed,
    #[serde(rename = "fax.sent")]
    FaxSent,
    #[serde(rename = "fax.scheduled")]
    FaxScheduled,
    #[serde(rename = "fax.deleted")]
    FaxDeleted,
    /// Written before it is done; another may be faster.
    #[serde(rename = "scheduled.canceled")]
    ScheduledCanceled,
    #[serde(rename = "contact.created")]
    ContactCreated,
    #[serde(rename = "contact.updated")]
    ContactUpdated,
    #[serde(rename = "contact.deleted")]
    ContactDeleted,
    /// Written before the link is given, as a look is.
    #[serde(rename = "faxes.exported")]
    FaxesExported,
    #[serde(rename = "account.updated")]
    AccountUpdated,
    #[serde(rename = "member.added")]
    MemberAdded,
    #[serde(rename = "member.removed")]
    MemberRemoved,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuditEntry {
    pub account_id: AccountId,
    pub id: AuditId,
    pub at: Timestamp,
    /// Who did it, as [`Principal`] is displayed.
    pub actor: String,
    pub action: Action,
    /// The id, or the address, of what was changed.
    pub target: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The entry as the dashboard shows it.
#[derive(Debug, Clone, Serialize)]
pub struct AuditResource {
    object: &'static str,
    id: AuditId,
    at: ApiTime,
    actor: String,
    action: Action,
    target: String,
    detail: Option<String>,
}

impl AuditEntry {
    pub fn new(who: &Principal, action: Action, target: impl ToString, at: Timestamp) -> Self {
        let (actor, target) = (who.to_string(), target.to_string());
        Self { account_id: who.account(), id: AuditId::generate(at), at, actor, action, target, detail: None }
    }

    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// Says whose pages were sent, where they are those of earlier faxes.
    #[must_use]
    pub fn of_faxes(self, origins: &[FaxId]) -> Self {
        if origins.is_empty() {
            return self;
        }
        let ids: Vec<String> = origins.iter().map(ToString::to_string).collect();
        self.detail(format!("pages of {}", ids.join(", ")))
    }

    pub fn resource(&self) -> AuditResource {
        let Self { id, at, actor, action, target, detail, .. } = self.clone();
        AuditResource { object: "audit_entry", id, at: at.into(), actor, action, target, detail }
    }
}
