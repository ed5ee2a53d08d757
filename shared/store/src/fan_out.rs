//! What a worker that fans events out reads: the events, their accounts, and the deliveries that were begun before.

use std::collections::{HashMap, HashSet};

use super::StoreError;
use crate::accounts::Accounts;
use crate::deliveries::{Deliveries, DeliveryKey};
use crate::events::Events;
use crate::items::{from_item, get_of_tables, key, key_of, s};
use crate::platform::{ConfigError, Platform};
use crate::reservations::account_of;
use sfm_core::account::Account;
use sfm_core::event::Event;
use sfm_core::id::{AccountId, EventId};
use sfm_core::webhook::delivery::Delivery;

#[derive(Debug, Clone)]
pub struct FanOutReader {
    events: Events,
    accounts: Accounts,
    deliveries: Deliveries,
}

/// What was read of a batch of events.
#[derive(Debug, Default)]
pub struct FanOutState {
    pub events: HashMap<EventId, Event>,
    pub accounts: HashMap<AccountId, Account>,
    /// Those that were begun before.
    pub deliveries: HashSet<DeliveryKey>,
}

impl FanOutReader {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { events: Events::new(platform)?, accounts: Accounts::new(platform)?, deliveries: Deliveries::new(platform)? })
    }

    /// Reads events with their accounts, and which of `deliveries` there are. (One call for each 100 items; 1 RRU for each, 4 KB)
    pub async fn read(&self, events: &HashSet<(AccountId, EventId)>, deliveries: &HashSet<DeliveryKey>) -> Result<FanOutState, StoreError> {
        let (of_events, of_accounts, of_deliveries) = (self.events.table(), self.accounts.table(), self.deliveries.table());
        let mut keys: Vec<_> = events.iter().map(|(account, id)| (of_events, key_of(*account, id))).collect();
        let accounts: HashSet<AccountId> = events.iter().map(|(account, _)| *account).collect();
        keys.extend(accounts.into_iter().map(|account| (of_accounts, key([("account_id", s(account)), ("item", s("account"))]))));
        keys.extend(deliveries.iter().map(|delivery| (of_deliveries, key_of(delivery.account_id, delivery.id))));
        let mut found = get_of_tables(self.events.client(), keys).await?;
        let mut state = FanOutState::default();
        for item in found.remove(of_events).unwrap_or_default() {
            let event: Event = from_item(item)?;
            state.events.insert(event.id, event);
        }
        for item in found.remove(of_accounts).unwrap_or_default() {
            let account = account_of(item)?;
            state.accounts.insert(account.id, account);
        }
        for item in found.remove(of_deliveries).unwrap_or_default() {
            state.deliveries.insert(DeliveryKey::from(&from_item::<Delivery>(item)?));
        }
        Ok(state)
    }
}
