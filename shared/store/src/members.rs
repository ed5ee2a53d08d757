//! Table `members`: who may use the dashboard of which account. Key `email`, `account_id`; index `by-account`.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};

use super::StoreError;
use super::audit::Audit;
use super::transaction::transact;
use crate::items::{self, collect_all, s, to_item};
use crate::platform::{ConfigError, Platform};
use sfm_core::audit::AuditEntry;
use sfm_core::id::AccountId;
use sfm_core::member::{Email, Member};

#[derive(Debug, Clone)]
pub struct Members {
    client: Client,
    table: String,
}

impl Members {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.dynamodb(), table: platform.var("MEMBERS_TABLE")? })
    }

    /// Read strongly: who was removed is out at once. (1 RRU)
    pub async fn get(&self, email: &Email, account: AccountId) -> Result<Option<Member>, StoreError> {
        items::get(&self.client, &self.table, items::key([("email", s(email)), ("account_id", s(account))])).await
    }

    /// The memberships of one person.
    pub async fn of(&self, email: &Email) -> Result<Vec<Member>, StoreError> {
        let query = self.client.query().table_name(&self.table).key_condition_expression("email = :email").consistent_read(true);
        collect_all!(query.expression_attribute_values(":email", s(email)).into_paginator())
    }
}

/// The members as the operator commands write them.
#[derive(Debug, Clone)]
pub struct MembersAdmin {
    members: Members,
    audit: Audit,
}

impl MembersAdmin {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { members: Members::new(platform)?, audit: Audit::new(platform)? })
    }

    /// Adds a member, or gives one another role.
    pub async fn put(&self, member: &Member, entry: &AuditEntry) -> Result<(), StoreError> {
        let put = Put::builder().table_name(&self.members.table).set_item(Some(to_item(member)?)).build();
        let put = TransactWriteItem::builder().put(put?).build();
        let done = transact(&self.members.client, vec![put, self.audit.write(entry)?.into()]).await?;
        done.map_err(StoreError::from)
    }

    /// False when there is no such member.
    pub async fn remove(&self, email: &Email, account: AccountId, entry: &AuditEntry) -> Result<bool, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.members.table)
            .key("email", s(email))
            .key("account_id", s(account))
            .condition_expression("attribute_exists(email)")
            .build()?;
        let delete = TransactWriteItem::builder().delete(delete).build();
        Ok(transact(&self.members.client, vec![delete, self.audit.write(entry)?.into()]).await?.is_ok())
    }

    /// The members of an account, by address.
    pub async fn of_account(&self, account: AccountId) -> Result<Vec<Member>, StoreError> {
        let query = self.members.client.query().table_name(&self.members.table).index_name("by-account");
        let query = query.key_condition_expression("account_id = :account").expression_attribute_values(":account", s(account));
        collect_all!(query.into_paginator())
    }

    /// Everybody who may sign in, for the local issuer's list. It reads the whole table.
    pub async fn all(&self) -> Result<Vec<Member>, StoreError> {
        collect_all!(self.members.client.scan().table_name(&self.members.table).into_paginator())
    }
}
