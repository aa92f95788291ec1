//! One end of a simulated TCP connection: a sender with SACK or NewReno recovery and a
//! retransmission timer, and a receiver with delayed acknowledgments.
//!
//! Numbers here are relative and 64 bits wide: 0 is the SYN, 1 the first octet.

#[path = "congestion.rs"]
mod congestion;

use std::collections::VecDeque;

use crate::frame::{ACK, FIN, PSH, SYN};

/// Why a segment is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    First,
    Fast,
    Timeout,
}

/// A segment on its way, header fields relative.
#[derive(Debug, Clone, Copy)]
pub struct Packet {
    pub from: usize,
    pub seq: u64,
    pub len: u32,
    pub flags: u8,
    pub ack: u64,
    pub ts: (u32, u32),
    pub sack: [(u64, u64); 3],
    pub sacks: usize,
    pub ip_id: u16,
    pub cause: Cause,
}

impl Packet {
    /// The number after its last octet; SYN and FIN count as one.
    pub fn end(&self) -> u64 {
        self.seq + u64::from(self.len) + u64::from(self.flags & (SYN | FIN) != 0)
    }
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    seq: u64,
    len: u32,
    flags: u8,
    at: u64,
    sacked: bool,
    lost: bool,
    resent: bool,
}

impl Sent {
    fn end(&self) -> u64 {
        self.seq + u64::from(self.len) + u64::from(self.flags & (SYN | FIN) != 0)
    }
}

/// What both ends agreed on.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    pub mss: u32,
    pub sack: bool,
    pub timestamps: bool,
    /// Segments in flight at most.
    pub window: u32,
}

const INITIAL_RTO: u64 = 1_000_000_000;

/// One end.
pub struct Endpoint {
    me: usize,
    pub terms: Terms,
    pub iss: u32,
    ip_id: u16,
    ts_offset: u32,
    // The sender.
    sent: VecDeque<Sent>,
    una: u64,
    nxt: u64,
    written: u64,
    closing: bool,
    cwnd: f64,
    ssthresh: f64,
    recover: Option<u64>,
    duplicates: u32,
    srtt: u64,
    rttvar: u64,
    rto: u64,
    /// When the retransmission timer fires.
    pub timer: Option<u64>,
    // The receiver.
    pub rcv_nxt: u64,
    beyond: Vec<(u64, u64)>,
    fin_at: Option<u64>,
    ts_recent: u32,
    unacked: u32,
    /// When a delayed acknowledgment is sent.
    pub delayed: Option<u64>,
}

impl Endpoint {
    pub fn new(me: usize, terms: Terms, bits: u64) -> Self {
        Self {
            me,
            terms,
            iss: bits as u32,
            ip_id: (bits >> 32) as u16,
            ts_offset: (bits >> 36) as u32 & 0x0fff_ffff,
            sent: VecDeque::new(),
            una: 0,
            nxt: 0,
            written: 1,
            closing: false,
            cwnd: 10.0,
            ssthresh: 1e9,
            recover: None,
            duplicates: 0,
            srtt: 0,
            rttvar: 0,
            rto: INITIAL_RTO,
            timer: None,
            rcv_nxt: 0,
            beyond: Vec::new(),
            fin_at: None,
            ts_recent: 0,
            unacked: 0,
            delayed: None,
        }
    }

    /// The program writes `n` more octets.
    pub fn write(&mut self, n: u64) {
        self.written += n;
    }

    /// The program closes: a FIN after what was written.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Octets the peer's program wrote and this one has read.
    pub fn received(&self) -> u64 {
        self.rcv_nxt.saturating_sub(1) - u64::from(self.peer_closed())
    }

    /// The peer's FIN has arrived, and all before it.
    pub fn peer_closed(&self) -> bool {
        self.fin_at.is_some_and(|f| self.rcv_nxt > f)
    }

    /// Everything was sent and acknowledged, the FIN too.
    pub fn finished(&self) -> bool {
        self.closing && self.una == self.written + 1
    }

    fn packet(&mut self, now: u64, seq: u64, len: u32, flags: u8, cause: Cause) -> Packet {
        self.ip_id = self.ip_id.wrapping_add(1);
        let mut sack = [(0, 0); 3];
        let sacks = if self.terms.sack { self.beyond.len().min(3) } else { 0 };
        sack[..sacks].copy_from_slice(&self.beyond[..sacks]);
        let ack = if flags & ACK == 0 { 0 } else { self.rcv_nxt };
        if flags & ACK != 0 {
            self.unacked = 0;
            self.delayed = None;
        }
        let value = self.ts_offset.wrapping_add((now / 1_000_000) as u32);
        let echo = if flags & ACK == 0 { 0 } else { self.ts_recent };
        Packet {
            from: self.me,
            seq,
            len,
            flags,
            ack,
            ts: (value, echo),
            sack,
            sacks,
            ip_id: self.ip_id,
            cause,
        }
    }

    /// Sends the SYN (or, at the server, the SYN-ACK).
    pub fn open(&mut self, now: u64, out: &mut Vec<Packet>) {
        let flags = if self.me == 0 { SYN } else { SYN | ACK };
        self.first(now, 0, flags, out);
    }

