//! A stretch of a frame: what was captured of it, and how long it really is.

/// Octets of one layer. `data` may be shorter than `len` when the frame was snapped,
/// and every read is checked: there is no way to run off the end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Octets<'a> {
    /// What was captured.
    pub data: &'a [u8],
    /// Octets into the frame where it starts.
    pub at: usize,
    /// Octets it has on the wire, captured or not.
    pub len: usize,
}

impl<'a> Octets<'a> {
    #[inline]
    pub fn u8(&self, i: usize) -> Option<u8> {
        self.data.get(i).copied()
    }

    #[inline]
    pub fn u16(&self, i: usize) -> Option<u16> {
        self.array(i).map(u16::from_be_bytes)
    }

    #[inline]
    pub fn u32(&self, i: usize) -> Option<u32> {
        self.array(i).map(u32::from_be_bytes)
    }

    /// `N` octets from `i` on.
    #[inline]
    pub fn array<const N: usize>(&self, i: usize) -> Option<[u8; N]> {
        self.data.get(i..)?.first_chunk::<N>().copied()
    }

    /// All of the first `N` octets.
    #[inline]
    pub fn head<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.data.first_chunk::<N>()
    }

    /// Without the first `n` octets. Past the end nothing is left.
    #[inline]
    pub fn skip(&self, n: usize) -> Self {
        Self {
            data: self.data.get(n..).unwrap_or(&[]),
            at: self.at.saturating_add(n),
            len: self.len.saturating_sub(n),
        }
    }

    /// No longer than `len` octets.
    #[inline]
    pub fn limit(&self, len: usize) -> Self {
        let len = len.min(self.len);
        Self { data: &self.data[..len.min(self.data.len())], at: self.at, len }
    }

    /// Every octet that it has on the wire was captured.
    #[inline]
    pub fn is_whole(&self) -> bool {
        self.data.len() >= self.len
    }
}
