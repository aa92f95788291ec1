//! IPv4 (RFC 791) with its options, and what follows an IP protocol number.

use std::net::IpAddr;

use super::builder::{Head, Next, Walk};
use super::checksum::{Pseudo, Verdict};
use super::names;
use crate::decode::Problem;

/// IPv4 or IPv6, by the first half-octet.
pub(super) fn either(w: &mut Walk<'_>) -> Next {
    // A new packet: what the one around it said holds no more.
    w.fragment = false;
    w.pseudo = None;
    match w.peek(0).map(|b| b >> 4) {
        Some(4) => ipv4(w),
        Some(6) => super::ipv6::ipv6(w),
        Some(_) => {
            let mut h = w.head("IP", "RFC 791", Some(3));
            h.means("Version", 4, |n| format!("{n} is neither 4 nor 6"));
            h.problem(Some(Problem::BadIpVersion));
            h.num("Unknown", 4);
            w.done(h);
            Next::Payload
        }
        None => {
            // Not an octet of it is there, so not even its version.
            let mut h = w.head("IP", "RFC 791", Some(3));
            h.num("Version", 4);
            h.num("Unknown", 4);
            w.done(h);
            Next::Payload
        }
    }
}

/// What follows an IP protocol number or a next header.
pub(super) fn protocol(w: &mut Walk<'_>, p: u8) -> Next {
    match p {
        0 | 60 => super::ipv6::options(w, p),
        43 => super::ipv6::routing(w),
        44 => super::ipv6::fragment(w),
        51 => super::ipv6::authentication(w),
        135 | 139 | 140 => super::ipv6::generic(w, p),
        1 => super::icmp::icmp(w),
        58 => super::icmp::icmpv6(w),
        4 | 41 => Next::Ip,
        6 => super::tcp::tcp(w),
        17 => super::udp::udp(w),
        136 => super::udp::udp_lite(w),
        47 => super::tunnel::gre(w),
        137 => Next::Mpls,
        143 => Next::Ethernet,
        _ => Next::Payload,
    }
}

pub(super) fn ipv4(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("IPv4", "RFC 791", Some(3));
    h.num("Version", 4);
    let ihl = h.means("IHL", 4, |n| format!("{} octets of header", n * 4));
    let bad_ihl = ihl.is_some_and(|n| n < 5);
    h.problem(bad_ihl.then_some(Problem::BadIpHeaderLen));
    let header_len = ihl.and_then(|n| usize::try_from(n).ok()).unwrap_or(5).max(5) * 4;
    h.means("DSCP", 6, names::dscp);
    h.means("ECN", 2, names::ecn);
    let total = h.means("Total Length", 16, |_| "octets, with this header".to_owned());
    let total = total.and_then(|n| usize::try_from(n).ok());
    match total {
        Some(0) => {
            h.mean("left to segmentation offload: the frame's end counts");
            h.problem(Some(Problem::IpLenZero));
        }
        Some(n) if n < header_len => h.problem(Some(Problem::BadIpLen)),
        Some(n) if w.at.saturating_add(n) > w.limit && w.quoted => {
            h.mean("octets, of the packet that is quoted here");
        }
        Some(n) if w.at.saturating_add(n) > w.limit => h.problem(Some(Problem::IpLenPastFrame)),
        _ => {}
    }
    h.hex("Identification", 16);
    h.reserved("Reserved", 1);
    h.flag("DF", "do not fragment");
    let more = h.flag("MF", "more fragments follow");
    let offset = h.means("Fragment Offset", 13, |n| match n {
        0 => "the first or only fragment".into(),
        _ => format!("{} octets into the datagram", n * 8),
    });
    h.means("TTL", 8, |_| "hops left".to_owned());
    let p = h.means("Protocol", 8, names::protocol);
    let whole = h.layer.offset.saturating_add(header_len) <= h.limit.min(w.data.len());
    let header = w.data.get(w.at..w.at.saturating_add(header_len)).filter(|_| whole && !bad_ihl);
    checksum(&mut h, "Header Checksum", header, None, 0xffff);
    let src = h.ipv4("Source Address");
    let dst = h.ipv4("Destination Address");
    // Where the total length ends inside the options, they are cut there.
    let limit = h.limit;
    if let Some(n) = total.filter(|&n| n > 0) {
        h.limit = h.limit.min(w.at.saturating_add(n.max(20)));
    }
    options(&mut h, header_len.saturating_sub(20));
    h.limit = limit;

    if let (Some(src), Some(dst)) = (src, dst) {
        w.pseudo = Some(Pseudo { src: IpAddr::V4(src), dst: IpAddr::V4(dst) });
    }
    if let Some(n) = total
        && n >= header_len
    {
        w.narrow(n, "Trailer after IPv4");
    }
    w.done(h);
    w.fragment = more || offset.is_some_and(|n| n > 0);
    match (p.and_then(|p| u8::try_from(p).ok()), offset) {
        (Some(p), Some(0)) if !bad_ihl => Next::Protocol(p),
        _ => Next::Payload,
    }
}

/// A 16-bit checksum field over `data`, with what is to be said of it. `data` is `None`
/// where not all of it is there.
pub(super) fn checksum(
    h: &mut Head<'_>,
    name: &'static str,
    data: Option<&[u8]>,
    pseudo: Option<(Pseudo, u8, usize)>,
    zero: u16,
) {
    let stored = h.hex(name, 16).and_then(|n| u16::try_from(n).ok());
    match (stored, data) {
        (Some(stored), Some(data)) => {
            let verdict = Verdict::of(stored, data, pseudo, zero);
            h.mean(verdict.words());
            if let (Verdict::ShouldBe(_), Some(f)) = (verdict, h.last()) {
                f.wrong = true;
            }
        }
        (Some(_), None) => h.mean("not computed: not all of what it covers is here"),
        (None, _) => {}
    }
}

/// `len` octets of IPv4 options (RFC 791 section 3.1).
fn options(h: &mut Head<'_>, len: usize) {
    let end = h.len().saturating_add(len);
    while h.len() < end {
        let left = end - h.len();
        let bytes = h.ahead(left);
        let Some(&kind) = bytes.first() else {
            h.octets("Options", left);
            break;
        };
        let name = option_name(kind);
        h.group = Some(name);
        match kind {
            0 => {
                h.num("Option Type", 8);
                h.mean(name);
                h.octets("Padding", left - 1);
                break;
            }
            1 => {
                h.num("Option Type", 8);
                h.mean(name);
                continue;
            }
            _ => {}
        }
        let whole = bytes.get(1).map(|&n| usize::from(n));
        h.num("Option Type", 8);
        h.mean(name);
        if left < 2 {
            break;
        }
        h.num("Option Length", 8);
        match whole {
            Some(n) if n >= 2 && n <= left => h.octets("Option Data", n - 2),
            Some(_) => {
                h.mean("impossible: nothing after it can be read");
                h.problem(Some(Problem::BadIpHeaderLen));
                h.octets("Unread", left - 2);
                break;
            }
            None => {
                h.octets("Options", left - 2);
                break;
            }
        }
    }
    h.group = None;
}

const fn option_name(kind: u8) -> &'static str {
    match kind {
        0 => "End of Option List",
        1 => "No Operation",
        7 => "Record Route",
        68 => "Internet Timestamp",
        130 => "Security",
        131 => "Loose Source Route",
        136 => "Stream Identifier",
        137 => "Strict Source Route",
        148 => "Router Alert",
        _ => "unknown option",
    }
}
