//! Link layers: Ethernet, VLAN tags, LLC/SNAP, PPP, PPPoE, cooked captures, loopback, ARP.

use super::builder::{Next, Walk};
use super::names;
use crate::decode::Problem;
use crate::model::LinkType;

/// The first header of a frame.
pub(super) fn first(w: &mut Walk<'_>, link: LinkType) -> Next {
    match link {
        LinkType::ETHERNET => Next::Ethernet,
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => Next::Ip,
        LinkType::NULL | LinkType::LOOP => null(w, link),
        LinkType::LINUX_SLL => sll(w),
        LinkType::LINUX_SLL2 => sll2(w),
        LinkType::PPP_ETHER => pppoe(w),
        LinkType::PPP | LinkType::PPP_HDLC => Next::Ppp,
        LinkType::C_HDLC => chdlc(w),
        _ => super::links::first(w, link).unwrap_or(Next::Payload),
    }
}

pub(super) fn ethernet(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("Ethernet", "IEEE 802.3", Some(2));
    h.mac("Destination Address");
    h.mac("Source Address");
    // Up to 1500 it is a length, from 1536 on a type (IEEE 802.3 section 3.2.6).
    let is_length = matches!(h.ahead(2), &[a, b] if u16::from_be_bytes([a, b]) <= 1500);
    if is_length {
        let len = h.means("Length", 16, |_| "octets of LLC and data".to_owned());
        let len = len.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        if w.at.saturating_add(14).saturating_add(len) > w.limit {
            h.problem(Some(Problem::BadLink));
        }
        w.done(h);
        w.narrow(len, "Ethernet padding");
        return Next::Llc;
    }
    let next = next_ether_type(&mut h, "EtherType");
    w.done(h);
    next
}

fn next_ether_type(h: &mut super::builder::Head<'_>, name: &'static str) -> Next {
    let t = h.hex(name, 16);
    h.mean(t.map(names::ether_type).unwrap_or_default());
    t.and_then(|t| u16::try_from(t).ok()).map_or(Next::Payload, Next::EtherType)
}

/// What follows an EtherType.
pub(super) fn ether_type(w: &mut Walk<'_>, t: u16) -> Next {
    match t {
        // Where not an octet of it is there, the type alone tells which IP is missing.
        0x0800 if w.peek(0).is_none() => super::ip::ipv4(w),
        0x86dd if w.peek(0).is_none() => super::ipv6::ipv6(w),
        0x0800 | 0x86dd => Next::Ip,
        0x0806 | 0x8035 => arp(w),
        0x8100 | 0x88a8 | 0x9100 => vlan(w, t),
        0x8847 | 0x8848 => Next::Mpls,
        0x8863 | 0x8864 => pppoe(w),
        0x880b => Next::Ppp,
        0x6558 => Next::Ethernet,
        0x88e7 => backbone(w),
        0..=1500 => Next::Llc,
        _ => Next::Payload,
    }
}

fn vlan(w: &mut Walk<'_>, t: u16) -> Next {
    let (name, standard) =
        if t == 0x88a8 { ("Service VLAN tag", "IEEE 802.1ad") } else { ("VLAN tag", "IEEE 802.1Q") };
    let mut h = w.head(name, standard, Some(2));
    h.means("PCP", 3, |n| format!("priority {n}"));
    h.flag("DEI", "may be dropped first");
    h.means("VID", 12, |n| match n {
        0 => "priority tag, no VLAN".into(),
        4095 => "reserved".into(),
        _ => format!("VLAN {n}"),
    });
    let next = next_ether_type(&mut h, "EtherType");
    w.done(h);
    next
}

/// The service instance tag of a provider's backbone, and the customer's frame.
fn backbone(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("Backbone service tag", "IEEE 802.1ah", Some(2));
    h.num("I-PCP", 3);
    h.flag("I-DEI", "may be dropped first");
    h.flag("UCA", "customer addresses are used");
    h.reserved("Res1", 1);
    h.reserved("Res2", 2);
    h.num("I-SID", 24);
    w.done(h);
    Next::Ethernet
}

