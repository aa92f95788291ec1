//! Segments that do not start where the sender's last one ended: skipped stretches,
//! packets that were overtaken, and what was sent again, and why.

use crate::model::{SeqNum, TcpFlags};
use crate::track::{Confidence, EventKind, Evidence};

use super::memory::{Hole, MAX_HOLES, Resent, SideMemory};
use super::{Emit, Nature, Scene};

/// No common stack's retransmission timer runs out sooner (Linux: 200 ms).
const SHORTEST_TIMEOUT: i64 = 190_000_000;

pub(super) fn judge(fwd: &mut SideMemory, rev: &mut SideMemory, scene: &Scene<'_>, emit: Emit<'_>) -> Nature {
    let (seq, next) = (scene.s.seq, scene.digest.next_before);
    if seq.is_after(next) {
        if scene.occupies() {
            open_hole(fwd, scene, emit);
        }
        return Nature::New;
    }
    if probes(rev, scene, emit) || !scene.occupies() {
        return Nature::New;
    }
    let end = scene.end();
    let mut unseen = false;
    let holes = fwd.rare_mut().map_or(&mut [][..], |r| &mut r.holes);
    if let Some(at) = holes.iter().position(|h| seq.is_before(h.end) && end.is_after(h.start)) {
        let hole = holes[at];
        unseen = seq.is_at_or_after(hole.start) && end.is_at_or_before(hole.end);
        fill(fwd, at, seq, end);
        if overtaken(fwd, scene, &hole, emit) {
            return Nature::Late;
        }
    }
    match again(fwd, rev, scene, emit) {
        Nature::Resent if unseen => Nature::Recovered,
        nature => nature,
    }
}

/// The sender skipped something: it is lost, late, or the capture missed it.
fn open_hole(fwd: &mut SideMemory, scene: &Scene<'_>, emit: Emit<'_>) {
    let (start, end) = (scene.digest.next_before, scene.s.seq);
    let hole = Hole {
        start,
        end,
        frame: scene.s.ip.frame,
        ts: scene.s.ip.ts,
        id_before: (fwd.recent.frame != 0 && scene.s.ip.ip_id.is_some()).then_some(fwd.recent.ip_id),
        id_after: scene.s.ip.ip_id,
        tsval_after: scene.tsval(),
    };
    let holes = &mut fwd.trouble().holes;
    if holes.len() >= MAX_HOLES {
        holes.remove(0);
    }
    holes.push(hole);
    let evidence = Evidence { seq: Some(start.0), len: Some(end.relative_to(start)), ..Evidence::default() };
    emit(scene.event(EventKind::Gap, Confidence::Certain, evidence));
}

/// Takes `[seq, end)` out of a hole.
fn fill(fwd: &mut SideMemory, at: usize, seq: SeqNum, end: SeqNum) {
    let holes = &mut fwd.trouble().holes;
    let hole = holes[at];
    let before = seq.is_after(hole.start).then_some(Hole { end: seq, ..hole });
    let after = hole.end.is_after(end).then_some(Hole { start: end, ..hole });
    match (before, after) {
        (None, None) => {
            holes.remove(at);
        }
        (Some(rest), None) | (None, Some(rest)) => holes[at] = rest,
        (Some(low), Some(high)) => {
            holes[at] = low;
            if holes.len() < MAX_HOLES {
                holes.insert(at + 1, high);
            }
        }
    }
}

/// One octet or none below what comes next: a probe of a closed window, or a keep-alive.
fn probes(rev: &SideMemory, scene: &Scene<'_>, emit: Emit<'_>) -> bool {
    let plain = !scene.flags().any(TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST);
    let just_below = scene.s.seq == scene.digest.next_before.minus(1)
        || (scene.s.len == 0 && scene.s.seq == scene.digest.peer_ack_before.minus(1));
    if !plain || scene.s.len > 1 || !just_below || scene.s.seq.is_at_or_after(scene.digest.next_before) {
        return false;
    }
    let silent = rev_silence(scene, rev);
    if let Some((frame, since)) = rev.rare().and_then(|r| r.zero_window) {
        let evidence = Evidence {
            original: Some(frame),
            elapsed: Some(scene.s.ip.ts.since(since)),
            ..Evidence::default()
        };
        emit(scene.event(EventKind::WindowProbe, Confidence::Certain, evidence));
    } else if scene.s.seq == scene.digest.next_before.minus(1) {
        // A pure acknowledgment that was overtaken by one octet looks the same.
        let confidence = match silent {
            Some(n) if n >= 1_000_000_000 => Confidence::Certain,
            _ => Confidence::Likely,
        };
        let evidence = Evidence { elapsed: silent, ..Evidence::default() };
        emit(scene.event(EventKind::KeepAlive, confidence, evidence));
    } else {
        return false;
    }
    true
}

