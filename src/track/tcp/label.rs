//! Wireshark's labels. The rules were learned from its user guide and from its answers;
//! where the two differ, the answers stand. Each is a statement about one direction's
//! numbers and the other's, so the state is small.

use crate::decode::TcpSegment;
use crate::model::{SeqNum, TcpFlags, Timestamp};
use crate::track::packed::packed;
use crate::track::{Analysis, Labels};

use super::facts::OptionFacts;
use super::outstanding::{Outstanding, Pool, Sent};
use super::scale::Scale;

/// What the labels need to remember of one direction.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LabelSide {
    /// Relative numbers count from here; `None` until a segment tells.
    pub base: Option<SeqNum>,
    /// Highest sequence end sent; 0 for unknown.
    pub next: SeqNum,
    /// The same without resets: one that lies beyond may have been made up. 0 for unknown.
    pub sent: SeqNum,
    pub next_frame: u64,
    next_ts: Timestamp,
    /// End of what was seen without a hole; 0 for unknown.
    contiguous: SeqNum,
    /// An acknowledgment beyond everything sent was labelled, and nothing new was sent since.
    beyond_labelled: bool,
    /// The acknowledgment that was labelled last.
    labelled_ack: Option<SeqNum>,
    /// From its latest segment, ACK bit or not.
    pub last_ack: SeqNum,
    /// `last_ack` means something: the ACK bit was set, or it is not 0.
    last_ack_valid: bool,
    /// Its latest segment was a SYN without ACK.
    last_bare_syn: bool,
    /// `None` before its first segment.
    pub window: Option<u16>,
    duplicate_acks: u32,
    last_new_ack_frame: u64,
    /// Its latest segment was a keep-alive, a window probe.
    last_keep_alive: bool,
    last_probe: bool,
    /// The latest segment's window was not to be scaled (a SYN's).
    window_unscaled: bool,
    pub scale: Scale,
    /// The bytes in flight make no sense until the other side acknowledges something.
    flight_unknown: bool,
    pushed: u32,
    last_had_push: bool,
    /// Octets that its latest segment acknowledged selectively.
    sacked: u32,
    pub outstanding: Outstanding,
}

/// What the labels look at in a segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub frame: u64,
    pub ts: Timestamp,
    pub seq: SeqNum,
    pub ack: SeqNum,
    pub flags: TcpFlags,
    pub window: u16,
    pub len: u32,
    /// When the other side's latest segment was captured.
    pub peer_last: Timestamp,
    /// Octets in its SACK blocks.
    pub sacked: u32,
    /// A SYN of this connection was seen.
    pub syn_seen: bool,
    pub tsval: u32,
    pub ip_id: u16,
    pub ttl: u8,
}

impl Seen {
    /// What the labels look at in `s`.
    #[inline]
    pub fn new(s: &TcpSegment, options: &OptionFacts, peer_last: Option<Timestamp>, syn_seen: bool) -> Self {
        Self {
            frame: s.ip.frame,
            ts: s.ip.ts,
            seq: s.seq,
            ack: s.ack,
            flags: s.flags,
            window: s.window,
            len: s.len,
            peer_last: peer_last.unwrap_or_default(),
            sacked: options.sack.as_slice().iter().fold(0, |n, (l, r)| n.wrapping_add(r.relative_to(*l))),
            syn_seen,
            tsval: options.timestamps.map_or(0, |t| t.0),
            ip_id: s.ip.ip_id.unwrap_or(0),
            ttl: s.ip.ttl,
        }
    }

    /// One past the last octet; SYN and FIN count as one together.
    pub fn end(&self) -> SeqNum {
        self.seq.plus(self.len).plus(u32::from(self.flags.any(TcpFlags::SYN | TcpFlags::FIN)))
    }

    /// None of SYN, FIN and RST.
    fn is_plain(&self) -> bool {
        !self.flags.any(TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST)
    }
}

