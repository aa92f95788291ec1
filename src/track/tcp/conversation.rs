//! One TCP connection as it is tracked.

mod answers;
mod begin;
mod phases;
mod reset;

use crate::decode::TcpSegment;
use crate::model::{Endpoint, SeqNum, TcpFlags, TcpState, Timestamp};
use crate::track::packed::packed;
use crate::track::sink::SeenSegment;
use crate::track::table::{Flow, Whose};
use crate::track::traffic::Counts;
use crate::track::{Analysis, Event, Labels};

use super::facts::OptionFacts;
use super::half::{Half, touch};
use super::history::History;
use super::label::{self, Seen};
use super::outstanding::Pool;
use super::scale::Scale;
use super::state::{self, Closing, Step};
use super::verdict::{self, Nature, Scene};
pub(super) use begin::Begin;
use reset::Reset;

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
    /// Wireshark's completeness; see [`TcpConversation::completeness`].
    completeness: u8,
    starts_with_syn: bool,
    last_syn_ts: Timestamp,
    syn_ts: Timestamp,
    /// 0 or 1: whoever sent the SYN, or did not send the SYN-ACK.
    orig_dir: u8,
    /// No segment was seen: an ICMP error quoted it.
    pub icmp_only: bool,
    begin: Begin,
    first_fin: Option<u8>,
    second_fin_acks_first: bool,
    fins_crossed: bool,
    reset: Option<Reset>,
    /// A SYN had data and a Fast Open cookie.
    fast_open_data: bool,
    halves: [Half; 2],
    history: History,
    verdicts: verdict::Memory,
    pub(in crate::track) touched: bool,
    pub(in crate::track) queued: bool,
}

/// What a connection that rests is known by.
#[derive(Debug)]
pub(in crate::track) struct Name {
    stream: u32,
    ends: [Endpoint; 2],
    realm: u32,
}

impl Flow for Name {
    fn ends(&self) -> (&[Endpoint; 2], u32) {
        (&self.ends, self.realm)
    }
}

impl Flow for TcpConversation {
    #[inline]
    fn ends(&self) -> (&[Endpoint; 2], u32) {
        (&self.ends, self.realm)
    }
}

