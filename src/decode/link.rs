//! Link layers: from a LINKTYPE_ to an EtherType or straight to IP.

use crate::model::{LinkType, Proto};

use super::ethernet::{self, ethertype};
use super::octets::Octets;
use super::problem::Problem;
use super::walk::Walk;
use super::{ip, ppp, wlan};

/// Decodes a frame from its link layer on.
#[inline]
pub(super) fn decode(w: &mut Walk<'_>, link: LinkType, o: Octets<'_>) {
    match link {
        LinkType::ETHERNET => ethernet::ethernet(w, o),
        LinkType::RAW | LinkType(12 | 14) => {
            w.path.push(Proto::Raw);
            ip::by_version(w, o);
        }
        LinkType::IPV4 | LinkType::IPV6 => ip::by_version(w, o),
        LinkType::NULL | LinkType::LOOP => null(w, o),
        LinkType::LINUX_SLL => sll(w, o),
        LinkType::LINUX_SLL2 => sll2(w, o),
        LinkType::PPP | LinkType::PPP_HDLC => ppp::ppp_link(w, o),
        LinkType::PPP_WITH_DIR => ppp::ppp_link(w, o.skip(1)),
        LinkType::PPP_ETHER => ppp::pppoe(w, o),
        LinkType::C_HDLC => chdlc(w, o),
        LinkType::FDDI => after_addresses(w, o, Proto::Fddi, 13),
        LinkType::TOKEN_RING => token_ring(w, o),
        LinkType::ATM_RFC1483 => {
            w.path.push(Proto::Atm);
            ethernet::llc(w, o);
        }
        LinkType::ARCNET_BSD => arcnet(w, o, 2),
        LinkType::ARCNET_LINUX => arcnet(w, o, 4),
        LinkType::FRELAY => frame_relay(w, o),
        LinkType::IEEE802_11 => wlan::ieee802_11(w, o, false),
        LinkType::IEEE802_11_RADIOTAP => wlan::radiotap(w, o),
        LinkType::IEEE802_11_PRISM => wlan::prism(w, o),
        LinkType::IEEE802_11_AVS => wlan::avs(w, o),
        LinkType::PPI => ppi(w, o),
        LinkType::ERF => erf(w, o),
        LinkType::NFLOG => nflog(w, o),
        LinkType::PFLOG => pflog(w, o),
        LinkType::IPNET => ipnet(w, o),
        LinkType::IPOIB => ipoib(w, o),
        LinkType::PKTAP => pktap(w, o),
        _ => {}
    }
}

/// BSD loopback: the address family in the capturing host's byte order, whichever
/// that was; or, as some write it, an EtherType.
fn null(w: &mut Walk<'_>, o: Octets<'_>) {
    w.path.push(Proto::Null);
    let Some(raw) = o.array::<4>(0) else { return w.short(&o) };
    if raw == [0xff, 0x03, 0x00, 0x21] {
        return ip::by_version(w, o.skip(4));
    }
    let (little, big) = (u32::from_le_bytes(raw), u32::from_be_bytes(raw));
    let family = if little < 0x1_0000 { little } else { big };
    match family {
        2 => ip::v4(w, o.skip(4)),
        // AF_INET6 of NetBSD, FreeBSD, Darwin and Linux.
        24 | 28 | 30 | 10 => ip::v6(w, o.skip(4)),
        n if n > 0x05ff && n <= 0xffff => ethertype(w, n as u16, o.skip(4)),
        _ => {}
    }
}

fn sll(w: &mut Walk<'_>, o: Octets<'_>) {
    w.path.push(Proto::Sll);
    let (Some(hardware), Some(protocol)) = (o.u16(2), o.u16(14)) else { return w.short(&o) };
    cooked(w, hardware, protocol, o.skip(16));
}

/// What both versions of the cooked header say of their payload.
fn cooked(w: &mut Walk<'_>, hardware: u16, protocol: u16, payload: Octets<'_>) {
    match (hardware, protocol) {
        // ARPHRD_FRAD, ARPHRD_NETLINK and the like carry other things.
        (770 | 824, _) => {}
        (778, _) => ip::gre_payload(w, protocol, payload),
        (_, 0x0004) => ethernet::llc(w, payload),
        (_, 0x0001) => ethernet::novell(payload),
        _ => ethertype(w, protocol, payload),
    }
}

fn sll2(w: &mut Walk<'_>, o: Octets<'_>) {
    w.path.push(Proto::Sll);
    let (Some(protocol), Some(hardware)) = (o.u16(0), o.u16(8)) else { return w.short(&o) };
    cooked(w, hardware, protocol, o.skip(20));
}

