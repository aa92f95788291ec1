//! What the wire is told to do, to which frames.
//!
//! A rule is a line: what to do, then which frames: `drop client:data:2`,
//! `delay 350 client:data:1`, `hold 1 client:data:2`, `corrupt 5 0x20 client:udp`.
//! Which frames: `[HOST:]WHAT[:WHICH]`; WHAT is one or more words joined by `+`;
//! WHICH is `3`, `2,4,6`, `4-6`, `3-` or `all` (the default is 1, the first match).
//! `inject client:data:2 flags=R seq=nxt` has the wire make a segment right after that frame, as if
//! its sender had sent it; `answer …`, as if its receiver had.

use super::inject::Template;
use super::outcome::RuleReport;
use super::peek::{Peek, PeekTcp, Upper, bits};
use super::script::Token;

/// A frame with what the wire knows about it from those before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// Its headers; `None` when it is no IP packet.
    pub peek: Option<Peek>,
    /// Some of its octets were sent before in this conversation.
    pub resent: bool,
    /// One octet or none, just before what was sent last: a keepalive or window probe.
    pub probe: bool,
    /// A pure acknowledgment that repeats the one before it.
    pub dup_ack: bool,
}

/// One thing a frame may be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Any,
    Tcp,
    Udp,
    Icmp,
    IcmpType(u8),
    Ip(u8),
    Data,
    Syn,
    SynAck,
    Ack,
    Fin,
    Rst,
    Psh,
    Frag,
    Resent,
    Fresh,
    Probe,
    DupAck,
    Sack,
    Dsack,
    Flags(String),
    Port(u16),
    Header(u8),
    Window(u16),
    Unreachable,
    TooBig,
    Mld,
    Len(Compare, u16),
}

/// How a number is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `<`
    Less,
}

impl Compare {
    /// Reads the operator.
    pub(super) fn parse(s: &str) -> Option<Self> {
        Some(match s {
            "==" | "=" => Self::Equal,
            "!=" => Self::Unequal,
            ">=" => Self::AtLeast,
            "<=" => Self::AtMost,
            ">" => Self::More,
            "<" => Self::Less,
            _ => return None,
        })
    }

    /// Does it hold?
    pub(super) fn holds<T: PartialOrd>(self, a: T, b: T) -> bool {
        match self {
            Self::Equal => a == b,
            Self::Unequal => a != b,
            Self::AtLeast => a >= b,
            Self::AtMost => a <= b,
            Self::More => a > b,
            Self::Less => a < b,
        }
    }
}

/// Which frames: those that are all of these, sent by this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Which {
    /// Sent by this host, if given.
    pub from: Option<usize>,
    words: Vec<Word>,
    nth: Nth,
    text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Nth {
    All,
    Ranges(Vec<(u32, u32)>),
}

impl Which {
    /// Reads `[HOST:]WHAT[:WHICH]`.
    pub(super) fn parse(text: &str, hosts: &[String]) -> Result<Self, String> {
        let mut parts = text.split(':').peekable();
        let mut from = None;
        if let Some(first) = parts.peek()
            && let Some(i) = hosts.iter().position(|h| h == first)
        {
            from = Some(i);
            parts.next();
        }
        let what = parts.next().unwrap_or("any");
        let words = what.split('+').map(Word::parse).collect::<Result<Vec<_>, _>>()?;
        let nth = match parts.next() {
            None => Nth::Ranges(vec![(1, 1)]),
            Some("all") => Nth::All,
            Some(list) => {
                let number = |s: &str| {
                    s.parse::<u32>().map_err(|_| format!("{list:?} in {text:?}: say 3, 2,4, 4-6, 3- or all"))
                };
                Nth::Ranges(
                    list.split(',')
                        .map(|r| match r.split_once('-') {
                            Some((a, "")) => Ok((number(a)?, u32::MAX)),
                            Some((a, b)) => Ok((number(a)?, number(b)?)),
                            None => number(r).map(|n| (n, n)),
                        })
                        .collect::<Result<_, String>>()?,
                )
            }
        };
        if parts.next().is_some() {
            return Err(format!("{text:?}: too many colons; say HOST:WHAT:WHICH"));
        }
        Ok(Self { from, words, nth, text: text.to_owned() })
    }

    /// The frame is of the kind, whichever of them it is.
    pub(super) fn is(&self, from: Option<usize>, seen: &Seen) -> bool {
        (self.from.is_none() || self.from == from) && self.words.iter().all(|w| w.is(seen))
    }

    /// The `n`th of the kind (from 1) is meant.
    fn means(&self, n: u32) -> bool {
        match &self.nth {
            Nth::All => true,
            Nth::Ranges(r) => r.iter().any(|&(a, b)| (a..=b).contains(&n)),
        }
    }

