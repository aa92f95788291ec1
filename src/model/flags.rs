//! TCP control bits (RFC 9293 section 3.1; AE from RFC 9768).

use std::fmt;

/// The twelve bits after the data offset: three reserved, AE, and the eight control bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TcpFlags(pub u16);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x001);
    /// Synchronize sequence numbers.
    pub const SYN: Self = Self(0x002);
    /// Reset the connection.
    pub const RST: Self = Self(0x004);
    /// Push function.
    pub const PSH: Self = Self(0x008);
    /// The acknowledgment field is significant.
    pub const ACK: Self = Self(0x010);
    /// The urgent pointer field is significant.
    pub const URG: Self = Self(0x020);
    /// ECN echo (RFC 3168).
    pub const ECE: Self = Self(0x040);
    /// Congestion window reduced (RFC 3168).
    pub const CWR: Self = Self(0x080);
    /// Accurate ECN (RFC 9768), once the nonce sum of RFC 3540.
    pub const AE: Self = Self(0x100);

    const NAMES: [(Self, &'static str, char); 9] = [
        (Self::SYN, "SYN", 'S'),
        (Self::FIN, "FIN", 'F'),
        (Self::RST, "RST", 'R'),
        (Self::PSH, "PSH", 'P'),
        (Self::ACK, "ACK", '.'),
        (Self::URG, "URG", 'U'),
        (Self::ECE, "ECE", 'E'),
        (Self::CWR, "CWR", 'W'),
        (Self::AE, "AE", 'e'),
    ];

    /// All bits of `other` are set.
    #[must_use]
    #[inline]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// At least one bit of `other` is set.
    #[must_use]
    #[inline]
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both sets of bits together.
    #[must_use]
    #[inline]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Names in words, `SYN ACK`; `none` when no bit is set; reserved bits as `reserved`.
    #[must_use]
    pub fn words(self) -> String {
        let mut names: Vec<&str> =
            Self::NAMES.iter().filter(|(f, ..)| self.has(*f)).map(|&(_, name, _)| name).collect();
        if self.0 & 0xe00 != 0 {
            names.push("reserved");
        }
        if names.is_empty() { "none".into() } else { names.join(" ") }
    }

    /// tcpdump's letters, `S.`, `P.`, `F.`; `none` when no bit is set.
    #[must_use]
    pub fn letters(self) -> String {
        let s: String = Self::NAMES.iter().filter(|(f, ..)| self.has(*f)).map(|&(.., c)| c).collect();
        if s.is_empty() { "none".into() } else { s }
    }

    /// The bit that tcpdump's letter `c` stands for.
    #[must_use]
    pub fn from_letter(c: char) -> Option<Self> {
        Self::NAMES.iter().find(|(.., l)| *l == c).map(|&(f, ..)| f)
    }
}

impl std::ops::BitOr for TcpFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

impl fmt::Debug for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TcpFlags({})", self.letters())
    }
}
