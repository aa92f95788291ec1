//! The trip: source → decode → track → sink. One screen shows the whole of it.

use crate::decode::{Decoder, Problems, Record};
use crate::model::{LinkType, Packet};
use crate::report::Recorder;
use crate::source::{PacketSource, SourceError};
use crate::track::{Sink, Tracker, TrackerOptions};
use crate::view::ndjson::Ndjson;

/// What the trip delivers to: a sink that also wants to know of frames.
pub(super) trait Destination: Sink {
    /// A frame, what is wrong with its headers, and how many records it had. False to stop.
    fn frame(&mut self, packet: &Packet<'_>, problems: Problems, records: usize) -> bool;
}

impl Destination for Recorder {
    fn frame(&mut self, packet: &Packet<'_>, problems: Problems, records: usize) -> bool {
        Recorder::frame(self, packet, problems, records);
        true
    }
}

impl<W: std::io::Write> Destination for Ndjson<W> {
    fn frame(&mut self, _: &Packet<'_>, _: Problems, _: usize) -> bool {
        !self.failed()
    }
}

/// A frame kept for a look at its headers.
#[derive(Debug, Clone)]
pub(super) struct KeptFrame {
    pub link: LinkType,
    pub orig_len: u32,
    pub data: Vec<u8>,
}

/// The layers between a source and a destination.
pub(super) struct Flow {
    decoder: Decoder,
    tracker: Tracker,
    records: Vec<Record>,
    /// Stop after this many packets.
    pub count: Option<u64>,
    /// Keep this frame.
    pub keep: Option<u64>,
    pub kept: Option<KeptFrame>,
    packets: u64,
}

impl Flow {
    pub fn new(options: TrackerOptions) -> Self {
        Self {
            decoder: Decoder::default(),
            tracker: Tracker::new(options),
            records: Vec::new(),
            count: None,
            keep: None,
            kept: None,
            packets: 0,
        }
    }

    /// Takes one packet through the layers; false when no more are wanted.
    #[inline]
    pub fn packet(&mut self, packet: &Packet<'_>, to: &mut impl Destination) -> bool {
        if self.keep == Some(packet.number) {
            let Packet { link, orig_len, data, .. } = *packet;
            self.kept = Some(KeptFrame { link, orig_len, data: data.to_vec() });
        }
        self.records.clear();
        let problems = self.decoder.decode(packet, &mut self.records);
        for record in &self.records {
            self.tracker.push(record, to);
        }
        self.packets += 1;
        to.frame(packet, problems, self.records.len()) && self.count.is_none_or(|c| self.packets < c)
    }

    /// Takes every packet of `source` through the layers. Each packet is shown to `also`
    /// first, which may stop the trip.
    ///
    /// # Errors
    /// The source's fault; what came before it stands.
    pub fn run<S: PacketSource + ?Sized>(
        &mut self,
        source: &mut S,
        to: &mut impl Destination,
        mut also: impl FnMut(&Packet<'_>) -> bool,
    ) -> Result<(), SourceError> {
        while let Some(packet) = source.next_packet()? {
            if !also(&packet) || !self.packet(&packet, to) {
                break;
            }
        }
        Ok(())
    }

    /// Lets every conversation go.
    pub fn finish(&mut self, to: &mut impl Destination) {
        self.tracker.finish(to);
    }

    /// Conversations that had to leave for want of room.
    pub const fn evicted(&self) -> u64 {
        self.tracker.evicted()
    }
}
