//! What became of segments that were sent again: needed, or had the octets got through?
//!
//! A repair is judged when it is seen. What comes later may show that nothing had been lost:
//! the original itself, late; an acknowledgment that the repair cannot have caused; a D-SACK;
//! one acknowledgment more than there was something to acknowledge.

use crate::model::{SeqNum, TcpFlags, TcpState};
use crate::track::{Confidence, EventKind, Evidence};

use super::memory::{Resent, SideMemory};
use super::resent::SHORTEST_TIMEOUT;
use super::{Emit, Scene};

/// Shorter round trips are as long as a host takes to answer, which varies.
const MEASURABLE: i64 = 1_000_000;
/// Of longer ones that is a small part.
const LONG: i64 = 20_000_000;
/// A host that answers what came, and does not wait for more, answers within this.
const AT_ONCE: i64 = 5_000_000;

/// The repair is spurious: `scene` shows it.
pub(super) fn spurious(
    scene: &Scene<'_>,
    side: crate::model::Side,
    resent: &Resent,
    confidence: Confidence,
    more: Evidence,
    emit: Emit<'_>,
) {
    let evidence = Evidence {
        original: Some(resent.frame),
        witness: Some(scene.s.ip.frame),
        seq: Some(resent.seq.0),
        len: Some(resent.end.relative_to(resent.seq)),
        elapsed: Some(scene.s.ip.ts.since(resent.ts)),
        ..more
    };
    let mut event = scene.event(EventKind::SpuriousRetransmit, confidence, evidence);
    event.side = side;
    emit(event);
}

/// The capture saw these octets before, lies beside their receiver, and nothing tells of what
/// that holds: it has them.
pub(super) fn held(fwd: &SideMemory, rev: &SideMemory, scene: &Scene<'_>, skipped: bool) -> bool {
    if skipped || scene.end().is_after(scene.digest.next_before) {
        return false;
    }
    // Whoever has no such connection any more answered the octets all the same.
    if TcpFlags(rev.recent.flags).has(TcpFlags::RST) {
        return true;
    }
    // An acknowledgment that stops short of octets that came after would tell.
    let stops = scene.digest.peer_ack_before == scene.s.seq;
    if stops || scene.s.len == 0 || !scene.no_sack() {
        return false;
    }
    fwd.near_receiver(rev) == Some(true)
}

/// The receiver's answer to a segment that came late past a capture point beside it. It acknowledges
/// at once what it has already (RFC 9293 section 3.10.7.4), or says that there is no connection;
/// a segment that was damaged on its way it ignores.
#[cold]
pub(super) fn answered(rev: &mut SideMemory, scene: &Scene<'_>, emit: Emit<'_>) {
    let reset = scene.flags().has(TcpFlags::RST);
    if scene.occupies && !reset {
        return;
    }
    let before = rev.acked(scene.digest.peer_ack_of_sender);
    let latest = rev.recent;
    let twice = scene.digest.options.sack.as_slice().first().filter(|b| b.1.is_at_or_before(scene.s.ack));
    let Some(rare) = rev.rare_mut() else { return };
    let alone = rare.doubt.take() == Some(latest.frame) && scene.s.ip.ts.since(latest.ts) < AT_ONCE;
    let again = reset || alone || scene.s.ack.is_at_or_before(before);
    for r in rare.resent.iter_mut().rev() {
        let told = twice.is_some_and(|b| b.0.is_before(r.end) && b.1.is_after(r.seq));
        let doubted = std::mem::take(&mut r.doubted);
        if doubted && (again || told) && !std::mem::replace(&mut r.spurious, true) {
            spurious(scene, scene.side.other(), r, Confidence::Likely, Evidence::default(), emit);
        }
    }
}

/// An acknowledgment moved on from `previous`: what it covers had arrived when it was sent.
#[inline]
pub(super) fn covered(rev: &mut SideMemory, scene: &Scene<'_>, previous: SeqNum, emit: Emit<'_>) {
    let repaired = rev.repairs_beyond(previous);
    let Some(rare) = rev.rare_mut() else { return };
    (rare.acked, rare.heard) = (Some(scene.s.ack), Some(scene.s.ip.ts));
    if repaired {
        covers(rev, scene, previous, emit);
    }
}

