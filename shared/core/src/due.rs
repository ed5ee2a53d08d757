//! The due index: rows that need a look at a certain moment, in a sparse index that the dispatcher reads.
//!
//! A row is in the index while it has `due_shard` and `due_at`. Whoever does the work moves or removes them; the dispatcher never
//! does. So the range "due until now" of a shard holds only work that is late or to be done, however long nobody looked.

/// Shards per table, so that writers of rows due at one moment do not meet in one partition (1,000 writes a second each).
pub const SHARDS: u8 = 8;

/// The shard of a row, by its id.
pub fn shard(id: &str) -> u8 {
    u8::try_from(crc32fast::hash(id.as_bytes()) % u32::from(SHARDS)).unwrap_or(0)
}
