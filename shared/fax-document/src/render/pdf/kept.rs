//! Things kept for reuse, as many as a number of bytes allows.

use std::hash::Hash;

use rustc_hash::FxHashMap;

/// A map that starts over when it has grown too large: a document that needs more has no use for what it had before.
pub(super) struct Kept<K, V> {
    things: FxHashMap<K, V>,
    bytes: usize,
    most: usize,
}

/// What a thing takes besides its own bytes.
const OVERHEAD: usize = 96;

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self { things: FxHashMap::default(), bytes: 0, most }
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.things.get(key)
    }

    /// Keeps a thing of `bytes` bytes, and gives it back.
    pub(super) fn keep(&mut self, key: K, thing: V, bytes: usize) -> V {
        self.bytes += bytes + OVERHEAD;
        if self.bytes > self.most {
            self.things.clear();
            self.bytes = bytes + OVERHEAD;
        }
        self.things.insert(key, thing.clone());
        thing
    }
}