impl TcpConversation {
    #[inline]
    pub(in crate::track) fn new(whose: &Whose, stream: u32, frame: u64, ts: Timestamp) -> Self {
        Self {
            realm: whose.realm,
            stream,
            ends: whose.ends,
            first_frame: frame,
            first: ts,
            last: ts,
            completeness: 0,
            starts_with_syn: false,
            last_syn_ts: Timestamp::NONE,
            syn_ts: Timestamp::NONE,
            orig_dir: 0,
            icmp_only: false,
            begin: Begin::default(),
            first_fin: None,
            second_fin_acks_first: false,
            fins_crossed: false,
            reset: None,
            fast_open_data: false,
            halves: [Half::default(), Half::default()],
            history: History::default(),
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

    /// Touches the memory that [`TcpConversation::segment`] will need; what comes of it means
    /// nothing.
    #[inline]
    pub(in crate::track) fn fetch(&self) -> u64 {
        self.touch() ^ self.halves[0].touch() ^ self.halves[1].touch()
    }

    touch! { first.0, syn_ts.0, stream, completeness }

    /// Touches what waits to be acknowledged, which lies elsewhere.
    #[inline]
    pub(in crate::track) fn fetch_outstanding(&self, pool: &Pool) -> u64 {
        let [a, b] = &self.halves;
        a.labels.outstanding.fetch(pool) ^ b.labels.outstanding.fetch(pool)
    }

    /// Packets and octets: `[sender of the first packet, the other]`.
    #[must_use]
    #[inline]
    pub const fn counts(&self) -> [&Counts; 2] {
        [&self.halves[0].counts, &self.halves[1].counts]
    }

    /// Packets of both directions.
    #[inline]
    const fn packets(&self) -> u64 {
        self.halves[0].counts.packets + self.halves[1].counts.packets
    }

    /// Whoever sent its first packet has had no answer.
    pub(in crate::track) const fn is_half_open(&self) -> bool {
        self.halves[1].counts.packets == 0
    }

    /// The sequence number that a direction's SYN must repeat to belong here.
    pub(in crate::track) fn base(&self, dir: u8) -> Option<SeqNum> {
        self.halves[usize::from(dir & 1)].labels.base
    }

    /// Nothing more is to come but what is late: reset, or closed by both.
    #[must_use]
    #[inline]
    pub fn is_finished(&self) -> bool {
        self.reset.is_some_and(|reset| !reset.beyond)
            || (self.halves[0].state.fin_acked && self.halves[1].state.fin_acked)
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
        Timestamp::widen(&mut self.first, &mut self.last, s.ip.ts);
        self.halves[d].counts.add(s.ip.wire, u64::from(s.len), s.header_len);
        let first = self.packets() == 1;
        if s.flags.any(TcpFlags::SYN) {
            self.syn(s, d, options);
        } else if first {
            self.guess_roles();
        }
        let syn_seen = self.begin.syn_ack || self.begin.syn[0] || self.begin.syn[1];
        let (fwd, rev) = Half::both(&mut self.halves, d);
        let seen = Seen::new(s, options, rev.memory.last_any(), syn_seen);
        let next_before = fwd.labels.sent;
        let peer_ack_before = rev.labels.last_ack;
        let peer_ack_of_sender = fwd.labels.last_ack;
        let initial_rtt = self.begin.initial_rtt.unwrap_or(0);
        let mut analysis = Analysis::default();
        let sides = (&mut fwd.labels, &mut rev.labels);
        let rtt_sample = label::label(sides, &seen, initial_rtt, pool, &mut analysis);
        let (base, ack_base, scale) =
            (fwd.labels.base.unwrap_or_default(), rev.labels.base, fwd.labels.scale);
        if let Some(shift) = options.window_scale
            && !s.flags.has(TcpFlags::SYN)
        {
            // Out of place, but it counts from the next segment on: port scanners send it.
            fwd.labels.scale = Scale::Shift(shift);
        }
        let digest = Digest {
            options,
            next_before: if next_before.0 == 0 { s.seq } else { next_before },
            next_known: next_before.0 != 0,
            peer_ack_before,
            peer_ack_of_sender,
            previous: fwd.memory.last_any(),
            rtt_sample,
        };
        analysis.new = digest.is_new(s.seq);
        if port_reuse {
            analysis.labels.add(Labels::REUSED_PORTS);
        }
        if s.flags.any(TcpFlags::SYN) {
            self.fast_open(s, d, options, &mut analysis.labels);
        }
        self.times(s);
        self.complete(s);
        if s.flags.any(TcpFlags::RST) {
            self.ending(s, d, &digest);
        } else if self.reset.is_some() {
            self.goes_on(s, d, &digest, &analysis, emit);
        }
        let (from, to) = Half::both(&mut self.halves, d);
        let fin_was_acked = to.state.fin_acked;
        let before = [from.state.state, to.state.state];
        let below_window = peer_ack_before.0 != 0 && s.seq.is_before(peer_ack_before);
        let step = Step {
            seq: s.seq,
            ack: s.ack,
            flags: s.flags,
            len: s.len,
            below_window,
            beyond: digest.is_beyond(s.seq),
        };
        state::advance(&mut from.state, &mut to.state, &step);
        let closing = Closing { first: self.first_fin == Some(dir), by_fin: self.second_fin_acks_first };
        let old = peer_ack_of_sender.0 != 0 && s.ack.is_before(peer_ack_of_sender);
        let as_sent = match from.state.state {
            Some(TcpState::Established) if !s.flags.has(TcpFlags::SYN) => from.state.state,
            // What is old shows no state of now.
            expected if s.flags.has(TcpFlags::ACK) && old => expected,
            _ => state::as_sent(&from.state, &to.state, &step, closing),
        };
        if s.flags.any(TcpFlags::FIN) {
            self.crossing(s, d, fin_was_acked);
        }
        let resent = s.len > 0 && digest.next_known && s.seq.plus(s.len).is_at_or_before(next_before);
        self.history.note(d, s.flags, s.len, s.window, resent, analysis.labels.has(Labels::LOST_SEGMENT));
        let scaled_window = match scale {
            _ if s.flags.has(TcpFlags::SYN) => Some(u32::from(s.window)),
            Scale::Unknown => None,
            known => Some(known.apply(s.window)),
        };
        let happened = Happened { digest: &digest, analysis: &analysis, before, port_reuse, first };
        let nature = self.judge(s, d, &happened, pool, emit);
        let window = scaled_window.unwrap_or(u32::from(s.window));
        let (fwd, rev) = Half::both(&mut self.halves, d);
        fwd.stats.segment(s, &digest, &analysis, window, nature);
        if let Some(sample) = rtt_sample {
            rev.stats.rtt.sample(sample);
        }
        if s.flags.has(TcpFlags::ACK) {
            rev.stats.acknowledged(s.ack);
        }
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
            initial_rtt: self.begin.initial_rtt,
            states,
        }
    }

    /// What really happened. Its only caller is the hot path: a call costs more than a hundredth of that.
    #[inline(always)]
    fn judge(
        &mut self,
        s: &TcpSegment,
        d: usize,
        happened: &Happened<'_>,
        pool: &Pool,
        emit: &mut dyn FnMut(Event),
    ) -> Nature {
        let Happened { digest, analysis, before, port_reuse, first } = *happened;
        let side = self.side(d as u8);
        let (fwd, rev) = Half::both(&mut self.halves, d);
        let scene = Scene {
            s,
            digest,
            analysis,
            fwd: &fwd.labels,
            rev: &rev.labels,
            sender: &fwd.stats,
            receiver: &rev.stats,
            pool,
            stream: self.stream,
            side,
            before,
            after: [fwd.state.state, rev.state.state],
            port_reuse,
            first,
            occupies: s.len > 0 || s.flags.any(TcpFlags::SYN | TcpFlags::FIN),
            begin: &self.begin,
            receiver_syn: rev.state.syn,
        };
        verdict::judge(&mut self.verdicts, &mut fwd.memory, &mut rev.memory, &scene, emit)
    }

    /// Gives back what it holds of the shared arena.
    pub(in crate::track) fn release(&mut self, pool: &mut Pool) {
        for half in &mut self.halves {
            half.labels.outstanding.clear(pool);
        }
    }
}

/// What is known of a segment when it is judged.
#[derive(Clone, Copy)]
struct Happened<'a> {
    digest: &'a Digest<'a>,
    analysis: &'a Analysis,
    /// States of sender and receiver before it.
    before: [Option<TcpState>; 2],
    port_reuse: bool,
    /// It is the connection's first.
    first: bool,
}

