//! What decoding yields: one plain record for each transport header of a frame.
//!
//! Records own their few octets, so that they can cross from the decoding thread
//! to the tracking thread in batches without an allocation.

use crate::model::{Endpoint, ProtoPath, SeqNum, TcpFlags, Timestamp};

use super::problem::Problems;

/// What every transport record has in common: its frame and the IP header above it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Context {
    /// Frame number, 1-based.
    pub frame: u64,
    /// Capture time of the frame (for a reassembled datagram, of its last fragment).
    pub ts: Timestamp,
    /// Octets of the whole outer frame on the wire.
    pub wire: u32,
    /// Number of this record in its frame, 0 from the outside in.
    pub layer: u8,
    /// Sender, from the IP header just above.
    pub src: Endpoint,
    /// Receiver, from the IP header just above.
    pub dst: Endpoint,
    /// VLAN and tunnel identifiers folded into one number; 0 for none.
    pub realm: u32,
    /// IPv4 identification (IPv6: none), host order.
    pub ip_id: Option<u16>,
    /// IPv4 time to live or IPv6 hop limit.
    pub ttl: u8,
    /// Octets of all IP headers and extension headers just above.
    pub ip_header_len: u16,
    /// The ECN field of the IP header, 0 to 3.
    pub ecn: u8,
    /// Reassembled from IP fragments.
    pub fragmented: bool,
    /// Protocols outside this header.
    pub path: ProtoPath,
    /// What is wrong with the headers up to this one.
    pub problems: Problems,
}

/// One TCP header (RFC 9293 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TcpSegment {
    /// Frame and IP header.
    pub ip: Context,
    /// SEG.SEQ, raw.
    pub seq: SeqNum,
    /// SEG.ACK, raw, as on the wire even where ACK is unset.
    pub ack: SeqNum,
    /// Control bits.
    pub flags: TcpFlags,
    /// SEG.WND as on the wire, unscaled.
    pub window: u16,
    /// Payload octets by the IP length (not by what was captured).
    pub len: u32,
    /// Header octets, 20 to 60; what the data offset says.
    pub header_len: u8,
    /// The checksum field.
    pub checksum: u16,
    /// The checksum field holds just the folded pseudo-header sum, as the kernel
    /// leaves it for the network card to finish.
    pub checksum_offloaded: bool,
    /// The urgent pointer.
    pub urgent: u16,
    /// The option octets, as far as they were captured.
    pub options: OptionBytes,
    /// Fewer than 16 octets of the header are there: it belongs to no conversation, and
    /// what is missing stands as 0.
    pub cut: bool,
    /// `len` is not known: the first fragment of a datagram that cannot be put together,
    /// or a data offset that cannot be.
    pub len_unknown: bool,
}

/// The raw option octets of a TCP header, at most 40.
#[derive(Clone, Copy, PartialEq)]
pub struct OptionBytes {
    bytes: [u8; 40],
    len: u8,
}

impl OptionBytes {
    /// No options.
    pub const EMPTY: Self = Self { bytes: [0; 40], len: 0 };

    /// A copy of the first 40 octets of `bytes`.
    #[must_use]
    #[inline]
    pub fn new(bytes: &[u8]) -> Self {
        let mut own = Self::EMPTY;
        let n = bytes.len().min(40);
        own.bytes[..n].copy_from_slice(&bytes[..n]);
        own.len = n as u8;
        own
    }

    /// The octets.
    #[must_use]
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len).min(40)]
    }
}

impl std::fmt::Debug for OptionBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02x?}", self.as_slice())
    }
}

/// One UDP (RFC 768) or UDP-Lite (RFC 3828) header.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UdpDatagram {
    /// Frame and IP header.
    pub ip: Context,
    /// The length field as on the wire, header included (UDP-Lite: the coverage).
    pub length: u16,
    /// Payload octets: by the length field, by the IP length where the field is 0
    /// (a jumbogram) and for UDP-Lite.
    pub payload: u32,
    /// The checksum field.
    pub checksum: u16,
    /// The checksum field holds just the folded pseudo-header sum.
    pub checksum_offloaded: bool,
    /// UDP-Lite.
    pub lite: bool,
    /// Fewer than 8 octets of the header are there, or by its length field: it belongs to
    /// no conversation, and what is missing stands as 0.
    pub cut: bool,
}

/// The outermost ICMP header of a frame (RFC 792, RFC 4443).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IcmpMessage {
    /// Frame and IP header; the ports are 0.
    pub ip: Context,
    /// 4 or 6.
    pub version: u8,
    /// The type field.
    pub icmp_type: u8,
    /// The code field.
    pub code: u8,
    /// For an error: the packet that it quotes.
    pub quoted: Option<Quoted>,
}

/// The packet that an ICMP error quotes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quoted {
    /// IP protocol number.
    pub protocol: u8,
    /// Sender of the quoted packet; port 0 where the transport header is not there.
    pub src: Endpoint,
    /// Receiver of the quoted packet.
    pub dst: Endpoint,
    /// The ports are known.
    pub has_ports: bool,
    /// The sequence number, for TCP.
    pub seq: Option<SeqNum>,
}

/// Any of them.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "records live in reused batches; boxing would allocate per packet"
)]
pub enum Record {
    /// A TCP header.
    Tcp(TcpSegment),
    /// A UDP or UDP-Lite header.
    Udp(UdpDatagram),
    /// An ICMP header.
    Icmp(IcmpMessage),
}

impl Record {
    /// The frame and IP header of any of them.
    #[must_use]
    pub const fn context(&self) -> &Context {
        match self {
            Self::Tcp(s) => &s.ip,
            Self::Udp(d) => &d.ip,
            Self::Icmp(m) => &m.ip,
        }
    }
}
