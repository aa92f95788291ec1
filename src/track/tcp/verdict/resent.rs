//! Segments that do not start where the sender's last one ended: skipped stretches, packets
//! that were overtaken, probes, and what was sent again.

use crate::model::TcpFlags;
use crate::track::{Confidence, EventKind, Evidence};

use super::memory::{Hole, Resent, SideMemory, Trigger};
use super::{Emit, Nature, Scene, cause, holes, late, probes, repairs};

/// No common stack's retransmission timer runs out sooner (Linux: 200 ms).
pub(super) const SHORTEST_TIMEOUT: i64 = 190_000_000;
pub(super) fn judge(fwd: &mut SideMemory, rev: &mut SideMemory, scene: &Scene<'_>, emit: Emit<'_>) -> Nature {
    let (seq, next) = (scene.s.seq, scene.digest.next_before);
    if seq.is_after(next) {
        holes::open(fwd, scene, emit);
        return Nature::New;
    }
    if probes::judge(fwd, rev, scene, emit) || !scene.occupies {
        return Nature::New;
    }
    let end = scene.end();
    let (mut unseen, mut acked, mut first) = (0_u32, false, None);
    // It may reach over more than one.
    let overlaps = |h: &Hole| seq.is_before(h.end) && end.is_after(h.start);
    while let Some((at, hole)) =
        fwd.rare().and_then(|r| r.holes.iter().copied().enumerate().find(|h| overlaps(&h.1)))
    {
        let from = if seq.is_after(hole.start) { seq } else { hole.start };
        let to = if end.is_before(hole.end) { end } else { hole.end };
        unseen = unseen.saturating_add(to.relative_to(from)).min(scene.s.len);
        acked |= hole.acked;
        first.get_or_insert(hole);
        holes::fill(fwd, at, seq, end);
    }
    if first.is_some_and(|hole| holes::overtaken(fwd, rev, scene, &hole, emit)) {
        return Nature::Late;
    }
    let skipped_by = first.map(|hole| (hole.id_after.unwrap_or(0), hole.tsval_after.unwrap_or(0)));
    match again(fwd, rev, scene, &Seen { unseen: acked, skipped_by }, emit) {
        Nature::Resent { .. } => Nature::Resent { unseen },
        nature => nature,
    }
}

/// What the capture had of a segment's octets before.
struct Seen {
    /// It lies where the capture missed what was acknowledged.
    unseen: bool,
    /// IP ID and TSval of the packet that skipped them, if one did.
    skipped_by: Option<(u16, u32)>,
}

/// Sent again: why?
fn again(
    fwd: &mut SideMemory,
    rev: &mut SideMemory,
    scene: &Scene<'_>,
    before: &Seen,
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
        .newest(scene.pool, |sent| {
            sent.frame != scene.s.ip.frame && sent.seq.is_before(end) && sent.end.is_after(seq)
        })
        .map(|sent| (sent.frame, sent.ts, sent.ip_id, sent.tsval));
    let earlier = fwd.resent().find(|r| r.seq == seq).copied();
    let elapsed = original.map(|o| now.since(o.1)).or(earlier.map(|e| now.since(e.ts)));
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
    let acked = fwd.acked(scene.digest.peer_ack_before);
    let mut resent = Resent {
        frame: scene.s.ip.frame,
        seq,
        end,
        ts: now,
        tsval: scene.tsval(),
        ip_id: scene.s.ip.ip_id.unwrap_or(0),
        gap: elapsed.unwrap_or(0),
        count: earlier.map_or(1, |e| e.count.saturating_add(1)),
        high: scene.digest.next_before,
        skipped_by: before.skipped_by,
        of: original
            .map(|o| (o.2, o.3))
            .or(earlier.map(|e| (e.ip_id, e.tsval.unwrap_or(0))))
            .unwrap_or_default(),
        wanted: original.is_some() && rev.duplicate_acks > 0 && acked == seq,
        ..Resent::default()
    };
    let arrived = acked.0 != 0 && end.is_at_or_before(acked) || fwd.sacked(seq, end);
    let sent_after = scene.print().sent_after(fwd.newest);
    // Sent before the newest, and yet its octets came before, or were skipped after it was
    // sent: it was overtaken.
    let print = scene.print();
    let skipped = before.skipped_by.is_none_or(|by| before.unseen || print.sent_after(by) == Some(false));
    if sent_after == Some(false) && skipped {
        return late::late(fwd, rev, scene, resent, evidence, before.unseen, emit);
    }
    let (kind, confidence) = if handshake {
        // A copy that the network made, or an original that came late, may look the same;
        // only the sender's clock or its IP IDs rule them out.
        let proven = sent_after == Some(true);
        (EventKind::HandshakeRetransmit, if proven { Confidence::Certain } else { Confidence::Likely })
    } else if arrived && (scene.s.len > 0 || scene.flags().has(TcpFlags::FIN)) {
        resent.spurious = true;
        // Octets that were not seen before may be the original, shown late; and a packet
        // that its sender does not date may be a copy that the network made.
        let begins = fwd.rare().and_then(|r| r.begins);
        let seen = before.skipped_by.is_none()
            && scene.fwd.base.is_some_and(|base| seq.is_after(base))
            && begins.is_none_or(|begins| seq.is_at_or_after(begins))
            && end.is_at_or_before(scene.digest.next_before);
        let proven = seen && sent_after == Some(true);
        let confidence = match (proven, before.unseen) {
            (true, _) => Confidence::Certain,
            (_, true) => Confidence::Undetermined,
            _ => Confidence::Likely,
        };
        (EventKind::SpuriousRetransmit, confidence)
    } else if repairs::held(fwd, rev, scene, before.skipped_by.is_some()) {
        resent.spurious = true;
        (EventKind::SpuriousRetransmit, Confidence::Likely)
    } else {
        cause::name(fwd, rev, scene, earlier.as_ref(), elapsed)
    };
    resent.trigger = match kind {
        EventKind::TimeoutRetransmit => Trigger::Timeout,
        EventKind::FastRetransmit | EventKind::RackRetransmit => Trigger::Recovery,
        EventKind::TailLossProbe => Trigger::Probe,
        _ => Trigger::Unknown,
    };
    resent.covered = arrived.then_some(now);
    let evidence = Evidence {
        count: (resent.count > 1).then_some(resent.count.into()),
        sack: rev.sack_high.map(|high| (acked.0, high.0)),
        ..evidence
    };
    fwd.note_resent(resent);
    let rare = fwd.trouble();
    rare.heard = rare.heard.or(rev.last_any());
    if acked.0 != 0 {
        rare.acked.get_or_insert(acked);
    }
    emit(scene.event(kind, confidence, evidence));
    Nature::Resent { unseen: 0 }
}