/// What statistics and verdicts need beside the segment itself.
#[derive(Debug, Clone, Copy)]
pub(in crate::track) struct Digest<'a> {
    pub options: &'a OptionFacts,
    /// Highest sequence end of the sender before this segment, resets aside.
    pub next_before: SeqNum,
    pub next_known: bool,
    /// The other side's latest acknowledgment before this segment.
    pub peer_ack_before: SeqNum,
    /// The sender's own latest acknowledgment before this segment.
    pub peer_ack_of_sender: SeqNum,
    /// When the sender's latest segment before this one was captured.
    pub previous: Option<Timestamp>,
    /// A round-trip sample of the other side's data, nanoseconds (Karn's rule holds).
    pub rtt_sample: Option<i64>,
}

impl Digest<'_> {
    /// Nothing was seen that the sender sent at `seq` or beyond, resets aside.
    #[inline]
    fn is_new(&self, seq: SeqNum) -> bool {
        !self.next_known || !seq.is_before(self.next_before)
    }

    /// Before `seq` there is something that its sender was not seen to send.
    #[inline]
    fn is_beyond(&self, seq: SeqNum) -> bool {
        self.next_known && seq.is_after(self.next_before)
    }
}

packed! {
    // The stream, and whose it is, can be read alone: see `Name`.
    TcpConversation {
        stream, ends, realm, first_frame, first, last, completeness, starts_with_syn, last_syn_ts,
        syn_ts, orig_dir, icmp_only, begin, first_fin,
        second_fin_acks_first, fins_crossed, reset, fast_open_data, halves, history, verdicts, touched,
        queued,
    }
    Name { stream, ends, realm }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetch_touches_every_cache_line() {
        let mut touched: Vec<usize> = TcpConversation::TOUCHED.iter().map(|at| at / 64).collect();
        let halves = std::mem::offset_of!(TcpConversation, halves) / 64;
        for (half, at) in [0, 1].into_iter().flat_map(|half| Half::TOUCHED.iter().map(move |at| (half, at))) {
            touched.push(halves + (half * size_of::<Half>() + at) / 64);
        }
        touched.sort_unstable();
        let lines: Vec<usize> = (0..size_of::<TcpConversation>() / 64).collect();
        assert_eq!(touched, lines, "each line of 64 octets once");
    }
}