/// Cisco HDLC: address, control, EtherType.
pub(super) fn chdlc(w: &mut Walk<'_>, o: Octets<'_>) {
    w.path.push(Proto::Chdlc);
    match o.u16(2) {
        Some(protocol) => ethertype(w, protocol, o.skip(4)),
        None => w.short(&o),
    }
}

/// A MAC header of `len` octets, then LLC.
fn after_addresses(w: &mut Walk<'_>, o: Octets<'_>, proto: Proto, len: usize) {
    w.path.push(proto);
    if o.data.len() < len {
        return w.short(&o);
    }
    ethernet::llc(w, o.skip(len));
}

/// IEEE 802.5: the top bit of the source address announces source routing.
fn token_ring(w: &mut Walk<'_>, o: Octets<'_>) {
    w.path.push(Proto::TokenRing);
    let (Some(control), Some(source)) = (o.u8(1), o.u8(8)) else { return w.short(&o) };
    if control >> 6 != 1 {
        return;
    }
    let mut at = 14;
    if source & 0x80 != 0 {
        let Some(routing) = o.u8(14) else { return w.short(&o) };
        at += usize::from(routing & 0x1f);
    }
    ethernet::llc(w, o.skip(at));
}

/// ARCNET (RFC 1201, RFC 1051): `start` is where the protocol octet lies.
fn arcnet(w: &mut Walk<'_>, o: Octets<'_>, start: usize) {
    w.path.push(Proto::Arcnet);
    let Some(protocol) = o.u8(start) else { return w.short(&o) };
    let linux = start == 4;
    match protocol {
        // RFC 1051: no split flags.
        240 => ip::v4(w, o.skip(start + 1)),
        // RFC 1201: split flag and sequence; an exception frame (flag 0xff) has four more.
        212 => {
            let mut at = start + 1;
            if o.u8(at) == Some(0xff) {
                at += 4;
            }
            match o.u8(at) {
                Some(0) => ip::v4(w, o.skip(at + 3)),
                // A fragment of a longer datagram: only the first has the header.
                Some(_) => {}
                None if linux => w.short(&o),
                None => w.short(&o),
            }
        }
        _ => {}
    }
}

/// Frame Relay (RFC 2427): the address field, control, NLPID.
fn frame_relay(w: &mut Walk<'_>, o: Octets<'_>) {
    w.path.push(Proto::FrameRelay);
    let mut at = 0;
    loop {
        let Some(octet) = o.u8(at) else { return w.short(&o) };
        at += 1;
        if octet & 1 == 1 || at == 4 {
            break;
        }
    }
    if o.u8(at) != Some(0x03) {
        // Cisco encapsulation: an EtherType follows the address.
        return match o.u16(at) {
            Some(protocol) => ethertype(w, protocol, o.skip(at + 2)),
            None => w.short(&o),
        };
    }
    at += 1;
    if o.u8(at) == Some(0) {
        at += 1;
    }
    match o.u8(at) {
        Some(0xcc) => ip::v4(w, o.skip(at + 1)),
        Some(0x8e) => ip::v6(w, o.skip(at + 1)),
        Some(0x80) => ethernet::snap(w, o.skip(at + 1)),
        Some(_) => {}
        None => w.short(&o),
    }
}

/// Per-packet information: little-endian length and link type of what follows.
fn ppi(w: &mut Walk<'_>, o: Octets<'_>) {
    let (Some(len), Some(link)) = (o.array(2), o.array::<4>(4)) else { return w.short(&o) };
    let (len, link) = (usize::from(u16::from_le_bytes(len)), u32::from_le_bytes(link));
    if len < 8 {
        return w.problem(Problem::BadLink, o.at + 2);
    }
    if w.enter(Proto::Ppi, &o) {
        let fcs = link == 105 && ppi_has_fcs(&o, len);
        let rest = o.skip(len);
        let rest = if fcs { rest.limit(rest.len.saturating_sub(4)) } else { rest };
        decode(w, LinkType(u16::try_from(link).unwrap_or(u16::MAX)), rest);
    }
}

/// The 802.11-common field (type 2) says whether the frame ends in its check sequence.
fn ppi_has_fcs(o: &Octets<'_>, len: usize) -> bool {
    let mut at = 8;
    while at + 4 <= len {
        let (Some(kind), Some(size)) = (o.array(at), o.array(at + 2)) else { return false };
        if u16::from_le_bytes(kind) == 2 {
            return o.array(at + 12).is_some_and(|flags| u16::from_le_bytes(flags) & 1 != 0);
        }
        at += 4 + usize::from(u16::from_le_bytes(size));
    }
    false
}

