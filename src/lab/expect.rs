//! Claims, checked on the run: on the frames of the wire by the lab's own look at
//! headers, on the kernel's samples and counters, on the log of calls.

mod kernel;

use std::collections::BTreeSet;

use super::outcome::{Call, LabOutcome, Verdict};
use super::peek::{Peek, Upper, bits};
use super::rules::{Compare, Seen, Which};
use super::script::Expect;

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
                let counters = self.run.counters.get(self.host(host)?);
                let value = *counters
                    .and_then(|c| c.get(name))
                    .ok_or_else(|| format!("this kernel counts no {name}"))?;
                let held = compare(op)?.holds(value, number(n)?);
                Ok(Found { held, seen: format!("{host} {name} = {value}"), frames: Vec::new() })
            }
            ["states", host, port, list @ ..] => self.states(host, port, list),
            [how @ ("info" | "always" | "last"), host, port, field, op, n] => {
                self.info(how, [host, port, field], compare(op)?, number(n)?)
            }
            ["received", socket, op, n] => {
                self.socket(socket)?;
                let value =
                    i64::try_from(self.received.get(*socket).copied().unwrap_or(0)).unwrap_or(i64::MAX);
                let held = compare(op)?.holds(value, number(n)?);
                Ok(Found { held, seen: format!("{value} octets"), frames: Vec::new() })
            }
            ["headers", list @ ..] => self.headers(list),
            ["backoff", host, port] => self.backoff(host, port),
            ["rounds", w, factor, first] => self.rounds(&which(w)?, factor, number(first)?),
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
                self.socket(socket)?;
                let count = self
                    .run
                    .calls
                    .iter()
                    .filter(|c| c.socket == *socket && c.text.contains(&format!("{name}(")))
                    .count() as i64;
                let held = compare(op)?.holds(count, number(n)?);
                Ok(Found { held, seen: format!("{count} calls"), frames: Vec::new() })
            }
            ["came-down", host, port, field] => self.came_down(host, port, field),
            ["cut", host, port, percent] => self.cut(host, port, number(percent)?),
            ["caused", socket, name, op, n] => self.caused(socket, name, compare(op)?, number(n)?),
            _ => Err(
                "no such check; there are: count order exactly counter states info always last came-down cut received \
                 headers backoff rounds reached ip-octets header-octets largest ack-is-next wraps call caused"
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

    /// The first round trip carried `first` segments, and each one after it about `factor` times as
    /// many as the one before. A round ends when what was sent before it began has been acknowledged.
    fn rounds(&self, which: &Which, factor: &str, first: i64) -> Result<Found, String> {
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
        let about = factor * 0.8..=factor * 1.2;
        let grows =
            full.iter().zip(full.iter().skip(1)).all(|(a, b)| about.contains(&(*b as f64 / *a as f64)));
        let begins = full.first().is_some_and(|&n| n as i64 == first);
        Ok(Found { held: full.len() >= 3 && begins && grows, seen: format!("rounds of {rounds:?}"), frames })
    }

    /// Every frame of the kind has a transport header of so many octets. UDP's length field counts
    /// the header and what the program sent: what of it the program did not send is the header.
    fn header_octets(&self, which: &Which, op: Compare, n: i64) -> Result<Found, String> {
        let frames = self.matching(which);
        let mut seen = BTreeSet::new();
        for &i in &frames {
            let peek = self.seen.get(i).and_then(|s| s.peek);
            seen.insert(match peek.map(|p| p.upper) {
                Some(Upper::Tcp(t)) => i64::from(t.header),
                Some(Upper::Udp { length, .. }) => {
                    let sent = self.run.calls.iter().find(|c| c.caused.contains(&i));
                    let sent = sent.ok_or_else(|| format!("no call sent frame {}", i + 1))?;
                    i64::from(length) - i64::try_from(sent.bytes).unwrap_or(i64::MAX)
                }
                _ => return Err(format!("frame {} has no header of TCP or UDP", i + 1)),
            });
        }
        let text = seen.iter().map(i64::to_string).collect::<Vec<_>>().join(" ");
        let held = !frames.is_empty() && seen.iter().all(|&have| op.holds(have, n));
        Ok(Found { held, seen: format!("{text} octets"), frames })
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

    /// The lab has a socket of this name.
    fn socket(&self, name: &str) -> Result<(), String> {
        let known = self.run.calls.iter().any(|c| c.socket == name);
        if known { Ok(()) } else { Err(format!("no program has a socket {name}")) }
    }

    /// The calls of this name on this socket caused so many frames, together.
    fn caused(&self, socket: &str, name: &str, op: Compare, n: i64) -> Result<Found, String> {
        self.socket(socket)?;
        let of = |c: &&Call| c.socket == socket && c.text.contains(&format!("{name}("));
        let calls: Vec<&Call> = self.run.calls.iter().filter(of).collect();
        if calls.is_empty() {
            return Err(format!("no program called {name} of {socket}"));
        }
        let frames: Vec<usize> = calls.iter().flat_map(|c| c.caused.iter().copied()).collect();
        let count = frames.len() as i64;
        Ok(Found { held: op.holds(count, n), seen: format!("{count} frames"), frames })
    }
}
