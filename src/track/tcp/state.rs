//! Each endpoint's RFC 9293 state, as an observer between them can deduce it.
//!
//! What an endpoint sends proves its state. What it receives moves it as the RFC says it
//! does on arrival (section 3.10.7); a later segment that contradicts this corrects it.
//! A connection seen from the middle starts unknown and becomes known only when the
//! segments leave a single possibility.

use crate::model::{SeqNum, TcpFlags, TcpState};
use crate::track::packed::packed;

/// What the state machine remembers of one direction.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct StateSide {
    /// `None` until it can be known.
    pub state: Option<TcpState>,
    /// Its SYN's sequence number.
    pub syn: Option<SeqNum>,
    /// One past its FIN.
    pub fin_end: Option<SeqNum>,
    pub fin_acked: bool,
    pub syn_acked: bool,
    /// It sent payload.
    pub sent_data: bool,
}

/// A segment as the state machine sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub seq: SeqNum,
    pub ack: SeqNum,
    pub flags: TcpFlags,
    pub len: u32,
    /// It starts below what the receiver had acknowledged: a reset there is ignored
    /// (RFC 9293 section 3.10.7.4).
    pub below_window: bool,
    /// It starts beyond all that its sender was seen to send. A reset there is answered with a question and
    /// ends nothing (RFC 5961 section 3.2), unless the capture lacks what came before it: nobody knows.
    pub beyond: bool,
}

/// Moves both endpoints' states for a segment from `from` to `to`.
#[inline]
pub(super) fn advance(from: &mut StateSide, to: &mut StateSide, step: &Step) {
    let open = [from.state, to.state] == [Some(TcpState::Established); 2]
        && from.fin_end.is_none()
        && to.fin_end.is_none()
        && (to.syn_acked || to.syn.is_none());
    if open && !step.flags.any(TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST) {
        // Nothing moves.
        from.sent_data |= step.len > 0;
    } else {
        move_on(from, to, step);
    }
}

fn move_on(from: &mut StateSide, to: &mut StateSide, step: &Step) {
    use TcpState as S;
    let flags = step.flags;
    if flags.has(TcpFlags::RST) {
        from.state = Some(S::Closed);
        if step.beyond {
            to.state = None;
        } else if !step.below_window {
            to.state = Some(S::Closed);
        }
        return;
    }
    from.sent_data |= step.len > 0;
    if flags.has(TcpFlags::SYN) {
        syn(from, to, step);
    }
    if flags.has(TcpFlags::ACK) {
        acknowledge(from, to, step);
    }
    if flags.has(TcpFlags::FIN) {
        fin(from, to, step);
    }
    // Data both ways, and neither has closed: both must be open.
    if from.sent_data && to.sent_data && from.fin_end.is_none() && to.fin_end.is_none() {
        from.state.get_or_insert(S::Established);
        to.state.get_or_insert(S::Established);
    }
}

fn syn(from: &mut StateSide, to: &mut StateSide, step: &Step) {
    use TcpState as S;
    from.syn.get_or_insert(step.seq);
    if !flags_syn_ack(step.flags) {
        if matches!(from.state, None | Some(S::Closed | S::Listen)) {
            from.state = Some(S::SynSent);
        }
        // It dialled too: the SYNs cross (RFC 9293 section 3.10.7.3).
        if to.state == Some(S::SynSent) {
            to.state = Some(S::SynReceived);
        }
        return;
    }
    if matches!(from.state, None | Some(S::Closed | S::Listen | S::SynSent)) {
        from.state = Some(S::SynReceived);
    }
    let acks_syn = to.syn.is_none_or(|syn| step.ack == syn.plus(1));
    if acks_syn && matches!(to.state, None | Some(S::SynSent)) {
        to.state = Some(S::Established);
        to.syn_acked = true;
    }
}

const fn flags_syn_ack(flags: TcpFlags) -> bool {
    flags.has(TcpFlags::ACK)
}

