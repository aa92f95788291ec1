//! What made a sender send octets again: acknowledgments, a timer, a probe.

use crate::track::{Confidence, EventKind};

use super::Scene;
use super::memory::{Resent, SideMemory, Trigger};
use super::resent::SHORTEST_TIMEOUT;

/// Slack for a sender to answer an acknowledgment.
const AT_ONCE: i64 = 10_000_000;

/// Names the cause, as far as the packets show it.
pub(super) fn name(
    fwd: &SideMemory,
    rev: &SideMemory,
    scene: &Scene<'_>,
    earlier: Option<&Resent>,
    elapsed: Option<i64>,
) -> (EventKind, Confidence) {
    let (seq, end) = (scene.s.seq, scene.end());
    let acked = fwd.acked(scene.digest.peer_ack_before);
    let at_edge = acked == seq;
    let tail = end == scene.digest.next_before;
    let sacked_beyond = rev.sack_high.is_some_and(|high| high.is_after(seq));
    // Silence of the other side: what a timer measures.
    let heard = fwd.rare().and_then(|r| r.heard).or(rev.last_any());
    let silence = heard.map_or(i64::MAX, |t| scene.s.ip.ts.since(t));
    // What it said before this was sent for the first time does not ask for it.
    let heard = elapsed.is_none_or(|gap| silence <= gap);
    // Nor is the only segment under way asked for: nothing beyond it can have arrived.
    let alone = at_edge && tail;
    let asked = heard && !alone && (rev.duplicate_acks > 0 || sacked_beyond);
    // What acknowledgments ask for comes as soon as they have reached the sender; RACK waits
    // for packets that may be late, a quarter of a round trip and more (RFC 8985 section 6.2).
    let answers = silence < SHORTEST_TIMEOUT
        && silence
            <= rev
                .min_rtt()
                .unwrap_or(SHORTEST_TIMEOUT)
                .saturating_add(fwd.rtt().unwrap_or(SHORTEST_TIMEOUT))
                .saturating_add(AT_ONCE);
    let own_silence = scene.sender.last_data().map_or(i64::MAX, |t| scene.s.ip.ts.since(t));
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
    let repairing = fwd.repairing(acked);
    if repairing == Trigger::Timeout {
        // After a timeout all that was under way is sent again, as acknowledgments allow.
        return (EventKind::TimeoutRetransmit, Confidence::Undetermined);
    }
    let waited_long = elapsed.is_some_and(|gap| gap >= SHORTEST_TIMEOUT);
    // Without SACK a recovery repairs each hole once; what is lost again waits for the timer
    // (RFC 6582 section 3.2).
    let once_more = scene.no_sack() && earlier.is_some_and(|e| e.trigger == Trigger::Recovery);
    if at_edge && waited_long && (once_more || asked && !answers) {
        return (EventKind::TimeoutRetransmit, Confidence::Likely);
    }
    if repairing == Trigger::Recovery && at_edge && answers && rev.duplicate_acks < 3 {
        // A partial acknowledgment: the next hole is as lost as the one before (RFC 6582
        // section 3.2; RFC 8985: what was sent later has arrived).
        let kind = if scene.sack() { EventKind::RackRetransmit } else { EventKind::FastRetransmit };
        return (kind, Confidence::Likely);
    }
    if asked && silence < SHORTEST_TIMEOUT {
        let kind = match (rev.duplicate_acks, sacked_beyond) {
            (3.., _) => EventKind::FastRetransmit,
            (_, true) => EventKind::RackRetransmit,
            _ if repairing == Trigger::Recovery && answers && scene.sack() && !at_edge => {
                EventKind::RackRetransmit
            }
            // Two duplicates are no three, but may do (RFC 5827): no timer runs out so soon, and probes need SACK.
            _ if scene.no_sack() && elapsed.is_some_and(|gap| gap < SHORTEST_TIMEOUT) => {
                return (EventKind::FastRetransmit, Confidence::Undetermined);
            }
            // RACK needs SACK.
            _ => return (EventKind::Retransmit, Confidence::Undetermined),
        };
        // In a recovery the holes above the first one follow without being asked for again.
        return (kind, if at_edge || sacked_beyond { Confidence::Likely } else { Confidence::Undetermined });
    }
    if repairing == Trigger::Recovery && answers && scene.sack() && !at_edge {
        return (EventKind::RackRetransmit, Confidence::Undetermined);
    }
    let waited = elapsed.unwrap_or(own_silence).min(own_silence);
    // A probe waits for two round trips (RFC 8985 section 7.2); those measured here may be
    // shorter than its sender's, not longer.
    let probe = match fwd.rtt() {
        // One at a time.
        _ if fwd.probing(acked) => (EventKind::Retransmit, Confidence::Undetermined),
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
        } else if scene.sack() && earlier.is_none() && repairing == Trigger::Unknown && !fwd.probing(acked) {
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
