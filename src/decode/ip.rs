//! IPv4 (RFC 791) and IPv6 (RFC 8200), and what their protocol numbers lead to.
//! Lengths come from the IP header, so a short snaplen never looks like loss.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::Proto;

use super::fragments::{FragmentKey, Piece};
use super::octets::Octets;
use super::problem::Problem;
use super::walk::{IpHeader, Walk};
use super::{ethernet, transport, tunnel};

/// IP by the version in its first half-octet.
pub(super) fn by_version(w: &mut Walk<'_>, o: Octets<'_>) {
    match o.u8(0).map(|b| b >> 4) {
        Some(4) => v4(w, o),
        Some(6) => v6(w, o),
        Some(_) => w.problem(Problem::BadIpVersion, o.at),
        None => w.short(&o),
    }
}

/// IPv4.
#[inline]
pub(super) fn v4(w: &mut Walk<'_>, o: Octets<'_>) {
    let Some(h) = o.head::<20>() else { return w.short(&o) };
    if h[0] >> 4 != 4 {
        // Where the link layer says 4 and the header says 6, the header is right.
        return if h[0] >> 4 == 6 { v6(w, o) } else { w.problem(Problem::BadIpVersion, o.at) };
    }
    if !w.enter(Proto::Ip, &o) {
        return;
    }
    let header_len = usize::from(h[0] & 0x0f) * 4;
    if header_len < 20 {
        return w.problem(Problem::BadIpHeaderLen, o.at);
    }
    let total = usize::from(u16::from_be_bytes([h[2], h[3]]));
    let datagram = if total == 0 {
        w.problem(Problem::IpLenZero, o.at + 2);
        o
    } else if total < header_len {
        return w.problem(Problem::BadIpLen, o.at + 2);
    } else {
        if total > o.len {
            w.problem(Problem::IpLenPastFrame, o.at + 2);
        }
        o.limit(total)
    };
    let id = u16::from_be_bytes([h[4], h[5]]);
    let fragment = u16::from_be_bytes([h[6], h[7]]);
    let mut ip = IpHeader {
        src: IpAddr::V4(Ipv4Addr::new(h[12], h[13], h[14], h[15])),
        dst: IpAddr::V4(Ipv4Addr::new(h[16], h[17], h[18], h[19])),
        id: Some(id),
        ttl: h[8],
        ecn: h[1] & 3,
        header_len,
        first_fragment: false,
    };
    if header_len > 20
        && let Some(last) = source_route(&datagram.limit(header_len))
    {
        ip.dst = IpAddr::V4(last);
    }
    let payload = datagram.skip(header_len);
    if fragment & 0x3fff == 0 {
        return payload_of(w, &ip, h[9], payload);
    }
    let key = FragmentKey { src: ip.src, dst: ip.dst, id: u32::from(id), protocol: h[9], realm: w.realm };
    let piece = Piece { offset: usize::from(fragment & 0x1fff) * 8, more: fragment & 0x2000 != 0 };
    // An IP length past the end of the frame: the rest is nowhere.
    let whole = total <= o.data.len() && payload.is_whole();
    fragments(w, &mut ip, key, piece, h[9], payload, whole);
}

/// Where a source route (RFC 791, loose or strict) still leads: the last of its addresses.
#[cold]
fn source_route(header: &Octets<'_>) -> Option<Ipv4Addr> {
    let mut at = 20;
    while let Some(kind) = header.u8(at) {
        match kind {
            0 => return None,
            1 => at += 1,
            _ => {
                let len = usize::from(header.u8(at + 1)?);
                if len < 2 {
                    return None;
                }
                if matches!(kind, 131 | 137) {
                    let pointer = usize::from(header.u8(at + 2)?);
                    let ahead = pointer <= len && len >= 7;
                    return if ahead { header.array::<4>(at + len - 4).map(Ipv4Addr::from) } else { None };
                }
                at += len;
            }
        }
    }
    None
}