    /// As it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

impl Word {
    fn parse(text: &str) -> Result<Self, String> {
        let value = |s: &str| s.parse::<u16>().map_err(|_| format!("{text:?}: a number is missing"));
        if let Some(rest) = text.strip_prefix("len") {
            let digits = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let (op, number) = rest.split_at(digits);
            let op = Compare::parse(op).ok_or_else(|| format!("{text:?}: say len>=100"))?;
            return Ok(Self::Len(op, value(number)?));
        }
        Ok(match text.split_once('=') {
            Some(("flags", f)) => Self::Flags(if f == "none" { String::new() } else { f.to_owned() }),
            Some(("port", p)) => Self::Port(value(p)?),
            Some(("header", n)) => Self::Header(
                u8::try_from(value(n)?).map_err(|_| format!("{text:?}: a header has 20 to 60 octets"))?,
            ),
            Some(("icmp", n)) => {
                Self::IcmpType(u8::try_from(value(n)?).map_err(|_| format!("{text:?}: a type is 0 to 255"))?)
            }
            Some(("win", n)) => Self::Window(value(n)?),
            _ => match text {
                "any" => Self::Any,
                "tcp" => Self::Tcp,
                "udp" => Self::Udp,
                "icmp" => Self::Icmp,
                "igmp" => Self::Ip(2),
                "data" => Self::Data,
                "syn" => Self::Syn,
                "synack" => Self::SynAck,
                "ack" => Self::Ack,
                "fin" => Self::Fin,
                "rst" => Self::Rst,
                "psh" => Self::Psh,
                "frag" => Self::Frag,
                "resent" => Self::Resent,
                "fresh" => Self::Fresh,
                "probe" => Self::Probe,
                "dupack" => Self::DupAck,
                "sack" => Self::Sack,
                "dsack" => Self::Dsack,
                "unreachable" => Self::Unreachable,
                "toobig" => Self::TooBig,
                "mld" => Self::Mld,
                _ => {
                    return Err(format!(
                        "{text:?} is no kind of frame; there are: any tcp udp icmp igmp mld data syn synack ack fin \
                         rst psh frag resent fresh probe dupack sack dsack unreachable toobig flags=S. port=80 \
                         header=60 win=0 icmp=135 len>=100"
                    ));
                }
            },
        })
    }

    fn is(&self, seen: &Seen) -> bool {
        let Some(p) = &seen.peek else { return *self == Self::Any };
        let tcp = |f: &dyn Fn(&PeekTcp) -> bool| p.tcp().is_some_and(f);
        match self {
            Self::Any => true,
            Self::Tcp => p.tcp().is_some(),
            Self::Udp => matches!(p.upper, Upper::Udp { .. } | Upper::Other(17)),
            Self::IcmpType(n) => matches!(p.upper, Upper::Icmp { kind, .. } if kind == *n),
            Self::Icmp => matches!(p.upper, Upper::Icmp { .. }),
            Self::Ip(n) => matches!(p.upper, Upper::Other(o) if o == *n),
            // RFC 792, RFC 4443 section 3.1.
            Self::Unreachable => {
                matches!(
                    (p.upper, p.src.is_ipv6()),
                    (Upper::Icmp { kind: 3, .. }, false) | (Upper::Icmp { kind: 1, .. }, true)
                )
            }
            // RFC 1191; RFC 4443 section 3.2.
            Self::TooBig => {
                matches!(
                    (p.upper, p.src.is_ipv6()),
                    (Upper::Icmp { kind: 3, code: 4 }, false) | (Upper::Icmp { kind: 2, .. }, true)
                )
            }
            Self::Mld => p.is_mld(),
            Self::Data => tcp(&|t| t.payload > 0 && !seen.probe),
            Self::Syn => tcp(&|t| t.has(bits::SYN) && !t.has(bits::ACK)),
            Self::SynAck => tcp(&|t| t.has(bits::SYN | bits::ACK)),
            Self::Ack => tcp(&|t| t.payload == 0 && t.flags == bits::ACK && !seen.probe),
            Self::Fin => tcp(&|t| t.has(bits::FIN)),
            Self::Rst => tcp(&|t| t.has(bits::RST)),
            Self::Psh => tcp(&|t| t.has(bits::PSH)),
            Self::Frag => p.more_fragments || p.frag_offset > 0,
            Self::Resent => seen.resent,
            Self::Fresh => !seen.resent && !seen.probe,
            Self::Probe => seen.probe,
            Self::DupAck => seen.dup_ack,
            Self::Sack => tcp(&|t| t.sack_blocks > 0),
            Self::Dsack => tcp(&PeekTcp::dsack),
            Self::Flags(f) => tcp(&|t| {
                let mut have: Vec<char> = t.letters().chars().collect();
                let mut want: Vec<char> = f.chars().collect();
                have.sort_unstable();
                want.sort_unstable();
                have == want
            }),
            Self::Port(n) => match p.upper {
                Upper::Tcp(t) => t.src_port == *n || t.dst_port == *n,
                Upper::Udp { src_port, dst_port, .. } => src_port == *n || dst_port == *n,
                _ => false,
            },
            Self::Header(n) => tcp(&|t| t.header == *n),
            Self::Window(n) => tcp(&|t| t.window == *n),
            Self::Len(op, n) => match p.upper {
                Upper::Tcp(t) => op.holds(t.payload, *n),
                Upper::Udp { length, .. } => op.holds(length.saturating_sub(8), *n),
                _ => op.holds(p.total_len.saturating_sub(p.ip_header), *n),
            },
        }
    }
}

/// What to do with a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// Lose it.
    Drop,
    /// Send it on this many times more.
    Dup(u32),
    /// Keep it back, milliseconds.
    Delay(u32),
    /// Keep it back until this many later frames of its direction have passed.
    Hold(u32),
    /// Change an octet of its payload: offset and what to xor it with.
    Corrupt(u16, u8),
    /// Set its UDP checksum to 0, as a sender with SO_NO_CHECK does.
    NoChecksum,
    /// Lose it if it is longer than this, and tell the sender (RFC 1191, RFC 8201).
    TooBig(u16),
    /// Send a segment of the wire's own after it, as if its sender had sent that.
    Inject(Template),
    /// The same, as if its receiver had.
    Answer(Template),
}

