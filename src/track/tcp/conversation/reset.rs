//! A reset, and whether it ended anything.
//!
//! Who gets a reset that does not have exactly the number expected asks its sender, and goes on (RFC 5961
//! section 3.2): one that a stranger made up, or that comes late, ends nothing. That shows only later, when the
//! receiver acknowledges what its sender sent after it.

use crate::decode::TcpSegment;
use crate::model::{Protocol, SeqNum, StreamId, TcpFlags, TcpState};
use crate::track::packed::packed;
use crate::track::{Analysis, Confidence, Event, EventKind, Evidence};

use super::{Digest, TcpConversation};

/// What was sent before a reset may come behind it, but not so many round trips later.
const ROUND_TRIPS: i64 = 8;
/// Nor this much later where those are short or not known, nanoseconds.
const LATEST: i64 = 10_000_000;

#[derive(Debug, Clone, Copy)]
pub(super) struct Reset {
    /// Who sent it, or seems to have.
    pub dir: u8,
    /// The state of its sender before it.
    pub state: Option<TcpState>,
    /// That of its receiver.
    pub receiver: Option<TcpState>,
    pub frame: u64,
    /// Its sender had sent nothing from here on; raw.
    pub end: SeqNum,
    /// It lies beyond all that its sender was seen to send: its receiver may go on, and only asks.
    pub beyond: bool,
}

impl TcpConversation {
    /// What an RST means for how the connection began and ended; before the states move.
    #[cold]
    pub(super) fn ending(&mut self, s: &TcpSegment, d: usize, digest: &Digest<'_>) {
        let beyond = digest.is_beyond(s.seq);
        if let Some(reset) = &mut self.reset {
            // Whoever is asked repeats it with the number that was asked for.
            reset.beyond &= beyond;
        } else {
            let answered = self.begin.syn_ack || !self.begin.syn[1 - d];
            if !answered && !self.begin.syn[d] {
                self.begin.refused = true;
            }
            let [state, receiver] = [d, 1 - d].map(|d| self.halves[d].state.state);
            // The next number of a connection that goes on is its own, but for what the capture lacks.
            let end = if beyond { s.seq } else { digest.next_before };
            self.reset = Some(Reset { dir: d as u8, state, receiver, frame: s.ip.frame, end, beyond });
        }
    }

    /// After a reset, of any other segment: takes the reset back where it proves to have ended nothing; before the
    /// states move.
    #[cold]
    pub(super) fn goes_on(
        &mut self,
        s: &TcpSegment,
        d: usize,
        digest: &Digest<'_>,
        analysis: &Analysis,
        emit: &mut dyn FnMut(Event),
    ) {
        let Some(mut reset) = self.reset else { return };
        let sender = usize::from(reset.dir & 1);
        if d == sender {
            let rtt = self.halves[d].memory.rtt().unwrap_or(0);
            let late = digest
                .previous
                .is_some_and(|t| s.ip.ts.since(t) > LATEST.max(rtt.saturating_mul(ROUND_TRIPS)));
            // It cannot have been on its way for so long: it was sent after the reset, which then lay beyond.
            if s.len > 0 && late && s.seq == digest.next_before && s.seq.is_before(reset.end) {
                reset.end = s.seq;
                self.reset = Some(reset);
            }
            return;
        }
        let sent = self.halves[sender].labels.next;
        if !s.flags.has(TcpFlags::ACK) || !s.ack.is_after(reset.end) || s.ack.is_after(sent) {
            return;
        }
        let closes = self.halves.iter().any(|half| half.state.fin_end.is_some());
        for (half, state) in [(sender, reset.state), (d, reset.receiver)] {
            // A FIN since then would have moved them.
            self.halves[half].state.state = state.filter(|_| !closes);
        }
        self.reset = None;
        self.queued = false;
        self.verdicts.said.reset = false;
        emit(Event {
            packet: s.ip.frame,
            ts: s.ip.ts,
            stream: StreamId { protocol: Protocol::Tcp, number: self.stream },
            side: self.side(d as u8),
            kind: EventKind::ResetIgnored,
            confidence: Confidence::Likely,
            evidence: Evidence { original: Some(reset.frame), ..Evidence::default() },
            labels: analysis.labels,
        });
    }
}

packed! { Reset { dir, state, receiver, frame, end, beyond } }
