//! A conversation or an event in few octets, so that a list may be of very many.
//!
//! Every figure is a number, and every number takes no more octets than it needs: a nibble
//! says how many those are, and 0 to 7 stand in the nibble itself. Moments are differences
//! from the one before. What is packed is only ever unpacked by the same program.

use std::net::IpAddr;

use crate::model::{Endpoint, PerSide, Protocol, SeqNum, Side, StreamId, TcpState, Timestamp};
use crate::track::{CONN_STATES, Confidence, Event, EventKind, Evidence, Handshake, Labels, Teardown};

use super::conversation::{Conversation, Glance, RttFacts, TcpFacts, TcpSideFacts, Traffic, UdpFacts};

/// Takes numbers; it is used again and again.
#[derive(Debug, Clone, Default)]
pub(super) struct Packer {
    nibbles: Vec<u8>,
    /// The low half of the last octet of `nibbles` is still to be filled.
    half: bool,
    octets: Vec<u8>,
    time: i64,
}

impl Packer {
    /// Appends `value` to `to`.
    pub fn pack(&mut self, value: &impl Packed, to: &mut Vec<u8>) {
        self.nibbles.clear();
        self.octets.clear();
        (self.half, self.time) = (false, 0);
        value.pack(self);
        to.extend_from_slice(&(self.nibbles.len() as u32).to_le_bytes());
        to.extend_from_slice(&self.nibbles);
        to.extend_from_slice(&self.octets);
    }

    #[inline]
    fn put(&mut self, n: u64) {
        let nibble = if matches!(n, 1..=7) {
            8 + n as u8
        } else {
            let needed = (64 - n.leading_zeros()).div_ceil(8);
            let end = self.octets.len() + needed as usize;
            self.octets.extend_from_slice(&n.to_le_bytes());
            self.octets.truncate(end);
            needed as u8
        };
        match self.nibbles.last_mut() {
            Some(last) if self.half => *last |= nibble,
            _ => self.nibbles.push(nibble << 4),
        }
        self.half = !self.half;
    }
}

/// Gives the numbers back in the same order.
pub(super) struct Unpacker<'a> {
    nibbles: &'a [u8],
    low: bool,
    octets: &'a [u8],
    time: i64,
}

impl<'a> Unpacker<'a> {
    fn new(from: &'a [u8]) -> Option<Self> {
        let (len, rest) = from.split_first_chunk()?;
        let (nibbles, octets) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        Some(Self { nibbles, low: false, octets, time: 0 })
    }

    #[inline]
    fn take(&mut self) -> u64 {
        let Some((&both, rest)) = self.nibbles.split_first() else { return 0 };
        let nibble = if self.low {
            self.nibbles = rest;
            both & 15
        } else {
            both >> 4
        };
        self.low = !self.low;
        if nibble == 0 || nibble > 8 {
            return u64::from(nibble).saturating_sub(8);
        }
        let Some((these, rest)) = self.octets.split_at_checked(nibble.into()) else { return 0 };
        let n = match self.octets.first_chunk() {
            // The shift is what keeps the octets of the next number out.
            Some(&eight) => u64::from_le_bytes(eight) << (64 - 8 * nibble) >> (64 - 8 * nibble),
            None => these.iter().rev().fold(0, |n, &octet| n << 8 | u64::from(octet)),
        };
        self.octets = rest;
        n
    }
}

/// What `from` begins with, and what is behind it.
pub(super) fn unpack<T: Packed>(from: &[u8]) -> Option<(T, &[u8])> {
    let mut unpacker = Unpacker::new(from)?;
    Some((T::unpack(&mut unpacker), unpacker.octets))
}

