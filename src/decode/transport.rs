//! TCP, UDP, UDP-Lite and ICMP headers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{Endpoint, Proto, SeqNum, TcpFlags};

use super::octets::Octets;
use super::problem::Problem;
use super::record::{IcmpMessage, OptionBytes, Quoted, Record, TcpSegment, UdpDatagram};
use super::tunnel;
use super::walk::{IpHeader, Walk};

/// TCP (RFC 9293 section 3.1).
#[inline]
pub(super) fn tcp(w: &mut Walk<'_>, ip: &IpHeader, o: Octets<'_>) {
    let Some(h) = o.head::<20>() else { return tcp_cut(w, ip, o) };
    let header_len = usize::from(h[12] >> 4) * 4;
    if header_len < 20 {
        w.problem(Problem::BadTcpHeaderLen, o.at + 12);
    } else if header_len > o.len {
        w.problem(Problem::TcpHeaderPastEnd, o.at + 12);
    }
    let option_octets = o.data.get(20..header_len.clamp(20, o.data.len().max(20))).unwrap_or(&[]);
    if header_len > o.data.len() && header_len <= o.len {
        w.problem(Problem::Snapped, o.at + o.data.len());
    }
    let checksum = u16::from_be_bytes([h[16], h[17]]);
    let segment = TcpSegment {
        ip: w.context(ip, u16::from_be_bytes([h[0], h[1]]), u16::from_be_bytes([h[2], h[3]])),
        seq: SeqNum(u32::from_be_bytes([h[4], h[5], h[6], h[7]])),
        ack: SeqNum(u32::from_be_bytes([h[8], h[9], h[10], h[11]])),
        flags: TcpFlags(u16::from_be_bytes([h[12], h[13]]) & 0x0fff),
        window: u16::from_be_bytes([h[14], h[15]]),
        len: if ip.first_fragment { 0 } else { o.len.saturating_sub(header_len) as u32 },
        header_len: header_len as u8,
        checksum,
        checksum_offloaded: pseudo_header_sum(ip, 6, o.len) == checksum,
        urgent: u16::from_be_bytes([h[18], h[19]]),
        options: OptionBytes::new(option_octets),
        cut: false,
        len_unknown: ip.first_fragment || header_len < 20 || header_len > o.len,
    };
    w.records.push(Record::Tcp(segment));
}

/// A TCP header of which fewer than 20 octets are there: the ports and the sequence
/// number may be, and what is missing stays 0, with the problem named.
#[cold]
fn tcp_cut(w: &mut Walk<'_>, ip: &IpHeader, o: Octets<'_>) {
    w.short(&o);
    let (Some(sport), Some(dport)) = (o.u16(0), o.u16(2)) else { return };
    let flags = TcpFlags(o.u16(12).unwrap_or(0) & 0x0fff);
    let header_len = o.u8(12).map_or(0, |b| (b >> 4) * 4);
    let record = TcpSegment {
        ip: w.context(ip, sport, dport),
        seq: SeqNum(o.u32(4).unwrap_or(0)),
        ack: SeqNum(o.u32(8).unwrap_or(0)),
        flags,
        window: o.u16(14).unwrap_or(0),
        len: 0,
        header_len,
        checksum: 0,
        checksum_offloaded: false,
        urgent: 0,
        options: OptionBytes::EMPTY,
        cut: o.data.len() < 16,
        len_unknown: true,
    };
    w.records.push(Record::Tcp(record));
}

/// UDP (RFC 768), and the tunnels that well-known ports announce.
#[inline]
pub(super) fn udp(w: &mut Walk<'_>, ip: &IpHeader, o: Octets<'_>) {
    let Some(h) = o.head::<8>() else { return udp_cut(w, ip, o) };
    let (sport, dport) = (u16::from_be_bytes([h[0], h[1]]), u16::from_be_bytes([h[2], h[3]]));
    let length = u16::from_be_bytes([h[4], h[5]]);
    // RFC 2675: length 0 in a jumbogram means the IP length; so does segmentation offload.
    let jumbo = length == 0 && (o.len > usize::from(u16::MAX) || w.problems.has(Problem::IpLenZero));
    let body = match usize::from(length) {
        0 if jumbo => o,
        n if n < 8 => {
            w.problem(Problem::BadUdpLen, o.at + 4);
            o.limit(8)
        }
        n => {
            if n > o.len && !ip.first_fragment {
                w.problem(Problem::UdpLenPastIp, o.at + 4);
            }
            o.limit(n)
        }
    };
    let checksum = u16::from_be_bytes([h[6], h[7]]);
    let payload = if jumbo { o.len.saturating_sub(8) } else { usize::from(length).saturating_sub(8) };
    let datagram = UdpDatagram {
        ip: w.context(ip, sport, dport),
        length,
        payload: payload as u32,
        checksum,
        checksum_offloaded: pseudo_header_sum(ip, 17, usize::from(length)) == checksum,
        lite: false,
        cut: length < 8 && !jumbo,
    };
    w.records.push(Record::Udp(datagram));
    if tunnel::is_port(dport) || tunnel::is_port(sport) {
        tunnel::udp(w, sport, dport, body.skip(8));
    }
}

/// A UDP header of which fewer than 8 octets are there.
#[cold]
fn udp_cut(w: &mut Walk<'_>, ip: &IpHeader, o: Octets<'_>) {
    w.short(&o);
    let (Some(sport), Some(dport)) = (o.u16(0), o.u16(2)) else { return };
    let length = o.u16(4).unwrap_or(0);
    let record = UdpDatagram {
        ip: w.context(ip, sport, dport),
        length,
        payload: u32::from(length.saturating_sub(8)),
        checksum: 0,
        checksum_offloaded: false,
        lite: false,
        cut: true,
    };
    w.records.push(Record::Udp(record));
}

