//! Where the tracker pushes what it finds.

use crate::decode::{IcmpMessage, Record, TcpSegment, UdpDatagram};
use crate::model::{PerSide, SeqNum, Side, StreamId, TcpState};

use super::{Analysis, Event, TcpConversation, UdpConversation};

/// What the tracker says of one segment.
#[derive(Debug, Clone, Copy)]
pub struct SeenSegment {
    /// The number of its connection.
    pub stream: u32,
    /// 0: sent by whoever sent the first packet of the connection, 1: by the other.
    pub dir: u8,
    /// Its sender.
    pub side: Side,
    /// SEG.WND in octets, where the scale is known; on a SYN as it stands.
    pub scaled_window: Option<u32>,
    /// What relative sequence numbers of the sender count from.
    pub base: SeqNum,
    /// What relative acknowledgment numbers count from: the other side's base.
    pub ack_base: Option<SeqNum>,
    /// Wireshark's labels and figures.
    pub analysis: Analysis,
    /// Wireshark's initial round-trip time of the connection, nanoseconds.
    pub initial_rtt: Option<i64>,
    /// Each end's state: the sender's when it sent it, the receiver's once it has arrived.
    pub states: PerSide<Option<TcpState>>,
}

impl SeenSegment {
    /// The window in octets: scaled where the scale is known, else as it stands.
    #[must_use]
    pub fn window(&self, segment: &TcpSegment) -> u32 {
        self.scaled_window.unwrap_or(u32::from(segment.window))
    }
}

/// What the tracker says of one datagram.
#[derive(Debug, Clone, Copy)]
pub struct SeenDatagram {
    /// The number of its conversation.
    pub stream: u32,
    /// 0: sent by whoever sent the first packet of the conversation, 1: by the other.
    pub dir: u8,
    /// Its sender; the first sender is the originator.
    pub side: Side,
}

/// Receives facts as the tracker finds them. Nothing here may block or keep a reference.
///
/// Each method does nothing by default, so that a sink costs only what it uses.
pub trait Sink {
    /// A TCP segment, after it moved its connection.
    fn tcp(&mut self, segment: &TcpSegment, seen: &SeenSegment, conversation: &TcpConversation) {
        let _ = (segment, seen, conversation);
    }

    /// A UDP datagram.
    fn udp(&mut self, datagram: &UdpDatagram, seen: &SeenDatagram, conversation: &UdpConversation) {
        let _ = (datagram, seen, conversation);
    }

    /// A TCP or UDP header of which too little is there to belong to a conversation.
    fn cut(&mut self, record: &Record) {
        let _ = record;
    }

    /// An ICMP message; `quoted` is the conversation that it quotes.
    fn icmp(&mut self, message: &IcmpMessage, quoted: Option<StreamId>) {
        let _ = (message, quoted);
    }

    /// Which record of the capture all that follows is about, up to the next call. Only a
    /// shard tracked by itself tells: among several, no other order holds.
    fn ordinal(&mut self, record: u64) {
        let _ = record;
    }

    /// Something that happened.
    fn event(&mut self, event: &Event) {
        let _ = event;
    }

    /// A TCP connection that the tracker lets go of: it will not change any more.
    fn tcp_ended(&mut self, conversation: &TcpConversation) {
        let _ = conversation;
    }

    /// A UDP conversation that the tracker lets go of.
    fn udp_ended(&mut self, conversation: &UdpConversation) {
        let _ = conversation;
    }
}

/// Two sinks side by side.
impl<A: Sink, B: Sink> Sink for (A, B) {
    fn tcp(&mut self, segment: &TcpSegment, seen: &SeenSegment, conversation: &TcpConversation) {
        self.0.tcp(segment, seen, conversation);
        self.1.tcp(segment, seen, conversation);
    }

    fn udp(&mut self, datagram: &UdpDatagram, seen: &SeenDatagram, conversation: &UdpConversation) {
        self.0.udp(datagram, seen, conversation);
        self.1.udp(datagram, seen, conversation);
    }

    fn icmp(&mut self, message: &IcmpMessage, quoted: Option<StreamId>) {
        self.0.icmp(message, quoted);
        self.1.icmp(message, quoted);
    }

    fn cut(&mut self, record: &Record) {
        self.0.cut(record);
        self.1.cut(record);
    }

    fn ordinal(&mut self, record: u64) {
        self.0.ordinal(record);
        self.1.ordinal(record);
    }

    fn event(&mut self, event: &Event) {
        self.0.event(event);
        self.1.event(event);
    }

    fn tcp_ended(&mut self, conversation: &TcpConversation) {
        self.0.tcp_ended(conversation);
        self.1.tcp_ended(conversation);
    }

    fn udp_ended(&mut self, conversation: &UdpConversation) {
        self.0.udp_ended(conversation);
        self.1.udp_ended(conversation);
    }
}

impl<S: Sink> Sink for &mut S {
    fn tcp(&mut self, segment: &TcpSegment, seen: &SeenSegment, conversation: &TcpConversation) {
        (**self).tcp(segment, seen, conversation);
    }

    fn udp(&mut self, datagram: &UdpDatagram, seen: &SeenDatagram, conversation: &UdpConversation) {
        (**self).udp(datagram, seen, conversation);
    }

    fn icmp(&mut self, message: &IcmpMessage, quoted: Option<StreamId>) {
        (**self).icmp(message, quoted);
    }

    fn cut(&mut self, record: &Record) {
        (**self).cut(record);
    }

    fn ordinal(&mut self, record: u64) {
        (**self).ordinal(record);
    }

    fn event(&mut self, event: &Event) {
        (**self).event(event);
    }

    fn tcp_ended(&mut self, conversation: &TcpConversation) {
        (**self).tcp_ended(conversation);
    }

    fn udp_ended(&mut self, conversation: &UdpConversation) {
        (**self).udp_ended(conversation);
    }
}