/// Endace ERF records: timestamp, type, flags, rlen, loss, wlen, extension headers.
fn erf(w: &mut Walk<'_>, o: Octets<'_>) {
    w.path.push(Proto::Erf);
    let (Some(kind), Some(wlen)) = (o.u8(8), o.u16(14)) else { return w.short(&o) };
    let mut at = 16;
    let mut more = kind & 0x80 != 0;
    while more {
        let Some(extension) = o.u8(at) else { return w.short(&o) };
        more = extension & 0x80 != 0;
        at += 8;
    }
    // What was on the wire is what the record says, without the record's own headers.
    w.wire = u32::from(wlen);
    let wlen = usize::from(wlen);
    // The record's own header is no part of the frame.
    let o = Octets { len: o.len.max(at.saturating_add(2).saturating_add(wlen)), ..o };
    match kind & 0x7f {
        // HDLC over SONET in its kinds.
        1 | 5 | 6 | 8 | 9 => {
            let payload = o.skip(at).limit(wlen);
            match payload.u16(0) {
                Some(0x0f00 | 0x8f00) => chdlc(w, payload),
                Some(_) => ppp::ppp_link(w, payload),
                None => w.short(&payload),
            }
        }
        // Ethernet, after two octets of offset and padding.
        2 | 11 | 16 | 20 => ethernet::ethernet(w, o.skip(at + 2).limit(wlen)),
        22 => ip::v4(w, o.skip(at).limit(wlen)),
        23 => ip::v6(w, o.skip(at).limit(wlen)),
        _ => {}
    }
}

/// Linux netfilter log: type-length-value blocks in host order; type 9 is the packet.
fn nflog(w: &mut Walk<'_>, o: Octets<'_>) {
    w.path.push(Proto::Nflog);
    let Some(family) = o.u8(0) else { return w.short(&o) };
    let mut at = 4;
    // Each value starts at a multiple of four; 256 blocks are far more than there are kinds.
    for _ in 0..256 {
        let (Some(size), Some(kind)) = (o.array(at), o.array(at + 2)) else { return };
        let (mut size, mut kind) = (u16::from_le_bytes(size), u16::from_le_bytes(kind));
        if kind > 0xff {
            (size, kind) = (size.swap_bytes(), kind.swap_bytes());
        }
        let size = usize::from(size);
        if size < 4 {
            return w.problem(Problem::BadLink, o.at + at);
        }
        if kind == 9 {
            let payload = o.skip(at + 4).limit(size - 4);
            return match family {
                2 => ip::v4(w, payload),
                10 => ip::v6(w, payload),
                _ => {}
            };
        }
        at += size.div_ceil(4) * 4;
    }
}

/// OpenBSD packet filter log: its first octet is its own length.
fn pflog(w: &mut Walk<'_>, o: Octets<'_>) {
    w.path.push(Proto::Pflog);
    let (Some(len), Some(family)) = (o.u8(0), o.u8(1)) else { return w.short(&o) };
    let payload = o.skip(usize::from(len).div_ceil(4) * 4);
    match family {
        2 => ip::v4(w, payload),
        24 | 28 | 30 => ip::v6(w, payload),
        _ => {}
    }
}

/// Solaris IP over its network interfaces: 24 octets with the address family in the second.
fn ipnet(w: &mut Walk<'_>, o: Octets<'_>) {
    let Some(family) = o.u8(1) else { return w.short(&o) };
    let payload = o.skip(24);
    match family {
        2 => ip::v4(w, payload),
        26 => ip::v6(w, payload),
        _ => {}
    }
}

/// IP over InfiniBand (RFC 4391) as Linux captures it: 40 octets, then an EtherType.
fn ipoib(w: &mut Walk<'_>, o: Octets<'_>) {
    w.path.push(Proto::Ipoib);
    match o.u16(40) {
        Some(protocol) => ethertype(w, protocol, o.skip(44)),
        None => w.short(&o),
    }
}

/// Apple PKTAP: a little-endian header with its length and the link type inside.
fn pktap(w: &mut Walk<'_>, o: Octets<'_>) {
    let (Some(len), Some(record), Some(link)) = (o.array::<4>(0), o.array::<4>(4), o.array::<4>(8)) else {
        return w.short(&o);
    };
    let len = u32::from_le_bytes(len) as usize;
    let link = u32::from_le_bytes(link);
    if len < 108 {
        return w.problem(Problem::BadLink, o.at);
    }
    if u32::from_le_bytes(record) == 1 && w.enter(Proto::Pktap, &o) {
        decode(w, LinkType(u16::try_from(link).unwrap_or(u16::MAX)), o.skip(len));
    }
}
