//! The same packet twice: captured twice, or duplicated on the way. A retransmission is
//! another packet, with an IP ID of its own; a copy has its original's.

use crate::model::TcpFlags;
use crate::track::{Confidence, EventKind, Evidence};

use super::memory::{Memory, Print, SideMemory};
use super::{Emit, Scene};

/// Without an IP ID, only a copy that follows within this time counts: no sender repeats
/// itself so fast.
const AT_ONCE: i64 = 200_000;
/// Linux sends an IP ID of 0 where it need not have one; others may do so too.
const NO_ID: u16 = 0;
/// An IP ID comes round again after 65,536 packets; at a million a second that is 65 ms,
/// so an older packet with the same one is no original for certain.
const ID_HOLDS: i64 = 1_000_000_000;

/// The packet that this one is a copy of, where there is one.
#[inline]
pub(super) fn find(
    memory: &Memory,
    fwd: &SideMemory,
    rev: &SideMemory,
    scene: &Scene<'_>,
    print: &Print,
) -> Option<Print> {
    let recent = &fwd.recent;
    if recent.same(print) {
        let age = print.ts.since(recent.ts).abs();
        if print.ip_id == NO_ID && answers(memory, rev, scene, recent) {
            return None;
        }
        // Duplicate acknowledgments without an IP ID look all the same.
        let duplicates = print.ip_id == NO_ID && !scene.occupies && !scene.rev.outstanding.is_empty();
        if duplicates && !memory.mostly_copies() {
            return None;
        }
        let one = if print.ip_id == NO_ID { age <= AT_ONCE && print.checksum != 0 } else { age <= ID_HOLDS };
        return one.then_some(*recent);
    }
    // Segments that wait for their acknowledgment are remembered longer.
    if !scene.occupies || print.ip_id == NO_ID || scene.s.seq == scene.digest.next_before {
        return None;
    }
    let (seq, end) = (scene.s.seq, scene.end());
    scene
        .fwd
        .outstanding
        .oldest(scene.pool, |sent| {
            sent.frame != print.frame
                && sent.ip_id == print.ip_id
                && sent.end == end
                && sent.seq == seq
                && sent.tsval == print.tsval
                && print.ts.since(sent.ts).abs() <= ID_HOLDS
        })
        .map(|sent| Print { frame: sent.frame, ts: sent.ts, ttl: sent.ttl, ..*print })
}

/// Without an IP ID, answers to two packets are the same: resets of a host that has no such
/// connection, SYN-ACKs, acknowledgments of a connection in TIME-WAIT.
fn answers(memory: &Memory, rev: &SideMemory, scene: &Scene<'_>, recent: &Print) -> bool {
    if memory.mostly_copies() {
        return false;
    }
    let flags = scene.flags();
    let other = &rev.recent;
    let since = other.frame > recent.frame;
    match (flags.has(TcpFlags::RST), flags.has(TcpFlags::SYN)) {
        (true, _) => !flags.has(TcpFlags::ACK) || since,
        (_, true) => since && TcpFlags(other.flags).has(TcpFlags::SYN),
        _ => since && !scene.occupies,
    }
}

/// Says that a packet is a copy, until there are so many that one word says it for all.
pub(super) fn say(
    memory: &mut Memory,
    rev: &SideMemory,
    scene: &Scene<'_>,
    original: &Print,
    emit: Emit<'_>,
) {
    memory.copies = memory.copies.saturating_add(1);
    if memory.said.captured_twice {
        return;
    }
    let evidence = Evidence {
        original: Some(original.frame),
        elapsed: Some(scene.s.ip.ts.since(original.ts)),
        ip_id: scene.s.ip.ip_id.map(|id| (original.ip_id, id)),
        ttl: Some((original.ttl, scene.s.ip.ttl)),
        seq: Some(scene.s.seq.0),
        len: Some(scene.s.len),
        count: Some(memory.copies.into()),
        ..Evidence::default()
    };
    // Networks that duplicate every packet both ways do not exist; capture points that
    // see every packet twice do.
    let originals = memory.packets.saturating_sub(memory.copies);
    let all = memory.copies >= 4
        && memory.copies.saturating_mul(10) >= originals.saturating_mul(9)
        && (rev.latest_is_copy || rev.recent.frame == 0);
    if all {
        memory.said.captured_twice = true;
        // Of one direction alone a network that doubles it looks the same.
        let both = rev.recent.frame != 0;
        let confidence = if both { Confidence::Certain } else { Confidence::Likely };
        emit(scene.event(EventKind::CapturedTwice, confidence, evidence));
        return;
    }
    // A router between the two sightings took one from the TTL: one capture, two places.
    let routed = original.ttl != scene.s.ip.ttl;
    let (kind, confidence) = if routed {
        (EventKind::CapturedTwice, Confidence::Likely)
    } else if scene.flags().has(TcpFlags::SYN) || memory.packets < 8 {
        (EventKind::DuplicatedByNetwork, Confidence::Undetermined)
    } else {
        (EventKind::DuplicatedByNetwork, Confidence::Likely)
    };
    emit(scene.event(kind, confidence, evidence));
}
