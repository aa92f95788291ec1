//! The lab's own look at headers: just enough to match rules and check claims, and on
//! purpose independent of the decoder that the lab's captures are used to check.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// TCP control bits, as in the low byte of the header.
pub mod bits {
    /// No more data.
    pub const FIN: u8 = 1;
    /// Synchronize.
    pub const SYN: u8 = 2;
    /// Reset.
    pub const RST: u8 = 4;
    /// Push.
    pub const PSH: u8 = 8;
    /// Acknowledgment.
    pub const ACK: u8 = 16;
    /// Urgent.
    pub const URG: u8 = 32;
}

/// What the lab reads in an IP packet, of version 4 or 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peek {
    /// Sender.
    pub src: IpAddr,
    /// Receiver.
    pub dst: IpAddr,
    /// Octets the packet has by its IP header, that header included.
    pub total_len: u16,
    /// Octets of the IP header; over IPv6 with the extension headers that follow it.
    pub ip_header: u16,
    /// Fragment offset, octets.
    pub frag_offset: u16,
    /// More fragments follow.
    pub more_fragments: bool,
    /// Don't fragment; so always over IPv6, where only the sender may (RFC 8200 section 4.5).
    pub dont_fragment: bool,
    /// The layer above.
    pub upper: Upper,
}

/// The transport header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upper {
    /// TCP.
    Tcp(PeekTcp),
    /// UDP.
    Udp {
        /// Source port.
        src_port: u16,
        /// Destination port.
        dst_port: u16,
        /// Its length field, octets.
        length: u16,
        /// Its checksum field; 0 for none.
        checksum: u16,
    },
    /// ICMP, or ICMPv6 where the addresses are IPv6's.
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
    },
    /// Something else, or a later fragment.
    Other(u8),
}

/// What the lab reads in a TCP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeekTcp {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number, raw.
    pub seq: u32,
    /// Acknowledgment number, raw.
    pub ack: u32,
    /// Octets of the header.
    pub header: u8,
    /// The eight control bits.
    pub flags: u8,
    /// Window field, unscaled.
    pub window: u16,
    /// Octets of payload.
    pub payload: u16,
    /// SACK blocks (RFC 2018).
    pub sack_blocks: u8,
    /// The first SACK block, if any: raw left and right edge.
    pub sack_first: Option<(u32, u32)>,
    /// The second SACK block, if any.
    pub sack_second: Option<(u32, u32)>,
    /// Maximum segment size option.
    pub mss: Option<u16>,
    /// Window scale option.
    pub wscale: Option<u8>,
    /// Timestamps option present.
    pub timestamps: bool,
    /// SACK permitted option present.
    pub sack_permitted: bool,
}

fn be16(b: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*b.get(at)?, *b.get(at + 1)?]))
}

fn be32(b: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes([*b.get(at)?, *b.get(at + 1)?, *b.get(at + 2)?, *b.get(at + 3)?]))
}

impl Peek {
    /// Reads an IP packet, of version 4 or 6; `None` for anything else.
    #[must_use]
    pub fn ip(b: &[u8]) -> Option<Self> {
        match b.first()? >> 4 {
            4 => Self::four(b),
            6 => Self::six(b),
            _ => None,
        }
    }

    fn four(b: &[u8]) -> Option<Self> {
        let ip_header = u16::from(b.first()? & 0xf) * 4;
        let total_len = be16(b, 2)?;
        let frag = be16(b, 6)?;
        let frag_offset = (frag & 0x1fff) * 8;
        Some(Self {
            src: Ipv4Addr::from(be32(b, 12)?).into(),
            dst: Ipv4Addr::from(be32(b, 16)?).into(),
            total_len,
            ip_header,
            frag_offset,
            more_fragments: frag & 0x2000 != 0,
            dont_fragment: frag & 0x4000 != 0,
            upper: match *b.get(9)? {
                protocol if frag_offset > 0 => Upper::Other(protocol),
                protocol => Upper::read(b, ip_header, protocol, 1, total_len)?,
            },
        })
    }

    /// Passes the extension headers that RFC 8200 section 4.1 names.
    fn six(b: &[u8]) -> Option<Self> {
        let total_len = be16(b, 4)?.saturating_add(40);
        let (mut next, mut ip_header) = (*b.get(6)?, 40_u16);
        let (mut frag_offset, mut more_fragments) = (0, false);
        loop {
            let at = usize::from(ip_header);
            let length = match next {
                // Hop-by-hop options, routing, destination options: their length in units of 8.
                0 | 43 | 60 if frag_offset == 0 => (u16::from(*b.get(at + 1)?) + 1) * 8,
                44 if frag_offset == 0 => {
                    let field = be16(b, at + 2)?;
                    (frag_offset, more_fragments) = (field & 0xfff8, field & 1 != 0);
                    8
                }
                _ => break,
            };
            next = *b.get(at)?;
            ip_header = ip_header.checked_add(length)?;
        }
        let address = |at: usize| Some(Ipv6Addr::from(<[u8; 16]>::try_from(b.get(at..at + 16)?).ok()?));
        Some(Self {
            src: address(8)?.into(),
            dst: address(24)?.into(),
            total_len,
            ip_header,
            frag_offset,
            more_fragments,
            dont_fragment: true,
            upper: match next {
                protocol if frag_offset > 0 => Upper::Other(protocol),
                protocol => Upper::read(b, ip_header, protocol, 58, total_len)?,
            },
        })
    }

    /// A report or question about multicast groups over IPv6 (RFC 2710, RFC 3810).
    #[must_use]
    pub fn is_mld(&self) -> bool {
        self.src.is_ipv6() && matches!(self.upper, Upper::Icmp { kind: 130..=132 | 143, .. })
    }

