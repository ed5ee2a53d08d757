//! The due index: rows that need a look at a certain from_millis, in a sparse index that the dispatcher reads.
//!
//! A row is in the index while it has `due_shard` and `due_at`. Whoever does the work moves or removes them; the dispatcher never
//! does. So the range "due until now" of a shard holds only work that is late or to be done, however long nobody looked.

use jiff::{SignedDuration, Timestamp};

/// Shards per table, so that writers of rows due at one moment do not meet in one partition (1,000 writes a second each).
pub const SHARDS: u8 = 8;

/// How far ahead the dispatcher sends what is due. Whoever writes a row due within the longest delay of a message (15 min) sends its
/// message too; between the two lies the time that the index may trail its table by, and the dispatcher may rest.
pub const LOOKAHEAD: SignedDuration = SignedDuration::from_mins(13);

/// The shard of a row, by its id.
pub fn shard(id: &str) -> u8 {
    u8::try_from(crc32fast::hash(id.as_bytes()) % u32::from(SHARDS)).unwrap_or(0)
}

/// A moment as the index has it.
pub fn from_millis(due_at: i64) -> Timestamp {
    Timestamp::from_millisecond(due_at).unwrap_or(Timestamp::MAX)
}
