//! Frames that the wire makes itself, and checksums that a network card would finish.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pnet::packet::icmp::{IcmpCode, IcmpType, MutableIcmpPacket};
use pnet::packet::icmpv6::{Icmpv6Code, Icmpv6Type, MutableIcmpv6Packet};
use pnet::packet::ip::{IpNextHeaderProtocol, IpNextHeaderProtocols};
use pnet::packet::ipv4::MutableIpv4Packet;
use pnet::packet::ipv6::MutableIpv6Packet;
use pnet::packet::tcp::MutableTcpPacket;

/// A TCP segment to be made, field by field, sense or nonsense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawSegment {
    /// Sender.
    pub src: IpAddr,
    /// Receiver, of the same version of IP.
    pub dst: IpAddr,
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

/// The sum of the pseudo header (RFC 9293 section 3.1, RFC 768, RFC 8200 section 8.1), folded.
/// Both versions sum the same fields; only the addresses differ in length.
fn pseudo(src: IpAddr, dst: IpAddr, protocol: u8, len: u16) -> u16 {
    let addresses = [src, dst].into_iter().fold(0, |total, a| match a {
        IpAddr::V4(a) => sum(&a.octets(), total).into(),
        IpAddr::V6(a) => sum(&a.octets(), total).into(),
    });
    let [high, low] = len.to_be_bytes();
    sum(&[0, protocol, high, low], addresses)
}

/// Both addresses, of the version that they share.
enum Pair {
    Four(Ipv4Addr, Ipv4Addr),
    Six(Ipv6Addr, Ipv6Addr),
}

impl Pair {
    /// An IPv4 address beside an IPv6 one is mapped (RFC 4291 section 2.5.5.2).
    fn of(src: IpAddr, dst: IpAddr) -> Self {
        let six = |a: IpAddr| match a {
            IpAddr::V4(a) => a.to_ipv6_mapped(),
            IpAddr::V6(a) => a,
        };
        match (src, dst) {
            (IpAddr::V4(a), IpAddr::V4(b)) => Self::Four(a, b),
            _ => Self::Six(six(src), six(dst)),
        }
    }
}

/// Finishes a TCP or UDP checksum that the sending host left to its network card. Such a
/// field holds the folded sum of the pseudo header; every other value is left alone.
pub(super) fn finish_checksum(packet: &mut [u8]) {
    let Some(peek) = super::peek::Peek::ip(packet) else { return };
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

fn ip_packet(ends: &Pair, protocol: IpNextHeaderProtocol, payload: &[u8]) -> Vec<u8> {
    let header = if matches!(ends, Pair::Four(..)) { 20 } else { 40 };
    let mut bytes = vec![0; header];
    bytes.extend_from_slice(payload);
    let len = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
    match *ends {
        Pair::Four(src, dst) => {
            let total = len(bytes.len());
            if let Some(mut ip) = MutableIpv4Packet::new(&mut bytes) {
                ip.set_version(4);
                ip.set_header_length(5);
                ip.set_total_length(total);
                ip.set_ttl(64);
                ip.set_next_level_protocol(protocol);
                ip.set_source(src);
                ip.set_destination(dst);
                let checksum = pnet::packet::ipv4::checksum(&ip.to_immutable());
                ip.set_checksum(checksum);
            }
        }
        Pair::Six(src, dst) => {
            if let Some(mut ip) = MutableIpv6Packet::new(&mut bytes) {
                ip.set_version(6);
                ip.set_payload_length(len(payload.len()));
                ip.set_hop_limit(64);
                ip.set_next_header(protocol);
                ip.set_source(src);
                ip.set_destination(dst);
            }
        }
    }
    bytes
}

/// Sets the TCP checksum as it has to be.
fn set_tcp_checksum(ends: &Pair, tcp: &mut [u8]) {
    let Some(mut t) = MutableTcpPacket::new(tcp) else { return };
    t.set_checksum(0);
    let checksum = match ends {
        Pair::Four(src, dst) => pnet::packet::tcp::ipv4_checksum(&t.to_immutable(), src, dst),
        Pair::Six(src, dst) => pnet::packet::tcp::ipv6_checksum(&t.to_immutable(), src, dst),
    };
    t.set_checksum(checksum);
}

/// The IP packet with this segment, checksums right.
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
    let ends = Pair::of(s.src, s.dst);
    set_tcp_checksum(&ends, &mut tcp);
    ip_packet(&ends, IpNextHeaderProtocols::Tcp, &tcp)
}

/// What `router` says to `to` about a packet that is too big: ICMP "fragmentation needed" (RFC 792,
/// RFC 1191), or ICMPv6 "packet too big" (RFC 4443 section 3.2).
#[must_use]
pub fn too_big(router: IpAddr, to: IpAddr, mtu: u16, about: &[u8]) -> Vec<u8> {
    match Pair::of(router, to) {
        Pair::Four(router, to) => fragmentation_needed(router, to, mtu, about),
        Pair::Six(router, to) => packet_too_big(router, to, mtu, about),
    }
}

fn packet_too_big(router: Ipv6Addr, to: Ipv6Addr, mtu: u16, about: &[u8]) -> Vec<u8> {
    let mut icmp = vec![0; 4];
    icmp.extend_from_slice(&u32::from(mtu).to_be_bytes());
    // As much of the packet as fits into the least MTU of IPv6, 1280 octets.
    icmp.extend_from_slice(about.get(..about.len().min(1280 - 48)).unwrap_or_default());
    if let Some(mut p) = MutableIcmpv6Packet::new(&mut icmp) {
        p.set_icmpv6_type(Icmpv6Type(2));
        p.set_icmpv6_code(Icmpv6Code(0));
        let checksum = pnet::packet::icmpv6::checksum(&p.to_immutable(), &router, &to);
        p.set_checksum(checksum);
    }
    ip_packet(&Pair::Six(router, to), IpNextHeaderProtocols::Icmpv6, &icmp)
}

fn fragmentation_needed(router: Ipv4Addr, to: Ipv4Addr, mtu: u16, about: &[u8]) -> Vec<u8> {
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
    ip_packet(&Pair::Four(router, to), IpNextHeaderProtocols::Icmp, &icmp)
}

/// Makes the TCP checksum of an IP packet right again after a field was changed.
pub(super) fn mend_tcp_checksum(packet: &mut [u8]) {
    let Some(peek) = super::peek::Peek::ip(packet) else { return };
    let Some(upper) = packet.get_mut(usize::from(peek.ip_header)..usize::from(peek.total_len)) else {
        return;
    };
    set_tcp_checksum(&Pair::of(peek.src, peek.dst), upper);
}
