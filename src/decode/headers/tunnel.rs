//! Tunnels: MPLS, GRE, VXLAN, Geneve, GTP-U.

use super::builder::{Head, Next, Walk};
use super::names;
use crate::decode::Problem;

const VXLAN: u16 = 4789;
const VXLAN_GPE: u16 = 4790;
const GENEVE: u16 = 6081;
const GTP_U: u16 = 2152;
const MPLS: u16 = 6635;

/// UDP ports that a tunnel is looked for behind.
pub(super) const fn is_port(p: u16) -> bool {
    matches!(p, VXLAN | VXLAN_GPE | GENEVE | GTP_U | MPLS)
}

/// What is behind a UDP port, if it looks like it.
pub(super) fn by_port(w: &mut Walk<'_>, port: u16) -> Next {
    let Some(first) = w.peek(0) else { return Next::Payload };
    match port {
        // Without the I flag there is no VNI to trust (RFC 7348 section 5).
        VXLAN if first & 0x08 != 0 => vxlan(w, false),
        VXLAN_GPE => vxlan(w, true),
        MPLS => Next::Mpls,
        GENEVE if first >> 6 == 0 => geneve(w),
        // Version 1, protocol type GTP.
        GTP_U if first >> 4 == 0x3 => gtp_u(w),
        _ => Next::Payload,
    }
}

fn ether_type(h: &mut Head<'_>, name: &'static str) -> Next {
    let t = h.hex(name, 16);
    h.mean(t.map(names::ether_type).unwrap_or_default());
    t.and_then(|t| u16::try_from(t).ok()).map_or(Next::Payload, Next::EtherType)
}

/// One label (RFC 3032, RFC 5462).
pub(super) fn mpls(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("MPLS", "RFC 3032", None);
    h.means("Label", 20, |n| {
        let text = match n {
            0 => "IPv4 explicit null",
            1 => "router alert",
            2 => "IPv6 explicit null",
            3 => "implicit null",
            _ => "",
        };
        text.to_owned()
    });
    h.num("TC", 3);
    let bottom = h.num("S", 1);
    h.mean(if bottom == Some(1) { "the last label" } else { "more labels follow" });
    h.num("TTL", 8);
    w.done(h);
    match (bottom, w.peek(0).map(|b| b >> 4)) {
        (Some(0), _) => Next::Mpls,
        (Some(_), Some(4 | 6)) => Next::Ip,
        _ => Next::Payload,
    }
}

/// GRE (RFC 2784, RFC 2890), and its version 1 (RFC 2637).
pub(super) fn gre(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("GRE", "RFC 2784", None);
    let c = h.flag("C", "a checksum is present");
    let r = h.flag("R", "routing is present (RFC 1701)");
    let k = h.flag("K", "a key is present");
    let s = h.flag("S", "a sequence number is present");
    let version1 = matches!(h.ahead(2), [_, b] if b & 7 == 1);
    let mut a = false;
    if version1 {
        h.num("s, Recur", 4);
        a = h.flag("A", "an acknowledgment number is present");
        h.reserved("Flags", 4);
    } else {
        h.reserved("Reserved0", 9);
    }
    h.num("Ver", 3);
    let next = ether_type(&mut h, "Protocol Type");
    if c || r {
        h.hex("Checksum", 16);
        h.mean("not computed");
        h.hex(if r { "Offset" } else { "Reserved1" }, 16);
    }
    if version1 {
        h.num("Payload Length", 16);
        h.num("Call ID", 16);
    } else if k {
        h.hex("Key", 32);
    }
    if s {
        h.num("Sequence Number", 32);
    }
    if a {
        h.num("Acknowledgment Number", 32);
    }
    w.done(h);
    let next = match next {
        // Type I has no header of its own, and no sequence number before it.
        Next::EtherType(0x88be) if !s => Next::Ethernet,
        Next::EtherType(0x88be) => return erspan(w, false),
        Next::EtherType(0x22eb) => return erspan(w, true),
        other => other,
    };
    // Source route entries (RFC 1701) are not read, and so nothing behind them.
    if r || w.at >= w.limit { Next::Payload } else { next }
}

/// VXLAN, and its Generic Protocol Extension, which says what it carries.
fn vxlan(w: &mut Walk<'_>, extended: bool) -> Next {
    let (name, standard) =
        if extended { ("VXLAN-GPE", "draft-ietf-nvo3-vxlan-gpe") } else { ("VXLAN", "RFC 7348") };
    let mut h = w.head(name, standard, None);
    let flags = h.hex("Flags", 8).unwrap_or(0);
    h.mean(if flags & 0x08 != 0 { "I: the VNI is valid" } else { "the VNI is not valid" });
    let mut next = Next::Ethernet;
    if extended {
        h.reserved("Reserved", 16);
        let carried = h.means("Next Protocol", 8, |n| {
            let text = match n {
                1 => "IPv4",
                2 => "IPv6",
                3 => "Ethernet",
                4 => "NSH",
                5 => "MPLS",
                _ => "unknown",
            };
            text.to_owned()
        });
        next = match (flags & 0x04 != 0, carried) {
            (false, _) | (true, Some(3)) => Next::Ethernet,
            (true, Some(1 | 2)) => Next::Ip,
            (true, Some(5)) => Next::Mpls,
            _ => Next::Payload,
        };
    } else {
        h.reserved("Reserved", 24);
    }
    h.num("VNI", 24);
    h.reserved("Reserved", 8);
    w.done(h);
    if w.at >= w.limit { Next::Payload } else { next }
}

