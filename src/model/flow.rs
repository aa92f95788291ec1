//! Who talks to whom: endpoints and the key of a conversation.

use std::fmt;
use std::net::IpAddr;

/// A transport protocol that has conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP (RFC 9293).
    Tcp,
    /// UDP (RFC 768), and UDP-Lite (RFC 3828), which shares its numbering.
    Udp,
}

impl Protocol {
    /// `tcp` or `udp`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// Wireshark's number of a conversation: 0-based, TCP and UDP each their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    /// Which numbering.
    pub protocol: Protocol,
    /// 0-based number.
    pub number: u32,
}

impl fmt::Display for StreamId {
    /// `tcp:3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.protocol.name(), self.number)
    }
}

/// An address and a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// The IP address.
    pub addr: IpAddr,
    /// The port, host order.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    /// `10.0.0.1:80`, `[2001:db8::1]:80`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addr {
            IpAddr::V4(a) => write!(f, "{a}:{}", self.port),
            IpAddr::V6(a) => write!(f, "[{a}]:{}", self.port),
        }
    }
}

/// The key of a conversation: both endpoints in a fixed order, and the realm.
///
/// Packets of both directions have the same key. `realm` is 0 unless the user asked
/// to keep VLANs or tunnels apart; Wireshark does not, so neither does the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowKey {
    lo: u128,
    hi: u128,
    /// Port of `lo` in the high half, port of `hi` in the low half.
    ports: u32,
    /// Bit 31: IPv6. The rest: the realm.
    realm: u32,
}

const fn address_bits(addr: IpAddr) -> (u128, u32) {
    match addr {
        IpAddr::V4(a) => (a.to_bits() as u128, 0),
        IpAddr::V6(a) => (a.to_bits(), 1 << 31),
    }
}

impl FlowKey {
    /// The key for a packet from `src` to `dst`; the same for one from `dst` to `src`.
    #[must_use]
    #[inline]
    pub const fn new(src: Endpoint, dst: Endpoint, realm: u32) -> Self {
        let ((a, v6), (b, _)) = (address_bits(src.addr), address_bits(dst.addr));
        let realm = (realm & 0x7fff_ffff) | v6;
        if a < b || (a == b && src.port <= dst.port) {
            Self { lo: a, hi: b, ports: (src.port as u32) << 16 | dst.port as u32, realm }
        } else {
            Self { lo: b, hi: a, ports: (dst.port as u32) << 16 | src.port as u32, realm }
        }
    }

    /// The key's four words, for hashing.
    #[must_use]
    #[inline]
    pub const fn words(&self) -> (u128, u128, u64) {
        (self.lo, self.hi, (self.ports as u64) << 32 | self.realm as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ep(a: &str, port: u16) -> Endpoint {
        Endpoint { addr: a.parse().unwrap(), port }
    }

    #[test]
    fn both_directions_share_a_key_and_versions_do_not() {
        let (a, b) = (ep("10.0.0.1", 1), ep("10.0.0.2", 2));
        assert_eq!(FlowKey::new(a, b, 0), FlowKey::new(b, a, 0));
        assert_ne!(FlowKey::new(a, b, 0), FlowKey::new(a, b, 7));
        let (c, d) = (ep("::10.0.0.1", 1), ep("::10.0.0.2", 2));
        assert_ne!(FlowKey::new(a, b, 0), FlowKey::new(c, d, 0));
        let same = ep("127.0.0.1", 5);
        assert_eq!(FlowKey::new(same, ep("127.0.0.1", 4), 0), FlowKey::new(ep("127.0.0.1", 4), same, 0));
    }
}