    fn first(&mut self, now: u64, len: u32, flags: u8, out: &mut Vec<Packet>) {
        let sent = Sent { seq: self.nxt, len, flags, at: now, sacked: false, lost: false, resent: false };
        self.nxt = sent.end();
        self.sent.push_back(sent);
        let packet = self.packet(now, sent.seq, len, flags, Cause::First);
        out.push(packet);
        if self.timer.is_none() {
            self.timer = Some(now + self.rto);
        }
    }

    /// Sends all that the windows allow: what was lost first, then what is new.
    pub fn pump(&mut self, now: u64, cause: Cause, out: &mut Vec<Packet>) {
        if self.una == 0 {
            return; // not established
        }
        let allowed = (self.cwnd as usize).min(self.terms.window as usize).max(1);
        let mut flight = if self.recover.is_none() && !self.sent.iter().any(|s| s.lost) {
            self.sent.len() - self.sent.iter().filter(|s| s.sacked).count()
        } else {
            self.sent.iter().filter(|s| !s.sacked && (!s.lost || s.resent)).count()
        };
        let mut at = 0;
        while flight < allowed && at < self.sent.len() {
            let s = self.sent[at];
            if s.lost && !s.sacked && !s.resent {
                self.sent[at].resent = true;
                self.sent[at].at = now;
                let cause = if cause == Cause::First { Cause::Fast } else { cause };
                let packet = self.packet(now, s.seq, s.len, s.flags, cause);
                out.push(packet);
                flight += 1;
                self.timer = Some(now + self.rto);
            }
            at += 1;
        }
        while flight < allowed && self.sent.len() < self.terms.window as usize && self.nxt < self.written {
            let left = self.written - self.nxt;
            let len = left.min(u64::from(self.terms.mss)) as u32;
            let push = if u64::from(len) == left { PSH } else { 0 };
            self.first(now, len, ACK | push, out);
            flight += 1;
        }
        if self.closing && self.nxt == self.written {
            self.first(now, 0, FIN | ACK, out);
        }
    }

    /// The retransmission timer fired: all that is not acknowledged counts as lost.
    pub fn timeout(&mut self, now: u64, out: &mut Vec<Packet>) {
        self.timer = None;
        let Some(first) = self.sent.front_mut() else { return };
        self.rto = (self.rto * 2).min(60_000_000_000);
        if self.una == 0 {
            first.resent = true;
            let s = *first;
            let packet = self.packet(now, s.seq, s.len, s.flags, Cause::Timeout);
            out.push(packet);
        } else {
            self.ssthresh = (self.cwnd / 2.0).max(2.0);
            self.cwnd = 1.0;
            self.recover = Some(self.nxt);
            for s in &mut self.sent {
                s.lost = !s.sacked;
                s.resent = false;
            }
            self.pump(now, Cause::Timeout, out);
        }
        self.timer = Some(now + self.rto);
    }

    /// Sends an acknowledgment now.
    pub fn acknowledge(&mut self, now: u64, out: &mut Vec<Packet>) {
        let packet = self.packet(now, self.nxt, 0, ACK, Cause::First);
        out.push(packet);
    }

    /// A packet of the peer arrives; answers go to `out`.
    pub fn receive(&mut self, now: u64, p: &Packet, out: &mut Vec<Packet>) {
        if p.flags & SYN != 0 && p.seq < self.rcv_nxt {
            self.acknowledge(now, out); // a SYN again: what answered it was lost
            return;
        }
        if p.seq <= self.rcv_nxt {
            self.ts_recent = p.ts.0;
        }
        if p.flags & SYN != 0 {
            self.rcv_nxt = 1;
            if self.me == 1 && self.nxt == 0 {
                self.open(now, out);
                return;
            }
        }
        if p.flags & ACK != 0 {
            self.acknowledged(now, p);
        }
        let must = self.accept(p) || (p.flags & SYN != 0);
        let before = out.len();
        self.pump(now, Cause::First, out);
        if out.len() == before {
            if must {
                self.acknowledge(now, out);
            } else if self.unacked > 0 && self.delayed.is_none() {
                self.delayed = Some(now + 40_000_000);
            }
        }
    }

    /// Takes the data of a packet in; true if it must be acknowledged at once.
    fn accept(&mut self, p: &Packet) -> bool {
        let end = p.end();
        if end == p.seq || p.flags & SYN != 0 {
            return false;
        }
        if p.flags & FIN != 0 {
            self.fin_at = Some(end - 1);
        }
        if end <= self.rcv_nxt {
            return true;
        }
        if p.seq > self.rcv_nxt {
            let mut block = (p.seq, end);
            self.beyond.retain(|b| {
                let apart = b.1 < block.0 || b.0 > block.1;
                if !apart {
                    block = (block.0.min(b.0), block.1.max(b.1));
                }
                apart
            });
            self.beyond.insert(0, block);
            return true;
        }
        let hole = !self.beyond.is_empty();
        self.rcv_nxt = end;
        while let Some(at) = self.beyond.iter().position(|b| b.0 <= self.rcv_nxt) {
            self.rcv_nxt = self.rcv_nxt.max(self.beyond.swap_remove(at).1);
        }
        self.unacked += 1;
        hole || self.unacked >= 2 || p.flags & FIN != 0
    }
}
