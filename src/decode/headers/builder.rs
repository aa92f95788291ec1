//! Walks a frame from header to header, and takes fields off it one by one.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::checksum::Pseudo;
use super::{Field, Layer, Missing, Value, WhyMissing};
use crate::decode::Problem;
use crate::model::LinkType;

/// What comes after a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The first header of a frame.
    Link(LinkType),
    /// Ethernet inside something.
    Ethernet,
    /// What an EtherType says.
    EtherType(u16),
    /// IEEE 802.2 LLC.
    Llc,
    /// IP of the version in its first half-octet.
    Ip,
    /// PPP's protocol field and what follows it.
    Ppp,
    /// The next MPLS label.
    Mpls,
    /// What an IP protocol number says.
    Protocol(u8),
    /// What a UDP port says.
    Port(u16),
    /// Nothing that synfin reads.
    Payload,
}

/// Layers that are read at most; what is inside them is shown as payload.
const MAX_LAYERS: usize = 64;

/// The state of reading one frame.
pub(super) struct Walk<'a> {
    pub data: &'a [u8],
    /// Octets on the wire.
    pub wire: usize,
    /// Where the next header begins, octets into the frame.
    pub at: usize,
    /// Where the innermost length so far says that its content ends.
    pub limit: usize,
    /// The lengths around it, with what is left over after each.
    pub ends: Vec<(usize, &'static str)>,
    /// Inside a packet that an ICMP error quotes.
    pub quoted: bool,
    /// Inside a fragment: lengths and checksums of the upper layers do not hold.
    pub fragment: bool,
    /// For the checksum of the next transport header.
    pub pseudo: Option<Pseudo>,
    pub layers: Vec<Layer>,
}

impl<'a> Walk<'a> {
    pub fn new(data: &'a [u8], wire: usize) -> Self {
        Self {
            data,
            wire,
            at: 0,
            limit: wire,
            ends: Vec::new(),
            quoted: false,
            fragment: false,
            pseudo: None,
            layers: Vec::new(),
        }
    }

    /// Reads all of it.
    pub fn run(&mut self, link: LinkType) {
        let mut next = Next::Link(link);
        while next != Next::Payload {
            if self.layers.len() >= MAX_LAYERS {
                break;
            }
            next = self.step(next);
        }
        let too_deep = next != Next::Payload;
        if self.layers.is_empty() {
            self.rest("Frame", None, None);
            if let Some(f) = self.layers.last_mut().and_then(|l| l.fields.last_mut()) {
                f.meaning = format!("no headers are read of link type {link}");
            }
        }
        self.rest("Payload", Some(7), too_deep.then_some(Problem::TooDeep));
        while let Some((end, name)) = self.ends.pop() {
            self.at = self.at.min(self.limit);
            self.limit = end;
            self.rest(name, None, None);
        }
    }

    fn step(&mut self, next: Next) -> Next {
        match next {
            Next::Link(link) => super::link::first(self, link),
            Next::Ethernet => super::link::ethernet(self),
            Next::EtherType(t) => super::link::ether_type(self, t),
            Next::Llc => super::link::llc(self),
            Next::Ppp => super::link::ppp(self),
            Next::Mpls => super::tunnel::mpls(self),
            Next::Ip => super::ip::either(self),
            Next::Protocol(p) => super::ip::protocol(self, p),
            Next::Port(p) => super::tunnel::by_port(self, p),
            Next::Payload => Next::Payload,
        }
    }

    /// The content ends `len` octets on from here, or where what is around it ends.
    /// False when it ought to go further than that.
    pub fn narrow(&mut self, len: usize, left_over: &'static str) -> bool {
        let end = self.at.saturating_add(len);
        if end >= self.limit {
            return end == self.limit;
        }
        self.ends.push((self.limit, left_over));
        self.limit = end;
        true
    }

    /// What is left up to the limit, as one field.
    fn rest(&mut self, name: &'static str, osi: Option<u8>, problem: Option<Problem>) {
        let len = self.limit.saturating_sub(self.at);
        if len == 0 {
            return;
        }
        let mut h = self.head(name, "", osi);
        h.octets("Data", len);
        h.problem(problem);
        h.preview();
        self.done(h);
    }

