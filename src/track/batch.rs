//! Records on their way to a tracker, each with what can be worked out of it alone.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use crate::decode::{Context, IcmpMessage, Quoted, Record};
use crate::model::{Endpoint, FlowKey};

use super::tcp::OptionFacts;

/// Hashes whose packets they are. Seeded at random: addresses and ports are chosen by
/// strangers. A tracker's own hasher and its copies agree with each other, and no others.
#[derive(Debug, Clone, Default)]
pub struct KeyHasher {
    keep_apart: bool,
    shards: u8,
    state: RandomState,
}

impl KeyHasher {
    /// VLANs and tunnels are part of the key where conversations are kept apart by them.
    pub(super) fn new(keep_apart: bool, shards: usize) -> Self {
        Self { keep_apart, shards: u8::try_from(shards).unwrap_or(u8::MAX), ..Self::default() }
    }

    /// Where conversations are not kept apart by it, no realm.
    #[inline]
    pub(super) const fn realm(&self, ip: &Context) -> u32 {
        if self.keep_apart { ip.realm } else { 0 }
    }

    /// 32 bits that are the same in both directions, and the shard.
    ///
    /// That depends on nothing but the key, so that it is the same in every run; whoever chose
    /// all endpoints for one shard would win that one thread has more to do than others, and that
    /// his conversations leave for one another when that shard's part of the room is full.
    #[inline]
    fn hash(&self, [src, dst]: [Endpoint; 2], realm: u32) -> (u32, u8) {
        const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
        let words @ (lo, hi, ports) = FlowKey::new(src, dst, realm).words();
        let both = lo ^ hi;
        let mixed = (both as u64 ^ (both >> 64) as u64 ^ ports).wrapping_mul(MIX) >> 32;
        (self.state.hash_one(words) as u32, ((mixed * u64::from(self.shards)) >> 32) as u8)
    }
}

/// The packet that an ICMP message quotes, where it says whose it is.
#[inline]
pub(super) fn quoted(m: &IcmpMessage) -> Option<&Quoted> {
    m.quoted.as_ref().filter(|q| q.has_ports)
}

/// The endpoints of the conversation that a record belongs to.
#[inline]
pub(super) fn ends(record: &Record) -> [Endpoint; 2] {
    if let Record::Icmp(m) = record
        && let Some(q) = quoted(m)
    {
        return [q.src, q.dst];
    }
    let ip = record.context();
    [ip.src, ip.dst]
}

/// What a record tells without its conversation.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ahead {
    /// Of its conversation.
    pub hash: u32,
    /// The shard that has it.
    pub shard: u8,
    /// The options of a TCP segment.
    pub options: OptionFacts,
}

impl Ahead {
    #[inline]
    pub fn of(record: &Record, hasher: &KeyHasher) -> Self {
        let (hash, shard) = hasher.hash(ends(record), hasher.realm(record.context()));
        match record {
            Record::Tcp(segment) => {
                Self { hash, shard, options: OptionFacts::read(segment.options.as_slice()) }
            }
            _ => Self { hash, shard, ..Self::default() },
        }
    }
}

/// Records and what is known ahead of each: whoever decodes them may be another thread than
/// those that track them, which have enough to do.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) records: Vec<Record>,
    pub(super) ahead: Vec<Ahead>,
    /// Which records each shard has, where that was asked for.
    shards: Vec<Vec<u32>>,
    /// Which record of the capture is the first here.
    pub(super) first: u64,
}

impl Batch {
    /// Room for about so many records.
    #[must_use]
    pub fn with_capacity(records: usize) -> Self {
        let (records, ahead) = (Vec::with_capacity(records), Vec::with_capacity(records));
        Self { records, ahead, ..Self::default() }
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

    /// Finds out which records each of `shards` shards has; `first` is how many records of
    /// the capture came before these. The batch is prepared.
    pub fn divide(&mut self, shards: usize, first: u64) {
        self.first = first;
        self.shards.resize_with(shards, Vec::new);
        self.shards.iter_mut().for_each(Vec::clear);
        for (i, ahead) in (0..).zip(&self.ahead) {
            if let Some(own) = self.shards.get_mut(usize::from(ahead.shard)) {
                own.push(i);
            }
        }
    }

    /// Which records a shard has, once they were divided.
    #[must_use]
    pub fn of(&self, shard: usize) -> &[u32] {
        self.shards.get(shard).map_or(&[], Vec::as_slice)
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
        self.shards.iter_mut().for_each(Vec::clear);
    }
}
