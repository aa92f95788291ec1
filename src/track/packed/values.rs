//! How each kind of value is packed: as numbers, most of them one.

use std::collections::VecDeque;
use std::net::IpAddr;

use super::{Packed, Packer, Unpacker, packed};
use crate::model::{Endpoint, PerSide, Protocol, SeqNum, Side, StreamId, TcpState, Timestamp};
use crate::track::{CONN_STATES, Confidence, Event, EventKind, Evidence, Handshake, Labels, Teardown};

packed! {
    StreamId { protocol, number }
    Endpoint { addr, port }
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

/// The sign goes into the lowest bit, so that small negative numbers are small.
const fn folded(n: i64) -> u64 {
    (n << 1 ^ n >> 63).cast_unsigned()
}

const fn unfolded(n: u64) -> i64 {
    (n >> 1).cast_signed() ^ -(n & 1).cast_signed()
}

/// How far it is from the nearer of two before, and from which.
impl Packed for SeqNum {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        let [a, b] = to.seqs.map(|seq| folded(i64::from(self.0.wrapping_sub(seq).cast_signed())));
        let which = usize::from(b < a);
        to.put(a.min(b) << 1 | which as u64);
        to.seqs[which] = self.0;
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let n = from.take();
        let which = (n & 1) as usize;
        let seq = from.seqs[which].wrapping_add(unfolded(n >> 1) as u32);
        from.seqs[which] = seq;
        Self(seq)
    }
}

impl Packed for bool {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        to.bit(*self);
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        from.bit()
    }
}

impl Packed for i64 {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        to.put(folded(*self));
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        unfolded(from.take())
    }
}

impl Packed for Timestamp {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        self.known().is_some().pack(to);
        if self.known().is_some() {
            self.0.wrapping_sub(to.time).pack(to);
            to.time = self.0;
        }
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        if !bool::unpack(from) {
            return Self::NONE;
        }
        from.time = from.time.wrapping_add(i64::unpack(from));
        Self(from.time)
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

impl<A: Packed, B: Packed> Packed for (A, B) {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        self.0.pack(to);
        self.1.pack(to);
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let first = A::unpack(from);
        (first, B::unpack(from))
    }
}

impl<A: Packed, B: Packed, C: Packed> Packed for (A, B, C) {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        self.0.pack(to);
        self.1.pack(to);
        self.2.pack(to);
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let (a, b) = (A::unpack(from), B::unpack(from));
        (a, b, C::unpack(from))
    }
}

impl<T: Packed, const N: usize> Packed for [T; N] {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        self.iter().for_each(|value| value.pack(to));
    }

    #[inline]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        std::array::from_fn(|_| T::unpack(from))
    }
}

/// How many, and each of them.
macro_rules! lists {
    ($($of:ident)*) => {$(
        impl<T: Packed> Packed for $of<T> {
            fn pack(&self, to: &mut Packer) {
                to.put(self.len() as u64);
                self.iter().for_each(|value| value.pack(to));
            }

            fn unpack(from: &mut Unpacker<'_>) -> Self {
                let len = from.take();
                (0..len).map_while(|_| (!from.is_empty()).then(|| T::unpack(from))).collect()
            }
        }
    )*};
}

lists! { Vec VecDeque }

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
        while octets.len() < len && !from.is_empty() {
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
