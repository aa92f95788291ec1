//! The lines of the lists, also those that a search looks at.

use crate::model::Side;
use crate::report::{Conversation, Row, RowKind};
use crate::track::{Confidence, Event};
use crate::view::graph::{octets, time};

/// What a connection's line says, in columns for `width`.
pub(super) fn connection(c: &Conversation, width: usize, ascii: bool) -> String {
    let packets = c.traffic[Side::Orig].packets + c.traffic[Side::Resp].packets;
    let payload = c.traffic[Side::Orig].payload + c.traffic[Side::Resp].payload;
    let state = c.tcp.as_ref().map_or("", |t| t.conn_state);
    let resent: u64 =
        c.tcp.as_ref().map_or(0, |t| Side::BOTH.iter().map(|&s| t.sides[s].retransmitted_segments).sum());
    let arrow = if ascii { "->" } else { "→" };
    let who = format!("{} {arrow} {}", c.endpoints[Side::Orig], c.endpoints[Side::Resp]);
    let payload = octets(i64::try_from(payload).unwrap_or(i64::MAX));
    let mut right = format!("{state:<6} {packets:>7} {payload:>9} {:>9}", time(c.last.since(c.first)));
    if ascii {
        right = right.replace('µ', "u");
    }
    if width >= 100 {
        let teardown = c.tcp.as_ref().map_or("", |t| t.teardown.name());
        right = format!("{teardown:<19} {right}");
    }
    let resent = if resent > 0 { format!(" {resent}R") } else { String::new() };
    let room = width.saturating_sub(11 + right.chars().count() + 5);
    format!("{:<10} {who:<room$} {right}{resent}", c.id.to_string())
}

/// The heading over [`connection`].
pub(super) fn connection_heading(width: usize) -> String {
    let mut right = format!("{:<6} {:>7} {:>9} {:>9}", "state", "packets", "payload", "time");
    if width >= 100 {
        right = format!("{:<19} {right}", "ended");
    }
    let room = width.saturating_sub(11 + right.chars().count() + 5);
    format!("{:<10} {:<room$} {right}", "stream", "originator, responder")
}

/// What a packet's line says: frame, time, an arrow between the two life lines, numbers and
/// remarks. In a narrow line the window makes room for remarks.
pub(super) fn segment(row: &Row, c: &Conversation, remarks: &str, width: usize, ascii: bool) -> String {
    let (dash, right, left) = if ascii { ("-", ">", "<") } else { ("─", "▶", "◀") };
    let lane = |letters: &str| {
        let line = dash.repeat(11usize.saturating_sub(letters.chars().count()));
        match row.side {
            Side::Orig => format!("{letters} {line}{right}"),
            Side::Resp => format!("{left}{line} {letters}"),
        }
    };
    let mut when = time(row.ts.since(c.first));
    if ascii {
        when = when.replace('µ', "u");
    }
    let (lane, said) = match &row.kind {
        RowKind::Tcp { flags, rel_seq, rel_ack, window, scaled_window, .. } => {
            let end = rel_seq.wrapping_add(row.len);
            let seq = if row.len > 0 { format!("{rel_seq}:{end}({})", row.len) } else { rel_seq.to_string() };
            let ack = rel_ack.map_or_else(String::new, |a| format!(" ack {a}"));
            let window = match scaled_window.unwrap_or_else(|| u32::from(*window)) {
                n if width >= 100 || remarks.is_empty() || n == 0 => format!(" win {n}"),
                _ => String::new(),
            };
            (lane(&flags.letters()), format!("{seq}{ack}{window}"))
        }
        RowKind::Udp { length, .. } => (lane("UDP"), format!("length {length}, payload {}", row.len)),
        RowKind::Icmp { version, icmp_type, code } => {
            (lane("ICMP"), format!("ICMPv{version} type {icmp_type} code {code}"))
        }
    };
    let remarks = if remarks.is_empty() { String::new() } else { format!("  {remarks}") };
    format!("{:>7} {when:>9} {lane} {said}{remarks}", row.frame)
}

/// What is remarkable about a packet: verdicts first, else Wireshark's labels.
pub(super) fn remarks(row: &Row, events: &[&Event]) -> String {
    let verdicts: Vec<String> = events
        .iter()
        .map(|e| {
            let doubt = if e.confidence == Confidence::Certain { "" } else { "?" };
            format!("{}{doubt}", e.kind.name().replace('_', " "))
        })
        .collect();
    if !verdicts.is_empty() {
        return verdicts.join(", ");
    }
    match &row.kind {
        RowKind::Tcp { analysis, .. } => {
            analysis.labels.names().collect::<Vec<_>>().join(", ").replace('_', " ")
        }
        RowKind::Udp { .. } | RowKind::Icmp { .. } => String::new(),
    }
}

/// A frame in hex, sixteen octets a line; what is no printable ASCII is a dot.
pub(super) fn hex(data: &[u8]) -> Vec<String> {
    data.chunks(16)
        .enumerate()
        .map(|(i, line)| {
            let hex: Vec<String> = line.iter().map(|b| format!("{b:02x}")).collect();
            let text: String =
                line.iter().map(|&b| if (0x20..0x7f).contains(&b) { char::from(b) } else { '.' }).collect();
            format!("{:04x}  {:<47}  {text}", i * 16, hex.join(" "))
        })
        .collect()
}