fn acknowledge(from: &mut StateSide, to: &mut StateSide, step: &Step) {
    use TcpState as S;
    if let Some(syn) = to.syn
        && !to.syn_acked
        && step.ack.is_after(syn)
    {
        to.syn_acked = true;
        if matches!(to.state, Some(S::SynReceived | S::SynSent)) {
            to.state = Some(S::Established);
        }
    }
    // Whoever acknowledges without SYN has left SYN-SENT; having sent a SYN-ACK that was
    // not acknowledged it may still be in SYN-RECEIVED.
    if from.state == Some(S::SynSent) && !step.flags.has(TcpFlags::SYN) {
        from.state = Some(S::Established);
    }
    if let Some(end) = to.fin_end
        && !to.fin_acked
        && step.ack.is_at_or_after(end)
    {
        to.fin_acked = true;
        to.state = match to.state {
            // Its own FIN came before this acknowledgment, so it has arrived too.
            Some(S::FinWait1) if from.fin_end.is_some() => Some(S::TimeWait),
            Some(S::FinWait1) => Some(S::FinWait2),
            Some(S::Closing) => Some(S::TimeWait),
            Some(S::LastAck) => Some(S::Closed),
            other => other,
        };
        if from.state == Some(S::FinWait1) && !from.fin_acked {
            from.state = Some(S::Closing);
        }
    }
}

fn fin(from: &mut StateSide, to: &mut StateSide, step: &Step) {
    use TcpState as S;
    let end = step.seq.plus(step.len).plus(1);
    if from.fin_end.is_some() {
        // Sent again: nothing moves.
        return;
    }
    from.fin_end = Some(end);
    let saw_other_fin =
        to.fin_end.is_some_and(|other| step.flags.has(TcpFlags::ACK) && step.ack.is_at_or_after(other));
    from.state = match (from.state, to.fin_end) {
        // The other end's FIN is out, and this one does not acknowledge it: they crossed.
        (Some(_), Some(_)) if !saw_other_fin => Some(S::FinWait1),
        (_, Some(_)) => Some(S::LastAck),
        (Some(S::Established | S::SynReceived | S::SynSent), None) => Some(S::FinWait1),
        (Some(S::CloseWait), None) => Some(S::LastAck),
        (other, None) => other,
    };
    to.state = match to.state {
        Some(S::Established | S::SynReceived) => Some(S::CloseWait),
        Some(S::FinWait1) => Some(S::Closing),
        Some(S::FinWait2) => Some(S::TimeWait),
        None if to.fin_end.is_none() => None,
        other => other,
    };
}

/// Which of the two closed first, as far as a state depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closing {
    /// The sender of the segment did.
    pub first: bool,
    /// The other's FIN was the first to acknowledge its FIN.
    pub by_fin: bool,
}

/// The state that a segment's sender was in when it sent it. It moves on by what is sent to it
/// only when that arrives: as long as its own segments do not acknowledge a SYN or FIN, and as
/// long as it sends anything after a reset or its last acknowledgment, it has not.
#[cold]
pub(super) fn as_sent(from: &StateSide, to: &StateSide, step: &Step, closing: Closing) -> Option<TcpState> {
    use TcpState as S;
    let expected = from.state?;
    let flags = step.flags;
    if flags.has(TcpFlags::RST) {
        return Some(expected);
    }
    if flags.has(TcpFlags::SYN) {
        let sent = if flags_syn_ack(flags) { S::SynReceived } else { S::SynSent };
        // Sent again: its handshake is not complete.
        return Some(if expected == S::Established && from.syn == Some(step.seq) { sent } else { expected });
    }
    if !flags.has(TcpFlags::ACK) {
        return Some(expected);
    }
    let fin = flags.has(TcpFlags::FIN);
    let unacked = fin || closing.by_fin || !from.fin_acked;
    let has_fin = to.fin_end.map(|end| step.ack.is_at_or_after(end));
    Some(match (expected, has_fin) {
        (S::CloseWait, Some(false)) => S::Established,
        (S::Closing | S::TimeWait, Some(false)) if unacked => S::FinWait1,
        (S::Closing | S::TimeWait, Some(false)) => S::FinWait2,
        (S::FinWait2, _) if fin => S::FinWait1,
        (S::Closed, Some(true)) if from.fin_end.is_none() => S::CloseWait,
        (S::Closed, Some(true)) if closing.first => S::TimeWait,
        (S::Closed, Some(true)) => S::LastAck,
        (S::Closed, _) if from.fin_end.is_none() => S::Established,
        (S::Closed, _) if unacked => S::FinWait1,
        (S::Closed, _) => S::FinWait2,
        (other, _) => other,
    })
}

packed! { StateSide { state, syn, fin_end, fin_acked, syn_acked, sent_data } }