#[cold]
fn covers(rev: &mut SideMemory, scene: &Scene<'_>, previous: SeqNum, emit: Emit<'_>) {
    let (ack, now, side) = (scene.s.ack, scene.s.ip.ts, scene.side.other());
    let echo = scene.digest.options.timestamps.map_or(0, |(_, echo)| echo);
    let least = rev.min_rtt();
    let soon = too_soon(rev, scene);
    let Some(rare) = rev.rare_mut() else { return };
    for r in rare.resent.iter_mut().filter(|r| r.end.is_at_or_before(ack)) {
        // The segment that filled the gap is the one it answers, if it can have come back.
        let back = least.is_none_or(|rtt| rtt < MEASURABLE || now.since(r.ts) >= rtt / 4 * 3);
        r.answered |= r.seq == previous && back;
        let first = r.covered.is_none();
        r.covered.get_or_insert(now);
        // The Eifel detection algorithm (RFC 3522): it echoes an older time stamp, so the
        // original had arrived. Only where everything before was acknowledged is the echo that
        // of the segment that filled the gap.
        let tsval = r.tsval.filter(|_| echo != 0 && previous == r.seq);
        let older = tsval.is_some_and(|tsval| SeqNum(echo).is_before(SeqNum(tsval)));
        // It echoes the repair's, and what was seen of these octets before is older: by then that
        // would not have been taken any more (RFC 7323 sections 4.3 and 5.3).
        let dated = r.of.1 != 0 && tsval.is_some_and(|tsval| SeqNum(r.of.1).is_before(SeqNum(tsval)));
        r.filled |= first && dated && tsval == Some(echo);
        let eifel = older && !scene.flags().has(TcpFlags::SYN);
        r.eifel |= first && eifel;
        if r.spurious {
            continue;
        }
        if eifel {
            r.spurious = true;
            let tsval = tsval.map(|tsval| (echo, tsval));
            let more = Evidence { tsval, rtt: least, ..Evidence::default() };
            spurious(scene, side, r, Confidence::Certain, more, emit);
        } else if first && !since(r, echo) && now.since(r.ts) < soon {
            r.spurious = true;
            let more = Evidence { rtt: least, ..Evidence::default() };
            spurious(scene, side, r, Confidence::Likely, more, emit);
        }
    }
}

/// A SACK block: the receiver holds these octets.
pub(super) fn sacked(rev: &mut SideMemory, scene: &Scene<'_>, block: (SeqNum, SeqNum), emit: Emit<'_>) {
    let (min_rtt, soon) = (rev.min_rtt(), too_soon(rev, scene));
    let echo = scene.digest.options.timestamps.map_or(0, |(_, echo)| echo);
    let Some(rare) = rev.rare_mut() else { return };
    let inside = |r: &&mut Resent| r.seq.is_at_or_after(block.0) && r.end.is_at_or_before(block.1);
    for r in rare.resent.iter_mut().filter(inside) {
        let first = r.covered.is_none();
        r.covered.get_or_insert(scene.s.ip.ts);
        if first && !r.spurious && !since(r, echo) && scene.s.ip.ts.since(r.ts) < soon {
            r.spurious = true;
            let sack = Some((block.0.0, block.1.0));
            let more = Evidence { rtt: min_rtt, sack, ..Evidence::default() };
            spurious(scene, scene.side.other(), r, Confidence::Likely, more, emit);
        }
    }
}

/// What is echoed was sent no sooner than the repair: it went there and back as fast.
fn since(r: &Resent, echo: u32) -> bool {
    echo != 0 && r.tsval.is_some_and(|tsval| SeqNum(echo).is_at_or_after(SeqNum(tsval)))
}

/// No answer to a repair can come sooner than this, nanoseconds. The smallest round trip is known
/// to be one without delayed acknowledgments only where the handshake gave it; one alone may
/// have been slow.
fn too_soon(rev: &SideMemory, scene: &Scene<'_>) -> i64 {
    // Measured more than once: the handshake took a little longer, or all did that were measured.
    let agrees = |rtt: i64| {
        let near = |other: i64, part: i64| other != rtt && (other - rtt).abs() < rtt / part;
        scene.begin.syn_rtt.is_some_and(|syn| near(syn, 4)) || rev.rtt().is_some_and(|srtt| near(srtt, 8))
    };
    match rev.min_rtt() {
        Some(rtt) if rtt >= LONG && scene.begin.syn_rtt.is_some() && agrees(rtt) => rtt / 2,
        Some(rtt) if scene.begin.syn_rtt.is_none() || rtt < MEASURABLE => 0,
        Some(rtt) if rev.rtt() == Some(rtt) => rtt / 16,
        Some(rtt) => rtt / 4,
        None => 0,
    }
}

/// One acknowledgment more of all that was sent, and no SACK to say why: the receiver got
/// something twice (RFC 9293 section 3.10.7.4 has it acknowledge that at once).
#[cold]
pub(super) fn duplicate(rev: &mut SideMemory, scene: &Scene<'_>, emit: Emit<'_>) {
    // In TIME-WAIT a host answers what comes again without SACK.
    let closed = scene.before[0] == Some(TcpState::TimeWait);
    let told = !scene.digest.options.sack.as_slice().is_empty();
    if !(scene.no_sack() || closed && !told) || scene.s.ack != scene.rev.next {
        return;
    }
    let (ack, now) = (scene.s.ack, scene.s.ip.ts);
    let Some(rtt) = rev.min_rtt() else { return };
    let late = rev.rtt().unwrap_or(rtt).saturating_mul(3);
    let Some(rare) = rev.rare_mut() else { return };
    // Whatever was sent first is answered first.
    let waits = |r: &Resent| {
        let age = now.since(r.ts);
        !r.answered && r.end.is_at_or_before(ack) && age >= rtt / 4 * 3 && age <= late
    };
    // Of the tail one acknowledgment answers the original, and one the repair, unless the network
    // doubled that: then they follow each other at once.
    let apart = |r: &Resent| r.covered.is_some_and(|c| now.since(c) > rtt / 8);
    let tail = |r: &Resent| {
        apart(r) && r.end == ack && !r.spurious && !r.late && !r.reported && r.gap >= SHORTEST_TIMEOUT
    };
    let at = rare.resent.iter().rposition(waits).or_else(|| rare.resent.iter().position(tail));
    let Some(r) = at.and_then(|at| rare.resent.get_mut(at)) else { return };
    (r.answered, r.reported) = (true, true);
    if !std::mem::replace(&mut r.spurious, true) {
        let more = Evidence { rtt: Some(rtt), duplicate_acks: Some(1), ..Evidence::default() };
        spurious(scene, scene.side.other(), r, Confidence::Likely, more, emit);
    }
}

