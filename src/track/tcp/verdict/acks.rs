//! What acknowledgments prove: what the receiver holds, that something came twice, that the
//! capture missed something.

use crate::model::{SeqNum, TcpState};
use crate::track::{Confidence, EventKind, Evidence, Labels};

use super::memory::SideMemory;
use super::{Emit, Scene, repairs};

/// A delayed acknowledgment waits about 40 ms on Linux, up to 200 ms elsewhere
/// (RFC 1122 allows 500).
const DELAYED: std::ops::Range<i64> = 35_000_000..510_000_000;

/// Packets that a capture shows in the wrong order lie no farther apart than this.
const CARDS_APART: i64 = 5_000_000;
/// What was acknowledged and not seen by then does not come any more.
const FORGET: i64 = 1_000_000_000;

/// Judges an acknowledgment by `fwd` of what `rev` sent.
#[inline]
pub(super) fn judge(fwd: &mut SideMemory, rev: &mut SideMemory, scene: &Scene<'_>, emit: Emit<'_>) {
    let ack = scene.s.ack;
    // An old acknowledgment that came late takes nothing back.
    let previous = rev.acked(scene.digest.peer_ack_of_sender);
    if let Some(rtt) = scene.digest.rtt_sample
        && !repaired(rev, previous, ack)
    {
        rev.sample(rtt);
    }
    let pure = !scene.occupies;
    // What tells of octets that came twice asks for none (RFC 6675 section 2).
    let twice = !scene.digest.options.sack.as_slice().is_empty() && sack(fwd, rev, scene, emit);
    if ack == previous {
        // The label counts from the latest, be it an old one that came late.
        let unseen = previous != scene.digest.peer_ack_of_sender && !scene.rev.outstanding.is_empty();
        let duplicate = scene.analysis.labels.has(Labels::DUPLICATE_ACK) || unseen;
        if pure && duplicate && !twice {
            fwd.duplicate_acks = fwd.duplicate_acks.saturating_add(1);
        }
        if let Some(rare) = rev.rare_mut().filter(|_| !twice) {
            rare.heard = Some(scene.s.ip.ts);
        }
        if pure && (duplicate || scene.before[0] == Some(TcpState::TimeWait)) {
            repairs::duplicate(rev, scene, emit);
        }
        return;
    }
    if !ack.is_after(previous) && previous.0 != 0 {
        old(fwd, rev, scene, previous);
        return;
    }
    fwd.duplicate_acks = 0;
    if fwd.sack_high.is_some_and(|high| ack.is_at_or_after(high)) {
        fwd.sack_high = None;
    }
    repairs::covered(rev, scene, previous, emit);
    missed(rev, scene, emit);
    delayed(rev, scene);
}

/// An acknowledgment of less than before.
#[cold]
fn old(fwd: &SideMemory, rev: &mut SideMemory, scene: &Scene<'_>, previous: SeqNum) {
    // Sent after the others, it means what it says.
    if scene.print().sent_after(fwd.newest) == Some(false) {
        rev.trouble().acked = Some(previous);
    } else if let Some(rare) = rev.rare_mut() {
        rare.acked = None;
    }
}

/// What was sent again is acknowledged, or what waited behind it: how long that took tells
/// nothing of the round trip (Karn's rule, RFC 6298 section 3).
#[inline]
fn repaired(rev: &SideMemory, previous: SeqNum, ack: SeqNum) -> bool {
    rev.repairs_beyond(previous)
        && rev.resent().any(|r| r.end.is_after(previous) && r.end.is_at_or_before(ack))
}

/// SACK blocks: how far the receiver has got, and D-SACK (RFC 2883). True for a
/// D-SACK that tells of nothing else.
#[cold]
fn sack(fwd: &mut SideMemory, rev: &mut SideMemory, scene: &Scene<'_>, emit: Emit<'_>) -> bool {
    let blocks = scene.digest.options.sack.as_slice();
    let ack = scene.s.ack;
    let Some(&first) = blocks.first() else { return false };
    let inside_second =
        blocks.get(1).is_some_and(|b| first.0.is_at_or_after(b.0) && first.1.is_at_or_before(b.1));
    let duplicate = first.1.is_at_or_before(ack) || inside_second;
    let mut more = false;
    for &(_, right) in blocks.iter().skip(usize::from(duplicate)) {
        if right.is_after(ack) && fwd.sack_high.is_none_or(|high| right.is_after(high)) {
            (fwd.sack_high, more) = (Some(right), true);
        }
    }
    if let Some(rare) = rev.rare_mut() {
        rare.sacked = Default::default();
        for (own, &block) in rare.sacked.iter_mut().zip(blocks.iter().skip(usize::from(duplicate))) {
            *own = block;
        }
        for &block in blocks.iter().skip(usize::from(duplicate)) {
            repairs::sacked(rev, scene, block, emit);
        }
    }
    if duplicate {
        repairs::dsack(rev, scene, first, emit);
    }
    duplicate && !more
}

/// Acknowledged, and never seen: the capture missed it.
fn missed(rev: &mut SideMemory, scene: &Scene<'_>, emit: Emit<'_>) {
    let ack = scene.s.ack;
    let side = scene.side.other();
    let holes = rev.rare_mut().map(|r| &mut r.holes);
    holes.into_iter().for_each(|holes| {
        holes.retain_mut(|hole| {
            let age = scene.s.ip.ts.since(hole.ts);
            if hole.acked || hole.end.is_after(ack) {
                // No card is so late.
                return !(hole.acked && age > FORGET);
            }
            hole.acked = true;
            let evidence = Evidence {
                original: Some(hole.frame),
                witness: Some(scene.s.ip.frame),
                seq: Some(hole.start.0),
                len: Some(hole.end.relative_to(hole.start)),
                ..Evidence::default()
            };
            // Two cards that record a direction each may show it yet.
            let confidence = if age < CARDS_APART { Confidence::Likely } else { Confidence::Certain };
            let mut event = scene.event(EventKind::CaptureMissed, confidence, evidence);
            event.side = side;
            emit(event);
            true
        })
    });
    if scene.analysis.labels.has(Labels::ACK_LOST_SEGMENT) && ack.is_after(scene.rev.next) {
        let evidence = Evidence {
            witness: Some(scene.s.ip.frame),
            seq: Some(scene.rev.next.0),
            len: Some(ack.relative_to(scene.rev.next)),
            ..Evidence::default()
        };
        let mut event = scene.event(EventKind::CaptureMissed, Confidence::Likely, evidence);
        event.side = side;
        emit(event);
    }
}

/// A small segment whose acknowledgment came as late as a delayed one does.
fn delayed(rev: &mut SideMemory, scene: &Scene<'_>) {
    let Some(end) = rev.small else { return };
    if !scene.s.ack.is_at_or_after(end) {
        return;
    }
    rev.small = None;
    let Some(sent) = scene.receiver.last_data() else { return };
    let waited = scene.s.ip.ts.since(sent);
    let quick = rev.min_rtt().is_some_and(|rtt| rtt < DELAYED.start / 2);
    if DELAYED.contains(&waited) && quick && !scene.occupies {
        let frame = rev.recent.frame;
        rev.trouble().late_ack = Some((frame, scene.s.ip.ts, waited));
    }
}