/// Nanoseconds after duplicate acknowledgments within which a retransmission is fast.
const FAST_WITHIN: u64 = 20_000_000;
/// Nanoseconds within which a segment is late and not resent, while no RTT is known.
const LATE_WITHIN: u64 = 3_000_000;

/// Time from `from` to `to`; a clock that steps back makes it enormous, as in Wireshark.
const fn elapsed(from: Timestamp, to: Timestamp) -> u64 {
    to.since(from).cast_unsigned()
}

/// Labels a segment sent by `fwd` to `rev`, and remembers it. Also a round-trip sample
/// for what it acknowledges, when only one segment can have caused it (Karn's rule).
#[inline]
pub(super) fn label(
    (fwd, rev): (&mut LabelSide, &mut LabelSide),
    seg: &Seen,
    initial_rtt: i64,
    pool: &mut Pool,
    a: &mut Analysis,
) -> Option<i64> {
    learn_bases(fwd, rev, seg);
    let probe = seg.len == 1 && seg.seq == fwd.next && rev.window == Some(0);
    if probe {
        a.labels.add(Labels::ZERO_WINDOW_PROBE);
    } else {
        forward(fwd, rev, seg, a);
    }
    if seg.ack != fwd.last_ack {
        fwd.last_new_ack_frame = seg.frame;
        fwd.duplicate_acks = 0;
    }
    acks_unseen(rev, seg, a);
    if (seg.len > 0 || (fwd.next.0 != 0 && seg.flags.any(TcpFlags::SYN | TcpFlags::FIN)))
        && !a.labels.has(Labels::KEEP_ALIVE)
    {
        resent(fwd, rev, seg, initial_rtt, pool, a);
    }
    remember(fwd, seg, a, probe, pool);
    let sample = acknowledge(rev, seg, pool, a);
    if seg.len > 0 {
        in_flight(fwd, rev, seg, pool, a);
    }
    sample
}

/// The first segment of a direction, or the first acknowledgment of it, sets its base.
fn learn_bases(fwd: &mut LabelSide, rev: &mut LabelSide, seg: &Seen) {
    if fwd.base.is_none() {
        fwd.base = Some(if seg.flags.has(TcpFlags::SYN) { seg.seq } else { seg.seq.minus(1) });
    }
    if seg.flags.has(TcpFlags::ACK) {
        if rev.base.is_none() {
            rev.base = Some(seg.ack.minus(1));
        }
        rev.flight_unknown = false;
    }
}

/// An acknowledgment of octets that were never seen. The boundary then jumps to the end
/// of what was seen, and the label waits for something new to be sent. Of a connection
/// whose SYN was not seen it comes once more when there was something left to jump over.
fn acks_unseen(rev: &mut LabelSide, seg: &Seen, a: &mut Analysis) {
    if rev.contiguous.0 == 0 || !seg.flags.has(TcpFlags::ACK) || !seg.ack.is_after(rev.contiguous) {
        return;
    }
    if rev.beyond_labelled || rev.labelled_ack == Some(seg.ack) {
        return;
    }
    rev.beyond_labelled = seg.syn_seen || rev.contiguous == rev.next;
    rev.labelled_ack = Some(seg.ack);
    rev.contiguous = rev.next;
    a.labels.add(Labels::ACK_LOST_SEGMENT);
}