/// The network doubled a repair: what the receiver says of that is explained.
pub(super) fn doubled(fwd: &mut SideMemory, original: u64) {
    let resents = fwd.rare_mut().into_iter().flat_map(|r| r.resent.iter_mut());
    for r in resents.filter(|r| r.frame == original) {
        (r.reported, r.answered) = (true, true);
    }
}

/// The receiver got the same octets twice (D-SACK, RFC 2883): a retransmission was not needed,
/// or the network made a copy.
pub(super) fn dsack(rev: &mut SideMemory, scene: &Scene<'_>, block: (SeqNum, SeqNum), emit: Emit<'_>) {
    let sack = Some((block.0.0, block.1.0));
    let side = scene.side.other();
    let min_rtt = rev.min_rtt();
    let overlaps = |r: &Resent| block.0.is_before(r.end) && block.1.is_after(r.seq);
    let forgotten = rev.rare().is_some_and(|r| r.resent_forgotten);
    let resents = rev.rare_mut().map_or(&mut [][..], |r| r.resent.make_contiguous());
    let known = resents.iter().any(&overlaps);
    // The latest that can have arrived by then; each tells of one arrival too many.
    let reached = |r: &Resent| min_rtt.is_none_or(|rtt| scene.s.ip.ts.since(r.ts) >= rtt / 4 * 3);
    // Of the tail the time stamp tells which it was: what comes again up to the last acknowledgment
    // is echoed (RFC 7323 section 4.3).
    let echo = scene.digest.options.timestamps.map_or(0, |(_, echo)| echo);
    let echoed = |r: &Resent| r.end == scene.s.ack && echo != 0 && r.tsval == Some(echo);
    let at = resents
        .iter()
        .position(|r| overlaps(r) && !r.reported && echoed(r))
        .or_else(|| resents.iter().position(|r| overlaps(r) && !r.reported && r.spurious))
        .or_else(|| resents.iter().position(|r| overlaps(r) && !r.reported && reached(r)))
        .or_else(|| resents.iter().position(|r| overlaps(r) && !r.reported));
    // It brought the octets, and something brought them again right behind it: the network
    // doubled it after the capture point, or that was the original. Nothing tells which.
    let doubled = |r: &Resent| {
        let behind = r.covered.map(|c| scene.s.ip.ts.since(c));
        let near = min_rtt.map_or(MEASURABLE, |rtt| rtt / 8);
        r.filled && behind.is_some_and(|behind| behind > 0 && behind <= near)
    };
    if let Some((at, r)) = at.and_then(|at| Some((at, resents.get_mut(at)?))) {
        r.reported = true;
        // So is one that came late and brought them again.
        if doubled(r) || r.late && !r.spurious {
            return;
        }
        let octets = (r.seq, r.end);
        // Where something had got through before it, that had before all later ones too.
        let later = |(i, r): &(usize, &mut Resent)| *i == at || (r.seq, r.end) == octets && !r.late;
        for (_, r) in resents.iter_mut().enumerate().take(at + 1).rev().filter(later) {
            if !std::mem::replace(&mut r.spurious, true) {
                let more = Evidence { sack, ..Evidence::default() };
                spurious(scene, side, r, Confidence::Likely, more, emit);
            }
        }
        return;
    }
    // The octet that a keep-alive or a probe repeats is old by intent; a FIN's place is new.
    let recent = &rev.recent;
    let repeats = recent.len <= 1 && !TcpFlags(recent.flags).has(TcpFlags::FIN);
    if repeats && recent.seq == block.0 && block.1 == block.0.plus(1) {
        return;
    }
    // Of whoever dials and is dialled at once, SYN and SYN-ACK bring the same octet.
    if scene.begin.syn == [true; 2] && scene.rev.base == Some(block.0) && block.1 == block.0.plus(1) {
        return;
    }
    let evidence = Evidence {
        witness: Some(scene.s.ip.frame),
        sack,
        seq: Some(block.0.0),
        len: Some(block.1.relative_to(block.0)),
        ..Evidence::default()
    };
    // Only the latest that were sent again are remembered.
    let confidence = if forgotten || known { Confidence::Undetermined } else { Confidence::Likely };
    let mut event = scene.event(EventKind::DuplicatedByNetwork, confidence, evidence);
    event.side = side;
    emit(event);
}