impl Act {
    /// It makes a segment, and does nothing to the frame itself.
    pub(super) const fn makes(&self) -> bool {
        matches!(self, Self::Inject(_) | Self::Answer(_))
    }
}

/// A rule and what it has done.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// Which frames.
    pub which: Which,
    /// What to do.
    pub act: Act,
    /// As it was written.
    pub text: String,
    matched: u32,
    /// Indices of the frames it acted on.
    pub acted: Vec<usize>,
}

impl Rule {
    /// Reads a rule line.
    pub(super) fn parse(text: &str, hosts: &[String]) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let number = |s: &str| -> Result<u32, String> {
            let parsed = match s.strip_prefix("0x") {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => s.parse(),
            };
            parsed.map_err(|_| format!("{s:?} in {text:?} is no number"))
        };
        let small = |s: &str| -> Result<u16, String> {
            u16::try_from(number(s)?).map_err(|_| format!("{s:?} in {text:?} is too large"))
        };
        let (act, which) = match words.as_slice() {
            ["drop", w] => (Act::Drop, w),
            ["dup", w] => (Act::Dup(1), w),
            ["dup", n, w] => (Act::Dup(number(n)?.clamp(1, 1000)), w),
            ["delay", ms, w] => (Act::Delay(number(ms.trim_end_matches("ms"))?), w),
            ["hold", w] => (Act::Hold(1), w),
            ["hold", k, w] => (Act::Hold(number(k)?.max(1)), w),
            ["corrupt", w] => (Act::Corrupt(0, 0x01), w),
            ["corrupt", at, xor, w] => (Act::Corrupt(small(at)?, (number(xor)? & 0xff) as u8), w),
            ["no-checksum", w] => (Act::NoChecksum, w),
            ["too-big", mtu, w] => (Act::TooBig(small(mtu)?), w),
            [verb @ ("inject" | "answer"), w, fields @ ..] if !fields.is_empty() => {
                let fields: Vec<Token> = fields.iter().map(|&f| Token::Word(f.into())).collect();
                let segment = Template::parse(&fields).map_err(|why| format!("rule {text:?}: {why}"))?;
                (if *verb == "inject" { Act::Inject(segment) } else { Act::Answer(segment) }, w)
            }
            _ => {
                return Err(format!(
                    "rule {text:?}: say drop WHICH, dup [N] WHICH, delay MS WHICH, hold [K] WHICH, corrupt [AT XOR] \
                     WHICH, no-checksum WHICH, too-big MTU WHICH, inject WHICH FIELD… or answer WHICH FIELD…"
                ));
            }
        };
        let which = Which::parse(which, hosts)?;
        Ok(Self { which, act, text: words.join(" "), matched: 0, acted: Vec::new() })
    }

    /// What it did.
    pub(super) fn report(&self) -> RuleReport {
        RuleReport { rule: self.text.clone(), fired: self.acted.len(), frames: self.acted.clone() }
    }

    /// Does it act on this frame? Counts it either way.
    pub(super) fn takes(&mut self, from: Option<usize>, seen: &Seen) -> bool {
        if !self.which.is(from, seen) {
            return false;
        }
        self.matched += 1;
        self.which.means(self.matched)
    }
}
