//! IPv6 (RFC 8200) and its extension headers.

use std::net::{IpAddr, Ipv6Addr};

use super::builder::{Head, Next, Walk};
use super::checksum::Pseudo;
use super::names;
use crate::decode::Problem;

pub(super) fn ipv6(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("IPv6", "RFC 8200", Some(3));
    h.num("Version", 4);
    h.means("DSCP", 6, names::dscp);
    h.means("ECN", 2, names::ecn);
    h.hex("Flow Label", 20);
    let len = h.means("Payload Length", 16, |_| "octets after this header".to_owned());
    let len = len.and_then(|n| usize::try_from(n).ok());
    let end = len.map_or(0, |n| w.at.saturating_add(40).saturating_add(n));
    if len == Some(0) {
        h.mean("none, a jumbo payload, or left to segmentation offload");
    } else if end > w.limit && w.quoted {
        h.mean("octets, of the packet that is quoted here");
    } else if end > w.limit {
        h.problem(Some(Problem::IpLenPastFrame));
    }
    let next = h.means("Next Header", 8, names::protocol);
    h.means("Hop Limit", 8, |_| "hops left".to_owned());
    let src = h.ipv6("Source Address");
    let dst = h.ipv6("Destination Address");
    if let (Some(src), Some(dst)) = (src, dst) {
        w.pseudo = Some(Pseudo { src: IpAddr::V6(src), dst: IpAddr::V6(dst) });
    }
    w.done(h);
    // With 0 the end of the frame counts: a jumbogram says its length in an option
    // (RFC 2675), offload leaves it to the card.
    if let Some(n) = len.filter(|&n| n > 0) {
        w.narrow(n, "Trailer after IPv6");
    }
    follow(next, w)
}

/// Goes on with a next header, unless nothing follows.
fn follow(next: Option<u64>, w: &Walk<'_>) -> Next {
    match next.and_then(|n| u8::try_from(n).ok()) {
        None | Some(59) => Next::Payload,
        // Only the fragment with the beginning of the datagram has the next header.
        Some(_) if w.at >= w.limit => Next::Payload,
        Some(n) => Next::Protocol(n),
    }
}

/// The next header and the extension's octets in all, by its length field in 8-octet
/// units beyond the first.
fn start(h: &mut Head<'_>) -> (Option<u64>, usize) {
    let next = h.means("Next Header", 8, names::protocol);
    let len = h.means("Hdr Ext Len", 8, |n| format!("{} octets in all", (n + 1) * 8));
    (next, len.and_then(|n| usize::try_from(n).ok()).map_or(8, |n| (n + 1) * 8))
}

/// Hop-by-hop and destination options.
pub(super) fn options(w: &mut Walk<'_>, p: u8) -> Next {
    let name = if p == 0 { "IPv6 Hop-by-Hop Options" } else { "IPv6 Destination Options" };
    let mut h = w.head(name, "RFC 8200", Some(3));
    let (next, len) = start(&mut h);
    while h.len() < len {
        let left = len - h.len();
        let bytes = h.ahead(left);
        let Some(&kind) = bytes.first() else {
            h.octets("Options", left);
            break;
        };
        let name = match kind {
            0 => "Pad1",
            1 => "PadN",
            5 => "Router Alert",
            0xc2 => "Jumbo Payload",
            0xc9 => "Home Address",
            _ => "unknown option",
        };
        h.group = Some(name);
        h.hex("Option Type", 8);
        h.mean(name);
        if kind == 0 || left < 2 {
            continue;
        }
        let size = h.num("Opt Data Len", 8).and_then(|n| usize::try_from(n).ok());
        match size {
            Some(n) if n <= left - 2 => h.octets("Option Data", n),
            Some(_) => {
                h.problem(Some(Problem::BadIpHeaderLen));
                h.octets("Unread", left - 2);
            }
            None => h.octets("Options", left - 2),
        }
    }
    h.group = None;
    w.done(h);
    follow(next, w)
}

pub(super) fn routing(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("IPv6 Routing header", "RFC 8200", Some(3));
    let (next, len) = start(&mut h);
    let kind = h.means("Routing Type", 8, |n| {
        let text = match n {
            0 => "source route (deprecated by RFC 5095)",
            2 => "mobility (RFC 6275)",
            3 => "RPL source route (RFC 6554)",
            4 => "segment routing (RFC 8754)",
            _ => "unknown",
        };
        text.to_owned()
    });
    let left = h.means("Segments Left", 8, |_| "nodes still to visit".to_owned());
    let data = h.ahead(len.saturating_sub(4));
    h.octets("type-specific data", len.saturating_sub(4));
    w.done(h);
    // The checksum's pseudo-header has the final destination (RFC 8200 section 8.1).
    let (addresses, _) = data.get(4..).unwrap_or(&[]).as_chunks::<16>();
    let last = match kind {
        Some(0 | 2) => addresses.last(),
        Some(4) => addresses.first(),
        _ => None,
    };
    if left.is_some_and(|n| n > 0)
        && let Some(pseudo) = w.pseudo.as_mut()
    {
        match last {
            Some(a) => pseudo.dst = IpAddr::V6(Ipv6Addr::from(*a)),
            None => w.pseudo = None,
        }
    }
    follow(next, w)
}

pub(super) fn fragment(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("IPv6 Fragment header", "RFC 8200", Some(3));
    let next = h.means("Next Header", 8, names::protocol);
    h.reserved("Reserved", 8);
    let offset = h.means("Fragment Offset", 13, |n| format!("{} octets into the datagram", n * 8));
    h.reserved("Res", 2);
    let more = h.flag("M", "more fragments follow");
    h.hex("Identification", 32);
    w.done(h);
    w.fragment = w.fragment || more || offset.is_some_and(|n| n > 0);
    if offset == Some(0) { follow(next, w) } else { Next::Payload }
}

/// The Authentication Header (RFC 4302): its length is in 4-octet units, less 2.
pub(super) fn authentication(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("Authentication Header", "RFC 4302", Some(3));
    let next = h.means("Next Header", 8, names::protocol);
    let len = h.means("Payload Len", 8, |n| format!("{} octets in all", (n + 2) * 4));
    h.reserved("RESERVED", 16);
    h.hex("Security Parameters Index", 32);
    h.num("Sequence Number", 32);
    let icv = len.and_then(|n| usize::try_from(n).ok()).map_or(0, |n| (n + 2) * 4);
    h.octets("Integrity Check Value", icv.saturating_sub(12));
    w.done(h);
    follow(next, w)
}

/// An extension header whose content synfin does not read.
pub(super) fn generic(w: &mut Walk<'_>, p: u8) -> Next {
    let name = match p {
        135 => "Mobility header",
        139 => "Host Identity Protocol",
        _ => "Shim6",
    };
    let mut h = w.head(name, "RFC 6564", Some(3));
    let (next, len) = start(&mut h);
    h.octets("Data", len - 2);
    w.done(h);
    follow(next, w)
}
