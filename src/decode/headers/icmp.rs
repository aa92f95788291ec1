//! ICMP (RFC 792) and ICMPv6 (RFC 4443, RFC 4861), with the packet that an error quotes.

use super::builder::{Head, Next, Walk};
use super::ip::checksum;

pub(super) fn icmp(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("ICMP", "RFC 792", Some(3));
    let kind = h.means("Type", 8, |n| type4(n).to_owned()).unwrap_or(u64::MAX);
    let code = h.num("Code", 8).unwrap_or(0);
    h.mean(code4(kind, code));
    let message = w.data.get(w.at..w.limit).filter(|_| !w.fragment && !w.quoted);
    checksum(&mut h, "Checksum", message, None, 0xffff);
    let mut quote = None;
    match kind {
        0 | 8 => echo(&mut h),
        3 => {
            h.reserved("unused", 8);
            quote = Some(length(&mut h, 4));
            match code {
                4 => {
                    h.means("Next-Hop MTU", 16, |_| "octets pass at most".to_owned());
                }
                _ => h.reserved("unused", 16),
            }
        }
        4 => {
            h.reserved("unused", 32);
            quote = Some(None);
        }
        5 => {
            h.ipv4("Gateway Internet Address");
            quote = Some(None);
        }
        11 => {
            h.reserved("unused", 8);
            quote = Some(length(&mut h, 4));
            h.reserved("unused", 16);
        }
        12 => {
            h.means("Pointer", 8, |n| format!("octet {n} of the quoted header is at fault"));
            quote = Some(length(&mut h, 4));
            h.reserved("unused", 16);
        }
        13 | 14 => {
            echo(&mut h);
            for name in ["Originate Timestamp", "Receive Timestamp", "Transmit Timestamp"] {
                h.means(name, 32, |_| "milliseconds since midnight UT".to_owned());
            }
        }
        _ => {
            h.hex("Rest of Header", 32);
        }
    }
    w.done(h);
    quoted(w, quote)
}

pub(super) fn icmpv6(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("ICMPv6", "RFC 4443", Some(3));
    let kind = h.means("Type", 8, |n| type6(n).to_owned()).unwrap_or(u64::MAX);
    let code = h.num("Code", 8).unwrap_or(0);
    h.mean(code6(kind, code));
    let message = w.data.get(w.at..w.limit).filter(|_| !w.fragment && !w.quoted);
    let pseudo = w.pseudo.map(|p| (p, 58, w.limit.saturating_sub(w.at)));
    checksum(&mut h, "Checksum", message.filter(|_| pseudo.is_some()), pseudo, 0xffff);
    let mut quote = None;
    match kind {
        1 | 3 => {
            quote = Some(length(&mut h, 8));
            h.reserved("Unused", 24);
        }
        2 => {
            h.means("MTU", 32, |_| "octets pass at most".to_owned());
            quote = Some(None);
        }
        4 => {
            h.means("Pointer", 32, |n| format!("octet {n} of the quoted packet is at fault"));
            quote = Some(None);
        }
        128 | 129 => echo(&mut h),
        133 => {
            h.reserved("Reserved", 32);
            neighbor_options(&mut h);
        }
        134 => {
            h.num("Cur Hop Limit", 8);
            h.flag("M", "addresses by DHCPv6");
            h.flag("O", "other configuration by DHCPv6");
            h.num("Reserved", 6);
            h.means("Router Lifetime", 16, |n| format!("{n} s"));
            h.means("Reachable Time", 32, |n| format!("{n} ms"));
            h.means("Retrans Timer", 32, |n| format!("{n} ms"));
            neighbor_options(&mut h);
        }
        135 => {
            h.reserved("Reserved", 32);
            h.ipv6("Target Address");
            neighbor_options(&mut h);
        }
        136 => {
            h.flag("R", "the sender is a router");
            h.flag("S", "it answers a solicitation");
            h.flag("O", "overrides what is cached");
            h.reserved("Reserved", 29);
            h.ipv6("Target Address");
            neighbor_options(&mut h);
        }
        _ => {
            h.hex("Message Body", 32);
        }
    }
    w.done(h);
    quoted(w, quote)
}

fn echo(h: &mut Head<'_>) {
    h.hex("Identifier", 16);
    h.num("Sequence Number", 16);
}

