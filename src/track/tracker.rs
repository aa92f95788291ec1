//! Records into conversations.

use std::collections::VecDeque;
use std::hint::black_box;
use std::ops::BitXor;

use crate::decode::{IcmpMessage, Record, TcpSegment, UdpDatagram};
use crate::model::{Protocol, Side, StreamId, TcpFlags};

use super::batch::Ahead;
use super::sink::{SeenDatagram, Sink};
use super::table::{FlowTable, Whose};
use super::tcp::{OptionFacts, Pool, TcpConversation};
use super::udp::UdpConversation;
use super::{Batch, KeyHasher};
use super::{Confidence, Event, EventKind, Evidence, Labels};

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
}

impl Default for TrackerOptions {
    fn default() -> Self {
        Self { keep_apart: false, max_conversations: 1_000_000, linger: 1024 }
    }
}

/// Records whose connections are fetched together.
const TOGETHER: usize = 16;

/// Follows every conversation of a capture.
#[derive(Debug, Default)]
pub struct Tracker {
    options: TrackerOptions,
    hasher: KeyHasher,
    tcp: FlowTable<TcpConversation>,
    udp: FlowTable<UdpConversation>,
    pool: Pool,
    next_tcp: u32,
    next_udp: u32,
    /// Finished connections in the order they finished: slot and stream.
    finished: VecDeque<(u32, u32)>,
    sweep: [u32; 2],
    /// Conversations that had to leave though they were not finished.
    evicted: u64,
}

impl Tracker {
    /// A tracker with nothing in it.
    #[must_use]
    pub fn new(options: TrackerOptions) -> Self {
        Self { options, hasher: KeyHasher::new(options.keep_apart), ..Self::default() }
    }

    /// What makes the hashes of the batches that this tracker takes in.
    #[must_use]
    pub const fn hasher(&self) -> &KeyHasher {
        &self.hasher
    }

    /// Takes in one record and tells the sink what it means.
    #[inline]
    pub fn push(&mut self, record: &Record, sink: &mut impl Sink) {
        let ahead = Ahead::of(record, &self.hasher);
        self.take(record, &ahead, sink);
    }

    /// The same for a batch, faster: each look-up alone would wait for memory, and here the
    /// connections of the next few records are fetched side by side.
    #[inline]
    pub fn push_all(&mut self, batch: &Batch, sink: &mut impl Sink) {
        debug_assert_eq!(batch.records.len(), batch.ahead.len(), "a batch is prepared before it is tracked");
        for (records, ahead) in batch.records.chunks(TOGETHER).zip(batch.ahead.chunks(TOGETHER)) {
            // First where they lie, then all of them: no step of either waits for another.
            let mut slots = [u32::MAX; TOGETHER];
            for (slot, ahead) in slots.iter_mut().zip(ahead) {
                *slot = self.tcp.likely(ahead.hash);
            }
            let touched = slots.iter().filter_map(|&slot| self.tcp.get(slot)).map(TcpConversation::fetch);
            let touched = touched.fold(0, BitXor::bitxor);
            let waiting = slots.iter().filter_map(|&slot| self.tcp.get(slot));
            let waiting = waiting.map(|c| c.fetch_outstanding(&self.pool)).fold(0, BitXor::bitxor);
            black_box((touched, waiting));
            for (record, ahead) in records.iter().zip(ahead) {
                self.take(record, ahead, sink);
            }
        }
    }

    #[inline]
    fn take(&mut self, record: &Record, ahead: &Ahead, sink: &mut impl Sink) {
        let ip = record.context();
        let at = &Whose { ends: [ip.src, ip.dst], realm: self.hasher.realm(ip), hash: ahead.hash };
        match record {
            Record::Tcp(segment) if segment.cut => sink.cut(record),
            Record::Udp(datagram) if datagram.cut => sink.cut(record),
            Record::Tcp(segment) => self.tcp(segment, at, &ahead.options, sink),
            Record::Udp(datagram) => self.udp(datagram, at, sink),
            Record::Icmp(message) => self.icmp(message, sink),
        }
    }

    /// Lets every conversation go, in the order of their numbers.
    pub fn finish(&mut self, sink: &mut impl Sink) {
        let mut slots: Vec<u32> = self.tcp.slots().collect();
        slots.sort_unstable_by_key(|&slot| self.tcp.get(slot).map(|c| c.stream));
        for slot in slots {
            self.end_tcp(slot, sink);
        }
        let mut slots: Vec<u32> = self.udp.slots().collect();
        slots.sort_unstable_by_key(|&slot| self.udp.get(slot).map(|c| c.stream));
        for slot in slots {
            self.end_udp(slot, sink);
        }
    }

