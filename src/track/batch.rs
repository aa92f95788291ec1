//! Records on their way to a tracker, each with what can be worked out of it alone.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use crate::decode::{Context, Record};
use crate::model::{Endpoint, FlowKey};

use super::tcp::OptionFacts;

/// Hashes whose packets they are. Seeded at random: addresses and ports are chosen by
/// strangers. A tracker's own hasher and its copies agree with each other, and no others.
#[derive(Debug, Clone, Default)]
pub struct KeyHasher {
    keep_apart: bool,
    state: RandomState,
}

impl KeyHasher {
    /// VLANs and tunnels are part of the key where conversations are kept apart by them.
    pub(super) fn new(keep_apart: bool) -> Self {
        Self { keep_apart, ..Self::default() }
    }

    /// Where conversations are not kept apart by it, no realm.
    #[inline]
    pub(super) const fn realm(&self, ip: &Context) -> u32 {
        if self.keep_apart { ip.realm } else { 0 }
    }

    /// 32 bits that are the same in both directions.
    #[inline]
    pub(super) fn hash(&self, src: Endpoint, dst: Endpoint, realm: u32) -> u32 {
        self.state.hash_one(FlowKey::new(src, dst, realm).words()) as u32
    }
}

/// What a record tells without its conversation.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ahead {
    /// Of its conversation.
    pub hash: u32,
    /// The options of a TCP segment.
    pub options: OptionFacts,
}

impl Ahead {
    #[inline]
    pub fn of(record: &Record, hasher: &KeyHasher) -> Self {
        let ip = record.context();
        let hash = hasher.hash(ip.src, ip.dst, hasher.realm(ip));
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
            self.ahead.push(Ahead::of(record, hasher));
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
