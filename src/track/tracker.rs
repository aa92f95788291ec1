//! Records into conversations.

use crate::decode::Record;
use crate::model::Protocol;

use super::batch::Ahead;
use super::numbers::Numbers;
use super::shard::{Shard, TOGETHER, fetch};
use super::sink::Sink;
use super::{Batch, KeyHasher};

/// How a tracker tells conversations apart, and how many it keeps.
#[derive(Debug, Clone, Copy)]
pub struct TrackerOptions {
    /// Equal addresses and ports in different VLANs or tunnels are different
    /// conversations. Wireshark merges them.
    pub keep_apart: bool,
    /// Conversations kept at once. Beyond it finished ones leave first, then those with
    /// the least in them.
    pub max_conversations: usize,
    /// Finished connections kept, the latest ones: a late segment still finds its
    /// connection, however late it is. Few stay in a processor's cache.
    pub linger: usize,
    /// TCP connections kept as they are tracked, some 1,200 octets each, and a sixteenth of all beside: those
    /// with packets lately. The others rest, in a few hundred, until their next packet. It tells in no
    /// output.
    pub awake: usize,
}

impl Default for TrackerOptions {
    fn default() -> Self {
        Self { keep_apart: false, max_conversations: 1_000_000, linger: 1024, awake: 8192 }
    }
}

/// Shards of a tracker: enough for four threads.
const SHARDS: usize = 4;

/// Where fewer conversations may be kept, one shard keeps them all: endpoints do not fall
/// into shards evenly, and each has its share of the room.
const FEW: usize = 4096;

impl TrackerOptions {
    /// Shards that its conversations are in. However many threads track them, they are the
    /// same, so that what is kept and what leaves is the same.
    #[must_use]
    pub const fn shards(&self) -> usize {
        if self.max_conversations < FEW { 1 } else { SHARDS }
    }
}

/// Follows every conversation of a capture.
#[derive(Debug)]
pub struct Tracker {
    hasher: KeyHasher,
    shards: Vec<Shard>,
    numbers: Numbers,
}

impl Default for Tracker {
    fn default() -> Self {
        Self::new(TrackerOptions::default())
    }
}

/// The share of the `which`-th of `count` in `all`; together they have all of it.
const fn share(all: usize, which: usize, count: usize) -> usize {
    all / count + (which < all % count) as usize
}

impl Tracker {
    /// A tracker with nothing in it.
    #[must_use]
    pub fn new(options: TrackerOptions) -> Self {
        let count = options.shards();
        let hasher = KeyHasher::new(options.keep_apart, count);
        let (most, linger) = (options.max_conversations, options.linger);
        let of = |all, i| share(all, i, count);
        let shard = |i| Shard::new(hasher.clone(), of(most, i), of(linger, i), of(options.awake, i));
        Self { shards: (0..count).map(shard).collect(), hasher, numbers: Numbers::default() }
    }

    /// What makes the hashes of the batches that this tracker takes in.
    #[must_use]
    pub const fn hasher(&self) -> &KeyHasher {
        &self.hasher
    }

    /// Its shards, for threads that each track some of them, with [`Shard::push`].
    pub const fn shards(&mut self) -> &mut Vec<Shard> {
        &mut self.shards
    }

    /// Takes in one record and tells the sink what it means.
    #[inline]
    pub fn push(&mut self, record: &Record, sink: &mut impl Sink) {
        let ahead = Ahead::of(record, &self.hasher);
        self.take(record, &ahead, sink);
    }

    /// The same for a batch, faster.
    #[inline]
    pub fn push_all(&mut self, batch: &Batch, sink: &mut impl Sink) {
        debug_assert_eq!(batch.records.len(), batch.ahead.len(), "a batch is prepared before it is tracked");
        for (records, ahead) in batch.records.chunks(TOGETHER).zip(batch.ahead.chunks(TOGETHER)) {
            fetch(ahead.iter().filter_map(|ahead| Some((self.shards.get(usize::from(ahead.shard))?, ahead))));
            for (record, ahead) in records.iter().zip(ahead) {
                self.take(record, ahead, sink);
            }
        }
    }

    #[inline]
    fn take(&mut self, record: &Record, ahead: &Ahead, sink: &mut impl Sink) {
        if let Some(shard) = self.shards.get_mut(usize::from(ahead.shard)) {
            shard.take(record, ahead, &mut self.numbers, sink);
        }
    }

    /// Lets every conversation go, in the order of their numbers.
    pub fn finish(&mut self, sink: &mut impl Sink) {
        for (shard, slot) in self.left(Shard::tcp_left) {
            self.shards[shard].end_tcp(slot, sink);
        }
        for (shard, slot) in self.left(Shard::udp_left) {
            self.shards[shard].end_udp(slot, sink);
        }
    }

    /// Shard and slot of what is left, in the order of their numbers.
    fn left(&self, of: fn(&Shard) -> Vec<(u32, u32)>) -> impl Iterator<Item = (usize, u32)> + use<> {
        let of = |(i, shard)| of(shard).into_iter().map(move |(number, slot)| (number, i, slot));
        let mut left: Vec<_> = self.shards.iter().enumerate().flat_map(of).collect();
        left.sort_unstable();
        left.into_iter().map(|(_, shard, slot)| (shard, slot))
    }

    /// Shows every conversation that is still here as it stands, as if it ended now, in no
    /// particular order. None is let go.
    pub fn visit(&self, sink: &mut impl Sink) {
        for shard in &self.shards {
            shard.tcp.each(|c| sink.tcp_ended(c));
            shard.udp.slots().filter_map(|slot| shard.udp.get(slot)).for_each(|c| sink.udp_ended(c));
        }
    }

    /// Conversations that had to leave for want of room though they were not finished.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.shards.iter().map(|shard| shard.evicted).sum()
    }

    /// TCP connections and UDP conversations so far.
    #[must_use]
    pub const fn streams(&self) -> (u32, u32) {
        (self.numbers.given(Protocol::Tcp), self.numbers.given(Protocol::Udp))
    }
}
