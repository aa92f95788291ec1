//! What the flags of a segment tell of how a connection begins, goes on and ends.

use crate::decode::TcpSegment;
use crate::model::{TcpFlags, Timestamp};
use crate::track::Labels;

use super::super::facts::OptionFacts;
use super::super::half::Half;
use super::super::scale::Scale;
use super::TcpConversation;

/// A port that a server is likely to listen on, compared with its peer's.
const fn looks_like_server(port: u16, other: u16) -> bool {
    (port < 1024 && other >= 1024) || (port < 32_768 && other >= 32_768)
}

impl TcpConversation {
    /// A segment with SYN: roles, window scale, how the connection begins.
    #[cold]
    pub(super) fn syn(&mut self, s: &TcpSegment, d: usize, options: &OptionFacts) {
        let acks = s.flags.has(TcpFlags::ACK);
        let first = self.packets() == 1;
        if first {
            self.starts_with_syn = !acks;
        }
        if acks {
            if self.begin.syn_ack && self.halves[d].labels.base == Some(s.seq) {
                self.begin.retries = self.begin.retries.saturating_add(1);
            }
            self.begin.syn_ack = true;
            if !self.begin.roles_known {
                self.orig_dir = 1 - d as u8;
                self.begin.roles_known = true;
            }
            let syn = std::mem::replace(&mut self.syn_ts, Timestamp::NONE);
            if syn != Timestamp::NONE && self.begin.syn[1 - d] {
                // Karn: a SYN sent twice leaves open which of them this answers.
                if self.begin.retries == 0 && s.ip.ts != Timestamp::NONE {
                    self.begin.syn_rtt = Some(s.ip.ts.since(syn));
                }
            }
        } else {
            if self.begin.syn[d] {
                self.begin.retries = self.begin.retries.saturating_add(1);
            } else if self.syn_ts == Timestamp::NONE {
                self.syn_ts = s.ip.ts;
            }
            self.begin.syn[d] = true;
            if !self.begin.roles_known {
                self.orig_dir = d as u8;
                self.begin.roles_known = true;
            }
        }
        self.halves[d].stats.syn_options(options);
        let (fwd, rev) = Half::both(&mut self.halves, d);
        let (fwd, rev) = (&mut fwd.labels, &mut rev.labels);
        match options.window_scale {
            // A SYN-ACK may only scale when the SYN offered to.
            Some(_) if acks && rev.scale == Scale::Off => fwd.scale = Scale::Off,
            Some(shift) => fwd.scale = Scale::Shift(shift),
            None => {
                fwd.scale = Scale::Off;
                rev.scale = Scale::Off;
            }
        }
    }

    /// Without a SYN the roles are a guess by the ports.
    pub(super) fn guess_roles(&mut self) {
        let [a, b] = self.ends;
        self.orig_dir = u8::from(looks_like_server(a.port, b.port));
    }

    /// TCP Fast Open (RFC 7413), of a SYN: data in it, and whether the SYN-ACK took it. Wireshark
    /// sees an acceptance in any SYN-ACK of more than the SYN, and so does the label.
    #[cold]
    pub(super) fn fast_open(&mut self, s: &TcpSegment, d: usize, options: &OptionFacts, labels: &mut Labels) {
        if s.flags.has(TcpFlags::ACK) {
            let base = self.halves[1 - d].labels.base.unwrap_or_default();
            if s.ack.relative_to(base) > 1 {
                labels.add(Labels::TFO_ACK);
            } else if self.fast_open_data {
                labels.add(Labels::TFO_IGNORED);
            }
        } else if options.fast_open && s.len > 0 {
            labels.add(Labels::TFO_SYN);
            self.fast_open_data = true;
        }
    }

    /// Wireshark's initial round-trip time: the first segment with ACK and without SYN,
    /// after the latest SYN.
    pub(super) fn times(&mut self, s: &TcpSegment) {
        match (s.flags.has(TcpFlags::SYN), s.flags.has(TcpFlags::ACK)) {
            (true, false) => self.last_syn_ts = s.ip.ts,
            // Where the clock is too coarse to tell them apart, a later segment has to do.
            (false, true)
                if self.last_syn_ts != Timestamp::NONE
                    && self.begin.initial_rtt.is_none_or(|rtt| rtt == 0) =>
            {
                self.begin.initial_rtt = Some(s.ip.ts.since(self.last_syn_ts));
            }
            _ => {}
        }
    }

    pub(super) fn complete(&mut self, s: &TcpSegment) {
        let (syn, ack) = (s.flags.has(TcpFlags::SYN), s.flags.has(TcpFlags::ACK));
        self.completeness |= match (syn, ack) {
            // A SYN that does not come first is none that began it.
            (true, false) if self.starts_with_syn => 1,
            (true, true) => 2,
            (false, true) if s.len == 0 => 4,
            _ => 0,
        };
        if s.len > 0 {
            self.completeness |= 8;
        }
        if s.flags.has(TcpFlags::FIN) && ack {
            self.completeness |= 16;
        }
        if s.flags.has(TcpFlags::RST) {
            self.completeness |= 32;
        }
        if !syn && ack && self.begin.syn_ack {
            self.begin.third = true;
        }
    }

    /// Of a FIN: who closed first, and whether the FINs crossed; after the states have moved.
    pub(super) fn crossing(&mut self, s: &TcpSegment, d: usize, fin_was_acked: bool) {
        match self.first_fin {
            None => self.first_fin = Some(d as u8),
            Some(first) if usize::from(first) != d && !self.fins_crossed && !self.second_fin_acks_first => {
                let other = &self.halves[1 - d].state;
                let acks = other.fin_end.is_some_and(|end| s.ack.is_at_or_after(end));
                if !acks {
                    self.fins_crossed = true;
                } else if !fin_was_acked {
                    self.second_fin_acks_first = true;
                }
            }
            Some(_) => {}
        }
    }
}
