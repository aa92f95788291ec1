//! One TCP connection as it is tracked.

mod answers;
mod phases;

use crate::decode::TcpSegment;
use crate::model::{Endpoint, SeqNum, TcpFlags, TcpState, Timestamp};
use crate::track::sink::SeenSegment;
use crate::track::table::{Flow, Whose};
use crate::track::traffic::Counts;
use crate::track::{Analysis, Event, Labels};

use super::facts::OptionFacts;
use super::history::History;
use super::label::{self, LabelSide, Scale, Seen};
use super::outstanding::Pool;
use super::state::{self, Closing, StateSide, Step};
use super::stats::Stats;
use super::verdict::{self, Nature, Scene};

/// One TCP connection. Arrays are `[sender of the first packet, the other]`.
#[derive(Debug, Clone)]
pub struct TcpConversation {
    realm: u32,
    /// Wireshark's `tcp.stream`.
    pub stream: u32,
    /// Its endpoints.
    pub ends: [Endpoint; 2],
    /// Frame of its first packet.
    pub first_frame: u64,
    /// Earliest packet time.
    pub first: Timestamp,
    /// Latest packet time.
    pub last: Timestamp,
    /// Packets and octets each way.
    pub counts: [Counts; 2],
    /// Wireshark's completeness; see [`TcpConversation::completeness`].
    completeness: u8,
    starts_with_syn: bool,
    last_syn_ts: Timestamp,
    initial_rtt: Option<i64>,
    syn_ts: Timestamp,
    syn_rtt: Option<i64>,
    /// 0 or 1: whoever sent the SYN, or did not send the SYN-ACK.
    orig_dir: u8,
    roles_known: bool,
    /// No segment was seen: an ICMP error quoted it.
    pub icmp_only: bool,
    begin: Begin,
    /// SYNs and SYN-ACKs sent again.
    pub handshake_retries: u32,
    first_fin: Option<u8>,
    second_fin_acks_first: bool,
    fins_crossed: bool,
    reset: Option<Reset>,
    /// A SYN had data and a Fast Open cookie.
    fast_open_data: bool,
    pub(super) labels: [LabelSide; 2],
    states: [StateSide; 2],
    history: History,
    pub(super) stats: [Stats; 2],
    verdicts: verdict::Memory,
    pub(in crate::track) touched: bool,
    pub(in crate::track) queued: bool,
}

/// What of the handshake was seen.
#[derive(Debug, Clone, Copy, Default)]
struct Begin {
    syn: [bool; 2],
    syn_ack: bool,
    third: bool,
    refused: bool,
}

#[derive(Debug, Clone, Copy)]
struct Reset {
    dir: u8,
    state: Option<TcpState>,
    frame: u64,
}

impl Flow for TcpConversation {
    #[inline]
    fn ends(&self) -> (&[Endpoint; 2], u32) {
        (&self.ends, self.realm)
    }
}

impl TcpConversation {
    pub(in crate::track) fn new(whose: &Whose, stream: u32, frame: u64, ts: Timestamp) -> Self {
        Self {
            realm: whose.realm,
            stream,
            ends: whose.ends,
            first_frame: frame,
            first: ts,
            last: ts,
            counts: Default::default(),
            completeness: 0,
            starts_with_syn: false,
            last_syn_ts: Timestamp::NONE,
            initial_rtt: None,
            syn_ts: Timestamp::NONE,
            syn_rtt: None,
            orig_dir: 0,
            roles_known: false,
            icmp_only: false,
            begin: Begin::default(),
            handshake_retries: 0,
            first_fin: None,
            second_fin_acks_first: false,
            fins_crossed: false,
            reset: None,
            fast_open_data: false,
            labels: Default::default(),
            states: Default::default(),
            history: History::default(),
            stats: Default::default(),
            verdicts: Default::default(),
            touched: true,
            queued: false,
        }
    }

    /// 0 where `src` sent the first packet of the connection, else 1.
    #[inline]
    pub(in crate::track) fn direction(&self, src: Endpoint) -> u8 {
        u8::from(src != self.ends[0])
    }

