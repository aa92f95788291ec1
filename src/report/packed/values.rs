//! How each kind of value is packed: as numbers, most of them one.

use std::net::IpAddr;

use super::{Packed, Packer, Unpacker};
use crate::model::{PerSide, Protocol, SeqNum, Side, TcpState, Timestamp};
use crate::track::{CONN_STATES, Confidence, EventKind, Handshake, Labels, Teardown};

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

/// What has one number inside.
macro_rules! wrappers {
    ($($of:ident)*) => {$(
        impl Packed for $of {
            #[inline]
            fn pack(&self, to: &mut Packer) {
                self.0.pack(to);
            }

            #[inline]
            fn unpack(from: &mut Unpacker<'_>) -> Self {
                Self(Packed::unpack(from))
            }
        }
    )*};
}

wrappers! { SeqNum Labels }

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