/// A fragment: kept until its datagram is whole, which is then decoded on this frame.
fn fragments(
    w: &mut Walk<'_>,
    ip: &mut IpHeader,
    key: FragmentKey,
    piece: Piece,
    protocol: u8,
    payload: Octets<'_>,
    whole: bool,
) {
    if !whole {
        // It can never be put together. Its first piece still has the ports.
        if piece.offset == 0 {
            ip.first_fragment = true;
            payload_of(w, ip, protocol, payload);
        } else {
            w.short(&payload);
        }
        return;
    }
    match w.reassembly.add(key, piece, payload.data, w.ts) {
        Ok(Some(datagram)) => {
            let whole = Octets { data: &datagram, at: 0, len: datagram.len() };
            let before = std::mem::replace(&mut w.fragmented, true);
            payload_of(w, ip, protocol, whole);
            w.fragmented = before;
            w.reassembly.recycle(datagram);
        }
        Ok(None) => {}
        Err(problem) => w.problem(problem, payload.at),
    }
}

/// IPv6 and its chain of extension headers.
pub(super) fn v6(w: &mut Walk<'_>, o: Octets<'_>) {
    let Some(h) = o.head::<40>() else { return w.short(&o) };
    if h[0] >> 4 != 6 {
        return if h[0] >> 4 == 4 { v4(w, o) } else { w.problem(Problem::BadIpVersion, o.at) };
    }
    if !w.enter(Proto::Ipv6, &o) {
        return;
    }
    let address = |i: usize| o.array::<16>(i).map_or(Ipv6Addr::UNSPECIFIED, Ipv6Addr::from);
    let mut ip = IpHeader {
        src: IpAddr::V6(address(8)),
        dst: IpAddr::V6(address(24)),
        id: None,
        ttl: h[7],
        ecn: (h[1] >> 4) & 3,
        header_len: 40,
        first_fragment: false,
    };
    let len = usize::from(u16::from_be_bytes([h[4], h[5]]));
    let rest = o.skip(40);
    let payload = match (len, jumbo_len(h[6], &rest)) {
        (0, Some(jumbo)) => rest.limit(jumbo),
        // Length 0 without a jumbo option: segmentation offload.
        (0, None) if h[6] != 59 && rest.len > 0 => {
            w.problem(Problem::IpLenZero, o.at + 4);
            rest
        }
        _ => {
            if len > rest.len {
                w.problem(Problem::IpLenPastFrame, o.at + 4);
            }
            rest.limit(len)
        }
    };
    extensions(w, &mut ip, h[6], payload);
}

/// The jumbo payload option (RFC 2675) of a hop-by-hop header, if it is the first option.
fn jumbo_len(next: u8, rest: &Octets<'_>) -> Option<usize> {
    (next == 0 && rest.u16(2)? == 0xc204).then(|| rest.u32(4).map(|n| n as usize))?
}

/// Extension headers, in whatever order they come.
fn extensions(w: &mut Walk<'_>, ip: &mut IpHeader, first: u8, payload: Octets<'_>) {
    let (mut next, mut o) = (first, payload);
    loop {
        let proto = match next {
            0 => Proto::HopOpts,
            43 => Proto::Routing,
            60 => Proto::DstOpts,
            135 => Proto::Mobility,
            44 => {
                w.path.push(Proto::Fragment);
                let (Some(following), Some(field), Some(id)) = (o.u8(0), o.u16(2), o.u32(4)) else {
                    return w.short(&o);
                };
                o = o.skip(8);
                ip.header_len += 8;
                // RFC 6946: an atomic fragment is the whole datagram.
                if field & 0xfff9 == 0 {
                    next = following;
                    continue;
                }
                let key = FragmentKey { src: ip.src, dst: ip.dst, id, protocol: following, realm: w.realm };
                let piece = Piece { offset: usize::from(field & 0xfff8), more: field & 1 != 0 };
                return fragments(w, ip, key, piece, following, o, o.is_whole());
            }
            _ => return payload_of(w, ip, next, o),
        };
        w.path.push(proto);
        let (Some(following), Some(words)) = (o.u8(0), o.u8(1)) else { return w.short(&o) };
        let len = (usize::from(words) + 1) * 8;
        if len > o.len {
            return w.problem(Problem::Truncated, o.at);
        }
        ip.header_len += len;
        next = following;
        o = o.skip(len);
    }
}

