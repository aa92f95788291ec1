//! Records on their way to a tracker, each with the hash of its conversation's key.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use crate::decode::{Context, Record};
use crate::model::FlowKey;

/// Makes a record's key and hashes it. Seeded at random: addresses and ports are chosen by
/// strangers. A tracker's own hasher and its copies agree with each other, and no others.
#[derive(Debug, Clone, Default)]
pub struct KeyHasher {
    pub(super) keep_apart: bool,
    state: RandomState,
}

impl KeyHasher {
    /// VLANs and tunnels are part of the key where conversations are kept apart by them.
    pub(super) fn new(keep_apart: bool) -> Self {
        Self { keep_apart, ..Self::default() }
    }

    /// The key of a record's conversation.
    #[inline]
    pub(super) const fn key(&self, ip: &Context) -> FlowKey {
        ip.key(self.keep_apart)
    }

    /// 32 bits that are the same for equal keys.
    #[inline]
    pub(super) fn hash(&self, key: &FlowKey) -> u32 {
        self.state.hash_one(key.words()) as u32
    }
}

/// Records with the hashes of their keys: whoever decodes them may be another thread than
/// the one that tracks them, and hashing is no work for the slower of the two.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) records: Vec<Record>,
    pub(super) hashes: Vec<u32>,
}

impl Batch {
    /// Room for about so many records.
    #[must_use]
    pub fn with_capacity(records: usize) -> Self {
        Self { records: Vec::with_capacity(records), hashes: Vec::with_capacity(records) }
    }

    /// Where a decoder appends records; [`Batch::hash`] comes after it.
    pub const fn records(&mut self) -> &mut Vec<Record> {
        &mut self.records
    }

    /// Hashes the records that have no hash yet.
    #[inline]
    pub fn hash(&mut self, hasher: &KeyHasher) {
        for record in self.records.iter().skip(self.hashes.len()) {
            self.hashes.push(hasher.hash(&hasher.key(record.context())));
        }
    }

    /// Records in it.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.records.len()
    }

    /// Nothing is in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Takes everything out and keeps the room.
    pub fn clear(&mut self) {
        self.records.clear();
        self.hashes.clear();
    }
}
