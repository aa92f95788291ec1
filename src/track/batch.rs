//! Records on their way to a tracker, each with what can be worked out of it alone.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use crate::decode::{Context, Record};
use crate::model::FlowKey;

use super::tcp::OptionFacts;

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

/// What a record tells without its conversation.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ahead {
    /// Of its key.
    pub hash: u32,
    /// The options of a TCP segment.
    pub options: OptionFacts,
}

impl Ahead {
    #[inline]
    pub fn of(record: &Record, hash: u32) -> Self {
        match record {
            Record::Tcp(segment) => Self { hash, options: OptionFacts::read(segment.options.as_slice()) },
            _ => Self { hash, ..Self::default() },
        }
    }
}

/// Records and what is known ahead of each: whoever decodes them may be another thread than
/// the one that tracks them, which has enough to do.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) records: Vec<Record>,
    pub(super) ahead: Vec<Ahead>,
}

impl Batch {
    /// Room for about so many records.
    #[must_use]
    pub fn with_capacity(records: usize) -> Self {
        Self { records: Vec::with_capacity(records), ahead: Vec::with_capacity(records) }
    }

    /// Where a decoder appends records; [`Batch::prepare`] comes after it.
    pub const fn records(&mut self) -> &mut Vec<Record> {
        &mut self.records
    }

    /// Works out what can be known ahead of the records that are new.
    #[inline]
    pub fn prepare(&mut self, hasher: &KeyHasher) {
        for record in self.records.iter().skip(self.ahead.len()) {
            self.ahead.push(Ahead::of(record, hasher.hash(&hasher.key(record.context()))));
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
        self.ahead.clear();
    }
}
