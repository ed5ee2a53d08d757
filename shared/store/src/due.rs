//! Reading index `due` of a table, and how far the dispatcher has read it: table `dispatch`, key `index`.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::StoreError;
use crate::items::{Item, from_item, n, s};
use crate::platform::{ConfigError, Platform};
use sfm_core::due::SHARDS;

/// Entries that one query reads.
const PAGE: i32 = 500;

/// A range of a shard: what is due after `after` and no later than `until`, both in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueRange {
    pub shard: u8,
    pub after: i64,
    pub until: i64,
}

/// A page of a range, oldest first, and where the next one begins.
#[derive(Debug)]
pub struct Page<T> {
    pub entries: Vec<T>,
    pub rest: Option<StartKey>,
}

/// The last entry that was read of a range, as the index keys it.
#[derive(Debug, Clone, PartialEq)]
pub struct StartKey(Item);

/// Index `due` of one table.
#[derive(Debug, Clone)]
pub struct DueIndex {
    client: Client,
    table: String,
}

impl DueIndex {
    /// The index of the table whose name stands in the environment variable `table_var`.
    pub fn new(platform: &Platform, table_var: &str) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.dynamodb(), table: platform.var(table_var)? })
    }

    /// Reads the next entries of a range. (0.5 RRU for each 4 KB, eventually consistent)
    pub async fn page<T: DeserializeOwned>(&self, range: DueRange, from: Option<StartKey>) -> Result<Page<T>, StoreError> {
        if range.after >= range.until {
            return Ok(Page { entries: Vec::new(), rest: None });
        }
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("due")
            .key_condition_expression("due_shard = :shard AND due_at BETWEEN :first AND :last")
            .expression_attribute_values(":shard", n(range.shard))
            .expression_attribute_values(":first", n(range.after.saturating_add(1)))
            .expression_attribute_values(":last", n(range.until))
            .set_exclusive_start_key(from.map(|rest| rest.0))
            .limit(PAGE)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        // An entry that cannot be read must not hide the others of its shard.
        let read =
            |item| from_item(item).map_err(|e| tracing::error!(error = %e, table = self.table, "an entry of a due index cannot be read"));
        let entries = found.items.unwrap_or_default().into_iter().filter_map(|item| read(item).ok()).collect();
        Ok(Page { entries, rest: found.last_evaluated_key.map(StartKey) })
    }
}

/// How far a shard has been read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cursor {
    /// All that is due until then was sent on, in milliseconds since the epoch.
    pub sent_until: i64,
    /// A range that ran out of time: it goes on behind `rest`, up to `until`.
    pub unfinished: Option<Unfinished>,
    /// Where the search for what is late ran out of time.
    pub late: Option<StartKey>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Unfinished {
    pub until: i64,
    pub rest: StartKey,
}

impl Cursor {
    fn to_attribute(&self) -> AttributeValue {
        let mut map = Item::from([("sent_until".into(), n(self.sent_until))]);
        if let Some(Unfinished { until, rest }) = &self.unfinished {
            map.extend([("until".into(), n(until)), ("rest".into(), AttributeValue::M(rest.0.clone()))]);
        }
        if let Some(late) = &self.late {
            map.insert("late".into(), AttributeValue::M(late.0.clone()));
        }
        AttributeValue::M(map)
    }

    /// What cannot be read stands at the beginning of time: then all is sent once more.
    fn of(attribute: Option<&AttributeValue>) -> Self {
        let Some(AttributeValue::M(map)) = attribute else { return Self::default() };
        let number = |name: &str| map.get(name).and_then(|value| value.as_n().ok()).and_then(|text| text.parse().ok());
        let rest = |name: &str| map.get(name).and_then(|value| value.as_m().ok()).cloned().map(StartKey);
        let unfinished = number("until").zip(rest("rest")).map(|(until, rest)| Unfinished { until, rest });
        Self { sent_until: number("sent_until").unwrap_or_default(), unfinished, late: rest("late") }
    }
}

/// The cursors of all indexes: an item each, with an attribute for each shard.
#[derive(Debug, Clone)]
pub struct Cursors {
    client: Client,
    table: String,
}

impl Cursors {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.dynamodb(), table: platform.var("DISPATCH_TABLE")? })
    }

    /// The cursors of an index, by shard. (0.5 RRU: an older one sends again, and skips nothing)
    pub async fn get(&self, index: &str) -> Result<Vec<Cursor>, StoreError> {
        let read = self.client.get_item().table_name(&self.table).key("index", s(index)).send().await.map_err(StoreError::from_sdk)?;
        let item = read.item.unwrap_or_default();
        Ok((0..SHARDS).map(|shard| Cursor::of(item.get(&format!("s{shard}")))).collect())
    }

    /// How far a sweep has come that has no shards. (0.5 RRU)
    pub async fn reached(&self, sweep: &str) -> Result<Option<Timestamp>, StoreError> {
        let first = self.get(sweep).await?.into_iter().next().filter(|cursor| cursor.sent_until > 0);
        Ok(first.map(|cursor| sfm_core::due::from_millis(cursor.sent_until)))
    }

    pub async fn reach(&self, sweep: &str, at: Timestamp) -> Result<(), StoreError> {
        self.put(sweep, 0, &Cursor { sent_until: at.as_millisecond(), ..Cursor::default() }).await
    }

    /// Writes down how far a shard has been read. Two runs at a time may put it back, never past what was sent. (1 WRU)
    pub async fn put(&self, index: &str, shard: u8, cursor: &Cursor) -> Result<(), StoreError> {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("index", s(index))
            .update_expression("SET #shard = :cursor")
            .expression_attribute_names("#shard", format!("s{shard}"))
            .expression_attribute_values(":cursor", cursor.to_attribute())
            .send()
            .await
            .map(drop)
            .map_err(StoreError::from_sdk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_as_it_was_written_and_a_strange_one_begins_anew() {
        let rest = StartKey(Item::from([("id".into(), s("sched_1")), ("due_at".into(), n(5))]));
        let all = Cursor { sent_until: 4, unfinished: Some(Unfinished { until: 9, rest: rest.clone() }), late: Some(rest) };
        for cursor in [Cursor::default(), Cursor { unfinished: None, ..all.clone() }, all] {
            assert_eq!(Cursor::of(Some(&cursor.to_attribute())), cursor);
        }
        assert_eq!(Cursor::of(Some(&s("?"))), Cursor::default());
    }
}