    /// Begins a header here.
    pub fn head(&self, name: &'static str, standard: &'static str, osi: Option<u8>) -> Head<'a> {
        let (offset, quoted) = (self.at, self.quoted);
        let layer = Layer { name, standard, osi, offset, len: 0, quoted, fields: Vec::new() };
        Head {
            data: self.data,
            wire: self.wire,
            limit: self.limit,
            layer,
            at: offset.saturating_mul(8),
            group: None,
        }
    }

    /// Ends a header: the next one begins after it.
    pub fn done(&mut self, mut head: Head<'a>) {
        let end = head.at.div_ceil(8);
        head.layer.len = end.saturating_sub(self.at);
        self.at = end;
        self.layers.push(head.layer);
    }

    /// An octet ahead, where it is there.
    pub fn peek(&self, ahead: usize) -> Option<u8> {
        let at = self.at.checked_add(ahead)?;
        if at < self.limit { self.data.get(at).copied() } else { None }
    }
}

/// One header being read, field by field.
pub(super) struct Head<'a> {
    data: &'a [u8],
    wire: usize,
    /// Octets into the frame where its content ends.
    pub limit: usize,
    pub layer: Layer,
    /// Bits into the frame of the next field.
    pub at: usize,
    /// The option that the next fields belong to.
    pub group: Option<&'static str>,
}

impl<'a> Head<'a> {
    /// Octets of the header so far.
    pub fn len(&self) -> usize {
        (self.at / 8).saturating_sub(self.layer.offset)
    }

    /// Where the octets end that are there and belong to it.
    fn there(&self) -> usize {
        self.limit.min(self.data.len())
    }

