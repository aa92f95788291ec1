//! What the wire notices about a conversation as its segments pass, and its one trick
//! with sequence numbers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::craft;
use super::peek::{Peek, bits};
use super::rules::Seen;

/// What one end of a conversation has sent so far.
#[derive(Debug, Clone, Copy)]
struct Sent {
    /// The sequence number after its last octet, raw.
    end: u32,
    /// Its last acknowledgment number and window field.
    last: Option<(u32, u16)>,
}

/// What passed, by source and destination.
#[derive(Debug, Default)]
pub(super) struct Notice {
    sent: BTreeMap<(IpAddr, u16, IpAddr, u16), Sent>,
}

impl Notice {
    /// The sequence number after the last octet sent in this direction, raw.
    pub(super) fn next_seq(&self, src: IpAddr, src_port: u16, dst: IpAddr, dst_port: u16) -> Option<u32> {
        self.sent.get(&(src, src_port, dst, dst_port)).map(|s| s.end)
    }

    /// Takes note of a packet, and says what can be known of it. `made`: by the wire, so that what lies
    /// beyond what its sender sent moves nothing: the sender knows nothing of it.
    pub(super) fn look(&mut self, peek: Option<Peek>, made: bool) -> Seen {
        let mut seen = Seen { peek, resent: false, probe: false, dup_ack: false };
        let Some((p, t)) = peek.as_ref().and_then(|p| Some((p, p.tcp()?))) else { return seen };
        let key = (p.src, t.src_port, p.dst, t.dst_port);
        let new = Sent { end: t.end(), last: t.has(bits::ACK).then_some((t.ack, t.window)) };
        let sent = self.sent.entry(key).or_insert(Sent { end: t.seq, last: None });
        if t.has(bits::SYN) && t.seq.wrapping_add(1) != sent.end {
            *sent = new; // a new connection between the same two ports
            return seen;
        }
        let occupies = t.end() != t.seq;
        let quiet = !t.has(bits::SYN) && !t.has(bits::FIN) && !t.has(bits::RST);
        // RFC 9293 section 3.8.4: the octet before the next, to be acknowledged again.
        seen.probe = quiet && t.payload <= 1 && t.seq.wrapping_add(1) == sent.end;
        seen.resent = !seen.probe && occupies && t.seq.wrapping_sub(sent.end).cast_signed() < 0;
        seen.dup_ack = t.payload == 0
            && t.flags == bits::ACK
            && !seen.probe
            && sent.last.is_some_and(|(ack, win)| ack == t.ack && (win == t.window || t.sack_blocks > 0));
        let beyond = t.seq.wrapping_sub(sent.end).cast_signed() > 0;
        if t.end().wrapping_sub(sent.end).cast_signed() > 0 && !(made && beyond) {
            sent.end = t.end();
        }
        sent.last = Some((t.ack, t.window));
        seen
    }
}

/// Shifts the sequence numbers of host 0, so that on the wire they wrap early.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wrap {
    /// Octets from the initial sequence number to the end of the space.
    room: u32,
    /// What is added; chosen at the first SYN.
    shift: Option<u32>,
}

impl Wrap {
    /// Wraps after `room` octets.
    pub(super) const fn after(room: u32) -> Self {
        Self { room, shift: None }
    }

    /// Changes a packet on its way out of host 0, or into it.
    pub(super) fn shift(&mut self, outward: bool, packet: &mut [u8]) {
        let Some(p) = Peek::ip(packet) else { return };
        let Some(t) = p.tcp() else { return };
        if outward && self.shift.is_none() && t.has(bits::SYN) {
            self.shift = Some(0_u32.wrapping_sub(self.room).wrapping_sub(t.seq));
        }
        let Some(shift) = self.shift else { return };
        let (field, value) = match outward {
            true => (4, t.seq.wrapping_add(shift)),
            false if t.has(bits::ACK) => (8, t.ack.wrapping_sub(shift)),
            false => return,
        };
        let at = usize::from(p.ip_header) + field;
        if let Some(f) = packet.get_mut(at..at + 4) {
            f.copy_from_slice(&value.to_be_bytes());
        }
        craft::mend_tcp_checksum(packet);
    }
}
