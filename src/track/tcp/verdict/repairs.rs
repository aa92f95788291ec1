//! What became of segments that were sent again: needed, or had the octets got through?
//!
//! A repair is judged when it is seen. What comes later may show that nothing had been lost:
//! the original itself, late; an acknowledgment that the repair cannot have caused; a D-SACK;
//! one acknowledgment more than there was something to acknowledge.

use crate::model::{SeqNum, TcpFlags};
use crate::track::{Confidence, EventKind, Evidence};

use super::memory::{Print, Resent, SideMemory};
use super::{Emit, Nature, Scene};

/// Shorter round trips are as long as a host takes to answer, which varies.
const MEASURABLE: i64 = 1_000_000;

/// The repair is spurious: `scene` shows it.
fn spurious(
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
    // Acknowledgments come much sooner from the receiver than from the sender.
    let (Some(near), Some(far)) = (fwd.min_rtt(), rev.min_rtt()) else { return false };
    near.saturating_mul(8) < far
}

/// A segment that was sent before the newest of its sender, though its octets were seen: the
/// original, overtaken by its repair, or a repair that was overtaken.
pub(super) fn late(
    fwd: &mut SideMemory,
    rev: &SideMemory,
    scene: &Scene<'_>,
    own: Resent,
    evidence: Evidence,
    unseen: bool,
    emit: Emit<'_>,
) -> Nature {
    let print = scene.print();
    let handshake = scene.flags().has(TcpFlags::SYN);
    let order = match () {
        () if unseen || own.skipped_by.is_some() => Order::Original,
        () if handshake && print.sent_after(fwd.syn) == Some(false) => Order::Original,
        () => place(fwd, &own, &print),
    };
    // Octets that the receiver keeps asking for have not reached it whole.
    let wanted = rev.duplicate_acks > 0 && scene.digest.peer_ack_before == own.seq;
    // What came before it was sent after it: nothing was lost before the capture point.
    if order != Order::Last
        && let Some(r) = first_seen(fwd, &own)
        && print.sent_after((r.ip_id, r.tsval.unwrap_or(0))) == Some(false)
        && !std::mem::replace(&mut r.spurious, true)
    {
        let more = Evidence { rtt: evidence.rtt, ..Evidence::default() };
        spurious(scene, scene.side, r, Confidence::Likely, more, emit);
    }
    let (kind, nature) = match order {
        Order::Original if unseen => (EventKind::Reordered, Nature::Late),
        Order::Original => (EventKind::Reordered, Nature::Copy),
        _ if handshake => (EventKind::HandshakeRetransmit, Nature::Resent { unseen: 0 }),
        Order::Last if scene.s.len > 0 && !wanted => {
            (EventKind::SpuriousRetransmit, Nature::Resent { unseen: 0 })
        }
        _ => (EventKind::Retransmit, Nature::Resent { unseen: 0 }),
    };
    // A D-SACK for its octets is explained.
    fwd.note_resent(Resent { spurious: order != Order::Between, ..own });
    emit(scene.event(kind, Confidence::Likely, evidence));
    nature
}

/// When a segment was sent whose octets were seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Before all others: it is the original.
    Original,
    /// After the original, which was not seen, and before those that were.
    Between,
    /// After one that was seen.
    Last,
}

fn place(fwd: &SideMemory, own: &Resent, print: &Print) -> Order {
    let after = |r: &Resent| print.sent_after((r.ip_id, r.tsval.unwrap_or(0)));
    let mut known = fwd.resent().filter(|r| r.overlaps(own));
    if known.any(|r| after(r) == Some(true)) {
        return Order::Last;
    }
    // What skipped the octets was sent after the original, and before every repair.
    let mut known = fwd.resent().filter(|r| r.overlaps(own));
    if let Some(skipped_by) = known.find_map(|r| r.skipped_by) {
        return if print.sent_after(skipped_by) == Some(true) { Order::Between } else { Order::Original };
    }
    // Its octets were taken for new when they came; what brought them may be known.
    let mut skips = fwd.rare().into_iter().flat_map(|r| r.skips.iter());
    let brought = skips.find(|s| s.seq == own.seq).map(|s| (s.ip_id, s.tsval));
    let recent = (fwd.recent.seq == own.seq).then_some((fwd.recent.ip_id, fwd.recent.tsval));
    match brought.or(recent).and_then(|other| print.sent_after(other)) {
        Some(false) => Order::Original,
        _ => Order::Last,
    }
}

/// The repair that brought these octets first, as far as the capture saw; else any of them.
fn first_seen<'m>(fwd: &'m mut SideMemory, own: &Resent) -> Option<&'m mut Resent> {
    let all = &mut fwd.rare_mut()?.resent;
    let same = |r: &Resent| r.seq.is_before(own.end) && r.end.is_after(own.seq);
    let at =
        all.iter().rposition(|r| same(r) && r.skipped_by.is_some()).or_else(|| all.iter().rposition(same))?;
    all.get_mut(at)
}