/// ERSPAN inside GRE: type II has 8 octets, type III 12, and 8 more where it says so.
fn erspan(w: &mut Walk<'_>, third: bool) -> Next {
    let mut h = w.head("ERSPAN", "draft-foschiano-erspan", None);
    h.num("Ver", 4);
    h.num("VLAN", 12);
    h.num("COS", 3);
    h.num(if third { "BSO" } else { "En" }, 2);
    h.flag("T", "the frame was cut");
    h.num("Session ID", 10);
    if third {
        h.num("Timestamp", 32);
        h.num("SGT", 16);
        h.num("P", 1);
        h.num("FT", 5);
        h.num("Hw ID", 6);
        h.num("D", 1);
        h.num("Gra", 2);
        if h.flag("O", "a platform-specific subheader follows") {
            h.octets("Platform Specific", 8);
        }
    } else {
        h.reserved("Reserved", 12);
        h.num("Index", 20);
    }
    w.done(h);
    if w.at >= w.limit { Next::Payload } else { Next::Ethernet }
}

fn geneve(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("Geneve", "RFC 8926", None);
    h.num("Ver", 2);
    let len = h.means("Opt Len", 6, |n| format!("{} octets of options", n * 4));
    let len = len.and_then(|n| usize::try_from(n).ok()).unwrap_or(0) * 4;
    if w.at.saturating_add(8 + len) > w.limit {
        h.problem(Some(Problem::BadEncapsulation));
    }
    h.flag("O", "a control packet");
    h.flag("C", "critical options are present");
    h.reserved("Rsvd.", 6);
    let next = ether_type(&mut h, "Protocol Type");
    h.num("VNI", 24);
    h.reserved("Reserved", 8);
    let end = h.len() + len;
    while h.len() < end {
        let left = end - h.len();
        let &[_, _, _, length, ..] = h.ahead(left) else {
            h.octets("Variable-Length Options", left);
            break;
        };
        h.group = Some("option");
        h.hex("Option Class", 16);
        h.hex("Type", 8);
        h.reserved("R", 3);
        let size = usize::from(length & 0x1f) * 4;
        h.means("Length", 5, |n| format!("{} octets of data", n * 4));
        if size > left - 4 {
            h.problem(Some(Problem::BadEncapsulation));
        }
        h.octets("Option Data", size.min(left - 4));
    }
    w.done(h);
    if w.at >= w.limit { Next::Payload } else { next }
}

fn gtp_u(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("GTP-U", "3GPP TS 29.281", None);
    h.num("Version", 3);
    h.flag("PT", "GTP, not GTP'");
    h.reserved("Spare", 1);
    let e = h.flag("E", "an extension header follows");
    let s = h.flag("S", "the sequence number counts");
    let pn = h.flag("PN", "the N-PDU number counts");
    let kind = h.means("Message Type", 8, |n| {
        let text = match n {
            1 => "Echo Request",
            2 => "Echo Response",
            26 => "Error Indication",
            31 => "Supported Extension Headers",
            254 => "End Marker",
            255 => "G-PDU: a user's packet",
            _ => "unknown",
        };
        text.to_owned()
    });
    let len = h.means("Length", 16, |_| "octets after the first 8".to_owned());
    let len = len.and_then(|n| usize::try_from(n).ok());
    if len.is_some_and(|n| w.at.saturating_add(8).saturating_add(n) > w.limit) {
        h.problem(Some(Problem::BadEncapsulation));
    }
    h.hex("TEID", 32);
    if e || s || pn {
        h.num("Sequence Number", 16);
        h.num("N-PDU Number", 8);
        let mut next = h.hex("Next Extension Header", 8);
        // Each is at least 4 octets long, so this ends with the packet.
        while e && next.is_some_and(|n| n != 0) {
            h.group = Some("extension header");
            let units = h.means("Length", 8, |n| format!("{} octets", n * 4)).unwrap_or(0);
            if units == 0 {
                h.problem(Some(Problem::BadEncapsulation));
                break;
            }
            h.octets("Content", usize::try_from(units).unwrap_or(1) * 4 - 2);
            next = h.hex("Next Extension Header", 8);
        }
    }
    if let Some(n) = len {
        w.narrow(n.saturating_add(8), "Trailer after GTP-U");
    }
    w.done(h);
    if kind == Some(255) && w.at < w.limit { Next::Ip } else { Next::Payload }
}
