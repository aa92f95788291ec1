//! Segments that do not start where the sender's last one ended: skipped stretches,
//! packets that were overtaken, and what was sent again, and why.

use crate::model::{SeqNum, TcpFlags};
use crate::track::{Confidence, EventKind, Evidence, Labels};

use super::memory::{Hole, MAX_HOLES, Resent, SideMemory};
use super::{Emit, Nature, Scene};

/// No common stack's retransmission timer runs out sooner (Linux: 200 ms).
const SHORTEST_TIMEOUT: i64 = 190_000_000;
/// Keep-alives wait for two hours unless told otherwise (RFC 1122 section 4.2.3.6), and
/// nobody tells them to wait for less than a minute while a window is closed.
const KEEP_ALIVE_IDLE: i64 = 60_000_000_000;

pub(super) fn judge(fwd: &mut SideMemory, rev: &mut SideMemory, scene: &Scene<'_>, emit: Emit<'_>) -> Nature {
    let (seq, next) = (scene.s.seq, scene.digest.next_before);
    if seq.is_after(next) {
        open_hole(fwd, scene, emit);
        return Nature::New;
    }
    if probes(fwd, rev, scene, emit) || !scene.occupies() {
        return Nature::New;
    }
    let end = scene.end();
    let (mut unseen, mut acked) = (0, false);
    let holes = fwd.rare_mut().map_or(&mut [][..], |r| &mut r.holes);
    if let Some(at) = holes.iter().position(|h| seq.is_before(h.end) && end.is_after(h.start)) {
        let hole = holes[at];
        let from = if seq.is_after(hole.start) { seq } else { hole.start };
        let to = if end.is_before(hole.end) { end } else { hole.end };
        unseen = to.relative_to(from).min(scene.s.len);
        acked = hole.acked;
        fill(fwd, at, seq, end);
        if overtaken(fwd, scene, &hole, emit) {
            return Nature::Late;
        }
    }
    match again(fwd, rev, scene, acked, emit) {
        Nature::Resent { .. } => Nature::Resent { unseen },
        nature => nature,
    }
}