/// RFC 4884's length of the quoted packet, in units of `unit` octets; `None` for 0:
/// it goes on to the end.
fn length(h: &mut Head<'_>, unit: u64) -> Option<usize> {
    let n = h.means("Length", 8, |n| match n {
        0 => "the quoted packet goes on to the end".into(),
        _ => format!("{} octets of the packet are quoted", n * unit),
    });
    n.filter(|&n| n > 0).and_then(|n| usize::try_from(n * unit).ok())
}

/// Goes on into the quoted packet of an error.
fn quoted(w: &mut Walk<'_>, quote: Option<Option<usize>>) -> Next {
    let Some(len) = quote else { return Next::Payload };
    if let Some(len) = len {
        w.narrow(len, "ICMP extensions (RFC 4884)");
    }
    if w.at >= w.limit {
        return Next::Payload;
    }
    w.quoted = true;
    Next::Ip
}

/// Neighbor discovery options up to the end of the message (RFC 4861 section 4.6).
fn neighbor_options(h: &mut Head<'_>) {
    loop {
        let left = (h.limit.saturating_mul(8).saturating_sub(h.at)) / 8;
        let &[kind, units, ..] = h.ahead(left) else { break };
        let whole = usize::from(units) * 8;
        if whole == 0 || whole > left {
            break;
        }
        h.group = Some(match kind {
            1 => "Source Link-Layer Address",
            2 => "Target Link-Layer Address",
            3 => "Prefix Information",
            4 => "Redirected Header",
            5 => "MTU",
            14 => "Nonce",
            25 => "Recursive DNS Server",
            _ => "unknown option",
        });
        let name = h.group.unwrap_or_default();
        h.means("Type", 8, |_| name.to_owned());
        h.means("Length", 8, |n| format!("{} octets", n * 8));
        match (kind, whole) {
            (1 | 2, 8) => h.mac("Link-Layer Address"),
            (5, 8) => {
                h.reserved("Reserved", 16);
                h.num("MTU", 32);
            }
            _ => h.octets("Data", whole - 2),
        }
    }
    h.group = None;
}

const fn type4(n: u64) -> &'static str {
    match n {
        0 => "Echo Reply",
        3 => "Destination Unreachable",
        4 => "Source Quench",
        5 => "Redirect",
        8 => "Echo",
        9 => "Router Advertisement",
        10 => "Router Solicitation",
        11 => "Time Exceeded",
        12 => "Parameter Problem",
        13 => "Timestamp",
        14 => "Timestamp Reply",
        _ => "unknown",
    }
}

const fn code4(kind: u64, code: u64) -> &'static str {
    match (kind, code) {
        (3, 0) => "network unreachable",
        (3, 1) => "host unreachable",
        (3, 2) => "protocol unreachable",
        (3, 3) => "port unreachable: nobody listens there",
        (3, 4) => "fragmentation needed and DF set",
        (3, 5) => "source route failed",
        (3, 9 | 10 | 13) => "administratively prohibited",
        (5, 0) => "for the network",
        (5, 1) => "for the host",
        (11, 0) => "TTL exceeded on the way",
        (11, 1) => "reassembly time exceeded",
        _ => "",
    }
}

const fn type6(n: u64) -> &'static str {
    match n {
        1 => "Destination Unreachable",
        2 => "Packet Too Big",
        3 => "Time Exceeded",
        4 => "Parameter Problem",
        128 => "Echo Request",
        129 => "Echo Reply",
        130 => "Multicast Listener Query",
        131 => "Multicast Listener Report",
        132 => "Multicast Listener Done",
        133 => "Router Solicitation",
        134 => "Router Advertisement",
        135 => "Neighbor Solicitation",
        136 => "Neighbor Advertisement",
        137 => "Redirect",
        143 => "Multicast Listener Report v2",
        _ => "unknown",
    }
}

const fn code6(kind: u64, code: u64) -> &'static str {
    match (kind, code) {
        (1, 0) => "no route to destination",
        (1, 1) => "administratively prohibited",
        (1, 3) => "address unreachable",
        (1, 4) => "port unreachable: nobody listens there",
        (3, 0) => "hop limit exceeded on the way",
        (3, 1) => "reassembly time exceeded",
        (4, 0) => "erroneous header field",
        (4, 1) => "unrecognized next header",
        (4, 2) => "unrecognized IPv6 option",
        _ => "",
    }
}