/// What an IP protocol number announces.
#[inline]
pub(super) fn payload_of(w: &mut Walk<'_>, ip: &IpHeader, protocol: u8, o: Octets<'_>) {
    match protocol {
        6 => transport::tcp(w, ip, o),
        17 => transport::udp(w, ip, o),
        136 => transport::udp_lite(w, ip, o),
        1 if ip.src.is_ipv4() => transport::icmp(w, ip, o, 4),
        58 => transport::icmp(w, ip, o, 6),
        4 => v4(w, o),
        41 => v6(w, o),
        47 => gre(w, o),
        51 => authentication(w, ip, o),
        // Extension headers below an authentication header or a reassembled datagram.
        0 | 43 | 44 | 60 | 135 if ip.src.is_ipv6() => {
            let mut ip = *ip;
            extensions(w, &mut ip, protocol, o);
        }
        97 => ethernet::ethernet(w, o.skip(2)),
        103 => pim(w, o),
        115 => tunnel::l2tp_v3(w, o),
        137 => ethernet::mpls_payload(w, o),
        143 => ethernet::ethernet(w, o),
        _ => {}
    }
}

/// Authentication header (RFC 4302): its length in words, less two.
fn authentication(w: &mut Walk<'_>, ip: &IpHeader, o: Octets<'_>) {
    let (Some(next), Some(words)) = (o.u8(0), o.u8(1)) else { return w.short(&o) };
    let len = (usize::from(words) + 2) * 4;
    if len < 12 || len > o.len {
        return w.problem(Problem::BadEncapsulation, o.at + 1);
    }
    if w.enter(Proto::Ah, &o) {
        let ip = IpHeader { header_len: ip.header_len + len, ..*ip };
        payload_of(w, &ip, next, o.skip(len));
    }
}

/// A PIM register (RFC 7761) carries a whole datagram.
fn pim(w: &mut Walk<'_>, o: Octets<'_>) {
    match o.u8(0) {
        // Version 2, type 1.
        Some(0x21) if w.enter(Proto::Pim, &o) => {
            if o.len > 8 {
                by_version(w, o.skip(8));
            }
        }
        Some(_) => {}
        None => w.short(&o),
    }
}

/// GRE (RFC 2784, RFC 2890) and its version 1 for PPTP (RFC 2637).
fn gre(w: &mut Walk<'_>, o: Octets<'_>) {
    let (Some(flags), Some(protocol)) = (o.u16(0), o.u16(2)) else { return w.short(&o) };
    if !w.enter(Proto::Gre, &o) {
        return;
    }
    let version = flags & 7;
    let mut len = 4;
    if flags & 0xc000 != 0 {
        len += 4;
    }
    if flags & 0x2000 != 0 {
        if let Some(key) = o.u32(len) {
            w.realm(Proto::Gre, key);
        }
        len += 4;
    }
    if flags & 0x1000 != 0 {
        len += 4;
    }
    if version == 1 && flags & 0x0080 != 0 {
        len += 4;
    }
    if flags & 0x4000 != 0 {
        // Source routing entries (RFC 1701) until one of length 0.
        for _ in 0..64 {
            let Some(entry) = o.u8(len + 3) else { return w.short(&o) };
            len += 4 + usize::from(entry);
            if entry == 0 {
                break;
            }
        }
    }
    if len > o.data.len() {
        return w.short(&o);
    }
    let sequenced = flags & 0x1000 != 0;
    match protocol {
        0x88be if sequenced => erspan(w, o.skip(len), 8),
        0x88be => erspan(w, o.skip(len), 0),
        0x22eb => erspan(w, o.skip(len), 12),
        _ => gre_payload(w, protocol, o.skip(len)),
    }
}

/// What a GRE protocol type announces.
pub(super) fn gre_payload(w: &mut Walk<'_>, protocol: u16, o: Octets<'_>) {
    match protocol {
        // Cisco MetaData, with the EtherType first.
        0x8909 => match o.u16(0) {
            Some(kind) => ethernet::ethertype(w, kind, o.skip(8)),
            None => w.short(&o),
        },
        0x880b => {
            w.path.push(Proto::Ppp);
            super::ppp::protocol(
                w,
                match o.u16(0) {
                    Some(0xff03) => o.skip(2),
                    _ => o,
                },
            );
        }
        // Ethernet over IP as some routers number it.
        0x6400 => ethernet::ethernet(w, o.skip(4)),
        _ => ethernet::ethertype(w, protocol, o),
    }
}

/// ERSPAN (types I to III): a mirrored Ethernet frame.
fn erspan(w: &mut Walk<'_>, o: Octets<'_>, len: usize) {
    if !w.enter(Proto::Erspan, &o) {
        return;
    }
    // Type III may have a platform-specific subheader.
    let extra = if len == 12 && o.u8(11).is_some_and(|b| b & 1 != 0) { 8 } else { 0 };
    ethernet::ethernet(w, o.skip(len + extra));
}
