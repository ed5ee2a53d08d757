//! Table `audit`: who did what, by account. Key `account_id`, `id`; removed by TTL after `AUDIT_RETENTION_DAYS`.

use aws_sdk_dynamodb::Client;

use jiff::Timestamp;

use super::StoreError;
use super::transaction::Write;
use crate::items::{self, Item, from_item, n, s, to_item};
use crate::platform::{ConfigError, Platform};
use sfm_core::audit::{Action, AuditEntry};
use sfm_core::id::{AccountId, AuditId};
use sfm_core::principal::Principal;

const DAY_SECONDS: i64 = 86_400;

#[derive(Debug, Clone)]
pub struct Audit {
    client: Client,
    table: String,
    retention_days: i64,
}

impl Audit {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        let name = "AUDIT_RETENTION_DAYS";
        let retention_days =
            platform.var(name)?.parse().map_err(|_| ConfigError { name: name.into(), reason: "is not a number of days".into() })?;
        Ok(Self { client: platform.dynamodb(), table: platform.var("AUDIT_TABLE")?, retention_days })
    }

    /// The write of an entry, to be made with its change.
    pub fn write(&self, entry: &AuditEntry) -> Result<Write, StoreError> {
        Ok(items::put(&self.table, self.item(entry)?, None)?.into())
    }

    fn item(&self, entry: &AuditEntry) -> Result<Item, StoreError> {
        let mut item = to_item(entry)?;
        item.insert("expires_at".into(), n(entry.at.as_second() + self.retention_days * DAY_SECONDS));
        Ok(item)
    }

    /// The write of an entry about a change by `who`; none where the log does not tell of theirs.
    pub fn of(&self, who: &Principal, action: Action, target: impl ToString, at: Timestamp) -> Result<Option<Write>, StoreError> {
        self.entry_of(who, AuditEntry::new(who, action, target, at))
    }

    /// As [`Audit::of`], of an entry that says more.
    pub fn entry_of(&self, who: &Principal, entry: AuditEntry) -> Result<Option<Write>, StoreError> {
        who.is_audited().then(|| self.write(&entry)).transpose()
    }

    /// Writes an entry by itself: of a look, before it is granted, or of what is no single transaction, before it is done. (1 WRU)
    pub async fn record(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.client.put_item().table_name(&self.table).set_item(Some(self.item(entry)?)).send().await.map_err(StoreError::from_sdk)?;
        Ok(())
    }

    /// At most `limit` entries older than `before`, newest first.
    pub async fn list(&self, account: AccountId, before: Option<AuditId>, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("account_id = :account")
            .expression_attribute_values(":account", s(account))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        if let Some(before) = before {
            query =
                query.key_condition_expression("account_id = :account AND id < :before").expression_attribute_values(":before", s(before));
        }
        let found = query.send().await.map_err(StoreError::from_sdk)?;
        found.items.unwrap_or_default().into_iter().map(from_item).collect()
    }
}
