//! Segments that come after what was sent later: originals that their repairs overtook, and
//! repairs that were overtaken.

use crate::model::TcpFlags;
use crate::track::{Confidence, EventKind, Evidence};

use super::memory::{Print, Resent, SideMemory, Skip};
use super::{Emit, Nature, Scene, repairs};

/// A segment that was sent before the newest of its sender, though its octets were seen: the
/// original, overtaken by its repair, or a repair that was overtaken.
#[cold]
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
        () => place(fwd, &own, &print, scene.receiver.mss.map_or(0, u32::from)),
    };
    // Octets that the receiver keeps asking for, though they were seen, have not reached it whole.
    let asked = rev.duplicate_acks > 0 && scene.digest.peer_ack_before == own.seq;
    let first = fwd.resent().filter(|r| r.overlaps(&own)).last();
    let lacked = first.is_none_or(|r| r.wanted || r.of == (0, 0) || r.skipped_by.is_some());
    // What was sent after it found its octets there, or will: this gets through.
    let later = |r: &&mut Resent| {
        !r.spurious && r.overlaps(&own) && print.sent_after((r.ip_id, r.tsval.unwrap_or(0))) == Some(false)
    };
    // The receiver's answer may be seen, and tells.
    let near = fwd.near_receiver(rev) != Some(false);
    let rare = fwd.trouble();
    for r in rare.resent.iter_mut().rev().filter(later) {
        if near {
            (r.doubted, rare.doubt) = (true, Some(print.frame));
            continue;
        }
        r.spurious = true;
        let more = Evidence { rtt: evidence.rtt, ..Evidence::default() };
        repairs::spurious(scene, scene.side, r, Confidence::Likely, more, emit);
    }
    let occupies = scene.s.len > 0 || scene.flags().has(TcpFlags::FIN);
    let (kind, nature) = match order {
        Order::Original if unseen => (EventKind::Reordered, Nature::Late),
        Order::Original => (EventKind::Reordered, Nature::Copy),
        _ if handshake => (EventKind::HandshakeRetransmit, Nature::Resent { unseen: 0 }),
        Order::Last if occupies && !asked => (EventKind::SpuriousRetransmit, Nature::Resent { unseen: 0 }),
        Order::Between if occupies && !asked && !lacked => {
            (EventKind::SpuriousRetransmit, Nature::Resent { unseen: 0 })
        }
        _ => (EventKind::Retransmit, Nature::Resent { unseen: 0 }),
    };
    // A D-SACK for its octets is explained, and so is an acknowledgment more.
    fwd.note_resent(Resent { spurious: order != Order::Between, answered: true, late: true, ..own });
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

fn place(fwd: &SideMemory, own: &Resent, print: &Print, full: u32) -> Order {
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
    // What was seen of them first was sent before every repair.
    let first = fwd.resent().filter(|r| r.overlaps(own)).last();
    match first.filter(|r| r.of != (0, 0)).and_then(|r| print.sent_after(r.of)) {
        Some(true) => return Order::Between,
        Some(false) => return Order::Original,
        None => {}
    }
    // Its octets were taken for new when they came; what brought them may be known.
    let mut skips = fwd.rare().into_iter().flat_map(|r| r.skips.iter());
    if let Some(original) = skips.find_map(|s| passed_over(s, own, print, full)) {
        return if original { Order::Original } else { Order::Between };
    }
    let mut skips = fwd.rare().into_iter().flat_map(|r| r.skips.iter());
    let skip = skips.find(|s| s.seq == own.seq);
    let brought = skip.map(|s| (s.ip_id, s.tsval));
    let recent = (fwd.recent.seq == own.seq).then_some((fwd.recent.ip_id, fwd.recent.tsval));
    match brought.or(recent).and_then(|other| print.sent_after(other)) {
        Some(false) => Order::Original,
        _ => Order::Last,
    }
}

/// Was it one of the packets that `skip` showed to be missing, and the original of its octets?
/// Originals leave in the order of their octets, right after what had been seen; repairs later.
fn passed_over(skip: &Skip, own: &Resent, print: &Print, full: u32) -> Option<bool> {
    let (missing, before) = (skip.ip_id.wrapping_sub(skip.after), print.ip_id.wrapping_sub(skip.after));
    if skip.after == 0 || skip.ip_id == 0 || before == 0 || before >= missing || own.seq.is_before(skip.seq) {
        return None;
    }
    let (packets, octets) = (u32::from(before - 1), own.seq.relative_to(skip.seq));
    let full = full.max(own.end.relative_to(own.seq)).max(1);
    Some(packets <= octets.div_ceil(full))
}
