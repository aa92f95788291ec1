//! Frames that the wire makes itself, and checksums that a network card would finish.

use std::net::Ipv4Addr;

use pnet::packet::Packet as _;
use pnet::packet::icmp::{IcmpCode, IcmpType, MutableIcmpPacket};
use pnet::packet::ip::{IpNextHeaderProtocol, IpNextHeaderProtocols};
use pnet::packet::ipv4::MutableIpv4Packet;
use pnet::packet::tcp::MutableTcpPacket;

/// A TCP segment to be made, field by field, sense or nonsense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawSegment {
    /// Sender.
    pub src: Ipv4Addr,
    /// Receiver.
    pub dst: Ipv4Addr,
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number, raw.
    pub seq: u32,
    /// Acknowledgment number, raw.
    pub ack: u32,
    /// The eight control bits.
    pub flags: u8,
    /// Window field.
    pub window: u16,
    /// Options, padded to a multiple of four octets with no-operations; at most 40 octets.
    pub options: Vec<u8>,
    /// Payload.
    pub payload: Vec<u8>,
}

/// The one's complement sum of 16-bit words, folded (RFC 1071), not complemented.
fn sum(bytes: &[u8], start: u32) -> u16 {
    let mut total = u64::from(start);
    for pair in bytes.chunks(2) {
        let word = [pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0)];
        total += u64::from(u16::from_be_bytes(word));
    }
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    u16::try_from(total).unwrap_or(u16::MAX)
}

/// The sum of the pseudo header (RFC 9293 section 3.1, RFC 768), folded.
fn pseudo(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, len: u16) -> u16 {
    let mut header = [0; 12];
    header[..4].copy_from_slice(&src.octets());
    header[4..8].copy_from_slice(&dst.octets());
    header[9] = protocol;
    header[10..].copy_from_slice(&len.to_be_bytes());
    sum(&header, 0)
}

/// Finishes a TCP or UDP checksum that the sending host left to its network card. Such a
/// field holds the folded sum of the pseudo header; every other value is left alone.
pub(super) fn finish_checksum(packet: &mut [u8]) {
    let Some(peek) = super::peek::Peek::ipv4(packet) else { return };
    if peek.frag_offset > 0 || peek.more_fragments {
        return;
    }
    let (protocol, at) = match peek.upper {
        super::peek::Upper::Tcp(_) => (6, 16),
        super::peek::Upper::Udp { .. } => (17, 6),
        _ => return,
    };
    let Some(upper) = packet.get_mut(usize::from(peek.ip_header)..usize::from(peek.total_len)) else {
        return;
    };
    let Ok(len) = u16::try_from(upper.len()) else { return };
    let partial = pseudo(peek.src, peek.dst, protocol, len);
    let stored = match upper.get(at..at + 2) {
        Some([a, b]) => u16::from_be_bytes([*a, *b]),
        _ => return,
    };
    // A right checksum sums to all ones; one that is right already stays.
    if stored != partial || sum(upper, partial.into()) == 0xffff {
        return;
    }
    // The stored value stands in for the pseudo header, so summing the whole is enough.
    let whole = match !sum(upper, 0) {
        0 if protocol == 17 => 0xffff, // RFC 768: a computed zero is sent as all ones
        c => c,
    };
    if let Some(field) = upper.get_mut(at..at + 2) {
        field.copy_from_slice(&whole.to_be_bytes());
    }
}

fn ip_packet(src: Ipv4Addr, dst: Ipv4Addr, protocol: IpNextHeaderProtocol, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 20 + payload.len()];
    let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    if let Some(mut ip) = MutableIpv4Packet::new(&mut bytes) {
        ip.set_version(4);
        ip.set_header_length(5);
        ip.set_total_length(len);
        ip.set_ttl(64);
        ip.set_next_level_protocol(protocol);
        ip.set_source(src);
        ip.set_destination(dst);
        ip.set_payload(payload);
        let checksum = pnet::packet::ipv4::checksum(&ip.to_immutable());
        ip.set_checksum(checksum);
    }
    bytes
}

/// The IPv4 packet with this segment, checksums right.
#[must_use]
pub fn segment(s: &RawSegment) -> Vec<u8> {
    let mut options = s.options.clone();
    options.truncate(40);
    while !options.len().is_multiple_of(4) {
        options.push(1);
    }
    let header = 20 + options.len();
    let mut tcp = vec![0; header];
    tcp.extend_from_slice(&s.payload);
    if let Some(mut t) = MutableTcpPacket::new(&mut tcp) {
        t.set_source(s.src_port);
        t.set_destination(s.dst_port);
        t.set_sequence(s.seq);
        t.set_acknowledgement(s.ack);
        t.set_data_offset(u8::try_from(header / 4).unwrap_or(15));
        t.set_flags(s.flags);
        t.set_window(s.window);
    }
    if let Some(area) = tcp.get_mut(20..header) {
        area.copy_from_slice(&options);
    }
    let checksum = MutableTcpPacket::new(&mut tcp)
        .map_or(0, |t| pnet::packet::tcp::ipv4_checksum(&t.to_immutable(), &s.src, &s.dst));
    if let Some(mut t) = MutableTcpPacket::new(&mut tcp) {
        t.set_checksum(checksum);
    }
    ip_packet(s.src, s.dst, IpNextHeaderProtocols::Tcp, &tcp)
}

/// An ICMP "fragmentation needed" (RFC 792, RFC 1191) from `router` about `about`.
#[must_use]
pub fn fragmentation_needed(router: Ipv4Addr, to: Ipv4Addr, mtu: u16, about: &[u8]) -> Vec<u8> {
    let mut icmp = vec![0; 8];
    icmp.extend_from_slice(about.get(..28.min(about.len())).unwrap_or_default());
    if let Some(field) = icmp.get_mut(6..8) {
        field.copy_from_slice(&mtu.to_be_bytes());
    }
    if let Some(mut p) = MutableIcmpPacket::new(&mut icmp) {
        p.set_icmp_type(IcmpType(3));
        p.set_icmp_code(IcmpCode(4));
    }
    let checksum =
        MutableIcmpPacket::new(&mut icmp).map_or(0, |p| pnet::packet::icmp::checksum(&p.to_immutable()));
    if let Some(mut p) = MutableIcmpPacket::new(&mut icmp) {
        p.set_checksum(checksum);
    }
    ip_packet(router, to, IpNextHeaderProtocols::Icmp, &icmp)
}

/// Makes the TCP checksum of an IPv4 packet right again after a field was changed.
pub(super) fn mend_tcp_checksum(packet: &mut [u8]) {
    let Some(peek) = super::peek::Peek::ipv4(packet) else { return };
    let Some(upper) = packet.get_mut(usize::from(peek.ip_header)..usize::from(peek.total_len)) else {
        return;
    };
    let Some(mut t) = MutableTcpPacket::new(upper) else { return };
    t.set_checksum(0);
    let checksum = pnet::packet::tcp::ipv4_checksum(&t.to_immutable(), &peek.src, &peek.dst);
    t.set_checksum(checksum);
    let _ = t.packet();
}
