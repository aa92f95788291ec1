//! Numbers out of octets, in either byte order. What lies outside reads as zero:
//! callers check lengths first, and none of them can panic.

/// A byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    /// The 16-bit number at `at`.
    #[inline]
    pub(crate) fn u16(self, octets: &[u8], at: usize) -> u16 {
        let raw = array(octets, at);
        match self {
            Self::Little => u16::from_le_bytes(raw),
            Self::Big => u16::from_be_bytes(raw),
        }
    }

    /// The 32-bit number at `at`.
    #[inline]
    pub(crate) fn u32(self, octets: &[u8], at: usize) -> u32 {
        let raw = array(octets, at);
        match self {
            Self::Little => u32::from_le_bytes(raw),
            Self::Big => u32::from_be_bytes(raw),
        }
    }

    /// The 64-bit number at `at`.
    #[inline]
    pub(crate) fn u64(self, octets: &[u8], at: usize) -> u64 {
        let raw = array(octets, at);
        match self {
            Self::Little => u64::from_le_bytes(raw),
            Self::Big => u64::from_be_bytes(raw),
        }
    }
}

#[inline]
fn array<const N: usize>(octets: &[u8], at: usize) -> [u8; N] {
    octets.get(at..).and_then(|rest| rest.first_chunk().copied()).unwrap_or([0; N])
}
