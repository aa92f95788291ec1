//! Numbers in words.

use std::net::{Ipv4Addr, Ipv6Addr};

/// IP protocol numbers and IPv6 next headers (IANA).
pub(super) fn protocol(n: u64) -> String {
    let name = match n {
        0 => "IPv6 Hop-by-Hop Options",
        1 => "ICMP",
        2 => "IGMP",
        4 => "IPv4 in IP",
        6 => "TCP",
        17 => "UDP",
        41 => "IPv6 in IP",
        43 => "IPv6 Routing header",
        44 => "IPv6 Fragment header",
        47 => "GRE",
        50 => "ESP",
        51 => "Authentication Header",
        58 => "ICMPv6",
        59 => "no next header",
        60 => "IPv6 Destination Options",
        89 => "OSPF",
        103 => "PIM",
        108 => "IPComp",
        112 => "VRRP",
        115 => "L2TPv3",
        132 => "SCTP",
        135 => "Mobility header",
        136 => "UDP-Lite",
        139 => "HIP",
        140 => "Shim6",
        143 => "Ethernet in IP",
        253 | 254 => "for experiments",
        _ => return format!("protocol {n}"),
    };
    name.to_owned()
}

/// EtherTypes (IEEE).
pub(super) fn ether_type(n: u64) -> String {
    let name = match n {
        0x0800 => "IPv4",
        0x0806 => "ARP",
        0x0842 => "Wake-on-LAN",
        0x6558 => "Transparent Ethernet Bridging",
        0x8035 => "RARP",
        0x8100 => "IEEE 802.1Q VLAN tag",
        0x86dd => "IPv6",
        0x880b => "PPP",
        0x8847 => "MPLS",
        0x8848 => "MPLS, upstream-assigned label",
        0x8863 => "PPPoE Discovery",
        0x8864 => "PPPoE Session",
        0x888e => "IEEE 802.1X",
        0x88a8 => "IEEE 802.1ad service tag",
        0x88cc => "LLDP",
        0x88e5 => "MACsec",
        0x88be => "ERSPAN",
        0x88e7 => "IEEE 802.1ah service tag",
        0x88f7 => "PTP",
        0x894f => "NSH",
        0x9100 => "VLAN tag (old double tagging)",
        _ => return format!("EtherType 0x{n:04x}"),
    };
    name.to_owned()
}

/// What a port number may be (RFC 6335 section 6).
pub(super) fn port(n: u64) -> String {
    let range = match n {
        0 => "reserved",
        1..=1023 => "system port",
        1024..=49151 => "user port",
        _ => "dynamic port",
    };
    range.to_owned()
}

/// Per-hop behaviours (RFC 2474, 2597, 3246, 5865, 8622).
pub(super) fn dscp(n: u64) -> String {
    match n {
        0 => "CS0: default forwarding".into(),
        1 => "LE: lower effort".into(),
        44 => "VOICE-ADMIT".into(),
        46 => "EF: expedited forwarding".into(),
        8 | 16 | 24 | 32 | 40 | 48 | 56 => format!("CS{}: class selector", n >> 3),
        10..=38 if n.is_multiple_of(2) && (1..=3).contains(&(n >> 1 & 3)) => {
            format!("AF{}{}: assured forwarding", n >> 3, n >> 1 & 3)
        }
        _ => "no standard behaviour".into(),
    }
}

/// The ECN field (RFC 3168 section 5).
pub(super) fn ecn(n: u64) -> String {
    let word = match n {
        0 => "Not-ECT: the transport does not use ECN",
        1 => "ECT(1): ECN-capable",
        2 => "ECT(0): ECN-capable",
        _ => "CE: congestion experienced",
    };
    word.to_owned()
}

pub(super) fn ipv4_kind(a: Ipv4Addr) -> &'static str {
    if a.is_unspecified() {
        "unspecified"
    } else if a.is_loopback() {
        "loopback"
    } else if a.is_broadcast() {
        "broadcast"
    } else if a.is_multicast() {
        "multicast"
    } else if a.is_private() {
        "private (RFC 1918)"
    } else if a.is_link_local() {
        "link-local"
    } else if a.is_documentation() {
        "documentation (RFC 5737)"
    } else {
        "global unicast"
    }
}

pub(super) fn ipv6_kind(a: Ipv6Addr) -> &'static str {
    let first = a.segments()[0];
    if a.is_unspecified() {
        "unspecified"
    } else if a.is_loopback() {
        "loopback"
    } else if a.is_multicast() {
        "multicast"
    } else if a.is_unicast_link_local() {
        "link-local"
    } else if a.is_unique_local() {
        "unique local (RFC 4193)"
    } else if a.to_ipv4_mapped().is_some() {
        "IPv4-mapped"
    } else if first == 0x2001 && a.segments()[1] == 0x0db8 {
        "documentation (RFC 3849)"
    } else {
        "global unicast"
    }
}

/// Addresses families in a BSD loopback header: `(IPv4 or IPv6, name)`.
pub(super) fn family(n: u64) -> &'static str {
    match n {
        2 => "AF_INET: IPv4",
        10 => "AF_INET6 of Linux: IPv6",
        24 => "AF_INET6 of NetBSD and OpenBSD: IPv6",
        28 => "AF_INET6 of FreeBSD: IPv6",
        30 => "AF_INET6 of macOS: IPv6",
        _ => "a family without IP",
    }
}