/// How long neither side has said anything.
fn rev_silence(scene: &Scene<'_>, rev: &SideMemory) -> Option<i64> {
    rev.last_any.map(|t| scene.s.ip.ts.since(t))
}

/// It fills a hole: sent before the packet that skipped it, and only late? True when said.
fn overtaken(fwd: &SideMemory, scene: &Scene<'_>, hole: &Hole, emit: Emit<'_>) -> bool {
    let since = scene.s.ip.ts.since(hole.ts);
    let mut evidence = Evidence {
        original: Some(hole.frame),
        seq: Some(scene.s.seq.0),
        len: Some(scene.s.len),
        elapsed: Some(since),
        rtt: fwd.rtt(),
        ..Evidence::default()
    };
    // Clocks and counters of the sender, where it has them, say which was sent first.
    let by_id = match (hole.id_before, scene.s.ip.ip_id, hole.id_after) {
        (Some(before), Some(this), Some(after)) => order_by_id(before, this, after),
        _ => None,
    };
    let by_clock = match (scene.tsval(), hole.tsval_after) {
        (Some(this), Some(after)) if this != after => Some(SeqNum(this).is_before(SeqNum(after))),
        _ => None,
    };
    if let (Some(this), Some(after)) = (scene.s.ip.ip_id, hole.id_after) {
        evidence.ip_id = Some((after, this));
    }
    if let (Some(this), Some(after)) = (scene.tsval(), hole.tsval_after) {
        evidence.tsval = Some((after, this));
    }
    let confidence = match (by_id, by_clock) {
        (Some(true), None | Some(true)) | (None, Some(true)) => Confidence::Certain,
        (Some(false), None | Some(false)) | (None, Some(false)) => return false,
        // They contradict each other: a middlebox rewrites one of them.
        (Some(_), Some(_)) => Confidence::Undetermined,
        (None, None) => match fwd.min_rtt() {
            // Nobody can have asked for it so soon.
            Some(rtt) if since < rtt / 2 => Confidence::Likely,
            _ => return false,
        },
    };
    if confidence == Confidence::Undetermined {
        return false;
    }
    emit(scene.event(EventKind::Reordered, confidence, evidence));
    true
}

/// Was `this` sent between `before` and `after`, by a counter of IP IDs? `None` where
/// they do not look like one.
fn order_by_id(before: u16, this: u16, after: u16) -> Option<bool> {
    let span = after.wrapping_sub(before);
    let at = this.wrapping_sub(before);
    // A counter of this connection's own moves by one a packet; a shared one by a few.
    if before == after || span == 0 || span > 256 || at == 0 {
        return None;
    }
    if at < span {
        return Some(true);
    }
    (at > span && at - span < 4096).then_some(false)
}

