//! The trip: source → decode → track → sink, on one thread or on two.
//!
//! With two, one reads and decodes while the other tracks: records travel in batches
//! whose buffers go back and forth. The order is that of the packets either way, so the
//! output is the same to the byte.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;

use crate::decode::{Decoder, Record};
use crate::model::{LinkType, Packet};
use crate::report::{FrameTotals, Recorder};
use crate::source::{PacketSource, SourceError};
use crate::track::{Sink, Tracker, TrackerOptions};
use crate::view::ndjson::Ndjson;

/// A sink that may have had enough.
pub(super) trait Destination: Sink {
    /// Nothing more is wanted: its output is gone.
    fn is_closed(&self) -> bool {
        false
    }

    /// The frame whose records it has just got. Only [`Flow::packet`] has frames.
    fn frame(&mut self, packet: &Packet<'_>) {
        let _ = packet;
    }
}

impl Destination for Recorder {}

impl<W: std::io::Write> Destination for Ndjson<W> {
    fn is_closed(&self) -> bool {
        self.failed()
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
        self.totals.count(packet, problems, records.len() - before);
        self.packets += 1;
        self.count.is_none_or(|c| self.packets < c)
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
    records: Vec<Record>,
}

/// Records in a batch, about: 90 kB, so that a batch stays in a core's cache.
const BATCH: usize = 512;
/// Batches under way between the threads.
const QUEUE: usize = 8;

impl Flow {
    pub fn new(options: TrackerOptions) -> Self {
        Self { front: Front::default(), tracker: Tracker::new(options), records: Vec::new() }
    }

    /// Takes one packet through the layers; false when no more are wanted.
    #[inline]
    pub fn packet(&mut self, packet: &Packet<'_>, to: &mut impl Destination) -> bool {
        self.records.clear();
        let more = self.front.decode(packet, &mut self.records);
        for record in &self.records {
            self.tracker.push(record, to);
        }
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
        while let Some(packet) = source.next_packet()? {
            if !self.packet(&packet, to) {
                break;
            }
        }
        Ok(())
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
        let (full, filled) = sync_channel::<Vec<Record>>(QUEUE);
        let (give_back, empty) = channel::<Vec<Record>>();
        let closed = &AtomicBool::new(false);
        let Self { front, tracker, .. } = self;
        thread::scope(|scope| {
            let reader = thread::Builder::new()
                .name("read".to_owned())
                .spawn_scoped(scope, move || read(source, front, &full, &empty, closed));
            let reader = match reader {
                Ok(reader) => reader,
                Err(e) => return Err(SourceError::from_os("a second thread", e)),
            };
            for mut batch in filled {
                for record in &batch {
                    tracker.push(record, to);
                }
                if to.is_closed() {
                    closed.store(true, Ordering::Relaxed);
                }
                batch.clear();
                // The reader may be gone already.
                let _ = give_back.send(batch);
            }
            reader.join().unwrap_or(Ok(()))
        })
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
    pub const fn evicted(&self) -> u64 {
        self.tracker.evicted()
    }
}

/// The reading thread.
fn read<S: PacketSource + ?Sized>(
    source: &mut S,
    front: &mut Front,
    full: &SyncSender<Vec<Record>>,
    empty: &Receiver<Vec<Record>>,
    closed: &AtomicBool,
) -> Result<(), SourceError> {
    let mut batch = Vec::with_capacity(BATCH + 64);
    let mut result = Ok(());
    loop {
        let more = match source.next_packet() {
            Ok(Some(packet)) => front.decode(&packet, &mut batch),
            Ok(None) => false,
            Err(e) => {
                result = Err(e);
                false
            }
        };
        if batch.len() >= BATCH || !more {
            let next = empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(BATCH + 64));
            let whole = std::mem::replace(&mut batch, next);
            if full.send(whole).is_err() || !more || closed.load(Ordering::Relaxed) {
                return result;
            }
        }
    }
}
