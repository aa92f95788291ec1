//! TCP options: every octet accounted for (RFC 9293 section 3.2; the IANA registry).

use std::fmt;

use crate::model::SeqNum;

/// One option, or one piece of the option octets that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TcpOption<'a> {
    /// Kind 0: the end of the list; the octets after it are padding.
    End {
        /// Octets after the option, which mean nothing.
        padding: usize,
    },
    /// Kind 1: one octet of alignment.
    Nop,
    /// Kind 2: maximum segment size the sender can receive.
    MaxSegmentSize(u16),
    /// Kind 3: window scale (RFC 7323), the shift count as sent; above 14 counts as 14.
    WindowScale(u8),
    /// Kind 4: SACK permitted (RFC 2018).
    SackPermitted,
    /// Kind 5: SACK blocks, `(left, right)` edges, raw.
    Sack(SackBlocks),
    /// Kind 8: timestamps (RFC 7323).
    Timestamps {
        /// TSval.
        value: u32,
        /// TSecr.
        echo: u32,
    },
    /// Kind 19: MD5 signature (RFC 2385).
    Md5(&'a [u8]),
    /// Kind 29: TCP-AO (RFC 5925).
    Ao(&'a [u8]),
    /// Kind 30: Multipath TCP (RFC 8684); the subtype is the first half-octet.
    Mptcp(&'a [u8]),
    /// Kind 34: TCP Fast Open cookie (RFC 7413); empty for a cookie request.
    FastOpen(&'a [u8]),
    /// Kind 254 with the magic F989: Fast Open before it had a kind of its own.
    FastOpenExperimental(&'a [u8]),
    /// Any other kind, or one of the above with a length that it cannot have.
    Other {
        /// The kind octet.
        kind: u8,
        /// The octets after kind and length.
        data: &'a [u8],
    },
    /// A length below 2 or past the end: nothing after it can be read.
    Malformed {
        /// The kind octet.
        kind: u8,
        /// The octets from the kind on.
        rest: &'a [u8],
    },
}

/// Up to four SACK blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SackBlocks {
    blocks: [(SeqNum, SeqNum); 4],
    len: u8,
}

impl SackBlocks {
    /// The blocks in the order sent, `(left edge, right edge)`.
    #[must_use]
    pub fn as_slice(&self) -> &[(SeqNum, SeqNum)] {
        &self.blocks[..usize::from(self.len).min(4)]
    }

    fn parse(data: &[u8]) -> Option<Self> {
        let (pairs, rest) = data.as_chunks::<8>();
        if !rest.is_empty() || pairs.len() > 4 {
            return None;
        }
        let mut own = Self::default();
        for (slot, p) in own.blocks.iter_mut().zip(pairs) {
            let [a, b, c, d, e, f, g, h] = *p;
            *slot = (SeqNum(u32::from_be_bytes([a, b, c, d])), SeqNum(u32::from_be_bytes([e, f, g, h])));
        }
        own.len = pairs.len() as u8;
        Some(own)
    }
}

/// Walks option octets; yields every octet exactly once.
#[derive(Debug, Clone)]
pub struct TcpOptions<'a> {
    rest: &'a [u8],
}

impl<'a> TcpOptions<'a> {
    /// The options in `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for TcpOptions<'a> {
    type Item = TcpOption<'a>;

    #[inline]
    fn next(&mut self) -> Option<TcpOption<'a>> {
        let (&kind, after) = self.rest.split_first()?;
        match kind {
            0 => {
                self.rest = &[];
                return Some(TcpOption::End { padding: after.len() });
            }
            1 => {
                self.rest = after;
                return Some(TcpOption::Nop);
            }
            _ => {}
        }
        let whole = after.first().map_or(0, |&l| usize::from(l));
        if whole < 2 || whole > self.rest.len() {
            let rest = std::mem::take(&mut self.rest);
            return Some(TcpOption::Malformed { kind, rest });
        }
        let data = &self.rest[2..whole];
        self.rest = &self.rest[whole..];
        Some(match (kind, data) {
            (2, &[a, b]) => TcpOption::MaxSegmentSize(u16::from_be_bytes([a, b])),
            (3, &[shift]) => TcpOption::WindowScale(shift),
            (4, []) => TcpOption::SackPermitted,
            (5, _) => match SackBlocks::parse(data) {
                Some(blocks) => TcpOption::Sack(blocks),
                None => TcpOption::Other { kind, data },
            },
            (8, &[a, b, c, d, e, f, g, h]) => TcpOption::Timestamps {
                value: u32::from_be_bytes([a, b, c, d]),
                echo: u32::from_be_bytes([e, f, g, h]),
            },
            (19, _) if data.len() == 16 => TcpOption::Md5(data),
            (29, _) if data.len() >= 2 => TcpOption::Ao(data),
            (30, [_, ..]) => TcpOption::Mptcp(data),
            (34, _) => TcpOption::FastOpen(data),
            (254, [0xf9, 0x89, cookie @ ..]) => TcpOption::FastOpenExperimental(cookie),
            _ => TcpOption::Other { kind, data },
        })
    }
}

/// Octets in hex, without spaces.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Display for TcpOption<'_> {
    /// In words, with raw sequence numbers: `mss 1460`, `sack 10-20 30-40`, `md5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End { padding: 0 } => f.write_str("eol"),
            Self::End { padding } => write!(f, "eol +{padding} padding"),
            Self::Nop => f.write_str("nop"),
            Self::MaxSegmentSize(n) => write!(f, "mss {n}"),
            Self::WindowScale(n) => write!(f, "wscale {n}"),
            Self::SackPermitted => f.write_str("sackOK"),
            Self::Sack(blocks) => {
                f.write_str("sack")?;
                blocks.as_slice().iter().try_for_each(|(l, r)| write!(f, " {l}-{r}"))
            }
            Self::Timestamps { value, echo } => write!(f, "TS val {value} ecr {echo}"),
            Self::Md5(_) => f.write_str("md5"),
            Self::Ao(_) => f.write_str("tcp-ao"),
            Self::Mptcp(data) => write!(f, "mptcp {}", mptcp_subtype(data)),
            Self::FastOpen([]) | Self::FastOpenExperimental([]) => f.write_str("tfo cookie request"),
            Self::FastOpen(cookie) | Self::FastOpenExperimental(cookie) => write!(f, "tfo {}", Hex(cookie)),
            Self::Other { kind, data: [] } => write!(f, "option {kind}"),
            Self::Other { kind, data } => write!(f, "option {kind} {}", Hex(data)),
            Self::Malformed { kind, rest } => write!(f, "option {kind} malformed ({})", Hex(rest)),
        }
    }
}

