//! What an end makes of an acknowledgment: what is lost, and how much may be under way.

use crate::frame::{FIN, SYN};

use super::{Endpoint, Packet};

const MIN_RTO: u64 = 200_000_000;

impl Endpoint {
    pub(super) fn acknowledged(&mut self, now: u64, p: &Packet) {
        let moved = p.ack > self.una;
        if moved {
            self.una = p.ack.min(self.nxt);
            self.duplicates = 0;
            let mut sample = None;
            while let Some(s) = self.sent.front().copied().filter(|s| s.end() <= self.una) {
                if !s.resent && !s.sacked {
                    sample = Some(now - s.at);
                    self.grow();
                }
                self.sent.pop_front();
            }
            if let Some(rtt) = sample {
                self.measure(rtt);
            }
            self.timer = (!self.sent.is_empty()).then(|| now + self.rto);
        } else if p.len == 0 && p.flags & (SYN | FIN) == 0 && p.ack == self.una && !self.sent.is_empty() {
            self.duplicates += 1;
        }
        let mut newest = 0;
        for &(left, right) in &p.sack[..p.sacks] {
            for s in self.sent.iter_mut().filter(|s| s.seq >= left && s.end() <= right) {
                s.sacked = true;
            }
        }
        let mut above = 0;
        for s in self.sent.iter_mut().rev() {
            if s.sacked {
                above += 1;
                newest = newest.max(s.at);
            } else if above >= 3 {
                if !s.lost {
                    s.lost = true;
                    s.resent = false;
                } else if s.resent && s.at + self.srtt / 4 < newest {
                    s.resent = false; // the retransmission was lost too (RFC 8985)
                }
            }
        }
        if !self.terms.sack {
            self.new_reno(moved);
        }
        if self.recover.is_some_and(|r| self.una >= r) {
            self.recover = None;
            self.cwnd = self.ssthresh.min(self.cwnd.max(2.0));
        }
        if self.recover.is_none() && self.sent.iter().any(|s| s.lost) {
            self.recover = Some(self.nxt);
            self.ssthresh = (self.cwnd / 2.0).max(2.0);
            self.cwnd = self.ssthresh;
        }
    }

    /// Without SACK (RFC 6582): the third duplicate, or a partial acknowledgment in
    /// recovery, says that the first segment is lost.
    fn new_reno(&mut self, moved: bool) {
        let partial = moved && self.recover.is_some_and(|r| self.una < r);
        if let Some(s) = self.sent.front_mut()
            && !s.lost
            && (partial || self.duplicates == 3)
        {
            s.lost = true;
        }
    }

    fn grow(&mut self) {
        if self.cwnd < self.ssthresh {
            self.cwnd += 1.0;
        } else {
            self.cwnd += 1.0 / self.cwnd;
        }
    }

    /// RFC 6298.
    fn measure(&mut self, rtt: u64) {
        if self.srtt == 0 {
            self.srtt = rtt;
            self.rttvar = rtt / 2;
        } else {
            self.rttvar = (3 * self.rttvar + self.srtt.abs_diff(rtt)) / 4;
            self.srtt = (7 * self.srtt + rtt) / 8;
        }
        self.rto = (self.srtt + 4 * self.rttvar).max(MIN_RTO);
    }
}
