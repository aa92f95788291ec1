//! The trip: source → decode → track → sink, on one thread or on several.
//!
//! With two, one reads, decodes and hashes while the other tracks. Where a sink can be had for
//! each shard of the tracker, all threads track as well. The output is the same to the byte.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::decode::{Decoder, Record};
use crate::model::{LinkType, Packet};
use crate::report::{FrameTotals, Recorder};
use crate::source::{PacketSource, SourceError};
use crate::track::{Batch, KeyHasher, Numbers, Sink, Tracker, TrackerOptions};
use crate::view::ndjson::{Ndjson, Stretches};

use super::progress::ProgressLine;
use super::relay::relay;
use super::shards::{Lane, Lanes};

/// A sink that may have had enough.
pub(super) trait Destination: Sink {
    /// Nothing more is wanted: its output is gone.
    fn is_closed(&self) -> bool {
        false
    }

    /// All that was read so far has been told.
    fn settled(&mut self) {}

    /// Has records of which much can be written ahead, on the thread that reads.
    fn wants_ahead(&self) -> bool {
        false
    }

    /// Exchanges what is written ahead: of the records that come next for those that came.
    fn exchange(&mut self, ahead: &mut Stretches) {
        let _ = ahead;
    }

    /// A sink for each of so many shards, where its own order is not that of all records.
    fn split(&self, shards: usize) -> Option<Vec<Recorder>> {
        let _ = shards;
        None
    }

    /// Takes in what those sinks got.
    fn join(&mut self, parts: Vec<(Recorder, Numbers)>) {
        let _ = parts;
    }

    /// The frame whose records it has just got. Only [`Flow::packet`] has frames.
    fn frame(&mut self, packet: &Packet<'_>) {
        let _ = packet;
    }
}

impl Destination for Recorder {
    fn split(&self, shards: usize) -> Option<Vec<Recorder>> {
        Self::split(self, shards)
    }

    fn join(&mut self, parts: Vec<(Recorder, Numbers)>) {
        Self::join(self, parts);
    }
}

impl<W: std::io::Write> Destination for Ndjson<W> {
    fn is_closed(&self) -> bool {
        self.failed()
    }

    fn settled(&mut self) {
        self.catch_up();
    }

    fn wants_ahead(&self) -> bool {
        self.has_packets()
    }

    fn exchange(&mut self, ahead: &mut Stretches) {
        Self::exchange(self, ahead);
    }
}

/// A frame kept for a look at its headers.
#[derive(Debug, Clone)]
pub(super) struct KeptFrame {
    pub link: LinkType,
    pub orig_len: u32,
    pub data: Vec<u8>,
}

/// What decodes: everything before the records.
#[derive(Default)]
pub(super) struct Front {
    decoder: Decoder,
    /// Stop after this many packets.
    pub count: Option<u64>,
    /// Keep this frame.
    pub keep: Option<u64>,
    pub kept: Option<KeptFrame>,
    /// Octets of the first frames that are to be kept, for pictures of some of them.
    pub room: usize,
    pub first: BTreeMap<u64, KeptFrame>,
    pub totals: FrameTotals,
    /// Tells how far it has come.
    pub progress: Option<ProgressLine>,
    packets: u64,
}

impl Front {
    /// Appends the records of one packet; false when no more are wanted.
    #[inline]
    fn decode(&mut self, packet: &Packet<'_>, records: &mut Vec<Record>) -> bool {
        if self.keep == Some(packet.number) {
            let Packet { link, orig_len, data, .. } = *packet;
            self.kept = Some(KeptFrame { link, orig_len, data: data.to_vec() });
        }
        if self.room > 0 {
            self.keep_first(packet);
        }
        let before = records.len();
        let problems = self.decoder.decode(packet, records);
        self.totals.count(packet, problems, records.get(before..).unwrap_or_default());
        self.packets += 1;
        self.count.is_none_or(|c| self.packets < c)
    }

    /// Fills a batch from `source`; false when no more are wanted, or there are no more.
    #[inline]
    fn fill<S: PacketSource + ?Sized>(
        &mut self,
        source: &mut S,
        batch: &mut Batch,
        most: usize,
        hasher: &KeyHasher,
    ) -> Result<bool, SourceError> {
        let mut more = Ok(true);
        // Packets without any record must not hold up the others for ever.
        let last = self.packets.saturating_add(8 * most as u64);
        while matches!(more, Ok(true)) && batch.len() < most && self.packets < last {
            more = match source.next_packet() {
                Ok(Some(packet)) => Ok(self.decode(&packet, batch.records())),
                Ok(None) => Ok(false),
                Err(e) => Err(e),
            };
        }
        batch.prepare(hasher);
        if let Some(line) = &mut self.progress {
            line.tick(source.progress(), self.packets);
        }
        more
    }

    /// Keeps a frame while there is room; the first that does not fit is the last.
    fn keep_first(&mut self, packet: &Packet<'_>) {
        let Packet { link, orig_len, data, .. } = *packet;
        self.room = self.room.saturating_sub(data.len().max(1));
        if self.room > 0 {
            self.first.insert(packet.number, KeptFrame { link, orig_len, data: data.to_vec() });
        }
    }
}

/// The layers between a source and a destination.
pub(super) struct Flow {
    pub front: Front,
    tracker: Tracker,
    batch: Batch,
    /// Records that are tracked together: 1 where each is wanted as soon as it is there.
    pub together: usize,
    /// Conversations so far, for a progress line.
    pub conversations: Arc<AtomicU64>,
}

