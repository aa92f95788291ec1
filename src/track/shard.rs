//! A part of all conversations: what one thread can track without the others.

use std::collections::VecDeque;
use std::hint::black_box;
use std::ops::BitXor;

use crate::decode::{IcmpMessage, Record, TcpSegment, UdpDatagram};
use crate::model::{Protocol, Side, StreamId, TcpFlags};

use super::batch::{self, Ahead, quoted};
use super::connections::{Connections, Found};
use super::numbers::Numbers;
use super::sink::{SeenDatagram, Sink};
use super::table::{FlowTable, Whose};
use super::tcp::{OptionFacts, Pool, TcpConversation};
use super::udp::UdpConversation;
use super::{Batch, KeyHasher};
use super::{Confidence, Event, EventKind, Evidence, Labels};

/// Records whose connections are fetched together.
pub(super) const TOGETHER: usize = 16;

/// The conversations of some endpoints, and all that their packets change.
#[derive(Debug)]
pub struct Shard {
    hasher: KeyHasher,
    /// Conversations kept at once.
    most: usize,
    /// Finished connections kept.
    linger: usize,
    pub(super) tcp: Connections,
    pub(super) udp: FlowTable<UdpConversation>,
    pool: Pool,
    /// Finished connections in the order they finished: slot and stream.
    finished: VecDeque<(u32, u32)>,
    sweep: [u32; 2],
    /// Conversations that had to leave though they were not finished.
    pub(super) evicted: u64,
}

/// Fetches the connections of the next few records side by side: each look-up alone would
/// wait for memory.
#[inline]
pub(super) fn fetch<'a>(next: impl Iterator<Item = (&'a Shard, &'a Ahead)>) {
    // First where they lie, then all of them: no step of either waits for another.
    let mut slots = [None; TOGETHER];
    for (slot, (shard, ahead)) in slots.iter_mut().zip(next) {
        *slot = shard.tcp.likely(ahead.hash).map(|found| (shard, found));
    }
    let found = || slots.iter().flatten().filter_map(|&(shard, at)| Some((shard, shard.tcp.if_awake(at)?)));
    let rests = slots.iter().flatten().filter(|(_, at)| at.1 == 0);
    let resting = rests.map(|(shard, at)| shard.tcp.touch(*at)).fold(0, BitXor::bitxor);
    let touched = found().map(|(_, c)| c.fetch()).fold(0, BitXor::bitxor);
    let waiting = found().map(|(shard, c)| c.fetch_outstanding(&shard.pool)).fold(0, BitXor::bitxor);
    black_box((touched, waiting, resting));
}

impl Shard {
    pub(super) fn new(hasher: KeyHasher, most: usize, linger: usize, awake: usize) -> Self {
        Self {
            hasher,
            most,
            linger,
            tcp: Connections::new(awake),
            udp: FlowTable::default(),
            pool: Pool::default(),
            finished: VecDeque::new(),
            sweep: [0; 2],
            evicted: 0,
        }
    }

    /// Tracks what a batch has for the shard with the number `which`.
    pub fn push(&mut self, batch: &Batch, which: usize, numbers: &mut Numbers, sink: &mut impl Sink) {
        let first = batch.first;
        for own in batch.of(which).chunks(TOGETHER) {
            fetch(own.iter().filter_map(|&i| Some((&*self, batch.ahead.get(i as usize)?))));
            for &i in own {
                let at = i as usize;
                if let (Some(record), Some(ahead)) = (batch.records.get(at), batch.ahead.get(at)) {
                    numbers.ordinal = first + u64::from(i);
                    sink.ordinal(numbers.ordinal);
                    self.take(record, ahead, numbers, sink);
                }
            }
        }
    }

