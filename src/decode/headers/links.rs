//! Rarer link layers: FDDI, Token Ring, ARCNET, IP over InfiniBand, firewall logs, and what
//! captures put before a frame (PPI, PKTAP).

use super::builder::{Head, Next, Walk};
use super::names;
use crate::decode::Problem;
use crate::model::LinkType;

/// Their first header; `None` where it is none of them.
pub(super) fn first(w: &mut Walk<'_>, link: LinkType) -> Option<Next> {
    Some(match link {
        LinkType(12 | 14) => Next::Ip,
        LinkType::PPP_WITH_DIR => ppp_with_direction(w),
        LinkType::ATM_RFC1483 => Next::Llc,
        LinkType::FDDI => fddi(w),
        LinkType::TOKEN_RING => token_ring(w),
        LinkType::ARCNET_BSD => arcnet(w, false),
        LinkType::ARCNET_LINUX => arcnet(w, true),
        LinkType::IPOIB => ipoib(w),
        LinkType::NFLOG => nflog(w),
        LinkType::PFLOG => pflog(w),
        LinkType::IPNET => ipnet(w),
        LinkType::PPI => ppi(w),
        LinkType::PKTAP => pktap(w),
        LinkType::IEEE802_11 => super::wlan::ieee802_11(w, false),
        LinkType::IEEE802_11_RADIOTAP => super::wlan::radiotap(w),
        _ => return None,
    })
}

/// A number in little-endian order.
pub(super) fn little(h: &mut Head<'_>, name: &'static str, bits: usize) -> Option<u64> {
    let n = h.num(name, bits)?.swap_bytes() >> (64 - bits.clamp(1, 64));
    h.show(n.to_string());
    h.mean("little-endian");
    Some(n)
}

fn size(n: Option<u64>) -> usize {
    n.and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
}

fn ppp_with_direction(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("PPP direction", "LINKTYPE_PPP_WITH_DIR", Some(2));
    h.means("Direction", 8, |n| if n == 0 { "received" } else { "sent" }.to_owned());
    w.done(h);
    Next::Ppp
}

fn fddi(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("FDDI", "ANSI X3.139", Some(2));
    h.hex("Frame Control", 8);
    h.mac("Destination Address");
    h.mac("Source Address");
    w.done(h);
    Next::Llc
}

fn token_ring(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("Token Ring", "IEEE 802.5", Some(2));
    h.hex("Access Control", 8);
    let control = h.hex("Frame Control", 8);
    let data = control.is_some_and(|n| n >> 6 == 1);
    h.mean(if data { "LLC frame" } else { "MAC frame" });
    h.mac("Destination Address");
    // The top bit of the source address announces source routing.
    let routed = matches!(h.ahead(1), [n] if n & 0x80 != 0);
    h.mac("Source Address");
    if routed {
        h.group = Some("Source routing");
        h.num("Broadcast", 3);
        let len = h.means("Length", 5, |_| "octets of routing information".to_owned());
        h.num("Direction", 1);
        h.num("Largest Frame", 3);
        h.reserved("Reserved", 4);
        h.octets("Route Descriptors", size(len).saturating_sub(2));
    }
    w.done(h);
    if data { Next::Llc } else { Next::Payload }
}

/// RFC 1201 and RFC 1051; Linux has two octets of offset among the addresses.
fn arcnet(w: &mut Walk<'_>, linux: bool) -> Next {
    let mut h = w.head("ARCNET", "RFC 1201", Some(2));
    h.hex("Source Address", 8);
    h.hex("Destination Address", 8);
    if linux {
        h.octets("Offset", 2);
    }
    let protocol = h.means("Protocol ID", 8, |n| {
        let text = match n {
            212 => "IPv4 (RFC 1201)",
            213 => "ARP (RFC 1201)",
            240 => "IPv4 (RFC 1051)",
            241 => "ARP (RFC 1051)",
            _ => "",
        };
        text.to_owned()
    });
    let mut whole = protocol == Some(240);
    if protocol == Some(212) {
        if h.ahead(1) == [0xff] {
            h.octets("Exception", 4);
        }
        let split = h.num("Split Flag", 8);
        whole = split == Some(0);
        h.mean(if whole { "a whole datagram" } else { "a piece of a longer one" });
        h.num("Sequence Number", 16);
    }
    w.done(h);
    if whole { Next::Ip } else { Next::Payload }
}

fn ether_type(h: &mut Head<'_>, name: &'static str) -> Next {
    let t = h.hex(name, 16);
    h.mean(t.map(names::ether_type).unwrap_or_default());
    t.and_then(|t| u16::try_from(t).ok()).map_or(Next::Payload, Next::EtherType)
}

fn ipoib(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("IPoIB", "RFC 4391", Some(2));
    h.octets("Global Routing Header", 40);
    let next = ether_type(&mut h, "Type");
    h.reserved("Reserved", 16);
    w.done(h);
    next
}

