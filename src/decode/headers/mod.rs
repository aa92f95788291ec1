//! The full field tree of a frame: every header, each field with its place, its value
//! and its meaning in words, and what of it is missing.
//!
//! This is the slow, thorough reading of one frame that somebody wants to look at;
//! the hot path is elsewhere. It reads any octets at all without a fault: a header
//! that is cut short keeps all the fields it ought to have, with what is missing named.

mod builder;
mod checksum;
mod icmp;
mod ip;
mod ipv6;
mod link;
mod links;
mod names;
mod tcp;
mod tunnel;
mod udp;
mod wlan;

#[cfg(test)]
mod tests;

use crate::decode::Problem;
use crate::model::LinkType;

use builder::Walk;

/// All headers of one frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderTree {
    /// What the first header is.
    pub link: LinkType,
    /// Octets the frame had on the wire; at least as many as were captured.
    pub wire: usize,
    /// The captured octets.
    pub data: Vec<u8>,
    /// Headers, payload and trailers, in the order of their octets; they tile the frame.
    pub layers: Vec<Layer>,
}

/// One header, or the payload, or a trailer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its name: `Ethernet`, `IPv4`, `TCP`, `Payload`.
    pub name: &'static str,
    /// The document that defines it.
    pub standard: &'static str,
    /// Its layer in the OSI model, 2 to 7; `None` for tunnels, which carry lower layers
    /// over higher ones, and for trailers.
    pub osi: Option<u8>,
    /// Octets into the frame of its first.
    pub offset: usize,
    /// Octets that it has, or ought to have; the last may lie past the end of the frame.
    pub len: usize,
    /// It belongs to a packet that an ICMP error quotes.
    pub quoted: bool,
    /// Its fields, in the order of their bits; they tile the layer.
    pub fields: Vec<Field>,
}

/// One field of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The RFC's name.
    pub name: &'static str,
    /// The option or extension that it belongs to, `Maximum Segment Size`.
    pub group: Option<&'static str>,
    /// Bits into the frame of its first (most significant) bit.
    pub bit_offset: usize,
    /// Bits that it has.
    pub bit_len: usize,
    /// What is there.
    pub value: Value,
    /// The value as people write it: `443`, `10.0.0.1`, `0x1a2b`; empty when missing.
    pub shown: String,
    /// What the value means, in words; may be empty.
    pub meaning: String,
    /// What is wrong with it.
    pub problem: Option<Problem>,
    /// Its value is wrong: there is a problem, or a checksum does not fit.
    pub wrong: bool,
}

/// What is there of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// An unsigned number of at most 128 bits, in network byte order unless the field
    /// says otherwise.
    Number(u128),
    /// Octets that are no number; [`HeaderTree::octets`] has them.
    Octets,
    /// Some or all of it is not there.
    Missing(Missing),
}

/// What of a field is not there, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// Why.
    pub why: WhyMissing,
    /// Bits of the field that are there, from its first on.
    pub bits_there: usize,
}

/// Why something is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyMissing {
    /// It was on the wire; the capture kept too few octets.
    Snapped,
    /// The packet itself ends before it.
    Truncated,
    /// An ICMP error quotes only the beginning of the packet.
    NotQuoted,
}

impl WhyMissing {
    /// In words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Snapped => "cut by the snap length",
            Self::Truncated => "past the end of the packet",
            Self::NotQuoted => "not quoted",
        }
    }
}

/// One layer's part of the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Index in [`HeaderTree::layers`].
    pub layer: usize,
    /// Octets on the wire.
    pub octets: usize,
    /// Octets of them that were captured.
    pub captured: usize,
    /// Share of the octets on the wire, 0 to 1.
    pub share: f64,
}

/// Reads the headers of a frame. `orig_len` is what it had on the wire, in octets.
#[must_use]
pub fn headers(link: LinkType, data: &[u8], orig_len: u32) -> HeaderTree {
    let wire = usize::try_from(orig_len).unwrap_or(usize::MAX).max(data.len());
    let mut walk = Walk::new(data, wire);
    walk.run(link);
    HeaderTree { link, wire, data: data.to_vec(), layers: walk.layers }
}

impl HeaderTree {
    /// The captured octets that `field` touches, whole even where it shares them.
    #[must_use]
    pub fn octets(&self, field: &Field) -> &[u8] {
        let end = field.bit_offset.saturating_add(field.bit_len).div_ceil(8).min(self.data.len());
        self.data.get(field.bit_offset / 8..end).unwrap_or(&[])
    }

    /// Each layer's octets and share of the frame; they sum up to the whole.
    #[must_use]
    pub fn shares(&self) -> Vec<Share> {
        let whole = self.wire.max(1) as f64;
        let mut next = usize::MAX;
        let share = |(i, layer): (usize, &Layer)| {
            // Headers that claim octets of a trailer do not get them, however many lie there.
            let end = layer.offset.saturating_add(layer.len).min(next);
            next = next.min(layer.offset);
            let octets = end.min(self.wire).saturating_sub(layer.offset);
            let captured = end.min(self.data.len()).saturating_sub(layer.offset);
            Share { layer: i, octets, captured, share: octets as f64 / whole }
        };
        let mut shares: Vec<Share> = self.layers.iter().enumerate().rev().map(share).collect();
        shares.reverse();
        shares
    }
}

impl Layer {
    /// The name of its OSI layer.
    #[must_use]
    pub const fn osi_name(&self) -> &'static str {
        match self.osi {
            Some(1) => "physical",
            Some(2) => "data link",
            Some(3) => "network",
            Some(4) => "transport",
            Some(5) => "session",
            Some(6) => "presentation",
            Some(_) => "application",
            None => "none",
        }
    }
}

impl Field {
    /// Its bits in hex, `0x1a2b`, as many digits as it has half-octets; `None` where it
    /// is no number or not wholly there.
    #[must_use]
    pub fn hex(&self) -> Option<String> {
        match self.value {
            Value::Number(n) => Some(format!("0x{n:0w$x}", w = self.bit_len.div_ceil(4))),
            Value::Octets | Value::Missing(_) => None,
        }
    }

    /// Bits of it that are there, from its first on.
    #[must_use]
    pub const fn bits_there(&self) -> usize {
        match self.value {
            Value::Number(_) | Value::Octets => self.bit_len,
            Value::Missing(m) => m.bits_there,
        }
    }
}
