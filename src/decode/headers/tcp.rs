//! TCP (RFC 9293 section 3.1) and its options, each in its own fields.

use super::builder::{Head, Next, Walk};
use super::ip::checksum;
use super::names;
use crate::decode::Problem;
use crate::model::TcpFlags;

pub(super) fn tcp(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("TCP", "RFC 9293", Some(4));
    h.means("Source Port", 16, names::port);
    h.means("Destination Port", 16, names::port);
    h.num("Sequence Number", 32);
    // The control bits are the two octets after the acknowledgment number.
    let flags = match h.ahead(6) {
        &[_, _, _, _, a, b] => TcpFlags(u16::from_be_bytes([a, b]) & 0xfff),
        _ => TcpFlags(0),
    };
    h.mean(if flags.has(TcpFlags::SYN) {
        "the initial sequence number (SYN)"
    } else {
        "of the first octet of data"
    });
    h.num("Acknowledgment Number", 32);
    h.mean(if flags.has(TcpFlags::ACK) {
        "the next octet that is expected"
    } else {
        "means nothing: ACK is not set"
    });
    let offset = h.means("Data Offset", 4, |n| format!("{} octets of header", n * 4));
    let header_len = offset.and_then(|n| usize::try_from(n).ok()).unwrap_or(5) * 4;
    let bad = header_len < 20;
    if bad {
        h.problem(Some(Problem::BadTcpHeaderLen));
    } else if w.at.saturating_add(header_len) > w.limit && !w.quoted {
        h.problem(Some(Problem::TcpHeaderPastEnd));
    }
    h.reserved("Rsrvd", 3);
    for (name, set) in [
        ("AE", "accurate ECN (RFC 9768)"),
        ("CWR", "congestion window reduced"),
        ("ECE", "ECN echo"),
        ("URG", "the urgent pointer counts"),
        ("ACK", "the acknowledgment number counts"),
        ("PSH", "hand the data over at once"),
        ("RST", "the connection is reset"),
        ("SYN", "synchronize sequence numbers"),
        ("FIN", "no more data from the sender"),
    ] {
        h.flag(name, set);
    }
    h.num("Window", 16);
    h.mean(if flags.has(TcpFlags::SYN) {
        "octets it can receive (never scaled in a SYN)"
    } else {
        "octets it can receive, before the window scale"
    });
    let len = w.limit.saturating_sub(w.at);
    let segment = w.data.get(w.at..w.limit).filter(|_| !w.fragment && !w.quoted);
    let pseudo = w.pseudo.map(|p| (p, 6, len));
    checksum(&mut h, "Checksum", segment.filter(|_| pseudo.is_some()), pseudo, 0);
    h.num("Urgent Pointer", 16);
    h.mean(if flags.has(TcpFlags::URG) { "urgent data ends here" } else { "means nothing: URG is not set" });
    options(&mut h, header_len.saturating_sub(20));
    w.done(h);
    Next::Payload
}

/// `len` octets of options.
fn options(h: &mut Head<'_>, len: usize) {
    let end = h.len().saturating_add(len);
    while h.len() < end {
        let left = end - h.len();
        let bytes = h.ahead(left);
        let Some(&kind) = bytes.first() else {
            h.group = Some("options");
            h.octets("Options", left);
            break;
        };
        let name = option_name(kind);
        h.group = Some(name);
        h.means("Kind", 8, |_| name.to_owned());
        match kind {
            0 => {
                h.octets("Padding", left - 1);
                break;
            }
            1 => continue,
            _ if left < 2 => {
                h.problem(Some(Problem::BadTcpOption));
                break;
            }
            _ => {}
        }
        let whole = bytes.get(1).map(|&n| usize::from(n));
        h.means("Length", 8, |_| "octets in all".to_owned());
        match whole {
            Some(n) if n >= 2 && n <= left => content(h, kind, n - 2),
            Some(_) => {
                h.mean("impossible: nothing after it can be read");
                h.problem(Some(Problem::BadTcpOption));
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

/// What is in an option after kind and length.
fn content(h: &mut Head<'_>, kind: u8, len: usize) {
    match (kind, len) {
        (2, 2) => {
            h.means("Maximum Segment Size", 16, |_| "octets of data at most".to_owned());
        }
        (3, 1) => {
            h.means("shift.cnt", 8, |n| match n {
                0..=14 => format!("window × {}", 1u32 << n),
                _ => "above 14: counts as 14, window × 16384".to_owned(),
            });
        }
        (5, 8 | 16 | 24 | 32) => {
            for _ in 0..len / 8 {
                h.num("Left Edge of Block", 32);
                h.num("Right Edge of Block", 32);
                let edges: Vec<_> = h.layer.fields.iter().rev().take(2).map(|f| f.value).collect();
                if let &[super::Value::Number(right), super::Value::Number(left)] = edges.as_slice() {
                    let octets = (right as u32).wrapping_sub(left as u32);
                    h.mean(format!("{octets} octets arrived out of order"));
                }
            }
        }
        (8, 8) => {
            h.num("TS Value", 32);
            h.mean("the sender's clock");
            h.num("TS Echo Reply", 32);
            h.mean("the other end's clock, given back");
        }
        (19, 16) => h.octets("MD5 Digest", 16),
        (29, 2..) => {
            h.num("KeyID", 8);
            h.num("RNextKeyID", 8);
            h.octets("MAC", len - 2);
        }
        (30, 1..) => {
            h.means("Subtype", 4, |n| {
                const NAMES: [&str; 9] = [
                    "MP_CAPABLE",
                    "MP_JOIN",
                    "DSS",
                    "ADD_ADDR",
                    "REMOVE_ADDR",
                    "MP_PRIO",
                    "MP_FAIL",
                    "MP_FASTCLOSE",
                    "MP_TCPRST",
                ];
                let name = usize::try_from(n).ok().and_then(|n| NAMES.get(n).copied());
                name.unwrap_or("unknown").to_owned()
            });
            h.hex("Flags", 4);
            h.octets("Subtype-specific data", len - 1);
        }
        (34, 0) => h.mean("2 octets: a request for a cookie"),
        (34, _) => h.octets("Fast Open Cookie", len),
        (253 | 254, 2..) => {
            let id = h.hex("ExID", 16);
            h.mean(if id == Some(0xf989) { "TCP Fast Open" } else { "an experiment" });
            h.octets("Data", len - 2);
        }
        _ => h.octets("Data", len),
    }
}

const fn option_name(kind: u8) -> &'static str {
    match kind {
        0 => "End of Option List",
        1 => "No-Operation",
        2 => "Maximum Segment Size",
        3 => "Window Scale",
        4 => "SACK Permitted",
        5 => "SACK",
        8 => "Timestamps",
        19 => "MD5 Signature",
        28 => "User Timeout",
        29 => "TCP-AO",
        30 => "Multipath TCP",
        34 => "TCP Fast Open",
        172 | 174 => "Accurate ECN",
        253 | 254 => "Experiment",
        _ => "unknown option",
    }
}
