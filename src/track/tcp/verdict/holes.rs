//! Stretches of the sequence space that a sender skipped, and the packets that fill them
//! late.

use crate::model::SeqNum;
use crate::track::{Confidence, EventKind, Evidence};

use super::memory::{Hole, MAX_HOLES, SideMemory, Skip};
use super::{Emit, Scene};

/// The sender skipped something: it is lost, late, or the capture missed it.
pub(super) fn open(fwd: &mut SideMemory, scene: &Scene<'_>, emit: Emit<'_>) {
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
    let (ip_id, tsval) = (scene.s.ip.ip_id.unwrap_or(0), scene.tsval().unwrap_or(0));
    fwd.note_skip(Skip { seq: end, ip_id, tsval, after: 0 });
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
pub(super) fn fill(fwd: &mut SideMemory, at: usize, seq: SeqNum, end: SeqNum) {
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

/// The time that a question and its answer take, both ways over the whole path; the least that is known. The
/// handshake went there and back, where nothing of it was sent again; so do a side's data and their acknowledgment from the capture point on, and on
/// the other side of it the other's.
fn path(fwd: &SideMemory, rev: &SideMemory, scene: &Scene<'_>) -> Option<i64> {
    let sides = fwd.min_rtt().zip(rev.min_rtt()).map(|(a, b)| a.saturating_add(b));
    let handshake = scene.begin.initial_rtt.filter(|_| scene.begin.retries == 0);
    [handshake, sides].into_iter().flatten().min()
}

/// It fills a hole: sent before the packet that skipped it, and only late? True when said.
pub(super) fn overtaken(
    fwd: &SideMemory,
    rev: &SideMemory,
    scene: &Scene<'_>,
    hole: &Hole,
    emit: Emit<'_>,
) -> bool {
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
    // Who sends 0 where none is needed counts from the first that is not.
    let by_id = match (hole.id_before, scene.s.ip.ip_id, hole.id_after) {
        (Some(before), Some(this), Some(after)) if before != 0 => order_by_id(before, this, after),
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
        (None, None) => match path(fwd, rev, scene) {
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