/// What a packed conversation begins with.
pub(super) fn glance(from: &[u8]) -> Option<Glance> {
    let from = &mut Unpacker::new(from)?;
    // Fields are read in the order in which they stand in a conversation.
    let (id, endpoints) = (Packed::unpack(from), Packed::unpack(from));
    let _: (Side, u64) = (Packed::unpack(from), Packed::unpack(from));
    let _: (Timestamp, Timestamp) = Packed::unpack(from);
    let traffic = Packed::unpack(from);
    let roles_known = !bool::unpack(from) || bool::unpack(from);
    Some(Glance { id, endpoints, traffic, roles_known })
}

/// What can be packed.
pub(super) trait Packed {
    fn pack(&self, to: &mut Packer);
    fn unpack(from: &mut Unpacker<'_>) -> Self;
}

/// One list of fields for both ways; a field that is missing here does not compile.
macro_rules! fields {
    ($($of:ident { $($field:ident),* $(,)? })*) => {$(
        impl Packed for $of {
            #[inline]
            fn pack(&self, to: &mut Packer) {
                $(self.$field.pack(to);)*
            }

            #[inline]
            fn unpack(from: &mut Unpacker<'_>) -> Self {
                $(let $field = Packed::unpack(from);)*
                Self { $($field),* }
            }
        }
    )*};
}

fields! {
    Conversation { id, endpoints, first_sender, first_frame, first, last, traffic, tcp, udp }
    StreamId { protocol, number }
    Endpoint { addr, port }
    Traffic { packets, bytes, payload, header_bytes }
    TcpFacts {
        roles_known, handshake, handshake_retries, teardown, states, conn_state, history, completeness,
        initial_rtt, syn_rtt, sides,
    }
    TcpSideFacts {
        isn, base, mss, window_scale, sack_permitted, timestamps, data_segments, unique_bytes,
        retransmitted_segments, retransmitted_bytes, out_of_order_segments, out_of_order_depth,
        duplicate_acks, pure_acks, pushes, segment_min, segment_max, window_min, window_max, window_sum,
        window_samples, zero_windows, zero_window_time, flight_max, initial_window, rtt, idle_max,
        data_first, data_last,
    }
    RttFacts { samples, min, max, mean, median, p95, jitter }
    UdpFacts { icmp_errors, first_icmp, icmp_only, lite }
    Event { packet, ts, stream, side, kind, confidence, evidence, labels }
    Evidence { original, witness, seq, len, ip_id, tsval, ttl, sack, duplicate_acks, elapsed, rtt, count }
}

macro_rules! numbers {
    ($($of:ty)*) => {$(
        impl Packed for $of {
            #[inline]
            fn pack(&self, to: &mut Packer) {
                to.put(u64::from(*self));
            }

            #[inline]
            fn unpack(from: &mut Unpacker<'_>) -> Self {
                from.take() as Self
            }
        }
    )*};
}

numbers! { u8 u16 u32 u64 }

impl Packed for bool {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        to.put(u64::from(*self));
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        from.take() != 0
    }
}

/// The sign goes into the lowest bit, so that small negative numbers are small.
impl Packed for i64 {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        to.put((self << 1 ^ self >> 63).cast_unsigned());
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let n = from.take();
        (n >> 1).cast_signed() ^ -(n & 1).cast_signed()
    }
}

impl Packed for Timestamp {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        self.0.wrapping_sub(to.time).pack(to);
        to.time = self.0;
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        from.time = from.time.wrapping_add(i64::unpack(from));
        Self(from.time)
    }
}

impl Packed for SeqNum {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        self.0.pack(to);
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        Self(Packed::unpack(from))
    }
}

impl<T: Packed> Packed for Option<T> {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        self.is_some().pack(to);
        if let Some(value) = self {
            value.pack(to);
        }
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        bool::unpack(from).then(|| T::unpack(from))
    }
}

impl<T: Packed> Packed for Box<T> {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        T::pack(self, to);
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        Self::new(T::unpack(from))
    }
}

impl<T: Packed> Packed for PerSide<T> {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        self.0.iter().for_each(|value| value.pack(to));
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let orig = T::unpack(from);
        Self::new(orig, T::unpack(from))
    }
}