    /// Takes in one record.
    #[inline]
    pub(super) fn take(
        &mut self,
        record: &Record,
        ahead: &Ahead,
        numbers: &mut Numbers,
        sink: &mut impl Sink,
    ) {
        let ip = record.context();
        let at = &Whose { ends: batch::ends(record), realm: self.hasher.realm(ip), hash: ahead.hash };
        match record {
            Record::Tcp(segment) if segment.cut => sink.cut(record),
            Record::Udp(datagram) if datagram.cut => sink.cut(record),
            Record::Tcp(segment) => self.tcp(segment, at, &ahead.options, numbers, sink),
            Record::Udp(datagram) => self.udp(datagram, at, numbers, sink),
            Record::Icmp(message) => self.icmp(message, at, numbers, sink),
        }
    }

    /// Lets every conversation go, in the order of their numbers.
    pub fn finish(&mut self, sink: &mut impl Sink) {
        for (_, slot) in self.tcp_left() {
            self.end_tcp(slot, sink);
        }
        for (_, slot) in self.udp_left() {
            self.end_udp(slot, sink);
        }
    }

    /// Number and slot of the connections that are still here, in the order of their numbers.
    pub(super) fn tcp_left(&self) -> Vec<(u32, u32)> {
        let mut left: Vec<_> =
            self.tcp.slots().filter_map(|slot| Some((self.tcp.stream(slot)?, slot))).collect();
        left.sort_unstable();
        left
    }

    /// The same of UDP conversations.
    pub(super) fn udp_left(&self) -> Vec<(u32, u32)> {
        let mut left: Vec<_> =
            self.udp.slots().filter_map(|slot| Some((self.udp.get(slot)?.stream, slot))).collect();
        left.sort_unstable();
        left
    }

    /// Conversations that had to leave for want of room though they were not finished.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// A connection of its own for a segment; an `older` with the same endpoints is found no more.
    fn new_tcp(
        &mut self,
        at: &Whose,
        s: &TcpSegment,
        older: Option<u32>,
        numbers: &mut Numbers,
        sink: &mut impl Sink,
    ) -> Found {
        self.make_room(sink);
        let stream = numbers.next(Protocol::Tcp);
        // It may have had to leave to make that room.
        let older = older.and_then(|_| self.tcp.find(at)).map(|(slot, _)| slot);
        self.tcp.insert(at, || TcpConversation::new(at, stream, s.ip.frame, s.ip.ts), older)
    }

    #[inline]
    fn tcp(
        &mut self,
        s: &TcpSegment,
        at: &Whose,
        options: &OptionFacts,
        numbers: &mut Numbers,
        sink: &mut impl Sink,
    ) {
        let mut port_reuse = false;
        let found = match self.tcp.find(at) {
            Some(found) => {
                port_reuse = s.flags.has(TcpFlags::SYN) && self.reuses_ports(found.0, s);
                if port_reuse && !s.flags.has(TcpFlags::ACK) {
                    // No segment can find the old one any more.
                    self.finish_one(found.0);
                    self.new_tcp(at, s, Some(found.0), numbers, sink)
                } else {
                    found
                }
            }
            None => self.new_tcp(at, s, None, numbers, sink),
        };
        let Some(conversation) = self.tcp.wake(found) else { return };
        if conversation.icmp_only {
            *conversation = TcpConversation::new(at, conversation.stream, s.ip.frame, s.ip.ts);
        }
        let emit = &mut |event| sink.event(&event);
        let seen = conversation.segment(s, options, port_reuse, &mut self.pool, emit);
        sink.tcp(s, &seen, conversation);
        if conversation.is_finished() && !conversation.queued {
            self.finish_one(found.0);
        }
    }

    /// Puts a connection among those that may leave.
    fn finish_one(&mut self, slot: u32) {
        if let Some(conversation) = self.tcp.wake_in(slot)
            && !std::mem::replace(&mut conversation.queued, true)
        {
            self.finished.push_back((slot, conversation.stream));
        }
    }

    /// A SYN (or SYN-ACK) whose number does not fit the connection that has these
    /// addresses and ports.
    #[cold]
    fn reuses_ports(&mut self, slot: u32, s: &TcpSegment) -> bool {
        let Some(conversation) = self.tcp.wake_in(slot) else { return false };
        let base = conversation.base(conversation.direction(s.ip.src));
        base.is_some_and(|base| base != s.seq)
    }