/// IEEE 802.2 LLC, and SNAP where its addresses say so (RFC 1042).
pub(super) fn llc(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("LLC", "IEEE 802.2", Some(2));
    let dsap = h.hex("DSAP", 8);
    h.mean(dsap.map(sap).unwrap_or_default());
    let ssap = h.hex("SSAP", 8);
    h.mean(ssap.map(sap).unwrap_or_default());
    // Two low bits set: an unnumbered frame, whose control field is one octet.
    let unnumbered = matches!(h.ahead(1), [c] if c & 3 == 3) || h.ahead(1).is_empty();
    h.hex("Control", if unnumbered { 8 } else { 16 });
    h.mean(if unnumbered { "unnumbered" } else { "information or supervisory" });
    let mut next = Next::Payload;
    if dsap == Some(0xaa) && ssap == Some(0xaa) && unnumbered {
        h.group = Some("SNAP");
        let oui = h.hex("OUI", 24);
        let pid = h.hex("Protocol ID", 16);
        if oui == Some(0) {
            h.mean(pid.map(names::ether_type).unwrap_or_default());
            next = pid.and_then(|p| u16::try_from(p).ok()).map_or(Next::Payload, Next::EtherType);
        }
    } else if dsap == Some(0x06) {
        next = Next::Ip;
    }
    w.done(h);
    next
}

fn sap(n: u64) -> String {
    let name = match n {
        0x06 => "IP",
        0x42 => "spanning tree",
        0xaa | 0xab => "SNAP",
        0xe0 => "IPX",
        0xf0 => "NetBIOS",
        0xfe => "ISO network layer",
        _ => return String::new(),
    };
    name.to_owned()
}

fn null(w: &mut Walk<'_>, link: LinkType) -> Next {
    let name = if link == LinkType::LOOP { "LOOP" } else { "NULL" };
    let mut h = w.head(name, "BSD loopback", Some(2));
    let family = h.hex("Address Family", 32).and_then(|n| u32::try_from(n).ok());
    // NULL is in the byte order of the capturing host: families are small numbers.
    let family = family.map(|n| if n > 0xffff { n.swap_bytes() } else { n });
    if let Some(n) = family {
        h.show(n.to_string());
        h.mean(names::family(u64::from(n)));
    }
    w.done(h);
    if matches!(family, Some(2 | 10 | 24 | 28 | 30)) { Next::Ip } else { Next::Payload }
}

fn packet_type(n: u64) -> String {
    let text = match n {
        0 => "to this host",
        1 => "broadcast by somebody else",
        2 => "multicast by somebody else",
        3 => "between others",
        4 => "sent by this host",
        _ => "unknown",
    };
    text.to_owned()
}

fn arphrd(n: u64) -> String {
    let text = match n {
        1 => "Ethernet",
        512 => "PPP",
        519 => "raw IP",
        768 => "IP in IP tunnel",
        772 => "loopback",
        776 => "IPv6 in IPv4 tunnel",
        778 => "GRE",
        65534 => "no link-layer header",
        _ => return format!("ARPHRD {n}"),
    };
    text.to_owned()
}

fn sll(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("SLL", "Linux cooked capture", Some(2));
    h.means("Packet Type", 16, packet_type);
    h.means("ARPHRD Type", 16, arphrd);
    let len = h.means("Address Length", 16, |_| "octets of the address count".to_owned());
    sll_address(&mut h, len);
    let next = next_ether_type(&mut h, "Protocol Type");
    w.done(h);
    next
}

fn sll2(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("SLL2", "Linux cooked capture v2", Some(2));
    let next = next_ether_type(&mut h, "Protocol Type");
    h.reserved("Reserved", 16);
    h.num("Interface Index", 32);
    h.means("ARPHRD Type", 16, arphrd);
    h.means("Packet Type", 8, packet_type);
    let len = h.means("Address Length", 8, |_| "octets of the address count".to_owned());
    sll_address(&mut h, len);
    w.done(h);
    next
}

fn sll_address(h: &mut super::builder::Head<'_>, len: Option<u64>) {
    let len = usize::try_from(len.unwrap_or(0)).unwrap_or(8).min(8);
    let octets: Vec<String> = h.ahead(8).iter().take(len).map(|b| format!("{b:02x}")).collect();
    h.octets("Link-Layer Address", 8);
    h.mean(if octets.is_empty() { "none".to_owned() } else { octets.join(":") });
}