/// Blocks of length, type and value in the capturing host's order; type 9 is the packet.
fn nflog(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("NFLOG", "Linux netfilter log", Some(2));
    h.num("Address Family", 8);
    h.num("Version", 8);
    h.num("Resource ID", 16);
    let mut packet = None;
    // As many as are told of; far fewer kinds are there.
    for _ in 0..256 {
        let &[a, b, c, d] = h.ahead(4) else { break };
        let little = d == 0;
        let read =
            |x: u8, y: u8| if little { u16::from_le_bytes([x, y]) } else { u16::from_be_bytes([x, y]) };
        let (len, kind) = (read(a, b), read(c, d));
        h.group = Some(nflog_name(kind));
        for (name, n) in [("Length", len), ("Type", kind)] {
            h.num(name, 16);
            h.show(n.to_string());
        }
        let Some(value) = usize::from(len).checked_sub(4) else {
            h.problem(Some(Problem::BadLink));
            break;
        };
        if kind == 9 {
            packet = Some(value);
            break;
        }
        h.octets("Value", value.next_multiple_of(4));
    }
    h.group = None;
    w.done(h);
    match packet {
        Some(len) => {
            w.narrow(len, "NFLOG padding");
            Next::Ip
        }
        None => Next::Payload,
    }
}

const fn nflog_name(kind: u16) -> &'static str {
    match kind {
        1 => "Packet header",
        2 => "Mark",
        3 => "Timestamp",
        4 => "Input interface",
        5 => "Output interface",
        6 => "Physical input interface",
        7 => "Physical output interface",
        8 => "Hardware address",
        9 => "Packet",
        10 => "Prefix",
        11 => "User",
        12 => "Sequence",
        13 => "Sequence of all",
        14 => "Group",
        15 => "Hardware type",
        16 => "Hardware header",
        17 => "Hardware header length",
        _ => "Block",
    }
}

/// Its first octet is its own length, without the padding to four.
fn pflog(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("PFLOG", "OpenBSD packet filter log", Some(2));
    let len = h.means("Length", 8, |_| "octets of this header".to_owned());
    let family = h.means("Address Family", 8, |n| names::family(n).to_owned());
    h.num("Action", 8);
    h.num("Reason", 8);
    h.octets("Interface, Rule, User", size(len).next_multiple_of(4).saturating_sub(4));
    w.done(h);
    if matches!(family, Some(2 | 24 | 28 | 30)) { Next::Ip } else { Next::Payload }
}

fn ipnet(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("IPNET", "Solaris", Some(2));
    h.num("Version", 8);
    let family = h.means("Address Family", 8, |n| {
        let text = match n {
            2 => "IPv4",
            26 => "IPv6",
            _ => "",
        };
        text.to_owned()
    });
    h.num("Hook", 16);
    for name in ["Packet Length", "Interface Index", "Group Index"] {
        h.num(name, 32);
    }
    for name in ["Source Zone", "Destination Zone"] {
        h.num(name, 32);
    }
    w.done(h);
    if matches!(family, Some(2 | 26)) { Next::Ip } else { Next::Payload }
}

/// Little-endian throughout: its length, the link type inside, fields of type and length.
fn ppi(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("PPI", "CACE per-packet information", Some(2));
    h.num("Version", 8);
    h.hex("Flags", 8);
    let len = size(little(&mut h, "Length", 16));
    if len < 8 {
        h.problem(Some(Problem::BadLink));
        w.done(h);
        return Next::Payload;
    }
    let link = little(&mut h, "Link Type", 32).and_then(|n| u16::try_from(n).ok());
    let mut fcs = false;
    while h.len() + 4 <= len && h.ahead(4).len() == 4 {
        h.group = Some("Field");
        let kind = little(&mut h, "Type", 16);
        let size = size(little(&mut h, "Length", 16)).min(len.saturating_sub(h.len()));
        // 802.11-Common: whether the frame ends in its check sequence stands in its flags.
        fcs |= kind == Some(2) && h.ahead(9).get(8).is_some_and(|flags| flags & 1 != 0);
        h.octets("Value", size);
    }
    h.group = None;
    h.octets("More", len.saturating_sub(h.len()));
    w.done(h);
    match link {
        Some(105) => super::wlan::ieee802_11(w, fcs),
        link => link.map_or(Next::Payload, |link| Next::Link(LinkType(link))),
    }
}

fn pktap(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("PKTAP", "Apple", Some(2));
    let len = size(little(&mut h, "Length", 32));
    let bad = (len < 108).then_some(Problem::BadLink);
    h.problem(bad);
    let record = little(&mut h, "Record Type", 32);
    h.mean(if record == Some(1) { "a packet" } else { "no packet" });
    let link = little(&mut h, "Link Type", 32).and_then(|n| u16::try_from(n).ok());
    h.octets("Interface Name", 24);
    h.octets("Flags, Protocol, Process", len.saturating_sub(h.len()));
    w.done(h);
    match link {
        Some(link) if record == Some(1) && bad.is_none() => Next::Link(LinkType(link)),
        _ => Next::Payload,
    }
}