/// The sender skipped something: it is lost, late, or the capture missed it.
fn open_hole(fwd: &mut SideMemory, scene: &Scene<'_>, emit: Emit<'_>) {
    let (start, end) = (scene.digest.next_before, scene.s.seq);
    let peer = scene.digest.peer_ack_before;
    // Then its acknowledgment has said already that the capture missed it.
    let acked = peer.0 != 0 && peer.is_at_or_after(end);
    let hole = Hole {
        start,
        end,
        frame: scene.s.ip.frame,
        ts: scene.s.ip.ts,
        id_before: (fwd.recent.frame != 0 && scene.s.ip.ip_id.is_some()).then_some(fwd.recent.ip_id),
        id_after: scene.s.ip.ip_id,
        tsval_after: scene.tsval(),
        acked,
    };
    let rare = fwd.trouble();
    if rare.holes.len() >= MAX_HOLES {
        // Those that were acknowledged wait only for a capture that shows them late.
        let old = rare.holes.iter().position(|h| h.acked);
        if old.is_none() && !std::mem::replace(&mut rare.holes_full, true) {
            emit(scene.event(EventKind::ListFull, Confidence::Certain, Evidence::default()));
        }
        rare.holes.remove(old.unwrap_or(0));
    }
    rare.holes.push(hole);
    if acked {
        return;
    }
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
fn probes(fwd: &SideMemory, rev: &SideMemory, scene: &Scene<'_>, emit: Emit<'_>) -> bool {
    let plain = !scene.flags().any(TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST);
    let just_below = scene.s.seq == scene.digest.next_before.minus(1)
        || (scene.s.len == 0 && scene.s.seq == scene.digest.peer_ack_before.minus(1));
    let into_closed = scene.analysis.labels.has(Labels::ZERO_WINDOW_PROBE);
    let below = just_below && scene.s.seq.is_before(scene.digest.next_before);
    // An acknowledgment that was kept back until its sender had gone on looks the same.
    let late = scene.print().sent_after(fwd.newest) == Some(false);
    if late || !plain || scene.s.len > 1 || !(below || into_closed) {
        return false;
    }
    let acked = scene.digest.peer_ack_before;
    // Waits for its acknowledgment: sent again, which a keep-alive never does. A window
    // that is closed leaves nothing unacknowledged but a probe's octet.
    let waits = acked.0 != 0 && acked.is_before(scene.digest.next_before);
    let silent = silence(fwd, rev, scene);
    if let Some((frame, since)) = rev.rare().and_then(|r| r.zero_window) {
        let elapsed = scene.s.ip.ts.since(since);
        let evidence =
            Evidence { original: Some(frame), elapsed: Some(elapsed), rtt: fwd.rtt(), ..Evidence::default() };
        // What comes sooner may have been on its way before the window closed; and after a
        // minute's silence a keep-alive looks the same.
        let persists =
            elapsed >= SHORTEST_TIMEOUT && fwd.rtt().is_none_or(|rtt| elapsed > rtt.saturating_mul(2));
        let quiet = silent.is_some_and(|n| n >= KEEP_ALIVE_IDLE);
        let confidence = if persists && !quiet { Confidence::Certain } else { Confidence::Likely };
        emit(scene.event(EventKind::WindowProbe, confidence, evidence));
    } else if scene.s.seq == scene.digest.next_before.minus(1) && !waits {
        // A pure acknowledgment that was overtaken by one octet looks the same; so does a
        // single octet sent again whose acknowledgment was not captured, or was lost behind
        // the capture point.
        let keystroke = fwd.recent.len == 1 && fwd.recent.seq == scene.s.seq;
        let confidence = match silent {
            _ if scene.s.len == 1 && keystroke => Confidence::Likely,
            _ if acked.0 == 0 => Confidence::Undetermined,
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
fn silence(fwd: &SideMemory, rev: &SideMemory, scene: &Scene<'_>) -> Option<i64> {
    rev.last_any.max(fwd.last_any).map(|t| scene.s.ip.ts.since(t))
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

/// Sent again: why? `acked_unseen`: it lies where the capture missed what was acknowledged.
fn again(
    fwd: &mut SideMemory,
    rev: &mut SideMemory,
    scene: &Scene<'_>,
    acked_unseen: bool,
    emit: Emit<'_>,
) -> Nature {
    let (seq, end) = (scene.s.seq, scene.end());
    let now = scene.s.ip.ts;
    let handshake = scene.flags().has(TcpFlags::SYN);
    // The SYN-ACK of a simultaneous open has the number of its own SYN, and is no copy of it.
    let recent = TcpFlags(fwd.recent.flags);
    let bare_syn = recent.has(TcpFlags::SYN) && !recent.has(TcpFlags::ACK);
    let other_flags = handshake && scene.flags().has(TcpFlags::ACK) && bare_syn;
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
        high: scene.digest.next_before,
        at_edge: acked == seq,
        spurious: false,
        timeout: false,
    };
    let arrived = acked.0 != 0 && end.is_at_or_before(acked);
    let sent_after = scene.print().sent_after(fwd.newest);
    // Sent before the newest, and yet its octets came before: the repair overtook it.
    if sent_after == Some(false) && !handshake {
        emit(scene.event(EventKind::Reordered, Confidence::Likely, evidence));
        return if acked_unseen { Nature::Late } else { Nature::Copy };
    }
    let (kind, confidence) = if handshake {
        // A copy that the network made, or an original that came late, may look the same;
        // only the sender's clock or its IP IDs rule them out.
        let proven = sent_after == Some(true);
        (EventKind::HandshakeRetransmit, if proven { Confidence::Certain } else { Confidence::Likely })
    } else if arrived && scene.s.len > 0 {
        resent.spurious = true;
        // Octets that were not seen before may be the original, shown late; and a packet
        // that its sender does not date may be a copy that the network made.
        let seen = !acked_unseen && scene.fwd.base.is_some_and(|base| seq.is_after(base));
        let proven = seen && sent_after == Some(true);
        let confidence = match (proven, acked_unseen) {
            (true, _) => Confidence::Certain,
            (_, true) => Confidence::Undetermined,
            _ => Confidence::Likely,
        };
        (EventKind::SpuriousRetransmit, confidence)
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
    Nature::Resent { unseen: 0 }
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
    // After a timeout all that was under way is sent again, as acknowledgments allow.
    if fwd.resent().any(|r| r.timeout && acked.is_before(r.high)) {
        return (EventKind::TimeoutRetransmit, Confidence::Undetermined);
    }
    if asked && silence < SHORTEST_TIMEOUT {
        let kind = match (rev.duplicate_acks, sacked_beyond) {
            (3.., _) => EventKind::FastRetransmit,
            (_, true) => EventKind::RackRetransmit,
            // RACK needs SACK, and two duplicates are no three.
            _ => return (EventKind::Retransmit, Confidence::Undetermined),
        };
        // In a recovery the holes above the first one follow without being asked for again.
        return (kind, if at_edge || sacked_beyond { Confidence::Likely } else { Confidence::Undetermined });
    }
    let waited = elapsed.unwrap_or(own_silence).min(own_silence);
    // A probe waits for two round trips (RFC 8985 section 7.2); those measured here may be
    // shorter than its sender's, not longer.
    let probe = match fwd.rtt() {
        Some(rtt) if waited < rtt.saturating_mul(3) / 2 => (EventKind::Retransmit, Confidence::Undetermined),
        Some(_) => (EventKind::TailLossProbe, Confidence::Likely),
        None => (EventKind::TailLossProbe, Confidence::Undetermined),
    };
    if at_edge && tail {
        // The only segment under way: a probe and a timeout send the same. A probe waits two
        // round trips and for a delayed acknowledgment (RFC 8985 section 7.2), no longer than
        // the timer would, so with SACK it comes first, once.
        return if waited < SHORTEST_TIMEOUT {
            probe
        } else if scene.sack && earlier.is_none() && !asked {
            (EventKind::TailLossProbe, Confidence::Undetermined)
        } else {
            (EventKind::TimeoutRetransmit, Confidence::Undetermined)
        };
    }
    if at_edge && waited >= SHORTEST_TIMEOUT {
        return (EventKind::TimeoutRetransmit, Confidence::Likely);
    }
    if tail && !at_edge {
        return probe;
    }
    (EventKind::Retransmit, Confidence::Undetermined)
}