/// PPP's protocol field, after the address and control octets where they are sent
/// (RFC 1661, RFC 1662).
pub(super) fn ppp(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("PPP", "RFC 1661", Some(2));
    if h.ahead(2) == [0xff, 0x03] {
        h.hex("Address", 8);
        h.mean("all stations");
        h.hex("Control", 8);
        h.mean("unnumbered information");
    }
    // An odd first octet is the whole of a compressed protocol field.
    let short = matches!(h.ahead(1), [p] if p & 1 == 1);
    let protocol = h.hex("Protocol", if short { 8 } else { 16 });
    let (text, next) = match protocol {
        Some(0x21) => ("IPv4", Next::Ip),
        Some(0x57) => ("IPv6", Next::Ip),
        Some(0x281 | 0x283) => ("MPLS", Next::Mpls),
        Some(0xc021) => ("Link Control Protocol", Next::Payload),
        Some(0x8021) => ("IP Control Protocol", Next::Payload),
        Some(0x8057) => ("IPv6 Control Protocol", Next::Payload),
        Some(0xc023) => ("PAP", Next::Payload),
        Some(0xc223) => ("CHAP", Next::Payload),
        _ => ("", Next::Payload),
    };
    h.mean(text);
    w.done(h);
    next
}

fn pppoe(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("PPPoE", "RFC 2516", Some(2));
    h.num("VER", 4);
    h.num("TYPE", 4);
    let code = h.hex("CODE", 8);
    h.mean(match code {
        Some(0) => "session data",
        Some(0x09) => "PADI",
        Some(0x07) => "PADO",
        Some(0x19) => "PADR",
        Some(0x65) => "PADS",
        Some(0xa7) => "PADT",
        _ => "unknown",
    });
    h.hex("SESSION_ID", 16);
    let len = h.means("LENGTH", 16, |_| "octets of payload follow".to_owned());
    let fits = len.is_none_or(|n| {
        w.at.saturating_add(6).saturating_add(usize::try_from(n).unwrap_or(usize::MAX)) <= w.limit
    });
    h.problem((!fits).then_some(Problem::BadLink));
    w.done(h);
    if let Some(n) = len {
        w.narrow(usize::try_from(n).unwrap_or(usize::MAX), "Ethernet padding");
    }
    if code == Some(0) { Next::Ppp } else { Next::Payload }
}

fn chdlc(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("Cisco HDLC", "RFC 1547", Some(2));
    h.hex("Address", 8);
    h.hex("Control", 8);
    let next = next_ether_type(&mut h, "Protocol");
    w.done(h);
    next
}

fn arp(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("ARP", "RFC 826", Some(3));
    h.means("Hardware Type", 16, arphrd);
    let protocol = h.hex("Protocol Type", 16);
    h.mean(protocol.map(names::ether_type).unwrap_or_default());
    let hln = h.means("Hardware Address Length", 8, |_| "octets".to_owned());
    let pln = h.means("Protocol Address Length", 8, |_| "octets".to_owned());
    h.means("Opcode", 16, |n| {
        let text = match n {
            1 => "request: who has the target address?",
            2 => "reply: the sender has it",
            3 => "reverse request",
            4 => "reverse reply",
            _ => "unknown",
        };
        text.to_owned()
    });
    let size = |n: Option<u64>, usual: usize| n.map_or(usual, |n| usize::try_from(n).unwrap_or(usual));
    for (hardware, address) in [
        ("Sender Hardware Address", "Sender Protocol Address"),
        ("Target Hardware Address", "Target Protocol Address"),
    ] {
        match size(hln, 6) {
            6 => h.mac(hardware),
            n => h.octets(hardware, n),
        }
        match size(pln, 4) {
            4 => {
                h.ipv4(address);
            }
            n => h.octets(address, n),
        }
    }
    w.done(h);
    // What is left of a frame after ARP is there to reach the smallest frame.
    let left = w.limit;
    w.ends.push((left, "Ethernet padding"));
    w.limit = w.at;
    Next::Payload
}
