//! Comments for saved packets: what the tracker found on each.

use super::flow::Destination;
use crate::decode::{IcmpMessage, Record, TcpSegment, UdpDatagram};
use crate::model::{Packet, StreamId};
use crate::track::{Event, SeenDatagram, SeenSegment, Sink, TcpConversation, UdpConversation};
use crate::view::words::{self, Known};

/// Passes everything on, and gathers a comment from the events of each packet.
pub(super) struct Noted<'a, D> {
    to: &'a mut D,
    events: Vec<Event>,
    comment: String,
}

impl<'a, D> Noted<'a, D> {
    pub fn new(to: &'a mut D) -> Self {
        Self { to, events: Vec::new(), comment: String::new() }
    }

    /// The comment of the packet that just passed, where something happened; the next
    /// packet begins anew.
    pub fn take(&mut self) -> Option<String> {
        self.say(None);
        (!self.comment.is_empty()).then(|| std::mem::take(&mut self.comment))
    }

    /// Words for the events that waited for their conversation to be known.
    fn say(&mut self, known: Option<&Known>) {
        for event in self.events.drain(..) {
            if !self.comment.is_empty() {
                self.comment.push('\n');
            }
            let (side, kind) = (event.side.name(), event.kind.name());
            self.comment.push_str(&format!("{side} {} [{kind}]", words::sentence(&event, known)));
        }
    }
}

impl<D: Destination> Destination for Noted<'_, D> {
    fn is_closed(&self) -> bool {
        self.to.is_closed()
    }

    fn frame(&mut self, packet: &Packet<'_>) {
        self.to.frame(packet);
    }
}

impl<D: Destination> Sink for Noted<'_, D> {
    fn tcp(&mut self, s: &TcpSegment, seen: &SeenSegment, c: &TcpConversation) {
        if !self.events.is_empty() {
            self.say(Some(&c.into()));
        }
        self.to.tcp(s, seen, c);
    }

    fn udp(&mut self, d: &UdpDatagram, seen: &SeenDatagram, c: &UdpConversation) {
        self.to.udp(d, seen, c);
    }

    fn icmp(&mut self, m: &IcmpMessage, quoted: Option<StreamId>) {
        self.to.icmp(m, quoted);
    }

    fn cut(&mut self, record: &Record) {
        self.to.cut(record);
    }

    fn event(&mut self, event: &Event) {
        self.events.push(*event);
        self.to.event(event);
    }

    fn tcp_ended(&mut self, c: &TcpConversation) {
        self.to.tcp_ended(c);
    }

    fn udp_ended(&mut self, c: &UdpConversation) {
        self.to.udp_ended(c);
    }
}
