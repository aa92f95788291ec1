//! The trip through the layers for tests: what the analysis says of each packet of a
//! source, and of each conversation at the end.

// Each test file uses its part of this.
#![allow(dead_code)]

use std::collections::BTreeMap;

use synfin::decode::{Decoder, IcmpMessage, TcpSegment, UdpDatagram};
use synfin::model::Protocol::{Tcp, Udp};
use synfin::model::{Packet, PerSide, StreamId, TcpFlags, TcpState};
use synfin::report::{Conversation, Entry};
use synfin::source::PacketSource;
use synfin::source::script::Script;
use synfin::track::{
    Event, SeenDatagram, SeenSegment, Sink, TcpConversation, Tracker, TrackerOptions, UdpConversation,
};

/// What the analysis says of one packet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeenPacket {
    /// The conversation it belongs to, or that it quotes.
    pub stream: Option<StreamId>,
    /// Wireshark's labels, in the order of their bits.
    pub labels: Vec<&'static str>,
    /// Each end's state after it; `None` for what is no TCP segment.
    pub states: Option<PerSide<Option<TcpState>>>,
    /// Relative sequence and acknowledgment number, payload and window: what an ISN
    /// elsewhere must not change.
    pub relative: Option<(u32, Option<u32>, u32, u32)>,
    /// Octets in flight and the round-trip time it measures.
    pub figures: (Option<u32>, Option<u64>, i64),
    /// What happened, with the confidence.
    pub events: Vec<(&'static str, &'static str)>,
}

/// What the analysis says of a source.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// By frame number.
    pub packets: BTreeMap<u64, SeenPacket>,
    /// In the order of their numbers, TCP before UDP.
    pub conversations: Vec<Conversation>,
}

impl Sink for Seen {
    fn tcp(&mut self, s: &TcpSegment, seen: &SeenSegment, _: &TcpConversation) {
        let packet = self.packets.entry(s.ip.frame).or_default();
        packet.stream = Some(StreamId { protocol: Tcp, number: seen.stream });
        packet.labels = seen.analysis.labels.names().collect();
        packet.states = Some(seen.states);
        // Without the flag the field means nothing.
        let ack_base = seen.ack_base.filter(|_| s.flags.has(TcpFlags::ACK));
        let ack = ack_base.map(|base| s.ack.relative_to(base));
        packet.relative = Some((s.seq.relative_to(seen.base), ack, s.len, seen.window(s)));
        packet.figures = (seen.analysis.bytes_in_flight, seen.analysis.acks_frame, seen.analysis.ack_rtt);
    }

    fn udp(&mut self, d: &UdpDatagram, seen: &SeenDatagram, _: &UdpConversation) {
        self.packets.entry(d.ip.frame).or_default().stream =
            Some(StreamId { protocol: Udp, number: seen.stream });
    }

    fn icmp(&mut self, m: &IcmpMessage, quoted: Option<StreamId>) {
        self.packets.entry(m.ip.frame).or_default().stream = quoted;
    }

    fn event(&mut self, e: &Event) {
        self.packets.entry(e.packet).or_default().events.push((e.kind.name(), e.confidence.name()));
    }

    fn tcp_ended(&mut self, c: &TcpConversation) {
        self.ended(c);
    }

    fn udp_ended(&mut self, c: &UdpConversation) {
        self.ended(c);
    }
}

impl Seen {
    fn ended<'c, C>(&mut self, of: &'c C)
    where
        Conversation: From<&'c C>,
        Entry: From<&'c C>,
    {
        let conversation = Conversation::from(of);
        assert_eq!(
            Entry::from(of),
            <Entry as From<&Conversation>>::from(&conversation),
            "an entry says what the conversation says"
        );
        self.conversations.push(conversation);
    }
}

/// Takes every packet of `source` through decoder and tracker.
pub fn analyse(source: &mut dyn PacketSource) -> Seen {
    let mut layers = Layers::default();
    while let Some(packet) = source.next_packet().unwrap() {
        layers.packet(&packet);
    }
    layers.finish()
}

/// A script through decoder and tracker.
pub fn analyse_script(script: Script) -> Seen {
    analyse(&mut script.into_source())
}

/// Decoder and tracker, fed packet by packet.
#[derive(Default)]
pub struct Layers {
    decoder: Decoder,
    tracker: Option<Tracker>,
    seen: Seen,
}

impl Layers {
    pub fn packet(&mut self, packet: &Packet<'_>) {
        let tracker = self.tracker.get_or_insert_with(|| Tracker::new(TrackerOptions::default()));
        let mut records = Vec::new();
        let problems = self.decoder.decode(packet, &mut records);
        assert!(problems.is_empty(), "frame {}: {problems:?}", packet.number);
        for record in &records {
            tracker.push(record, &mut self.seen);
        }
    }

    pub fn finish(mut self) -> Seen {
        if let Some(mut tracker) = self.tracker.take() {
            tracker.finish(&mut self.seen);
        }
        self.seen.conversations.sort_by_key(|c| c.id);
        self.seen
    }
}

/// The scenarios, bundled ones and those that are only tests: name and text, in the order
/// of their names.
pub fn scenarios() -> Vec<(String, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<(String, String)> = ["captures", "tests/scenarios"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(root.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "pkt"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    found.sort();
    assert!(found.len() >= 11, "only {} scenarios found", found.len());
    found
}