/// The labels that say how a segment relates to what its sender sent before.
fn forward(fwd: &mut LabelSide, rev: &mut LabelSide, seg: &Seen, a: &mut Analysis) {
    let plain = seg.is_plain();
    if seg.window == 0 && plain {
        a.labels.add(Labels::ZERO_WINDOW);
    }
    if fwd.next.0 != 0 && seg.seq.is_after(fwd.next) && !seg.flags.has(TcpFlags::RST) {
        a.labels.add(Labels::LOST_SEGMENT);
        fwd.flight_unknown = true;
    }
    if !plain {
        return;
    }
    if seg.len <= 1 && seg.seq == fwd.next.minus(1) {
        a.labels.add(Labels::KEEP_ALIVE);
    }
    if seg.len > 0 {
        if rev.scale != Scale::Unknown {
            let scale = if rev.window_unscaled { Scale::Off } else { rev.scale };
            let edge = rev.window.map(|w| rev.last_ack.plus(scale.apply(w)));
            if edge == Some(seg.seq.plus(seg.len)) {
                a.labels.add(Labels::WINDOW_FULL);
            }
        }
        return;
    }
    let (same_seq, same_ack, same_window) =
        (seg.seq == fwd.next, seg.ack == fwd.last_ack && !fwd.last_bare_syn, Some(seg.window) == fwd.window);
    if !same_seq {
        return;
    }
    if seg.window != 0 && !same_window && same_ack {
        a.labels.add(Labels::WINDOW_UPDATE);
    }
    if !same_window {
        return;
    }
    if seg.window == 0 {
        let swallowed = seg.ack == fwd.last_ack.plus(1);
        if rev.last_probe && (same_ack || swallowed) {
            a.labels.add(Labels::ZERO_WINDOW_PROBE_ACK);
            if swallowed {
                // The receiver took the probe's octet after all.
                (rev.next, rev.sent) = (seg.ack, seg.ack);
                rev.contiguous = seg.ack;
            }
        }
    } else if same_ack {
        if rev.last_keep_alive {
            a.labels.add(Labels::KEEP_ALIVE_ACK);
        } else {
            fwd.duplicate_acks += 1;
            a.labels.add(Labels::DUPLICATE_ACK);
            a.duplicate_ack_num = fwd.duplicate_acks;
            a.duplicate_ack_frame = fwd.last_new_ack_frame;
        }
    }
}

/// Acknowledged already, or below what was sent before: which kind of retransmission, or
/// late.
fn resent(fwd: &LabelSide, rev: &LabelSide, seg: &Seen, initial_rtt: i64, pool: &Pool, a: &mut Analysis) {
    // More than the one octet that a window probe may have taken before it.
    let repeats = !(seg.len > 1 && fwd.next.minus(1) == seg.seq);
    let data_end = seg.seq.plus(seg.len);
    if seg.len > 0 && rev.last_ack_valid && data_end.is_at_or_before(rev.last_ack) {
        a.labels.add(Labels::SPURIOUS_RETRANSMISSION);
        a.labels.add(Labels::RETRANSMISSION);
        return;
    }
    if !repeats || fwd.next.0 == 0 || !seg.seq.is_before(fwd.next) {
        return;
    }
    if rev.duplicate_acks >= 2 && rev.last_ack == seg.seq && elapsed(seg.peer_last, seg.ts) < FAST_WITHIN {
        a.labels.add(Labels::FAST_RETRANSMISSION);
        a.labels.add(Labels::RETRANSMISSION);
        return;
    }
    let late_within = if initial_rtt == 0 { LATE_WITHIN } else { initial_rtt.cast_unsigned() };
    if elapsed(fwd.next_ts, seg.ts) < late_within && fwd.next != seg.end() {
        a.labels.add(Labels::OUT_OF_ORDER);
        return;
    }
    a.labels.add(Labels::RETRANSMISSION);
    a.rto = Some(measured_from(fwd, seg, pool));
}

/// The oldest segment that waits and starts no later than this one, else the latest new
/// one: its frame, and the time since.
fn measured_from(fwd: &LabelSide, seg: &Seen, pool: &Pool) -> (u64, i64) {
    fwd.outstanding
        .oldest(pool, |sent| sent.seq.is_at_or_before(seg.seq))
        .map_or((fwd.next_frame, seg.ts.since(fwd.next_ts)), |sent| (sent.frame, seg.ts.since(sent.ts)))
}

