//! Who reset a connection, and why (RFC 9293 section 3.5.2).

use crate::model::{TcpFlags, TcpState};
use crate::track::{Confidence, EventKind, Evidence};

use super::memory::{SideMemory, Trigger};
use super::{Emit, Scene};

/// No host starts anew and answers in less, nanoseconds.
const RESTART: i64 = 3_000_000_000;

pub(super) fn judge(fwd: &SideMemory, rev: &SideMemory, scene: &Scene<'_>, emit: Emit<'_>) {
    let s = scene.s;
    let mut evidence = Evidence {
        ttl: fwd.ttl_settled.then_some((fwd.ttl, s.ip.ttl)),
        ip_id: (fwd.recent.frame != 0).then(|| (fwd.recent.ip_id, s.ip.ip_id.unwrap_or(0))),
        original: (rev.recent.frame != 0).then_some(rev.recent.frame),
        elapsed: rev.last_any().map(|t| s.ip.ts.since(t)),
        ..Evidence::default()
    };
    let (kind, confidence) = why(fwd, rev, scene);
    if kind == EventKind::TimedOut {
        evidence.count = fwd.resent().next().map(|r| r.count.into());
    }
    emit(scene.event(kind, confidence, evidence));
}

fn why(fwd: &SideMemory, rev: &SideMemory, scene: &Scene<'_>) -> (EventKind, Confidence) {
    let s = scene.s;
    // A SYN answered by a reset that acknowledges it.
    if scene.refuses() {
        // Who has no connection takes number 0 (RFC 9293 section 3.5.2); else a SYN-ACK
        // may have been sent and not captured.
        let confidence = if s.seq.0 == 0 { Confidence::Certain } else { Confidence::Likely };
        return (EventKind::Refused, confidence);
    }
    // Another machine sent it in this one's name: it lies at another distance.
    let strange = fwd.ttl_settled && fwd.ttl.abs_diff(s.ip.ttl) > 2 && scene.before[0].is_some();
    if strange {
        return (EventKind::Middlebox, Confidence::Likely);
    }
    // A reply to a segment that found no connection takes its number from that
    // segment's acknowledgment and has no ACK bit; an abort goes on from SND.NXT.
    let reply = !s.flags.has(TcpFlags::ACK) && s.seq == rev.recent.ack && rev.recent.frame != 0;
    // New data: what had been acknowledged already finds nobody who could have read it.
    let acked = rev.acked(scene.digest.peer_ack_of_sender);
    let fresh = rev.recent.len > 0 && !rev.recent.seq.is_before(acked);
    let answered_data = !rev.sent_fin && (fresh || scene.rev.next.is_after(acked));
    if reply && answered_data {
        if fwd.sent_fin {
            return (EventKind::UnreadData, Confidence::Likely);
        }
        // Whoever aborts acknowledges as well, in all common stacks. No host has restarted since
        // it spoke last: it has closed, and its FIN was lost or is late.
        if scene.digest.next_known && fwd.last_any().is_some_and(|t| s.ip.ts.since(t) < RESTART) {
            return (EventKind::UnreadData, Confidence::Undetermined);
        }
    }
    if fwd
        .resent()
        .next()
        .is_some_and(|r| r.count >= 3 && r.trigger == Trigger::Timeout && r.covered.is_none())
    {
        return (EventKind::TimedOut, Confidence::Likely);
    }
    if reply && !fwd.sent_fin && !scene.digest.next_known {
        return (EventKind::HalfOpen, Confidence::Likely);
    }
    // An abort acknowledges as well; a listener whose queue is full answers as one without a connection.
    let bare = reply
        && !fwd.sent_fin
        && matches!(scene.before[0], Some(TcpState::SynReceived | TcpState::Established))
        && rev.recent.len == 0;
    match scene.before[0] {
        Some(TcpState::Established | TcpState::CloseWait | TcpState::SynReceived | TcpState::SynSent)
            if s.seq == scene.digest.next_before && !bare =>
        {
            (EventKind::Aborted, Confidence::Likely)
        }
        Some(_) if reply => (EventKind::HalfOpen, Confidence::Undetermined),
        _ => (EventKind::Reset, Confidence::Undetermined),
    }
}
