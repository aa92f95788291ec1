//! What stands at an arrow, and numbers as people write them.

use crate::decode::{TcpOption, TcpOptions};
use crate::model::{SeqNum, Side, TcpFlags};
use crate::report::{Conversation, Row, RowKind};
use crate::view::Numbers;

/// A duration: `850 ns`, `12.3 µs`, `9.20 ms`, `1.20 s`, `2 min 3 s`.
pub(super) fn duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let n = nanos.unsigned_abs();
    let scaled = |unit: f64| {
        let v = n as f64 / unit;
        let digits = if v < 10.0 {
            2
        } else if v < 100.0 {
            1
        } else {
            0
        };
        format!("{v:.digits$}")
    };
    match n {
        0..1_000 => format!("{sign}{n} ns"),
        1_000..999_500 => format!("{sign}{} µs", scaled(1e3)),
        999_500..999_500_000 => format!("{sign}{} ms", scaled(1e6)),
        999_500_000..120_000_000_000 => format!("{sign}{} s", scaled(1e9)),
        _ => {
            let s = n / 1_000_000_000;
            match (s / 86_400, s / 3600 % 24, s / 60 % 60, s % 60) {
                (0, 0, m, s) => format!("{sign}{m} min {s} s"),
                (0, h, m, _) => format!("{sign}{h} h {m} min"),
                (d, h, ..) => format!("{sign}{d} d {h} h"),
            }
        }
    }
}

/// A time for the column: seconds since the first packet, to the microsecond.
pub(super) fn clock(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let n = nanos.unsigned_abs();
    format!("{sign}{}.{:06}", n / 1_000_000_000, n / 1000 % 1_000_000)
}

/// `+10.0 ms`
pub(super) fn gap_words(gap: i64) -> String {
    if gap < 0 { duration(gap) } else { format!("+{}", duration(gap)) }
}

/// Octets: `512 B`, `310 kB`, `1.2 MB`.
pub(super) fn octets(n: u64) -> String {
    let v = n as f64;
    match n {
        0..1_000 => format!("{n} B"),
        1_000..10_000 => format!("{:.1} kB", v / 1e3),
        10_000..1_000_000 => format!("{:.0} kB", v / 1e3),
        1_000_000..10_000_000 => format!("{:.1} MB", v / 1e6),
        10_000_000..1_000_000_000 => format!("{:.0} MB", v / 1e6),
        _ => format!("{:.1} GB", v / 1e9),
    }
}

/// `1 segment`, `2 segments`.
pub(super) fn count(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// What stands at the arrow of `row`, in pieces: the first names it, the others say more.
pub(super) fn parts(conversation: &Conversation, row: &Row, numbers: Numbers) -> Vec<String> {
    match &row.kind {
        RowKind::Tcp { flags, seq, ack, rel_seq, rel_ack, window, scaled_window, options, .. } => {
            let raw = numbers == Numbers::Absolute;
            let first = if raw { seq.0 } else { *rel_seq };
            let mut name = flags.words();
            let counts = row.len > 0 || flags.any(TcpFlags::SYN.with(TcpFlags::FIN));
            if counts || flags.has(TcpFlags::RST) {
                let last = first.wrapping_add(row.len);
                name = format!("{name} {first}:{last}({})", row.len);
            }
            let mut parts = vec![name];
            if flags.has(TcpFlags::ACK) {
                parts.push(match (raw, rel_ack) {
                    (false, Some(n)) => format!("ack {n}"),
                    // Nothing to count from: the number on the wire, and said so.
                    (false, None) => format!("ack {} (raw)", ack.0),
                    (true, _) => format!("ack {}", ack.0),
                });
            }
            if !flags.has(TcpFlags::RST) {
                let syn = flags.has(TcpFlags::SYN);
                parts.push(match scaled_window {
                    Some(n) if !syn => format!("win {n}"),
                    _ if syn || conversation_scales(conversation) => format!("win {window}"),
                    _ => format!("win {window} (unscaled)"),
                });
            }
            let text = option_text(conversation, row.side, options.as_slice(), raw);
            if !text.is_empty() {
                parts.push(format!("<{text}>"));
            }
            parts
        }
        RowKind::Udp { length, .. } => {
            vec![format!("UDP {}", count(u64::from(row.len), "octet")), format!("length {length}")]
        }
        RowKind::Icmp { version, icmp_type, code } => {
            let name = if *version == 6 { "ICMPv6" } else { "ICMP" };
            let words = icmp_words(*version, *icmp_type, *code);
            if words.is_empty() {
                vec![format!("{name} type {icmp_type} code {code}")]
            } else {
                vec![format!("{name} {words}"), format!("type {icmp_type} code {code}")]
            }
        }
    }
}

/// Both SYNs were seen, so what is scaled is known: without a scale there is none.
fn conversation_scales(conversation: &Conversation) -> bool {
    conversation.tcp.as_deref().is_some_and(|t| t.sides.0.iter().all(|s| s.isn.is_some()))
}

/// Options that tell something in a ladder: no padding, no clocks.
fn option_text(conversation: &Conversation, side: Side, bytes: &[u8], raw: bool) -> String {
    let base = conversation.tcp.as_deref().and_then(|t| t.sides[side.other()].base);
    let mut texts = Vec::new();
    for option in TcpOptions::new(bytes) {
        match option {
            TcpOption::End { .. } | TcpOption::Nop | TcpOption::Timestamps { .. } => {}
            TcpOption::Sack(blocks) => {
                let number = |n: SeqNum| match base {
                    Some(base) if !raw => n.relative_to(base),
                    _ => n.0,
                };
                let edges: Vec<String> =
                    blocks.as_slice().iter().map(|&(l, r)| format!("{}:{}", number(l), number(r))).collect();
                texts.push(format!("sack {}", edges.join(" ")));
            }
            other => texts.push(other.to_string()),
        }
    }
    texts.join(",")
}

/// ICMP errors in words (RFC 792, RFC 1122, RFC 4443).
const fn icmp_words(version: u8, icmp_type: u8, code: u8) -> &'static str {
    match (version, icmp_type, code) {
        (4, 3, 0) => "network unreachable",
        (4, 3, 1) => "host unreachable",
        (4, 3, 2) => "protocol unreachable",
        (4, 3, 3) | (6, 1, 4) => "port unreachable",
        (4, 3, 4) => "fragmentation needed",
        (4, 3, 9 | 10 | 13) | (6, 1, 1) => "administratively prohibited",
        (4, 3, _) | (6, 1, _) => "destination unreachable",
        (4, 4, _) => "source quench",
        (4, 5, _) | (6, 137, _) => "redirect",
        (4, 11, 0) => "TTL exceeded",
        (6, 3, 0) => "hop limit exceeded",
        (4, 11, _) | (6, 3, _) => "reassembly time exceeded",
        (4, 12, _) | (6, 4, _) => "parameter problem",
        (6, 2, _) => "packet too big",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_write_them() {
        let cases = [
            (850, "850 ns"),
            (12_340, "12.3 µs"),
            (9_200_000, "9.20 ms"),
            (999_600, "1.00 ms"),
            (1_200_000_000, "1.20 s"),
            (123_000_000_000, "2 min 3 s"),
            (-5_000_000, "-5.00 ms"),
            (90_000_000_000_000, "1 d 1 h"),
        ];
        for (n, expected) in cases {
            assert_eq!(duration(n), expected);
        }
        assert_eq!(octets(310_000), "310 kB");
        assert_eq!(octets(999), "999 B");
        assert_eq!(octets(1_234_567), "1.2 MB");
    }
}
