//! What headers cost: their lengths and shares, by protocol.

/// How often each TCP header length was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeaderLengths(pub [u64; 16]);

impl HeaderLengths {
    /// Counts one header of `octets` (20 to 60, in fours).
    #[inline]
    pub fn count(&mut self, octets: u8) {
        self.0[usize::from(octets / 4).min(15)] += 1;
    }

    /// `(octets, how many)` for the lengths that were seen.
    pub fn iter(&self) -> impl Iterator<Item = (u8, u64)> + '_ {
        (0u8..16).zip(self.0).filter(|&(_, n)| n > 0).map(|(words, n)| (words * 4, n))
    }
}

/// Header and payload octets of everything that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overhead {
    /// TCP header lengths.
    pub tcp_headers: HeaderLengths,
    /// Octets of TCP headers.
    pub tcp_header_bytes: u64,
    /// Octets of TCP payload.
    pub tcp_payload: u64,
    /// UDP headers, each of 8 octets.
    pub udp_headers: u64,
    /// Octets of UDP payload.
    pub udp_payload: u64,
    /// Segments with each option, by kind; and the octets that those options took.
    pub options: OptionCounts,
}

/// Segments that carried an option and its octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionCounts {
    /// `(segments, octets)` by option kind 0 to 34; index 35 is every other kind.
    pub by_kind: [(u64, u64); 36],
}

impl Default for OptionCounts {
    fn default() -> Self {
        Self { by_kind: [(0, 0); 36] }
    }
}
