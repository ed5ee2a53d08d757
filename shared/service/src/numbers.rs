//! The telephone numbers of an account.

use sfm_core::account::Number;
use sfm_core::id::AccountId;
use sfm_core::list::{Page, Paged};
use sfm_store::StoreError;
use sfm_store::numbers::Numbers;
use sfm_store::platform::{ConfigError, Platform};

#[derive(Debug, Clone)]
pub struct NumberService {
    numbers: Numbers,
}

impl NumberService {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { numbers: Numbers::new(platform)? })
    }

    /// A page of the active numbers, newest first. An account has few: each page is cut from all of them.
    pub async fn list(&self, account: AccountId, page: Page) -> Result<Paged<Number>, StoreError> {
        let mut numbers = self.numbers.active(account).await?;
        numbers.reverse();
        Ok(Paged::cut(numbers, page))
    }
}