fn mptcp_subtype(data: &[u8]) -> &'static str {
    const NAMES: [&str; 9] =
        ["capable", "join", "dss", "add_addr", "remove_addr", "prio", "fail", "fastclose", "rst"];
    data.first().and_then(|b| NAMES.get(usize::from(b >> 4))).copied().unwrap_or("unknown")
}

/// Option octets as one comma-separated field, the `opts` of the record schema:
/// `mss=1460,nop,ws=7`, unknown kinds as `KIND:hex`, `bad` where they stop making sense.
#[derive(Debug, Clone, Copy)]
pub struct OptionField<'a>(pub &'a [u8]);

impl fmt::Display for OptionField<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, option) in TcpOptions::new(self.0).enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            match option {
                TcpOption::End { .. } => f.write_str("eol")?,
                TcpOption::Nop => f.write_str("nop")?,
                TcpOption::MaxSegmentSize(n) => write!(f, "mss={n}")?,
                TcpOption::WindowScale(n) => write!(f, "ws={n}")?,
                TcpOption::SackPermitted => f.write_str("sackOK")?,
                TcpOption::Sack(blocks) => {
                    f.write_str("sack=")?;
                    for (j, (l, r)) in blocks.as_slice().iter().enumerate() {
                        write!(f, "{}{l}-{r}", if j > 0 { "|" } else { "" })?;
                    }
                }
                TcpOption::Timestamps { value, echo } => write!(f, "ts={value}/{echo}")?,
                TcpOption::Md5(data) => write!(f, "19:{}", Hex(data))?,
                TcpOption::Ao(data) => write!(f, "29:{}", Hex(data))?,
                TcpOption::Mptcp(data) => write!(f, "30:{}", Hex(data))?,
                TcpOption::FastOpen(cookie) => write!(f, "34:{}", Hex(cookie))?,
                TcpOption::FastOpenExperimental(cookie) => write!(f, "254:f989{}", Hex(cookie))?,
                TcpOption::Other { kind, data } => write!(f, "{kind}:{}", Hex(data))?,
                TcpOption::Malformed { .. } => f.write_str("bad")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(bytes: &[u8]) -> String {
        OptionField(bytes).to_string()
    }

    #[test]
    fn every_octet_has_its_place() {
        let cases: [(&[u8], &str); 9] = [
            (&[], ""),
            (&[2, 4, 5, 0xb4, 1, 3, 3, 7, 4, 2], "mss=1460,nop,ws=7,sackOK"),
            (&[8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 0, 9, 9], "ts=1/2,eol"),
            (&[5, 10, 0, 0, 0, 1, 0, 0, 0, 2], "sack=1-2"),
            (&[5, 9, 0, 0, 0, 1, 0, 0, 0], "5:00000001000000"),
            (&[2, 3, 5, 1], "2:05,nop"),
            (&[34, 2, 1], "34:,nop"),
            (&[77, 1, 1], "bad"),
            (&[1, 2, 9, 5], "nop,bad"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(field(bytes), expected, "{bytes:02x?}");
        }
    }
}