    /// Shows every conversation that is still here as it stands, as if it ended now, in no
    /// particular order. None is let go.
    pub fn visit(&self, sink: &mut impl Sink) {
        self.tcp.slots().filter_map(|slot| self.tcp.get(slot)).for_each(|c| sink.tcp_ended(c));
        self.udp.slots().filter_map(|slot| self.udp.get(slot)).for_each(|c| sink.udp_ended(c));
    }

    /// Conversations that had to leave for want of room though they were not finished.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// TCP connections and UDP conversations so far.
    #[must_use]
    pub const fn streams(&self) -> (u32, u32) {
        (self.next_tcp, self.next_udp)
    }

    fn new_tcp(&mut self, at: &Whose, s: &TcpSegment, sink: &mut impl Sink) -> u32 {
        self.make_room(sink);
        let stream = self.next_tcp;
        self.next_tcp = stream.wrapping_add(1);
        self.tcp.insert(at, TcpConversation::new(at, stream, s.ip.frame, s.ip.ts))
    }

    #[inline]
    fn tcp(&mut self, s: &TcpSegment, at: &Whose, options: &OptionFacts, sink: &mut impl Sink) {
        let mut port_reuse = false;
        let slot = match self.tcp.find(at) {
            Some(slot) => {
                port_reuse = s.flags.has(TcpFlags::SYN) && self.reuses_ports(slot, s);
                if port_reuse && !s.flags.has(TcpFlags::ACK) {
                    // No segment can find the old one any more.
                    self.finish_one(slot);
                    self.new_tcp(at, s, sink)
                } else {
                    slot
                }
            }
            None => self.new_tcp(at, s, sink),
        };
        let Some(conversation) = self.tcp.get_mut(slot) else { return };
        if conversation.icmp_only {
            *conversation = TcpConversation::new(at, conversation.stream, s.ip.frame, s.ip.ts);
        }
        let emit = &mut |event| sink.event(&event);
        let seen = conversation.segment(s, options, port_reuse, &mut self.pool, emit);
        sink.tcp(s, &seen, conversation);
        if conversation.is_finished() && !conversation.queued {
            self.finish_one(slot);
        }
    }

    /// Puts a connection among those that may leave.
    fn finish_one(&mut self, slot: u32) {
        if let Some(conversation) = self.tcp.get_mut(slot)
            && !std::mem::replace(&mut conversation.queued, true)
        {
            self.finished.push_back((slot, conversation.stream));
        }
    }

    /// A SYN (or SYN-ACK) whose number does not fit the connection that has these
    /// addresses and ports.
    #[cold]
    fn reuses_ports(&self, slot: u32, s: &TcpSegment) -> bool {
        let Some(conversation) = self.tcp.get(slot) else { return false };
        let base = conversation.base(conversation.direction(s.ip.src));
        base.is_some_and(|base| base != s.seq)
    }

    #[inline]
    fn udp(&mut self, d: &UdpDatagram, at: &Whose, sink: &mut impl Sink) {
        let slot = match self.udp.find(at) {
            Some(slot) => slot,
            None => {
                self.make_room(sink);
                let stream = self.next_udp;
                self.next_udp = stream.wrapping_add(1);
                self.udp.insert(at, UdpConversation::new(at, stream, d))
            }
        };
        let Some(conversation) = self.udp.get_mut(slot) else { return };
        let dir = conversation.datagram(d);
        let seen = SeenDatagram { stream: conversation.stream, dir, side: UdpConversation::side(dir) };
        sink.udp(d, &seen, conversation);
    }

