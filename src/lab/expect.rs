//! Claims, checked on the run: on the frames of the wire by the lab's own look at
//! headers, on the kernel's samples and counters, on the log of calls.

use std::collections::BTreeSet;

use super::outcome::{LabOutcome, Verdict};
use super::peek::{Peek, Upper, bits};
use super::rules::{Compare, Seen, Which};
use super::script::Expect;
use crate::model::TcpState;

/// What checks look at.
pub(super) struct Evidence<'a> {
    /// The run so far.
    pub run: &'a LabOutcome,
    /// What the wire knew about each frame.
    pub seen: &'a [Seen],
    /// Octets each socket's program received.
    pub received: &'a std::collections::BTreeMap<String, usize>,
}

struct Found {
    held: bool,
    seen: String,
    frames: Vec<usize>,
}

impl Evidence<'_> {
    /// Checks one claim.
    pub(super) fn check(&self, expect: &Expect) -> Result<Verdict, String> {
        let found = self.evaluate(&expect.check).map_err(|e| format!("check {:?}: {e}", expect.check))?;
        Ok(Verdict {
            claim: expect.claim.clone(),
            check: expect.check.clone(),
            held: found.held,
            seen: found.seen,
            frames: found.frames,
        })
    }

    fn names(&self) -> Vec<String> {
        self.run.hosts.iter().map(|h| h.name.clone()).collect()
    }

    fn host(&self, name: &str) -> Result<usize, String> {
        self.run.hosts.iter().position(|h| h.name == name).ok_or_else(|| format!("no host {name:?}"))
    }

    fn matching(&self, which: &Which) -> Vec<usize> {
        (0..self.run.frames.len()).filter(|&i| self.is(which, i)).collect()
    }

    fn is(&self, which: &Which, i: usize) -> bool {
        match (self.run.frames.get(i), self.seen.get(i)) {
            (Some(f), Some(s)) => which.is(f.from, s),
            _ => false,
        }
    }

    fn evaluate(&self, check: &str) -> Result<Found, String> {
        let words: Vec<&str> = check.split_whitespace().collect();
        let which = |w: &str| Which::parse(w, &self.names());
        let number = |w: &str| w.parse::<i64>().map_err(|_| format!("{w:?} is no number"));
        let compare = |w: &str| Compare::parse(w).ok_or_else(|| format!("{w:?}: say == != >= <= > or <"));
        match words.as_slice() {
            ["count", w, op, n] => {
                let frames = self.matching(&which(w)?);
                let count = i64::try_from(frames.len()).unwrap_or(i64::MAX);
                let held = compare(op)?.holds(count, number(n)?);
                Ok(Found { held, seen: format!("{count} of {w}"), frames })
            }
            ["order", list @ ..] => self.order(list),
            ["exactly", list @ ..] => self.exactly(list),
            ["counter", host, name, op, n] => {
                let name = &self.counter(name);
                let value =
                    self.run.counters.get(self.host(host)?).and_then(|c| c.get(name)).copied().unwrap_or(0);
                let held = compare(op)?.holds(value, number(n)?);
                Ok(Found { held, seen: format!("{host} {name} = {value}"), frames: Vec::new() })
            }
            ["states", host, port, list @ ..] => self.states(host, port, list),
            ["info", host, port, field, op, n] => self.info(host, port, field, compare(op)?, number(n)?),
            ["received", socket, op, n] => {
                let value =
                    i64::try_from(self.received.get(*socket).copied().unwrap_or(0)).unwrap_or(i64::MAX);
                let held = compare(op)?.holds(value, number(n)?);
                Ok(Found { held, seen: format!("{value} octets"), frames: Vec::new() })
            }
            ["headers", list @ ..] => self.headers(list),
            ["backoff", host, port] => self.backoff(host, port),
            ["rounds", w, factor] => self.rounds(&which(w)?, factor),
            ["reached", host, w, op, n] => {
                let (host, which) = (self.host(host)?, which(w)?);
                let frames: Vec<usize> = self
                    .matching(&which)
                    .into_iter()
                    .filter(|&i| {
                        self.run.frames.get(i).is_some_and(|f| f.deliveries.iter().any(|d| d.to == host))
                    })
                    .collect();
                let count: i64 = frames
                    .iter()
                    .filter_map(|&i| self.run.frames.get(i))
                    .map(|f| f.deliveries.iter().filter(|d| d.to == host).count() as i64)
                    .sum();
                let held = compare(op)?.holds(count, number(n)?);
                Ok(Found { held, seen: format!("{count} of {w} reached it"), frames })
            }
            ["ip-octets", w, op, n] => self.ip_octets(&which(w)?, compare(op)?, number(n)?),
            ["header-octets", w, op, n] => self.header_octets(&which(w)?, compare(op)?, number(n)?),
            ["largest", w, op, n] => self.largest(&which(w)?, compare(op)?, number(n)?),
            ["ack-is-next", a, b] => self.ack_is_next(&which(a)?, &which(b)?),
            ["wraps", w] => self.wraps(&which(w)?),
            ["call", socket, name, op, n] => {
                let count = self
                    .run
                    .calls
                    .iter()
                    .filter(|c| c.socket == *socket && c.text.contains(&format!("{name}(")))
                    .count() as i64;
                let held = compare(op)?.holds(count, number(n)?);
                Ok(Found { held, seen: format!("{count} calls"), frames: Vec::new() })
            }
            ["caused", socket, name, op, n] => self.caused(socket, name, compare(op)?, number(n)?),
            _ => Err(
                "no such check; there are: count order exactly counter states info received headers backoff \
                      rounds reached ip-octets header-octets largest ack-is-next wraps call caused"
                    .into(),
            ),
        }
    }

    /// A counter's name over the lab's version of IP: `Udp.NoPorts` is `Udp6.NoPorts` over IPv6.
    fn counter(&self, name: &str) -> String {
        let six = self.run.hosts.iter().any(|h| h.addr.is_ipv6());
        match name.split_once('.') {
            Some((group @ ("Ip" | "Icmp" | "Udp"), own)) if six => format!("{group}6.{own}"),
            _ => name.to_owned(),
        }
    }

    /// Frames of these kinds come in this order, others between them allowed.
    fn order(&self, list: &[&str]) -> Result<Found, String> {
        let mut frames = Vec::new();
        let mut at = 0;
        for word in list {
            let which = Which::parse(word, &self.names())?;
            match (at..self.run.frames.len()).find(|&i| self.is(&which, i)) {
                Some(i) => {
                    frames.push(i);
                    at = i + 1;
                }
                None => return Ok(Found { held: false, seen: format!("no {word} after that"), frames }),
            }
        }
        Ok(Found { held: true, seen: "in this order".into(), frames })
    }

    /// The frames are these and no others.
    fn exactly(&self, list: &[&str]) -> Result<Found, String> {
        let n = self.run.frames.len();
        let mut frames = Vec::new();
        for (i, word) in list.iter().enumerate() {
            if !self.is(&Which::parse(word, &self.names())?, i) {
                return Ok(Found { held: false, seen: format!("frame {} is no {word}", i + 1), frames });
            }
            frames.push(i);
        }
        Ok(Found { held: n == list.len(), seen: format!("{n} frames"), frames })
    }

    fn port(text: &str) -> Result<u16, String> {
        text.parse().map_err(|_| format!("{text:?} is no port"))
    }

    /// The kernel said that this socket was in these states, in this order.
    fn states(&self, host: &str, port: &str, list: &[&str]) -> Result<Found, String> {
        let (host, port) = (self.host(host)?, Self::port(port)?);
        let mut history: Vec<&str> = Vec::new();
        for s in self.run.states.iter().filter(|s| s.host == host && s.local_port == port) {
            let name = s.state.map_or("none", TcpState::name);
            if history.last() != Some(&name) {
                history.push(name);
            }
        }
        let mut rest = history.iter();
        let held = list.iter().all(|want| rest.any(|h| h == want));
        Ok(Found { held, seen: history.join(" "), frames: Vec::new() })
    }

    /// Some sample of TCP_INFO satisfies this.
    fn info(&self, host: &str, port: &str, field: &str, op: Compare, n: i64) -> Result<Found, String> {
        let (host, port) = (self.host(host)?, Self::port(port)?);
        let mut best: Option<i64> = None;
        let mut held = false;
        for s in self.run.states.iter().filter(|s| s.host == host && s.local_port == port) {
            let Some(i) = &s.info else { continue };
            let value = match field {
                "ca_state" => i.ca_state.into(),
                "backoff" => i.backoff.into(),
                "probes" => i.probes.into(),
                "retransmits" => i.retransmits.into(),
                "unacked" => i.unacked.into(),
                "sacked" => i.sacked.into(),
                "lost" => i.lost.into(),
                "pmtu" => i.pmtu.into(),
                "snd_mss" => i.snd_mss.into(),
                "ssthresh" => i.snd_ssthresh.into(),
                "cwnd" => i.snd_cwnd.into(),
                "total_retrans" => i.total_retrans.into(),
                "dsack_dups" => i.dsack_dups.into(),
                "reord_seen" => i.reord_seen.into(),
                "rcv_ooopack" => i.rcv_ooopack.into(),
                "snd_wnd" => i.snd_wnd.into(),
                "notsent" => i.notsent.into(),
                _ => return Err(format!("{field:?} is no field of TCP_INFO that labs know")),
            };
            let extreme = match op {
                Compare::AtMost | Compare::Less => best.is_none_or(|b| value < b),
                _ => best.is_none_or(|b| value > b),
            };
            if extreme {
                best = Some(value);
            }
            held |= op.holds(value, n);
        }
        let seen = best.map_or("never asked".into(), |b| format!("{field} came to {b}"));
        Ok(Found { held, seen, frames: Vec::new() })
    }

    /// TCP headers of these lengths all occurred.
    fn headers(&self, list: &[&str]) -> Result<Found, String> {
        let mut lengths = BTreeSet::new();
        let mut frames = Vec::new();
        for (i, s) in self.seen.iter().enumerate() {
            if let Some(t) = s.peek.as_ref().and_then(|p| p.tcp())
                && lengths.insert(t.header)
            {
                frames.push(i);
            }
        }
        let want: Vec<u8> = list
            .iter()
            .map(|n| n.parse().map_err(|_| format!("{n:?} is no length")))
            .collect::<Result<_, _>>()?;
        let held = want.iter().all(|n| lengths.contains(n));
        let seen = lengths.iter().map(u8::to_string).collect::<Vec<_>>().join(" ");
        Ok(Found { held, seen: format!("lengths {seen}"), frames })
    }

    /// The kernel's retransmission timeout doubled with each backoff (RFC 6298 section 5.5).
    fn backoff(&self, host: &str, port: &str) -> Result<Found, String> {
        let (host, port) = (self.host(host)?, Self::port(port)?);
        let mut steps: Vec<(u8, u32)> = Vec::new();
        for s in self.run.states.iter().filter(|s| s.host == host && s.local_port == port) {
            let Some(i) = &s.info else { continue };
            if i.backoff > steps.last().map_or(0, |s| s.0) {
                steps.push((i.backoff, i.rto));
            }
        }
        let doubled = steps.iter().zip(steps.iter().skip(1)).all(|((b, r), (c, q))| {
            let factor = 1_u64 << u32::from(c - b).min(32);
            u64::from(*q).abs_diff(u64::from(*r) * factor) <= u64::from(*q) / 50
        });
        let seen = steps.iter().map(|(_, rto)| format!("{} ms", rto / 1000)).collect::<Vec<_>>().join(", ");
        Ok(Found {
            held: steps.len() >= 2 && doubled,
            seen: format!("timeouts of {seen}"),
            frames: Vec::new(),
        })
    }

    /// Each round trip carried about `factor` times as many segments as the one before. A
    /// round ends when what was sent before it began has been acknowledged.
    fn rounds(&self, which: &Which, factor: &str) -> Result<Found, String> {
        let factor: f64 = factor.parse().map_err(|_| format!("{factor:?} is no number"))?;
        let tcp = |i: usize| self.seen.get(i).and_then(|s| s.peek).and_then(|p| p.tcp().copied());
        let before = |a: u32, b: u32| a.wrapping_sub(b).cast_signed() < 0;
        let (mut rounds, mut frames) = (Vec::<usize>::new(), Vec::new());
        let mut mark = None::<u32>;
        for c in self.run.capture(super::outcome::Observer::Host(which.from.unwrap_or(0))) {
            let Some(t) = tcp(c.frame) else { continue };
            if c.sent && self.is(which, c.frame) {
                frames.push(c.frame);
                if mark.is_none() {
                    rounds.push(0);
                    mark = Some(t.end());
                }
                if let Some(n) = rounds.last_mut() {
                    *n += 1;
                }
            } else if !c.sent && t.has(bits::ACK) && mark.is_some_and(|m| !before(t.ack, m)) {
                // The first octets of this round came back: what goes from now on is the next.
                mark = None;
            }
        }
        // The last round is what was left to send.
        let full = rounds.get(..rounds.len().saturating_sub(1)).unwrap_or_default();
        let grows = full.iter().zip(full.iter().skip(1)).all(|(a, b)| *b as f64 >= *a as f64 * factor * 0.8);
        Ok(Found { held: full.len() >= 3 && grows, seen: format!("rounds of {rounds:?}"), frames })
    }

    /// Every frame of the kind has a transport header of so many octets.
    fn header_octets(&self, which: &Which, op: Compare, n: i64) -> Result<Found, String> {
        self.lengths(which, op, n, |p| match p.upper {
            Upper::Tcp(t) => i64::from(t.header),
            Upper::Udp { .. } => 8,
            _ => 0,
        })
    }

    /// Every frame of the kind has an IP header of so many octets, extension headers included.
    fn ip_octets(&self, which: &Which, op: Compare, n: i64) -> Result<Found, String> {
        self.lengths(which, op, n, |p| p.ip_header.into())
    }

    fn lengths(&self, which: &Which, op: Compare, n: i64, of: fn(Peek) -> i64) -> Result<Found, String> {
        let frames = self.matching(which);
        let length = |i: &usize| self.seen.get(*i).and_then(|s| s.peek).map_or(0, of);
        let lengths: BTreeSet<i64> = frames.iter().map(length).collect();
        let held = !frames.is_empty() && lengths.iter().all(|l| op.holds(*l, n));
        Ok(Found { held, seen: format!("{lengths:?} octets"), frames })
    }

    /// The largest packet of the kind, octets with the IP header.
    fn largest(&self, which: &Which, op: Compare, n: i64) -> Result<Found, String> {
        let frames = self.matching(which);
        let largest = frames
            .iter()
            .filter_map(|&i| self.seen.get(i).and_then(|s| s.peek))
            .map(|p| i64::from(p.total_len))
            .max()
            .unwrap_or(0);
        Ok(Found { held: op.holds(largest, n), seen: format!("{largest} octets"), frames })
    }

    /// The first of `b` acknowledges what comes after the first of `a`.
    fn ack_is_next(&self, a: &Which, b: &Which) -> Result<Found, String> {
        let tcp = |i: usize| self.seen.get(i).and_then(|s| s.peek).and_then(|p| p.tcp().copied());
        let first = self.matching(a).first().copied();
        let Some((i, x)) = first.and_then(|i| Some((i, tcp(i)?))) else {
            return Ok(Found { held: false, seen: format!("no {}", a.text()), frames: Vec::new() });
        };
        let answer =
            self.matching(b).into_iter().find(|&j| j > i && tcp(j).is_some_and(|t| t.has(bits::ACK)));
        let Some((j, y)) = answer.and_then(|j| Some((j, tcp(j)?))) else {
            return Ok(Found { held: false, seen: format!("no {} after it", b.text()), frames: vec![i] });
        };
        Ok(Found {
            held: y.ack == x.end(),
            seen: format!("seq {} ends at {}, ack {}", x.seq, x.end(), y.ack),
            frames: vec![i, j],
        })
    }

    /// Sequence numbers pass from the top of the space to its bottom.
    fn wraps(&self, which: &Which) -> Result<Found, String> {
        let frames = self.matching(which);
        let seqs: Vec<(usize, u32)> =
            frames.iter().filter_map(|&i| Some((i, self.seen.get(i)?.peek?.tcp()?.seq))).collect();
        let wrap = seqs
            .iter()
            .zip(seqs.iter().skip(1))
            .find(|((_, a), (_, b))| b < a && b.wrapping_sub(*a) < 1 << 31);
        Ok(match wrap {
            Some(((i, a), (j, b))) => {
                Found { held: true, seen: format!("seq {a} then {b}"), frames: vec![*i, *j] }
            }
            None => Found { held: false, seen: "no wrap".into(), frames: Vec::new() },
        })
    }

    /// The calls of this name on this socket caused so many frames, together.
    fn caused(&self, socket: &str, name: &str, op: Compare, n: i64) -> Result<Found, String> {
        let frames: Vec<usize> = self
            .run
            .calls
            .iter()
            .filter(|c| c.socket == socket && c.text.contains(&format!("{name}(")))
            .flat_map(|c| c.caused.iter().copied())
            .collect();
        let count = frames.len() as i64;
        Ok(Found { held: op.holds(count, n), seen: format!("{count} frames"), frames })
    }
}