/// Remembers the segment for those to come.
fn remember(fwd: &mut LabelSide, seg: &Seen, a: &Analysis, probe: bool, pool: &mut Pool) {
    let end = seg.end();
    if seg.len > 0 || seg.flags.any(TcpFlags::SYN | TcpFlags::FIN) {
        let resent = fwd.next.0 != 0 && seg.seq.is_before(fwd.next);
        let Seen { seq, frame, ts, tsval, ip_id, ttl, .. } = *seg;
        fwd.outstanding.push(pool, Sent { seq, end, frame, ts, tsval, ip_id, ttl, resent });
    }
    if !probe {
        if end.is_after(fwd.next) || fwd.next.0 == 0 {
            fwd.next = end;
            fwd.beyond_labelled = false;
            fwd.labelled_ack = None;
            fwd.next_frame = seg.frame;
            fwd.next_ts = seg.ts;
            if !seg.flags.has(TcpFlags::RST) {
                fwd.sent = end;
            }
        } else if fwd.sent != fwd.next {
            behind_reset(fwd, end, seg.flags);
        }
        if seg.seq == fwd.contiguous || fwd.contiguous.0 == 0 {
            fwd.contiguous = fwd.next;
        }
    }
    fwd.window = Some(seg.window);
    fwd.window_unscaled = seg.flags.has(TcpFlags::SYN);
    fwd.last_ack = seg.ack;
    fwd.last_ack_valid = seg.ack.0 != 0 || seg.flags.has(TcpFlags::ACK);
    fwd.last_bare_syn = seg.flags.has(TcpFlags::SYN) && !seg.flags.has(TcpFlags::ACK);
    fwd.last_keep_alive = a.labels.has(Labels::KEEP_ALIVE);
    fwd.last_probe = probe;
    fwd.sacked = seg.sacked;
}

/// A segment that ends at `end`, below the number of a reset.
#[cold]
fn behind_reset(fwd: &mut LabelSide, end: SeqNum, flags: TcpFlags) {
    if (end.is_after(fwd.sent) || fwd.sent.0 == 0) && !flags.has(TcpFlags::RST) {
        fwd.sent = end;
    }
}

/// Takes out what this segment acknowledges of the other side.
fn acknowledge(rev: &mut LabelSide, seg: &Seen, pool: &mut Pool, a: &mut Analysis) -> Option<i64> {
    if rev.outstanding.is_empty() {
        return None;
    }
    let mut exact: Option<(u64, Timestamp)> = None;
    let mut resent = false;
    rev.outstanding.acknowledge(pool, seg.ack, |sent| {
        // Of several copies the oldest counts.
        if exact.is_none_or(|(frame, _)| sent.frame < frame) {
            exact = Some((sent.frame, sent.ts));
        }
        resent |= sent.resent;
    });
    let (frame, ts) = exact?;
    a.acks_frame = Some(frame);
    a.ack_rtt = seg.ts.since(ts);
    let timed = ts.known().is_some() && seg.ts.known().is_some();
    (timed && !resent).then_some(a.ack_rtt)
}

/// Octets in flight after this segment, and octets since the last PSH.
fn in_flight(fwd: &mut LabelSide, rev: &LabelSide, seg: &Seen, pool: &Pool, a: &mut Analysis) {
    if fwd.flight_unknown || fwd.outstanding.is_empty() {
        return;
    }
    let control = u32::from(seg.flags.any(TcpFlags::SYN | TcpFlags::FIN));
    let span = fwd.outstanding.span(pool, fwd.base.unwrap_or_default());
    let flight = span.wrapping_sub(control).wrapping_sub(rev.sacked);
    if flight > 0 && flight < 2_000_000_000 {
        a.bytes_in_flight = Some(flight);
    }
    fwd.pushed = if fwd.last_had_push { seg.len } else { fwd.pushed.wrapping_add(seg.len) };
    fwd.last_had_push = seg.flags.has(TcpFlags::PSH);
    a.push_bytes_sent = Some(fwd.pushed);
}

packed! {
    LabelSide {
        base, next, sent, next_frame, next_ts, contiguous, beyond_labelled, labelled_ack, last_ack, last_ack_valid,
        last_bare_syn, window, duplicate_acks, last_new_ack_frame, last_keep_alive, last_probe,
        window_unscaled, scale, flight_unknown, pushed, last_had_push, sacked, outstanding,
    }
}