    /// An ICMP message; the conversation that it quotes gets a number of its own even
    /// when none of its packets was seen, as in Wireshark.
    fn icmp(&mut self, m: &IcmpMessage, sink: &mut impl Sink) {
        let quoted = m.quoted.filter(|q| q.has_ports);
        let stream = quoted.and_then(|q| {
            let realm = self.hasher.realm(&m.ip);
            let at = Whose { ends: [q.src, q.dst], realm, hash: self.hasher.hash(q.src, q.dst, realm) };
            match q.protocol {
                6 => {
                    let slot = self.tcp.find(&at).unwrap_or_else(|| {
                        self.make_room(sink);
                        let stream = self.next_tcp;
                        self.next_tcp = stream.wrapping_add(1);
                        let mut c = TcpConversation::new(&at, stream, m.ip.frame, m.ip.ts);
                        c.icmp_only = true;
                        self.tcp.insert(&at, c)
                    });
                    self.tcp.get(slot).map(|c| StreamId { protocol: Protocol::Tcp, number: c.stream })
                }
                17 | 136 => {
                    let slot = self.udp.find(&at).unwrap_or_else(|| {
                        self.make_room(sink);
                        let stream = self.next_udp;
                        self.next_udp = stream.wrapping_add(1);
                        self.udp.insert(&at, UdpConversation::quoted(&at, stream, m))
                    });
                    let conversation = self.udp.get_mut(slot)?;
                    conversation.icmp_error(m);
                    Some(StreamId { protocol: Protocol::Udp, number: conversation.stream })
                }
                _ => None,
            }
        });
        if let Some(stream) = stream {
            sink.event(&icmp_error(m, stream));
        }
        sink.icmp(m, stream);
    }

    fn end_tcp(&mut self, slot: u32, sink: &mut impl Sink) {
        if let Some(conversation) = self.tcp.get_mut(slot) {
            conversation.release(&mut self.pool);
            sink.tcp_ended(conversation);
            self.tcp.remove(slot);
        }
    }

    fn end_udp(&mut self, slot: u32, sink: &mut impl Sink) {
        if let Some(conversation) = self.udp.get(slot) {
            sink.udp_ended(conversation);
            self.udp.remove(slot);
        }
    }

    /// Makes room for one more conversation: finished ones leave first.
    #[inline]
    fn make_room(&mut self, sink: &mut impl Sink) {
        let full = self.tcp.len() + self.udp.len() >= self.options.max_conversations;
        if full || self.finished.len() > self.options.linger {
            self.let_finished_go(if full { 0 } else { self.options.linger }, sink);
            if self.tcp.len() + self.udp.len() >= self.options.max_conversations {
                self.evict(sink);
            }
        }
    }

    /// Lets finished connections go, the oldest first, until so many are left.
    fn let_finished_go(&mut self, keep: usize, sink: &mut impl Sink) {
        while self.finished.len() > keep {
            let Some((slot, stream)) = self.finished.pop_front() else { return };
            let still = |c: &TcpConversation| c.stream == stream;
            if self.tcp.get(slot).is_some_and(still) {
                self.end_tcp(slot, sink);
            }
        }
    }

    /// Takes out an unfinished conversation: the hand goes round, and whoever was silent
    /// since it last came by must go.
    #[cold]
    fn evict(&mut self, sink: &mut impl Sink) {
        let tcp = self.tcp.len() >= self.udp.len();
        let table = usize::from(!tcp);
        let slots = if tcp { self.tcp.capacity() } else { self.udp.capacity() };
        for _ in 0..slots.saturating_mul(2) {
            let slot = self.sweep[table] % slots.max(1);
            self.sweep[table] = slot + 1;
            if tcp {
                let Some(c) = self.tcp.get_mut(slot) else { continue };
                // A half-open connection has the least to lose.
                if !std::mem::replace(&mut c.touched, false) || c.counts()[1].packets == 0 {
                    self.evicted += 1;
                    return self.end_tcp(slot, sink);
                }
            } else {
                let Some(c) = self.udp.get_mut(slot) else { continue };
                if !std::mem::replace(&mut c.touched, false) {
                    self.evicted += 1;
                    return self.end_udp(slot, sink);
                }
            }
        }
    }
}

/// The event of an ICMP error; whoever reports it stands on the receiver's side.
fn icmp_error(m: &IcmpMessage, stream: StreamId) -> Event {
    let number = |n: u8| Some(u64::from(n));
    Event {
        packet: m.ip.frame,
        ts: m.ip.ts,
        stream,
        side: Side::Resp,
        kind: EventKind::IcmpError,
        confidence: Confidence::Certain,
        evidence: Evidence {
            // Type and code, as the message has them.
            count: number(m.icmp_type).map(|t| t << 8 | u64::from(m.code)),
            seq: m.quoted.and_then(|q| q.seq).map(|s| s.0),
            ..Evidence::default()
        },
        labels: Labels::NONE,
    }
}
