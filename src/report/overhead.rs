//! What headers cost: their lengths and shares, by protocol.

use crate::decode::{TcpOption, TcpOptions, TcpSegment};

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

impl Overhead {
    /// Counts a segment's header and payload.
    #[inline]
    pub fn tcp(&mut self, s: &TcpSegment) {
        self.tcp_headers.count(s.header_len);
        self.tcp_header_bytes += u64::from(s.header_len);
        self.tcp_payload += u64::from(s.len);
        self.options.count(s.options.as_slice());
    }
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

impl OptionCounts {
    /// Counts the options of one header: each kind once, and its octets.
    #[inline]
    pub fn count(&mut self, octets: &[u8]) {
        // What nearly every data segment has.
        if let [1, 1, 8, 10, ..] = octets
            && octets.len() == 12
        {
            self.add(1, 2);
            self.add(8, 10);
            return;
        }
        if !octets.is_empty() {
            self.walk(octets);
        }
    }

    fn add(&mut self, kind: usize, octets: u64) {
        let slot = &mut self.by_kind[kind.min(35)];
        slot.0 += 1;
        slot.1 += octets;
    }

    fn walk(&mut self, octets: &[u8]) {
        let mut noops = 0;
        for option in TcpOptions::new(octets) {
            let (kind, len) = match option {
                TcpOption::End { padding } => (0, 1 + padding as u64),
                TcpOption::Nop => {
                    noops += 1;
                    continue;
                }
                TcpOption::MaxSegmentSize(_) => (2, 4),
                TcpOption::WindowScale(_) => (3, 3),
                TcpOption::SackPermitted => (4, 2),
                TcpOption::Sack(blocks) => (5, 2 + 8 * blocks.as_slice().len() as u64),
                TcpOption::Timestamps { .. } => (8, 10),
                TcpOption::Md5(data) => (19, 2 + data.len() as u64),
                TcpOption::Ao(data) => (29, 2 + data.len() as u64),
                TcpOption::Mptcp(data) => (30, 2 + data.len() as u64),
                TcpOption::FastOpen(data) => (34, 2 + data.len() as u64),
                TcpOption::FastOpenExperimental(data) => (35, 4 + data.len() as u64),
                TcpOption::Other { kind, data } => (usize::from(kind), 2 + data.len() as u64),
                TcpOption::Malformed { kind, rest } => (usize::from(kind), rest.len() as u64),
            };
            self.add(kind, len);
        }
        if noops > 0 {
            self.add(1, noops);
        }
    }
}
