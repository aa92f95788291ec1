//! The Internet checksum (RFC 1071) and what is to be said of a stored one.

use std::net::IpAddr;

/// The pseudo-header of a transport checksum (RFC 9293 section 3.1, RFC 8200 section 8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pseudo {
    pub src: IpAddr,
    pub dst: IpAddr,
}

impl Pseudo {
    fn sum(&self, protocol: u8, len: usize) -> u64 {
        let addr = |a: IpAddr| match a {
            IpAddr::V4(a) => sum(&a.octets()),
            IpAddr::V6(a) => sum(&a.octets()),
        };
        let len = u64::try_from(len).unwrap_or(0);
        addr(self.src) + addr(self.dst) + u64::from(protocol) + (len >> 16) + (len & 0xffff)
    }
}

/// The sum of 16-bit words, big-endian; a last odd octet counts as the high half.
pub(super) fn sum(data: &[u8]) -> u64 {
    let (pairs, odd) = data.as_chunks::<2>();
    let words: u64 = pairs.iter().map(|p| u64::from(u16::from_be_bytes(*p))).sum();
    words + odd.first().map_or(0, |&b| u64::from(b) << 8)
}

/// Carries added back until 16 bits are left.
pub(super) fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// What a stored checksum is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it should be.
    Correct,
    /// It should be this.
    ShouldBe(u16),
    /// It holds just the folded sum of the pseudo-header: the card was to finish it.
    Offload(u16),
}

impl Verdict {
    /// Judges `stored` in `data`, whose own 16 bits at `at` count as 0. `zero` is what a
    /// computed 0 is sent as (UDP: 0xffff, RFC 768).
    pub fn of(stored: u16, data: &[u8], pseudo: Option<(Pseudo, u8, usize)>, zero: u16) -> Self {
        let base = pseudo.map_or(0, |(p, protocol, len)| p.sum(protocol, len));
        // Taking the stored word out again is the same as counting it as 0.
        let own = (base + sum(data)).saturating_sub(u64::from(stored));
        let right = match !fold(own) {
            0 => zero,
            n => n,
        };
        // 0 and 0xffff are both zero in ones' complement: a receiver accepts either.
        if stored == right || fold(own + u64::from(stored)) == 0xffff {
            Self::Correct
        } else if pseudo.is_some() && stored == fold(base) {
            Self::Offload(right)
        } else {
            Self::ShouldBe(right)
        }
    }

    /// In words.
    pub fn words(self) -> String {
        match self {
            Self::Correct => "correct".into(),
            Self::ShouldBe(n) => format!("wrong: should be 0x{n:04x}"),
            Self::Offload(n) => format!(
                "left to offload: holds the folded pseudo-header sum, the network card \
                 was to make it 0x{n:04x}"
            ),
        }
    }
}