    /// Touches the memory that [`TcpConversation::segment`] will need.
    #[inline]
    pub(in crate::track) fn fetch(&self) {
        use std::hint::black_box;
        black_box((self.first, self.counts[0].packets, self.counts[1].packets));
        for (labels, stats) in self.labels.iter().zip(&self.stats) {
            labels.fetch();
            black_box((stats.data_segments, stats.flight_max, stats.idle_max, stats.rtt.samples));
        }
        for side in &self.verdicts.sides {
            black_box((side.recent.frame, side.last_any, side.sent_fin));
        }
        black_box((self.states[0].fin_acked, self.begin.third));
    }

    /// The sequence number that a direction's SYN must repeat to belong here.
    pub(in crate::track) fn base(&self, dir: u8) -> Option<SeqNum> {
        self.labels[usize::from(dir & 1)].base
    }

    /// Nothing more is to come but what is late: reset, or closed by both.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.reset.is_some() || (self.states[0].fin_acked && self.states[1].fin_acked)
    }

    /// Takes in a segment of this connection.
    #[inline]
    pub(in crate::track) fn segment(
        &mut self,
        s: &TcpSegment,
        options: &OptionFacts,
        port_reuse: bool,
        pool: &mut Pool,
        emit: &mut dyn FnMut(Event),
    ) -> SeenSegment {
        let dir = self.direction(s.ip.src);
        let d = usize::from(dir);
        self.touched = true;
        self.first = self.first.min(s.ip.ts);
        self.last = self.last.max(s.ip.ts);
        self.counts[d].add(s.ip.wire, u64::from(s.len), s.header_len);
        if s.flags.any(TcpFlags::SYN) {
            self.syn(s, d, options);
        } else if self.counts[0].packets + self.counts[1].packets == 1 {
            self.guess_roles();
        }
        let seen = Seen {
            frame: s.ip.frame,
            ts: s.ip.ts,
            seq: s.seq,
            ack: s.ack,
            flags: s.flags,
            window: s.window,
            len: s.len,
            sacked: options.sack.as_slice().iter().fold(0, |n, (l, r)| n.wrapping_add(r.relative_to(*l))),
            syn_seen: self.begin.syn_ack || self.begin.syn[0] || self.begin.syn[1],
            tsval: options.timestamps.map_or(0, |t| t.0),
            ip_id: s.ip.ip_id.unwrap_or(0),
            ttl: s.ip.ttl,
        };
        let [a, b] = &mut self.labels;
        let (fwd, rev) = if d == 0 { (a, b) } else { (b, a) };
        let next_before = fwd.next;
        let peer_ack_before = rev.last_ack;
        let peer_ack_of_sender = fwd.last_ack;
        let (mut analysis, rtt_sample) = label::label(fwd, rev, &seen, self.initial_rtt.unwrap_or(0), pool);
        let (base, ack_base, scale) = (fwd.base.unwrap_or_default(), rev.base, fwd.scale);
        if let Some(shift) = options.window_scale
            && !s.flags.has(TcpFlags::SYN)
        {
            // Out of place, but it counts from the next segment on: port scanners send it.
            self.labels[d].scale = Scale::Shift(shift);
        }
        if port_reuse {
            analysis.labels.add(Labels::REUSED_PORTS);
        }
        self.fast_open(s, d, options, &mut analysis.labels);
        self.times(s);
        self.complete(s);
        self.ending(s, d);
        let fin_was_acked = self.states[1 - d].fin_acked;
        let before = [self.states[d].state, self.states[1 - d].state];
        let [a, b] = &mut self.states;
        let (from, to) = if d == 0 { (a, b) } else { (b, a) };
        let below_window = peer_ack_before.0 != 0 && s.seq.is_before(peer_ack_before);
        let step = Step { seq: s.seq, ack: s.ack, flags: s.flags, len: s.len, below_window };
        state::advance(from, to, &step);
        let old =
            s.flags.has(TcpFlags::ACK) && peer_ack_of_sender.0 != 0 && s.ack.is_before(peer_ack_of_sender);
        let closing = Closing { first: self.first_fin == Some(dir), by_fin: self.second_fin_acks_first };
        let as_sent = if old { from.state } else { state::as_sent(from, to, &step, closing) };
        self.crossing(s, d, fin_was_acked);
        let new_from = if next_before.0 == 0 { s.seq } else { next_before };
        let digest = Digest {
            options,
            next_before: new_from,
            next_known: next_before.0 != 0,
            peer_ack_before,
            peer_ack_of_sender,
            rtt_sample,
        };
        let resent = s.len > 0 && digest.next_known && s.seq.plus(s.len).is_at_or_before(next_before);
        self.history.note(d, s.flags, s.len, s.window, resent, analysis.labels.has(Labels::LOST_SEGMENT));
        let scaled_window = match scale {
            _ if s.flags.has(TcpFlags::SYN) => Some(u32::from(s.window)),
            Scale::Unknown => None,
            known => Some(known.apply(s.window)),
        };
        let nature = self.judge(s, d, &digest, &analysis, before, port_reuse, pool, emit);
        self.account(s, d, &digest, &analysis, scaled_window, nature);
        let mut states = self.states();
        states[self.side(dir)] = as_sent;
        SeenSegment {
            stream: self.stream,
            dir,
            side: self.side(dir),
            scaled_window,
            base,
            ack_base,
            analysis,
            initial_rtt: self.initial_rtt,
            states,
        }
    }

    /// What really happened.
    #[inline]
    #[allow(clippy::too_many_arguments, reason = "one call; a struct would be built to be taken apart")]
    fn judge(
        &mut self,
        s: &TcpSegment,
        d: usize,
        digest: &Digest<'_>,
        analysis: &Analysis,
        before: [Option<TcpState>; 2],
        port_reuse: bool,
        pool: &Pool,
        emit: &mut dyn FnMut(Event),
    ) -> Nature {
        let answers_syn = self.states[1 - d].syn.is_some_and(|syn| s.ack == syn.plus(1));
        let scene = Scene {
            s,
            digest,
            analysis,
            fwd: &self.labels[d],
            rev: &self.labels[1 - d],
            pool,
            stream: self.stream,
            dir: d,
            side: self.side(d as u8),
            before,
            after: [self.states[d].state, self.states[1 - d].state],
            port_reuse,
            first: self.counts[0].packets + self.counts[1].packets == 1,
            syn_rtt: self.syn_rtt,
            mss: self.stats[1 - d].mss,
            sack: self.stats[0].sack_permitted && self.stats[1].sack_permitted,
            refuses: self.begin.refused && s.flags.has(TcpFlags::RST | TcpFlags::ACK) && answers_syn,
            roles_known: self.roles_known,
        };
        verdict::judge(&mut self.verdicts, &scene, emit)
    }

    /// The figures of both sides.
    #[inline]
    fn account(
        &mut self,
        s: &TcpSegment,
        d: usize,
        digest: &Digest<'_>,
        analysis: &Analysis,
        scaled_window: Option<u32>,
        nature: Nature,
    ) {
        let [a, b] = &mut self.stats;
        let (fwd, rev) = if d == 0 { (a, b) } else { (b, a) };
        fwd.segment(s, digest, analysis, scaled_window.unwrap_or(u32::from(s.window)), nature);
        if let Some(sample) = digest.rtt_sample {
            rev.rtt.sample(sample);
        }
        if s.flags.has(TcpFlags::ACK) {
            rev.acknowledged(s.ack);
        }
    }

    /// Gives back what it holds of the shared arena.
    pub(in crate::track) fn release(&mut self, pool: &mut Pool) {
        for side in &mut self.labels {
            side.outstanding.clear(pool);
        }
    }
}

/// What statistics and verdicts need beside the segment itself.
#[derive(Debug, Clone, Copy)]
pub(in crate::track) struct Digest<'a> {
    pub options: &'a OptionFacts,
    /// Highest sequence end of the sender before this segment.
    pub next_before: SeqNum,
    pub next_known: bool,
    /// The other side's latest acknowledgment before this segment.
    pub peer_ack_before: SeqNum,
    /// The sender's own latest acknowledgment before this segment.
    pub peer_ack_of_sender: SeqNum,
    /// A round-trip sample of the other side's data, nanoseconds (Karn's rule holds).
    pub rtt_sample: Option<i64>,
}
