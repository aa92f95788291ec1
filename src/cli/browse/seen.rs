//! What a browser keeps of the packets that pass.

use std::collections::{BTreeMap, VecDeque};

use crate::cli::flow::{Destination, Flow};
use crate::decode::{IcmpMessage, Record, TcpSegment, UdpDatagram};
use crate::model::{LinkType, Packet, Protocol, StreamId};
use crate::report::{Conversation, Conversations, Recorder, Report};
use crate::track::{Event, SeenDatagram, SeenSegment, Sink, TcpConversation, UdpConversation};

/// Octets kept of a frame: all headers, and the beginning of what they carry.
const HEAD: usize = 2048;

/// A frame.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub link: LinkType,
    pub orig_len: u32,
    pub data: Vec<u8>,
}

/// Frames by number, the oldest given up when they are too many octets.
#[derive(Debug, Default)]
pub(super) struct Frames {
    frames: BTreeMap<u64, Frame>,
    order: VecDeque<u64>,
    bytes: usize,
    most: usize,
}

impl Frames {
    pub fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    pub fn keep(&mut self, packet: &Packet<'_>) {
        let data = packet.data.get(..HEAD).unwrap_or(packet.data).to_vec();
        self.bytes += data.len();
        self.frames.insert(packet.number, Frame { link: packet.link, orig_len: packet.orig_len, data });
        self.order.push_back(packet.number);
        while self.bytes > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.bytes -= self.frames.remove(&oldest).map_or(0, |f| f.data.len());
        }
    }

    pub fn get(&self, number: u64) -> Option<&Frame> {
        self.frames.get(&number)
    }
}

/// A recorder, and the frames that passed while it looked.
pub(super) struct Seen {
    pub recorder: Recorder,
    pub frames: Frames,
    /// Keep the frames of this conversation alone; `None` for all.
    pub only: Option<StreamId>,
    hit: bool,
}

impl Seen {
    pub fn new(recorder: Recorder, only: Option<StreamId>, most: usize) -> Self {
        Self { recorder, frames: Frames::new(most), only, hit: false }
    }

    fn met(&mut self, protocol: Protocol, number: u32) {
        self.hit |= self.only.is_none_or(|id| id == StreamId { protocol, number });
    }
}

impl Destination for Seen {
    fn frame(&mut self, packet: &Packet<'_>) {
        if std::mem::take(&mut self.hit) {
            self.frames.keep(packet);
        }
    }
}

impl Sink for Seen {
    fn tcp(&mut self, s: &TcpSegment, seen: &SeenSegment, c: &TcpConversation) {
        self.met(Protocol::Tcp, seen.stream);
        self.recorder.tcp(s, seen, c);
    }

    fn udp(&mut self, d: &UdpDatagram, seen: &SeenDatagram, c: &UdpConversation) {
        self.met(Protocol::Udp, seen.stream);
        self.recorder.udp(d, seen, c);
    }

    fn icmp(&mut self, m: &IcmpMessage, quoted: Option<StreamId>) {
        if let Some(id) = quoted {
            self.met(id.protocol, id.number);
        }
        self.recorder.icmp(m, quoted);
    }

    fn cut(&mut self, record: &Record) {
        self.recorder.cut(record);
    }

    fn event(&mut self, event: &Event) {
        self.recorder.event(event);
    }

    fn tcp_ended(&mut self, c: &TcpConversation) {
        self.recorder.tcp_ended(c);
    }

    fn udp_ended(&mut self, c: &UdpConversation) {
        self.recorder.udp_ended(c);
    }
}

/// Conversations that are still open, as they stand.
#[derive(Default)]
struct Open {
    conversations: Conversations,
    most: usize,
    beyond: u64,
    streams: [u64; 2],
}

impl Open {
    fn take(&mut self, number: u32, conversation: impl FnOnce() -> Conversation) {
        if (number as usize) < self.most {
            self.conversations.push(&conversation());
        } else {
            self.beyond += 1;
        }
    }
}

impl Sink for Open {
    fn tcp_ended(&mut self, c: &TcpConversation) {
        self.streams[0] += u64::from(!c.icmp_only);
        self.take(c.stream, || c.into());
    }

    fn udp_ended(&mut self, c: &UdpConversation) {
        self.streams[1] += u64::from(!c.icmp_only);
        self.take(c.stream, || c.into());
    }
}

/// The report as it stands, open conversations and all, without packets.
pub(super) fn snapshot(flow: &Flow, seen: &Seen, limit: usize, origins: &[String]) -> Report {
    let mut report = seen.recorder.snapshot(&flow.front.totals);
    let mut open = Open { most: limit, ..Open::default() };
    flow.visit(&mut open);
    report.summary.tcp_streams += open.streams[0];
    report.summary.udp_streams += open.streams[1];
    report.conversations_left_out += open.beyond;
    report.conversations.append(open.conversations);
    report.conversations.sort();
    report.summary.origins = origins.to_vec();
    report
}