/// An acknowledgment moved on from `previous`: what it covers had arrived when it was sent.
pub(super) fn covered(rev: &mut SideMemory, scene: &Scene<'_>, previous: SeqNum, emit: Emit<'_>) {
    let (ack, now, side) = (scene.s.ack, scene.s.ip.ts, scene.side.other());
    let echo = scene.digest.options.timestamps.map_or(0, |(_, echo)| echo);
    let least = rev.min_rtt();
    let soon = too_soon(rev, scene);
    let Some(rare) = rev.rare_mut() else { return };
    for r in rare.resent.iter_mut().filter(|r| !r.spurious && r.end.is_at_or_before(ack)) {
        // The segment that filled the gap is the one it answers, if it can have come back.
        let back = least.is_none_or(|rtt| now.since(r.ts) >= rtt / 4 * 3);
        r.answered |= r.seq == previous && back;
        let first = r.covered.is_none();
        r.covered.get_or_insert(now);
        // The Eifel detection algorithm (RFC 3522): it echoes an older time stamp, so the
        // original had arrived. Only where everything before was acknowledged is the echo that
        // of the segment that filled the gap.
        let tsval = r.tsval.filter(|_| echo != 0 && previous == r.seq);
        let older = tsval.is_some_and(|tsval| SeqNum(echo).is_before(SeqNum(tsval)));
        if older && !scene.flags().has(TcpFlags::SYN) {
            r.spurious = true;
            let tsval = tsval.map(|tsval| (echo, tsval));
            let more = Evidence { tsval, rtt: least, ..Evidence::default() };
            spurious(scene, side, r, Confidence::Certain, more, emit);
        } else if first && now.since(r.ts) < soon {
            r.spurious = true;
            let more = Evidence { rtt: least, ..Evidence::default() };
            spurious(scene, side, r, Confidence::Likely, more, emit);
        }
    }
}

/// A SACK block: the receiver holds these octets.
pub(super) fn sacked(rev: &mut SideMemory, scene: &Scene<'_>, block: (SeqNum, SeqNum), emit: Emit<'_>) {
    let (min_rtt, soon) = (rev.min_rtt(), too_soon(rev, scene));
    let Some(rare) = rev.rare_mut() else { return };
    let inside = |r: &&mut Resent| r.seq.is_at_or_after(block.0) && r.end.is_at_or_before(block.1);
    for r in rare.resent.iter_mut().filter(inside) {
        let first = r.covered.is_none();
        r.covered.get_or_insert(scene.s.ip.ts);
        if first && !r.spurious && scene.s.ip.ts.since(r.ts) < soon {
            r.spurious = true;
            let sack = Some((block.0.0, block.1.0));
            let more = Evidence { rtt: min_rtt, sack, ..Evidence::default() };
            spurious(scene, scene.side.other(), r, Confidence::Likely, more, emit);
        }
    }
}

/// No answer to a repair can come sooner than this, nanoseconds. The smallest round trip is known
/// to be one without delayed acknowledgments only where the handshake gave it; one alone may
/// have been slow.
fn too_soon(rev: &SideMemory, scene: &Scene<'_>) -> i64 {
    match rev.min_rtt() {
        Some(rtt) if scene.syn_rtt.is_none() || rtt < MEASURABLE => 0,
        Some(rtt) if rev.rtt() == Some(rtt) => rtt / 16,
        Some(rtt) => rtt / 4,
        None => 0,
    }
}

/// One acknowledgment more of all that was sent, and no SACK to say why: the receiver got
/// something twice (RFC 9293 section 3.10.7.4 has it acknowledge that at once).
pub(super) fn duplicate(rev: &mut SideMemory, scene: &Scene<'_>, emit: Emit<'_>) {
    if !scene.no_sack() || scene.s.ack != scene.rev.next {
        return;
    }
    let (ack, now) = (scene.s.ack, scene.s.ip.ts);
    let Some(rtt) = rev.min_rtt() else { return };
    let late = rev.rtt().unwrap_or(rtt).saturating_mul(3);
    let Some(rare) = rev.rare_mut() else { return };
    // Whatever was sent first is answered first.
    let waits = |r: &&mut Resent| {
        let age = now.since(r.ts);
        !r.answered && r.end.is_at_or_before(ack) && age >= rtt / 4 * 3 && age <= late
    };
    let Some(r) = rare.resent.iter_mut().rfind(waits) else { return };
    r.answered = true;
    if !std::mem::replace(&mut r.spurious, true) {
        let more = Evidence { rtt: Some(rtt), duplicate_acks: Some(1), ..Evidence::default() };
        spurious(scene, scene.side.other(), r, Confidence::Likely, more, emit);
    }
}

/// The network doubled a repair: the D-SACK that follows is explained.
pub(super) fn doubled(fwd: &mut SideMemory, original: u64) {
    let resents = fwd.rare_mut().into_iter().flat_map(|r| r.resent.iter_mut());
    for r in resents.filter(|r| r.frame == original) {
        r.reported = true;
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
    let at = resents
        .iter()
        .position(|r| overlaps(r) && !r.reported && r.spurious)
        .or_else(|| resents.iter().position(|r| overlaps(r) && !r.reported && reached(r)))
        .or_else(|| resents.iter().position(|r| overlaps(r) && !r.reported));
    if let Some(r) = at.and_then(|at| resents.get_mut(at)) {
        r.reported = true;
        if !std::mem::replace(&mut r.spurious, true) {
            // The network may have doubled the retransmission after the capture point.
            let more = Evidence { sack, ..Evidence::default() };
            spurious(scene, side, r, Confidence::Likely, more, emit);
        }
        return;
    }
    // The octet that a keep-alive or a probe repeats is old by intent.
    let recent = &rev.recent;
    if recent.len <= 1 && recent.seq == block.0 && block.1 == block.0.plus(1) {
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