/// UDP-Lite (RFC 3828): the length field is the checksum's coverage.
pub(super) fn udp_lite(w: &mut Walk<'_>, ip: &IpHeader, o: Octets<'_>) {
    let Some(h) = o.head::<8>() else { return w.short(&o) };
    let coverage = u16::from_be_bytes([h[4], h[5]]);
    if coverage != 0 && coverage < 8 {
        w.problem(Problem::BadUdpLen, o.at + 4);
    }
    let datagram = UdpDatagram {
        ip: w.context(ip, u16::from_be_bytes([h[0], h[1]]), u16::from_be_bytes([h[2], h[3]])),
        length: coverage,
        payload: o.len.saturating_sub(8) as u32,
        checksum: u16::from_be_bytes([h[6], h[7]]),
        checksum_offloaded: false,
        lite: true,
        cut: false,
    };
    w.records.push(Record::Udp(datagram));
}

/// ICMP (RFC 792) and ICMPv6 (RFC 4443); the outermost of a frame gets a record.
pub(super) fn icmp(w: &mut Walk<'_>, ip: &IpHeader, o: Octets<'_>, version: u8) {
    if std::mem::replace(&mut w.icmp_seen, true) {
        return;
    }
    let (Some(icmp_type), Some(code), Some(_checksum)) = (o.u8(0), o.u8(1), o.u16(2)) else {
        return w.short(&o);
    };
    let is_error = match version {
        4 => matches!(icmp_type, 3 | 4 | 5 | 11 | 12),
        _ => matches!(icmp_type, 1..=4),
    };
    let quoted = if is_error { quoted(o.skip(8)) } else { None };
    let message = IcmpMessage { ip: w.context(ip, 0, 0), version, icmp_type, code, quoted };
    w.records.push(Record::Icmp(message));
}

/// The datagram that an ICMP error quotes, as much of it as there is.
fn quoted(o: Octets<'_>) -> Option<Quoted> {
    match o.u8(0)? >> 4 {
        4 => {
            let h = o.head::<20>()?;
            let len = usize::from(h[0] & 0x0f) * 4;
            let src = IpAddr::V4(Ipv4Addr::new(h[12], h[13], h[14], h[15]));
            let dst = IpAddr::V4(Ipv4Addr::new(h[16], h[17], h[18], h[19]));
            let later_fragment = u16::from_be_bytes([h[6], h[7]]) & 0x1fff != 0;
            Some(quoted_transport(src, dst, h[9], o.skip(len.max(20)), later_fragment))
        }
        6 => {
            let (src, dst) = (o.array::<16>(8)?, o.array::<16>(24)?);
            let (mut next, mut rest) = (o.u8(6)?, o.skip(40));
            let mut later_fragment = false;
            // Eight extension headers are more than a quoted packet has room for.
            for _ in 0..8 {
                let len = match next {
                    0 | 43 | 60 | 135 => (usize::from(rest.u8(1).unwrap_or(0)) + 1) * 8,
                    44 => {
                        later_fragment |= rest.u16(2).is_some_and(|f| f & 0xfff8 != 0);
                        8
                    }
                    _ => break,
                };
                let Some(following) = rest.u8(0) else { break };
                next = following;
                rest = rest.skip(len);
            }
            let (src, dst) = (Ipv6Addr::from(src).into(), Ipv6Addr::from(dst).into());
            Some(quoted_transport(src, dst, next, rest, later_fragment))
        }
        _ => None,
    }
}

fn quoted_transport(src: IpAddr, dst: IpAddr, protocol: u8, o: Octets<'_>, later_fragment: bool) -> Quoted {
    let known = matches!(protocol, 6 | 17 | 136) && !later_fragment;
    let ports = if known { o.u16(0).zip(o.u16(2)) } else { None };
    let (sport, dport) = ports.unwrap_or((0, 0));
    Quoted {
        protocol,
        src: Endpoint { addr: src, port: sport },
        dst: Endpoint { addr: dst, port: dport },
        has_ports: ports.is_some(),
        seq: if protocol == 6 && ports.is_some() { o.u32(4).map(SeqNum) } else { None },
    }
}

/// The folded sum of the pseudo-header (RFC 9293 section 3.1): what a kernel leaves in
/// the checksum field for the network card to finish.
#[inline]
fn pseudo_header_sum(ip: &IpHeader, protocol: u8, len: usize) -> u16 {
    let add = |sum: u64, octets: &[u8]| {
        octets.as_chunks::<4>().0.iter().fold(sum, |sum, &c| sum + u64::from(u32::from_be_bytes(c)))
    };
    let mut sum = u64::from(protocol) + (len as u64 & 0xffff_ffff);
    match (ip.src, ip.dst) {
        (IpAddr::V4(a), IpAddr::V4(b)) => sum = add(add(sum, &a.octets()), &b.octets()),
        (IpAddr::V6(a), IpAddr::V6(b)) => sum = add(add(sum, &a.octets()), &b.octets()),
        _ => return 0,
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// Marks that something is inside a UDP datagram.
pub(super) fn enter_udp(w: &mut Walk<'_>, o: &Octets<'_>) -> bool {
    w.enter(Proto::Udp, o)
}