/// Sent again: why?
fn again(fwd: &mut SideMemory, rev: &mut SideMemory, scene: &Scene<'_>, emit: Emit<'_>) -> Nature {
    let (seq, end) = (scene.s.seq, scene.end());
    let now = scene.s.ip.ts;
    let handshake = scene.flags().has(TcpFlags::SYN);
    // The SYN-ACK of a simultaneous open has the number of its own SYN, and is no copy of it.
    let other_flags = handshake && scene.flags().has(TcpFlags::ACK) && fwd.recent.flags == TcpFlags::SYN.0;
    if other_flags {
        return Nature::New;
    }
    let original = scene
        .fwd
        .outstanding
        .iter(scene.pool)
        .filter(|sent| sent.frame != scene.s.ip.frame && sent.seq.is_before(end) && sent.end.is_after(seq))
        .last()
        .map(|sent| (sent.frame, sent.ts, sent.ip_id));
    let earlier = fwd.resent().find(|r| r.seq == seq).copied();
    let elapsed = original.map(|o| now.since(o.1)).or(earlier.map(|e| now.since(e.ts)));
    let acked = scene.digest.peer_ack_before;
    let evidence = Evidence {
        original: original.map(|o| o.0).or(earlier.map(|e| e.frame)),
        seq: Some(seq.0),
        len: Some(scene.s.len),
        ip_id: original.and_then(|o| scene.s.ip.ip_id.map(|id| (o.2, id))),
        duplicate_acks: (rev.duplicate_acks > 0).then_some(rev.duplicate_acks),
        elapsed,
        rtt: fwd.rtt(),
        ..Evidence::default()
    };
    let mut resent = Resent {
        frame: scene.s.ip.frame,
        seq,
        end,
        ts: now,
        tsval: scene.tsval(),
        gap: elapsed.unwrap_or(0),
        count: earlier.map_or(1, |e| e.count.saturating_add(1)),
        at_edge: acked == seq,
        spurious: false,
        timeout: false,
    };
    let arrived = acked.0 != 0 && end.is_at_or_before(acked);
    let (kind, confidence) = if handshake {
        (EventKind::HandshakeRetransmit, Confidence::Certain)
    } else if arrived && scene.s.len > 0 {
        resent.spurious = true;
        (EventKind::SpuriousRetransmit, Confidence::Certain)
    } else {
        repair(fwd, rev, scene, earlier.as_ref(), elapsed)
    };
    resent.timeout = kind == EventKind::TimeoutRetransmit;
    let evidence = Evidence {
        count: (resent.count > 1).then_some(resent.count.into()),
        sack: rev.sack_high.map(|high| (acked.0, high.0)),
        ..evidence
    };
    fwd.note_resent(resent);
    emit(scene.event(kind, confidence, evidence));
    Nature::Resent
}

/// What made the sender send it again.
fn repair(
    fwd: &SideMemory,
    rev: &SideMemory,
    scene: &Scene<'_>,
    earlier: Option<&Resent>,
    elapsed: Option<i64>,
) -> (EventKind, Confidence) {
    let (seq, end) = (scene.s.seq, scene.end());
    let acked = scene.digest.peer_ack_before;
    let at_edge = acked == seq;
    let tail = end == scene.digest.next_before;
    let sacked_beyond = rev.sack_high.is_some_and(|high| high.is_after(seq));
    let asked = rev.duplicate_acks > 0 || sacked_beyond;
    // Silence of the other side: what a timer measures.
    let silence = rev.last_any.map_or(i64::MAX, |t| scene.s.ip.ts.since(t));
    let own_silence = fwd.last_data.map_or(i64::MAX, |t| scene.s.ip.ts.since(t));
    if let (Some(before), Some(gap)) = (earlier, elapsed)
        && at_edge
        && gap >= SHORTEST_TIMEOUT
        && silence >= SHORTEST_TIMEOUT
    {
        // RFC 6298 (5.5): each timeout doubles the next.
        let doubled =
            before.gap >= SHORTEST_TIMEOUT / 2 && gap.saturating_mul(10) >= before.gap.saturating_mul(15);
        let confidence = if doubled { Confidence::Certain } else { Confidence::Likely };
        return (EventKind::TimeoutRetransmit, confidence);
    }
    if asked && silence < SHORTEST_TIMEOUT {
        let fast = rev.duplicate_acks >= 3;
        let kind = if fast { EventKind::FastRetransmit } else { EventKind::RackRetransmit };
        // In a recovery the holes above the first one follow without being asked for again.
        return (kind, if at_edge || sacked_beyond { Confidence::Likely } else { Confidence::Undetermined });
    }
    let waited = elapsed.unwrap_or(own_silence).min(own_silence);
    if at_edge && tail {
        // The only segment under way: a probe and a timeout send the same.
        return if waited < SHORTEST_TIMEOUT {
            (EventKind::TailLossProbe, Confidence::Likely)
        } else {
            (EventKind::TimeoutRetransmit, Confidence::Undetermined)
        };
    }
    if at_edge && waited >= SHORTEST_TIMEOUT {
        return (EventKind::TimeoutRetransmit, Confidence::Likely);
    }
    if tail && !at_edge {
        return (EventKind::TailLossProbe, Confidence::Likely);
    }
    // After a timeout everything that was under way is sent again, as acknowledgments allow.
    if fwd.resent().any(|r| r.timeout) {
        return (EventKind::TimeoutRetransmit, Confidence::Undetermined);
    }
    (EventKind::Retransmit, Confidence::Undetermined)
}
