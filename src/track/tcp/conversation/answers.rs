//! What a connection answers when it is asked: sides, states, how it began and ended.

use crate::model::{PerSide, SeqNum, Side, TcpState};
use crate::track::{Handshake, Teardown};

use super::super::history;
use super::super::scale::Scale;
use super::super::stats::Stats;
use super::{Begin, TcpConversation};

impl TcpConversation {
    /// The side of a direction.
    #[must_use]
    #[inline]
    pub const fn side(&self, dir: u8) -> Side {
        if dir == self.orig_dir { Side::Orig } else { Side::Resp }
    }

    /// The direction (an index of the arrays) of a side.
    #[must_use]
    #[inline]
    pub const fn dir(&self, side: Side) -> usize {
        match side {
            Side::Orig => self.orig_dir as usize,
            Side::Resp => 1 - self.orig_dir as usize,
        }
    }

    /// Who sent the first packet.
    #[must_use]
    pub const fn first_sender(&self) -> Side {
        self.side(0)
    }

    /// The roles come from a SYN; otherwise from the ports, which is a guess.
    #[must_use]
    pub const fn roles_known(&self) -> bool {
        self.begin.roles_known
    }

    /// Each end's state after the last segment.
    #[must_use]
    pub const fn states(&self) -> PerSide<Option<TcpState>> {
        let orig = self.orig_dir as usize;
        PerSide::new(self.halves[orig & 1].state.state, self.halves[1 - (orig & 1)].state.state)
    }

    /// Wireshark's initial round-trip time, nanoseconds.
    #[must_use]
    pub const fn initial_rtt(&self) -> Option<i64> {
        self.begin.initial_rtt
    }

    /// SYN to SYN-ACK, nanoseconds; unknown when either was sent again.
    #[must_use]
    pub const fn syn_rtt(&self) -> Option<i64> {
        self.begin.syn_rtt
    }

    /// SYNs and SYN-ACKs sent again.
    #[must_use]
    pub const fn handshake_retries(&self) -> u32 {
        self.begin.retries
    }

    /// Wireshark's final completeness; 0 for a single packet that is no SYN.
    #[must_use]
    pub const fn completeness(&self) -> u8 {
        self.completeness
    }

    /// How it began.
    #[must_use]
    pub const fn handshake(&self) -> Handshake {
        let Begin { syn, syn_ack, third, refused, .. } = self.begin;
        match (syn, syn_ack) {
            _ if refused => Handshake::Refused,
            ([true, true], _) => Handshake::Simultaneous,
            ([false, false], false) => Handshake::Midstream,
            ([false, false], true) => Handshake::SynAckOnly,
            (_, true) if third => Handshake::Complete,
            (_, true) => Handshake::HalfOpen,
            (_, false) => Handshake::Unanswered,
        }
    }

    /// How it ended.
    #[must_use]
    pub fn teardown(&self) -> Teardown {
        let fins = [self.halves[0].state.fin_end.is_some(), self.halves[1].state.fin_end.is_some()];
        let acknowledged = self.halves[0].state.fin_acked && self.halves[1].state.fin_acked;
        if let Some(reset) = self.reset
            && !(acknowledged)
        {
            return Teardown::Reset { by: self.side(reset.dir), state: reset.state, frame: reset.frame };
        }
        let first = self.side(self.first_fin.unwrap_or(0));
        match fins {
            [false, false] => Teardown::Open,
            [true, true] if self.fins_crossed => Teardown::Simultaneous { first, acknowledged },
            [true, true] => {
                Teardown::Closed { first, three_segments: self.second_fin_acks_first, acknowledged }
            }
            _ => Teardown::HalfClosed { by: first },
        }
    }

    /// A FIN was seen from that side.
    #[must_use]
    pub const fn sent_fin(&self, side: Side) -> bool {
        self.halves[self.dir(side) & 1].state.fin_end.is_some()
    }

    /// Zeek's `conn_state`.
    #[must_use]
    pub fn conn_state(&self) -> &'static str {
        history::conn_state(
            self.handshake(),
            self.teardown(),
            self.sent_fin(Side::Orig),
            self.sent_fin(Side::Resp),
        )
    }

    /// Zeek's `history`.
    #[must_use]
    pub fn history(&self) -> String {
        self.history.text(self.first_sender())
    }

    /// The initial sequence number of a side, where its SYN was seen.
    #[must_use]
    pub const fn isn(&self, side: Side) -> Option<SeqNum> {
        self.halves[self.dir(side) & 1].state.syn
    }

    /// What relative sequence numbers of a side count from.
    #[must_use]
    pub const fn relative_base(&self, side: Side) -> Option<SeqNum> {
        self.halves[self.dir(side) & 1].labels.base
    }

    /// The window shift of a side, as used.
    #[must_use]
    pub const fn window_shift(&self, side: Side) -> Option<u8> {
        match self.halves[self.dir(side) & 1].labels.scale {
            Scale::Unknown => None,
            Scale::Off => Some(0),
            Scale::Shift(n) => Some(n),
        }
    }

    /// The figures of a side.
    #[must_use]
    pub const fn stats(&self, side: Side) -> &Stats {
        &self.halves[self.dir(side) & 1].stats
    }
}
