//! What becomes of a frame: the rules, chance, the queue before a slow line.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::craft;
use super::super::hosts::address;
use super::super::outcome::Fate;
use super::super::peek::{Peek, Upper};
use super::super::rules::{Act, Seen};
use super::{Held, Line, Wire};
use crate::model::Timestamp;

impl Wire {
    pub(super) fn decide(&mut self, index: usize, from: Option<usize>, seen: &Seen, now: Timestamp) {
        let made = self.frames.get(index).is_some_and(|f| f.fate.contains(&Fate::Injected));
        let mut acts = Vec::new();
        for rule in &mut self.rules {
            // What the wire made gives no cause for more, or it would never end.
            if rule.act.makes() && (made || seen.peek.is_none_or(|p| p.tcp().is_none())) {
                continue;
            }
            if rule.takes(from, seen) {
                if let (Act::TooBig(mtu), Some(p)) = (&rule.act, seen.peek)
                    && p.total_len <= *mtu
                {
                    continue;
                }
                rule.acted.push(index);
                acts.push(rule.act.clone());
            }
        }
        let (made, acts): (Vec<_>, Vec<_>) = acts.into_iter().partition(Act::makes);
        self.act(index, from, now, acts);
        for act in &made {
            self.make(seen, act);
        }
    }

    /// Does to a frame what the rules say, and then what its line does.
    fn act(&mut self, index: usize, from: Option<usize>, now: Timestamp, acts: Vec<Act>) {
        let (mut delay, mut copies, mut hold) = (Duration::ZERO, 1, None);
        let mut altered: Option<Vec<u8>> = None;
        for act in acts {
            match act {
                Act::Drop => {
                    self.note(index, Fate::Dropped);
                    // Nobody will hear of it; only the sender's kernel can tell where it stands.
                    return self.truth.sample(now, None);
                }
                Act::TooBig(mtu) => {
                    self.note(index, Fate::Dropped);
                    return self.refuse(index, mtu);
                }
                Act::Dup(n) => {
                    copies += n;
                    self.note(index, Fate::Duplicated(n));
                }
                Act::Delay(ms) => {
                    delay += Duration::from_millis(ms.into());
                    self.note(index, Fate::Delayed(ms));
                }
                Act::Hold(k) => {
                    hold = Some(k);
                    self.note(index, Fate::Held(k));
                }
                Act::Corrupt(at, xor) => {
                    self.alter(index, &mut altered, |payload, _| {
                        if let Some(b) = payload.get_mut(usize::from(at)) {
                            *b ^= xor;
                        }
                    });
                }
                Act::Inject(_) | Act::Answer(_) => {}
                Act::NoChecksum => {
                    self.alter(index, &mut altered, |_, header| {
                        if let Some(field) = header.get_mut(6..8) {
                            field.fill(0);
                        }
                    });
                }
            }
        }
        let line = from.and_then(|h| self.lines.get(h).copied()).unwrap_or_default();
        if line.loss > 0 && self.dice() % 1_000_000 < line.loss.into() {
            return self.note(index, Fate::Lost);
        }
        let Some(mut leaves) = self.queue(index, from, line, now) else {
            return self.note(index, Fate::QueueFull);
        };
        leaves = leaves.plus(i64::try_from((line.delay + delay).as_nanos()).unwrap_or(i64::MAX));
        if let Some(left) = hold {
            self.held.push(Held { frame: index, from, left, altered });
            return;
        }
        for _ in 0..copies {
            self.push(leaves, index, altered.clone());
        }
        let mut released = Vec::new();
        for h in &mut self.held {
            if h.from == from && h.frame != index {
                h.left -= 1;
            }
        }
        self.held.retain_mut(|h| {
            if h.left == 0 {
                released.push((h.frame, h.altered.take()));
            }
            h.left > 0
        });
        for (frame, altered) in released {
            self.push(leaves, frame, altered);
        }
    }

    /// When the frame leaves the queue before a limited line; `None` when it is full.
    fn queue(&mut self, index: usize, from: Option<usize>, line: Line, now: Timestamp) -> Option<Timestamp> {
        let (true, Some(host)) = (line.rate > 0, from) else { return Some(now) };
        let len = self.frames.get(index).map_or(0, |f| u64::from(f.orig_len));
        let waiting = self.queued.get_mut(host)?;
        waiting.retain(|t| *t > now);
        if line.queue > 0 && waiting.len() >= line.queue {
            return None;
        }
        let free = self.free_at.get_mut(host)?;
        let start = (*free).max(now);
        let takes = len.saturating_mul(8_000_000_000) / line.rate;
        *free = start.plus(i64::try_from(takes).unwrap_or(i64::MAX));
        waiting.push(*free);
        Some(*free)
    }

    fn alter(
        &mut self,
        index: usize,
        altered: &mut Option<Vec<u8>>,
        change: impl FnOnce(&mut [u8], &mut [u8]),
    ) {
        let (Some(frame), Some(seen)) = (self.frames.get(index), self.seen.get(index)) else { return };
        let skip = frame.bytes.len() - self.packet(&frame.bytes).len();
        let mut bytes = altered.take().unwrap_or_else(|| frame.bytes.clone());
        if let Some(p) = seen.peek {
            let header = match p.upper {
                Upper::Tcp(t) => t.header,
                Upper::Udp { .. } => 8,
                _ => 0,
            };
            let start = (skip + usize::from(p.ip_header)).min(bytes.len());
            let (_, upper) = bytes.split_at_mut(start);
            let (header, payload) = upper.split_at_mut(usize::from(header).min(upper.len()));
            change(payload, header);
        }
        *altered = Some(bytes);
        self.note(index, Fate::Altered);
    }

    /// Tells the sender that its packet was too big (RFC 1191, RFC 8201), as a router does.
    fn refuse(&mut self, index: usize, mtu: u16) {
        let Some(frame) = self.frames.get(index) else { return };
        let packet = self.packet(&frame.bytes).to_vec();
        let Some(p) = Peek::ip(&packet) else { return };
        let router = address(254, p.src.is_ipv6());
        self.inject(None, craft::too_big(router, p.src, mtu, &packet));
    }

    /// Makes the segment that a rule wants after this frame.
    fn make(&mut self, seen: &Seen, act: &Act) {
        let Some((p, t)) = seen.peek.as_ref().and_then(|p| Some((p, p.tcp()?))) else { return };
        let (src, dst) = (SocketAddr::new(p.src, t.src_port), SocketAddr::new(p.dst, t.dst_port));
        let (template, from, to) = match act {
            Act::Inject(template) => (template, src, dst),
            Act::Answer(template) => (template, dst, src),
            _ => return,
        };
        // Who sent nothing yet would send what the other expects, if that expects anything.
        let mut next = self.next(from, to);
        let silent = usize::from(from == src);
        next[silent].get_or_insert(t.ack);
        if let Ok(packet) = template.packet(from, to, next) {
            self.inject(self.host_of(from.ip()), packet);
        }
    }

    /// What each of the two would send next, raw; `None` before its first segment.
    pub(in crate::lab) fn next(&self, from: SocketAddr, to: SocketAddr) -> [Option<u32>; 2] {
        let of = |a: SocketAddr, b: SocketAddr| self.notice.next_seq(a.ip(), a.port(), b.ip(), b.port());
        [of(from, to), of(to, from)]
    }

    /// A frame of the wire's own making, as if `from` had sent it.
    pub(in crate::lab) fn inject(&mut self, from: Option<usize>, packet: Vec<u8>) {
        self.enter(from, packet, true);
    }
}
