//! What is known of numbers that are called: table `rates`, key `window` = `line#<E.164>`.

use aws_sdk_dynamodb::Client;
use jiff::{SignedDuration, Timestamp};

use crate::items::{self, key, n, s, to_item};
use crate::platform::{ConfigError, Platform};
use crate::{ReplaceError, StoreError};
use sfm_core::line::Line;
use sfm_core::phone::E164;

/// How long a row is of use after it was written: longer than any call, and than a number is called once at a time.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

#[derive(Debug, Clone)]
pub struct Lines {
    client: Client,
    table: String,
}

impl Lines {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.dynamodb(), table: platform.var("RATES_TABLE")? })
    }

    /// What is known of a number, read strongly. (1 RRU)
    pub async fn get(&self, number: &E164) -> Result<Line, StoreError> {
        let line: Option<Line> = items::get(&self.client, &self.table, key([("window", window(number))])).await?;
        Ok(line.unwrap_or_default())
    }

    /// Writes it over the version that was read. (1 WRU)
    ///
    /// # Errors
    /// [`ReplaceError::Conflict`] when somebody else wrote it meanwhile.
    pub async fn replace(&self, number: &E164, line: &mut Line, now: Timestamp) -> Result<(), ReplaceError> {
        let seen = line.version;
        line.version += 1;
        let mut item = to_item(&*line)?;
        item.insert("window".into(), window(number));
        item.insert("expires_at".into(), n((now + KEPT).as_second()));
        items::replace(&self.client, &self.table, item, &*line, seen).await
    }
}

fn window(number: &E164) -> aws_sdk_dynamodb::types::AttributeValue {
    s(format!("line#{number}"))
}