/// Records in a batch, about: 100 kB, so that a batch stays in a core's cache.
const BATCH: usize = 512;

impl Flow {
    pub fn new(options: TrackerOptions) -> Self {
        let tracker = Tracker::new(options);
        let (front, batch) = Default::default();
        Self { front, tracker, batch, together: BATCH, conversations: Arc::default() }
    }

    /// Takes one packet through the layers; false when no more are wanted.
    #[inline]
    pub fn packet(&mut self, packet: &Packet<'_>, to: &mut impl Destination) -> bool {
        let Self { front, tracker, batch, .. } = self;
        batch.clear();
        let more = front.decode(packet, batch.records());
        batch.prepare(tracker.hasher());
        tracker.push_all(batch, to);
        to.frame(packet);
        more && !to.is_closed()
    }

    /// Takes every packet of `source` through the layers, on this thread.
    ///
    /// # Errors
    /// The source's fault; what came before it stands.
    pub fn run<S: PacketSource + ?Sized>(
        &mut self,
        source: &mut S,
        to: &mut impl Destination,
    ) -> Result<(), SourceError> {
        let Self { front, tracker, batch, together, conversations } = self;
        let hasher = tracker.hasher().clone();
        loop {
            batch.clear();
            let more = front.fill(source, batch, *together, &hasher);
            tracker.push_all(batch, to);
            conversations.store(streams(tracker), Ordering::Relaxed);
            to.settled();
            if !more? || to.is_closed() {
                return Ok(());
            }
        }
    }

    /// The same on two threads: another one reads and decodes.
    ///
    /// # Errors
    /// The source's fault; what came before it stands.
    pub fn run_on_two<S: PacketSource + Send + ?Sized>(
        &mut self,
        source: &mut S,
        to: &mut impl Destination,
    ) -> Result<(), SourceError> {
        let Self { front, tracker, together, conversations, .. } = self;
        let (mut near, far) = relay();
        let hasher = &tracker.hasher().clone();
        let write_ahead = to.wants_ahead();
        thread::scope(|scope| {
            let reader = thread::Builder::new().name("read".to_owned()).spawn_scoped(scope, move || {
                loop {
                    let mut load = far.empty(*together);
                    let more = front.fill(source, &mut load.batch, *together, hasher);
                    if write_ahead {
                        load.ahead.write(load.batch.records());
                    }
                    if !far.hand_over(load) || !more? {
                        return Ok(());
                    }
                }
            });
            let reader = reader.map_err(|e| SourceError::from_os("a second thread", e))?;
            while let Some(mut load) = near.take() {
                to.exchange(&mut load.ahead);
                tracker.push_all(&load.batch, to);
                conversations.store(streams(tracker), Ordering::Relaxed);
                near.give_back(load);
                if to.is_closed() {
                    near.close();
                }
            }
            reader.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    /// The same on so many threads, and lets every conversation go; `None` where `to` must get
    /// all records in their order, or there is but one shard.
    pub fn run_on_shards<S: PacketSource + Send + ?Sized>(
        &mut self,
        source: &mut S,
        to: &mut impl Destination,
        threads: usize,
    ) -> Option<Result<(), SourceError>> {
        let Self { front, tracker, together, conversations, .. } = self;
        let count = tracker.shards().len();
        let sinks = (count > 1).then(|| to.split(count))??;
        let hasher = &tracker.hasher().clone();
        let lanes = Lanes::new(std::mem::take(tracker.shards()), sinks, conversations);
        let end = thread::scope(|scope| {
            let lanes = &lanes;
            let reader = thread::Builder::new().name("read".to_owned()).spawn_scoped(scope, move || {
                let end = {
                    let _complete = lanes.filling();
                    let mut records = 0;
                    loop {
                        let mut batch = lanes.empty(*together);
                        let more = front.fill(source, &mut batch, *together, hasher);
                        let before = records;
                        records += batch.len() as u64;
                        if !lanes.hand_over(batch, before) || !matches!(more, Ok(true)) {
                            break more.map(drop);
                        }
                    }
                };
                lanes.work();
                end
            });
            // What more threads there can be is a gain; one that cannot be is no loss.
            for _ in 2..threads.min(count + 1) {
                let _ = thread::Builder::new().name("track".to_owned()).spawn_scoped(scope, || lanes.work());
            }
            match reader {
                Ok(reader) => {
                    lanes.work();
                    reader.join().unwrap_or_else(|panic| resume_unwind(panic))
                }
                Err(e) => {
                    drop(lanes.filling());
                    Err(SourceError::from_os("a second thread", e))
                }
            }
        });
        let mut parts = Vec::new();
        for Lane { shard, numbers, sink } in lanes.into_lanes() {
            tracker.shards().push(shard);
            parts.push((sink, numbers));
        }
        to.join(parts);
        Some(end)
    }

    /// Lets every conversation go; how many had to leave before for want of room.
    pub fn finish(&mut self, to: &mut impl Destination) {
        self.tracker.finish(to);
    }

    /// Shows every conversation as it stands; none is let go.
    pub fn visit(&self, to: &mut impl Sink) {
        self.tracker.visit(to);
    }

    /// Conversations that had to leave for want of room.
    pub fn evicted(&self) -> u64 {
        self.tracker.evicted()
    }
}

/// TCP connections and UDP conversations so far.
fn streams(tracker: &Tracker) -> u64 {
    let (tcp, udp) = tracker.streams();
    u64::from(tcp) + u64::from(udp)
}
