//! The window scale of a side.

use crate::track::packed::{Packed, Packer, Unpacker};

/// What is known of a side's window scale (RFC 7323 section 2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Scale {
    /// Its SYN was not seen.
    #[default]
    Unknown,
    /// Windows are as they stand.
    Off,
    /// Windows are to be shifted.
    Shift(u8),
}

impl Scale {
    /// The window in octets; as it stands where the scale is not known.
    pub const fn apply(self, window: u16) -> u32 {
        match self {
            Self::Shift(n) => (window as u32) << n,
            _ => window as u32,
        }
    }
}

impl Packed for Scale {
    fn pack(&self, to: &mut Packer) {
        match *self {
            Self::Unknown => 0,
            Self::Off => 1,
            Self::Shift(n) => 2 + n,
        }
        .pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        match u8::unpack(from) {
            0 => Self::Unknown,
            1 => Self::Off,
            n => Self::Shift(n - 2),
        }
    }
}