    /// Octets from the next field on that are there, `len` at most.
    pub fn ahead(&self, len: usize) -> &'a [u8] {
        let from = self.at / 8;
        self.data.get(from..from.saturating_add(len).min(self.there())).unwrap_or(&[])
    }

    fn push(&mut self, name: &'static str, bits: usize, value: Value, shown: String) {
        let field = Field {
            name,
            group: self.group,
            bit_offset: self.at,
            bit_len: bits,
            value,
            shown,
            meaning: String::new(),
            problem: None,
            wrong: false,
        };
        self.layer.fields.push(field);
        self.at = self.at.saturating_add(bits);
    }

    /// What is missing of the next `bits` bits, if anything is.
    fn missing(&self, bits: usize) -> Option<Missing> {
        let end = self.at.saturating_add(bits).div_ceil(8);
        if end <= self.there() {
            return None;
        }
        let bits_there = self.there().saturating_mul(8).saturating_sub(self.at).min(bits);
        let first = self.at.saturating_add(bits_there) / 8;
        let why = if first < self.limit.min(self.wire) {
            WhyMissing::Snapped
        } else if self.layer.quoted {
            WhyMissing::NotQuoted
        } else {
            WhyMissing::Truncated
        };
        Some(Missing { why, bits_there })
    }

    /// The last field.
    pub fn last(&mut self) -> Option<&mut Field> {
        self.layer.fields.last_mut()
    }

    /// Says what the last field means, unless it is missing.
    pub fn mean(&mut self, meaning: impl Into<String>) {
        if let Some(f) = self.last()
            && !matches!(f.value, Value::Missing(_))
        {
            f.meaning = meaning.into();
        }
    }

    /// Says how the last field is written, unless it is missing.
    pub fn show(&mut self, shown: impl Into<String>) {
        if let Some(f) = self.last()
            && !matches!(f.value, Value::Missing(_))
        {
            f.shown = shown.into();
        }
    }

    /// Says what is wrong with the last field.
    pub fn problem(&mut self, problem: Option<Problem>) {
        if let (Some(f), Some(p)) = (self.last(), problem) {
            f.problem = Some(p);
            f.wrong = true;
        }
    }

    fn wide(&mut self, name: &'static str, bits: usize) -> Option<u128> {
        if let Some(missing) = self.missing(bits) {
            self.push(name, bits, Value::Missing(missing), String::new());
            return None;
        }
        let n = read_bits(self.data, self.at, bits);
        self.push(name, bits, Value::Number(n), n.to_string());
        Some(n)
    }

    /// A number of at most 64 bits, written in decimal.
    pub fn num(&mut self, name: &'static str, bits: usize) -> Option<u64> {
        self.wide(name, bits).and_then(|n| u64::try_from(n).ok())
    }

    /// A number whose meaning `f` says.
    pub fn means(&mut self, name: &'static str, bits: usize, f: impl FnOnce(u64) -> String) -> Option<u64> {
        let n = self.num(name, bits)?;
        self.mean(f(n));
        Some(n)
    }

    /// A number written in hex.
    pub fn hex(&mut self, name: &'static str, bits: usize) -> Option<u64> {
        let n = self.num(name, bits)?;
        self.show(format!("0x{n:0w$x}", w = bits.div_ceil(4)));
        Some(n)
    }

    /// One bit, with what it means when set.
    pub fn flag(&mut self, name: &'static str, set: &str) -> bool {
        let bit = self.num(name, 1);
        self.mean(if bit == Some(1) { format!("set: {set}") } else { "not set".to_owned() });
        bit == Some(1)
    }

    /// Bits that are to be zero.
    pub fn reserved(&mut self, name: &'static str, bits: usize) {
        let n = self.num(name, bits);
        self.mean(if n == Some(0) { "zero, as it should be" } else { "should be zero" });
    }

    /// An IPv4 address.
    pub fn ipv4(&mut self, name: &'static str) -> Option<Ipv4Addr> {
        let n = self.wide(name, 32).and_then(|n| u32::try_from(n).ok())?;
        let addr = Ipv4Addr::from_bits(n);
        self.show(addr.to_string());
        self.mean(super::names::ipv4_kind(addr));
        Some(addr)
    }

    /// An IPv6 address.
    pub fn ipv6(&mut self, name: &'static str) -> Option<Ipv6Addr> {
        let addr = Ipv6Addr::from_bits(self.wide(name, 128)?);
        self.show(addr.to_string());
        self.mean(super::names::ipv6_kind(addr));
        Some(addr)
    }

    /// A 48-bit MAC address.
    pub fn mac(&mut self, name: &'static str) {
        let Some(n) = self.num(name, 48) else { return };
        let octets: Vec<String> = n.to_be_bytes().iter().skip(2).map(|b| format!("{b:02x}")).collect();
        self.show(octets.join(":"));
        self.mean(match n {
            0xffff_ffff_ffff => "broadcast",
            0 => "no address",
            _ if n & 0x0100_0000_0000 != 0 => "multicast",
            _ if n & 0x0200_0000_0000 != 0 => "unicast, locally administered",
            _ => "unicast, globally unique",
        });
    }

    /// Octets that are no number; none of them, no field.
    pub fn octets(&mut self, name: &'static str, len: usize) {
        if len == 0 {
            return;
        }
        let bits = len.saturating_mul(8);
        let plural = if len == 1 { "" } else { "s" };
        match self.missing(bits) {
            Some(missing) => self.push(name, bits, Value::Missing(missing), String::new()),
            None if len <= 16 => {
                let hex: String = self.ahead(len).iter().map(|b| format!("{b:02x}")).collect();
                self.push(name, bits, Value::Octets, hex);
            }
            None => self.push(name, bits, Value::Octets, format!("{len} octet{plural}")),
        }
    }

    /// Shows the beginning of the last field as text, where it looks like text.
    pub fn preview(&mut self) {
        const SHOWN: usize = 40;
        let Some(f) = self.layer.fields.last() else { return };
        let from = f.bit_offset / 8;
        let end = from.saturating_add(f.bits_there() / 8).min(self.data.len());
        let octets = self.data.get(from..end).unwrap_or(&[]);
        let head = octets.get(..SHOWN.min(octets.len())).unwrap_or(octets);
        let like_text = |b: &u8| b.is_ascii_graphic() || matches!(b, b' ' | b'\r' | b'\n' | b'\t');
        let text = if head.is_empty() || !head.iter().all(like_text) {
            return;
        } else {
            let more = if octets.len() > SHOWN { "…" } else { "" };
            format!("\"{}{more}\"", head.escape_ascii())
        };
        let len = f.bit_len / 8;
        self.mean(text);
        self.show(format!("{len} octet{}", if len == 1 { "" } else { "s" }));
    }
}

/// `bits` (at most 128) bits from bit `at` on, most significant first; past the end zeros.
fn read_bits(data: &[u8], at: usize, bits: usize) -> u128 {
    let mut n = 0u128;
    let end = at.saturating_add(bits.min(128));
    let mut bit = at;
    while bit < end {
        let octet = data.get(bit / 8).copied().unwrap_or(0);
        let (skip, take) = (bit % 8, (8 - bit % 8).min(end - bit));
        let piece = (octet << skip) >> (8 - take);
        n = (n << take) | u128::from(piece);
        bit += take;
    }
    n
}