    #[inline]
    fn udp(&mut self, d: &UdpDatagram, at: &Whose, numbers: &mut Numbers, sink: &mut impl Sink) {
        let slot = match self.udp.find(at.hash, |c| at.is(c)) {
            Some(slot) => slot,
            None => {
                self.make_room(sink);
                self.udp.insert(at.hash, 0, UdpConversation::new(at, numbers.next(Protocol::Udp), d), None)
            }
        };
        let Some(conversation) = self.udp.get_mut(slot) else { return };
        let dir = conversation.datagram(d);
        let seen = SeenDatagram { stream: conversation.stream, dir, side: UdpConversation::side(dir) };
        sink.udp(d, &seen, conversation);
    }

    /// An ICMP message; the conversation that it quotes gets a number of its own even
    /// when none of its packets was seen, as in Wireshark.
    fn icmp(&mut self, m: &IcmpMessage, at: &Whose, numbers: &mut Numbers, sink: &mut impl Sink) {
        let stream = quoted(m).and_then(|q| match q.protocol {
            6 => {
                let (slot, _) = self.tcp.find(at).unwrap_or_else(|| {
                    self.make_room(sink);
                    let stream = numbers.next(Protocol::Tcp);
                    let quoted = || {
                        let mut c = TcpConversation::new(at, stream, m.ip.frame, m.ip.ts);
                        c.icmp_only = true;
                        c
                    };
                    self.tcp.insert(at, quoted, None)
                });
                self.tcp.stream(slot).map(|number| StreamId { protocol: Protocol::Tcp, number })
            }
            17 | 136 => {
                let slot = self.udp.find(at.hash, |c| at.is(c)).unwrap_or_else(|| {
                    self.make_room(sink);
                    let quoted = UdpConversation::quoted(at, numbers.next(Protocol::Udp), m);
                    self.udp.insert(at.hash, 0, quoted, None)
                });
                let conversation = self.udp.get_mut(slot)?;
                conversation.icmp_error(m);
                Some(StreamId { protocol: Protocol::Udp, number: conversation.stream })
            }
            _ => None,
        });
        if let Some(stream) = stream {
            sink.event(&icmp_error(m, stream));
        }
        sink.icmp(m, stream);
    }

    pub(super) fn end_tcp(&mut self, slot: u32, sink: &mut impl Sink) {
        let pool = &mut self.pool;
        self.tcp.end(slot, |conversation| {
            conversation.release(pool);
            sink.tcp_ended(conversation);
        });
    }

    pub(super) fn end_udp(&mut self, slot: u32, sink: &mut impl Sink) {
        if let Some(conversation) = self.udp.get(slot) {
            sink.udp_ended(conversation);
            self.udp.remove(slot);
        }
    }

    /// Makes room for one more conversation: finished ones leave first.
    #[inline]
    fn make_room(&mut self, sink: &mut impl Sink) {
        let full = self.tcp.len() + self.udp.len() >= self.most;
        if full || self.finished.len() > self.linger {
            self.let_finished_go(if full { 0 } else { self.linger }, sink);
            if self.tcp.len() + self.udp.len() >= self.most {
                self.evict(sink);
            }
        }
    }

    /// Lets finished connections go, the oldest first, until so many are left.
    fn let_finished_go(&mut self, keep: usize, sink: &mut impl Sink) {
        while self.finished.len() > keep {
            let Some((slot, stream)) = self.finished.pop_front() else { return };
            // Its ports may serve another; or its reset has ended nothing, and it goes on.
            let finished = |c: &TcpConversation| c.stream == stream && c.queued;
            if self.tcp.wake_in(slot).is_some_and(|c| finished(c)) {
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
                // A half-open connection has the least to lose.
                if self.tcp.may_go(slot) == Some(true) {
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