impl Packed for Labels {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        self.0.pack(to);
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        Self(Packed::unpack(from))
    }
}

impl<T: Packed> Packed for (T, T) {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        self.0.pack(to);
        self.1.pack(to);
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let first = T::unpack(from);
        (first, T::unpack(from))
    }
}

impl Packed for (u8, u8, u8) {
    fn pack(&self, to: &mut Packer) {
        [self.0, self.1, self.2].iter().for_each(|value| value.pack(to));
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let (a, b) = (u8::unpack(from), u8::unpack(from));
        (a, b, u8::unpack(from))
    }
}

impl Packed for IpAddr {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        self.is_ipv6().pack(to);
        match self {
            Self::V4(addr) => addr.to_bits().pack(to),
            Self::V6(addr) => {
                to.put((addr.to_bits() >> 64) as u64);
                to.put(addr.to_bits() as u64);
            }
        }
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        if bool::unpack(from) {
            let high = u128::from(from.take());
            Self::V6((high << 64 | u128::from(from.take())).into())
        } else {
            Self::V4(u32::unpack(from).into())
        }
    }
}

/// Its octets, eight in a number.
impl Packed for String {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        to.put(self.len() as u64);
        for octets in self.as_bytes().chunks(8) {
            to.put(octets.iter().rev().fold(0, |n, &octet| n << 8 | u64::from(octet)));
        }
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let len = from.take() as usize;
        let mut octets = Vec::with_capacity(len.min(64).next_multiple_of(8));
        while octets.len() < len && !from.nibbles.is_empty() {
            octets.extend_from_slice(&from.take().to_le_bytes());
        }
        octets.truncate(len);
        Self::from_utf8(octets).unwrap_or_default()
    }
}

/// Words of a closed list go by their place in it.
fn place<T: PartialEq>(list: &[T], of: &T) -> u64 {
    list.iter().position(|word| word == of).unwrap_or(0) as u64
}

macro_rules! words {
    ($($of:ty: $list:expr;)*) => {$(
        impl Packed for $of {
            #[inline]
            fn pack(&self, to: &mut Packer) {
                to.put(place(&$list, self));
            }

            #[inline]
            fn unpack(from: &mut Unpacker<'_>) -> Self {
                $list[(from.take() as usize).min($list.len() - 1)]
            }
        }
    )*};
}

words! {
    Protocol: [Protocol::Tcp, Protocol::Udp];
    Side: Side::BOTH;
    TcpState: TcpState::ALL;
    Handshake: Handshake::ALL;
    &'static str: CONN_STATES;
    EventKind: *EventKind::ALL;
    Confidence: Confidence::ALL;
}

impl Packed for Teardown {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        match *self {
            Self::Open => to.put(0),
            Self::HalfClosed { by } => {
                to.put(1);
                by.pack(to);
            }
            Self::Closed { first, three_segments, acknowledged } => {
                to.put(2);
                first.pack(to);
                three_segments.pack(to);
                acknowledged.pack(to);
            }
            Self::Simultaneous { first, acknowledged } => {
                to.put(3);
                first.pack(to);
                acknowledged.pack(to);
            }
            Self::Reset { by, state, frame } => {
                to.put(4);
                by.pack(to);
                state.pack(to);
                frame.pack(to);
            }
        }
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        // Fields are read in the order in which they stand.
        match from.take() {
            1 => Self::HalfClosed { by: Side::unpack(from) },
            2 => Self::Closed {
                first: Side::unpack(from),
                three_segments: bool::unpack(from),
                acknowledged: bool::unpack(from),
            },
            3 => Self::Simultaneous { first: Side::unpack(from), acknowledged: bool::unpack(from) },
            4 => {
                Self::Reset { by: Side::unpack(from), state: Packed::unpack(from), frame: u64::unpack(from) }
            }
            _ => Self::Open,
        }
    }
}

#[cfg(test)]
#[path = "packed_tests.rs"]
mod tests;