    /// The TCP header, if it is one.
    #[must_use]
    pub fn tcp(&self) -> Option<&PeekTcp> {
        match &self.upper {
            Upper::Tcp(t) => Some(t),
            _ => None,
        }
    }
}

impl Upper {
    /// The header of `protocol` behind `header` octets of IP; `icmp` is that version's ICMP.
    fn read(b: &[u8], header: u16, protocol: u8, icmp: u8, total_len: u16) -> Option<Self> {
        let at = usize::from(header);
        Some(match protocol {
            6 => PeekTcp::read(b.get(at..)?, total_len.saturating_sub(header))
                .map_or(Self::Other(6), Self::Tcp),
            17 if b.len() >= at + 8 => Self::Udp {
                src_port: be16(b, at)?,
                dst_port: be16(b, at + 2)?,
                length: be16(b, at + 4)?,
                checksum: be16(b, at + 6)?,
            },
            p if p == icmp => Self::Icmp { kind: *b.get(at)?, code: *b.get(at + 1)? },
            other => Self::Other(other),
        })
    }
}

impl PeekTcp {
    fn read(b: &[u8], len: u16) -> Option<Self> {
        let header = (b.get(12)? >> 4) * 4;
        let mut t = Self {
            src_port: be16(b, 0)?,
            dst_port: be16(b, 2)?,
            seq: be32(b, 4)?,
            ack: be32(b, 8)?,
            header,
            flags: *b.get(13)?,
            window: be16(b, 14)?,
            payload: len.saturating_sub(header.into()),
            sack_blocks: 0,
            sack_first: None,
            sack_second: None,
            mss: None,
            wscale: None,
            timestamps: false,
            sack_permitted: false,
        };
        let mut options = b.get(20..usize::from(header)).unwrap_or_default();
        while let [kind, rest @ ..] = options {
            let (kind, len) = match (kind, rest) {
                (0, _) => break,
                (1, _) => {
                    options = rest;
                    continue;
                }
                (kind, [len, ..]) if *len >= 2 => (*kind, usize::from(*len)),
                _ => break,
            };
            let Some(value) = options.get(2..len) else { break };
            match kind {
                2 => t.mss = be16(value, 0),
                3 => t.wscale = value.first().copied(),
                4 => t.sack_permitted = true,
                5 => {
                    t.sack_blocks = u8::try_from(value.len() / 8).unwrap_or(0);
                    t.sack_first = be32(value, 0).zip(be32(value, 4));
                    t.sack_second = be32(value, 8).zip(be32(value, 12));
                }
                8 => t.timestamps = true,
                _ => {}
            }
            options = options.get(len..).unwrap_or_default();
        }
        Some(t)
    }

    /// All of these bits are set.
    #[must_use]
    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }

    /// The set bits in tcpdump's letters.
    #[must_use]
    pub fn letters(&self) -> String {
        let names = [
            (bits::SYN, 'S'),
            (bits::FIN, 'F'),
            (bits::RST, 'R'),
            (bits::PSH, 'P'),
            (bits::ACK, '.'),
            (bits::URG, 'U'),
        ];
        names.iter().filter(|(b, _)| self.has(*b)).map(|&(_, c)| c).collect()
    }

    /// The sequence number after this segment, raw: payload, SYN and FIN each count.
    #[must_use]
    pub fn end(&self) -> u32 {
        let control = u32::from(self.has(bits::SYN)) + u32::from(self.has(bits::FIN));
        self.seq.wrapping_add(u32::from(self.payload)).wrapping_add(control)
    }

    /// The first block reports octets received twice (RFC 2883): it lies below the
    /// cumulative acknowledgment, or inside the second block.
    #[must_use]
    pub fn dsack(&self) -> bool {
        let before = |a: u32, b: u32| (a.wrapping_sub(b) as i32) <= 0;
        let Some((left, right)) = self.sack_first else { return false };
        before(right, self.ack) || self.sack_second.is_some_and(|(l, r)| before(l, left) && before(right, r))
    }
}

/// A frame in a line, for lists of what a lab did: ports, flags, numbers, lengths.
#[must_use]
pub fn summary(link: crate::model::LinkType, frame: &[u8]) -> String {
    let packet = match link {
        crate::model::LinkType::ETHERNET => match frame.get(12..14) {
            Some([8, 0] | [0x86, 0xdd]) => frame.get(14..).unwrap_or_default(),
            Some([8, 6]) => return "ARP".into(),
            _ => return format!("Ethernet, {} octets", frame.len()),
        },
        _ => frame,
    };
    let Some(p) = Peek::ip(packet) else { return format!("{} octets", frame.len()) };
    let fragment = if p.frag_offset > 0 || p.more_fragments {
        format!(" fragment at {}{}", p.frag_offset, if p.more_fragments { "+" } else { "" })
    } else {
        String::new()
    };
    let text = match p.upper {
        Upper::Tcp(t) => {
            let mut text = format!(
                "{} > {} [{}] seq {} ack {} win {} len {}",
                t.src_port,
                t.dst_port,
                t.letters(),
                t.seq,
                t.ack,
                t.window,
                t.payload
            );
            if t.sack_blocks > 0 {
                text.push_str(&format!(" {} SACK blocks", t.sack_blocks));
            }
            text
        }
        Upper::Udp { src_port, dst_port, length, .. } => {
            format!("UDP {src_port} > {dst_port} len {}", length.saturating_sub(8))
        }
        Upper::Icmp { kind, code } if p.src.is_ipv6() => format!("ICMPv6 {kind}/{code}"),
        Upper::Icmp { kind, code } => format!("ICMP {kind}/{code}"),
        Upper::Other(n) => format!("IP protocol {n}, {} octets", p.total_len),
    };
    format!("{text}{fragment}")
}
