//! The lines of the lists, also those that a search looks at.

use crate::model::Side;
use crate::report::{Conversation, Row, RowKind};
use crate::track::{Confidence, Event};
use crate::view::graph::{octets, time};

/// From this width on, lines say more.
const WIDE: usize = 100;
/// Below it, in a pane beside others, they leave out how much and how long.
const NARROW: usize = 72;

/// What a connection's line says, in columns for `width`; an address that is too long for
/// them is cut, never its port.
pub(super) fn connection(c: &Conversation, width: usize, ascii: bool) -> String {
    let packets = c.traffic[Side::Orig].packets + c.traffic[Side::Resp].packets;
    let payload = c.traffic[Side::Orig].payload + c.traffic[Side::Resp].payload;
    let resent: u64 =
        c.tcp.as_ref().map_or(0, |t| Side::BOTH.iter().map(|&s| t.sides[s].retransmitted_segments).sum());
    let mut state = c.tcp.as_ref().map_or("", |t| t.conn_state).to_owned();
    if resent > 0 {
        state = format!("{state} {resent}R");
    }
    let teardown = c.tcp.as_ref().map_or("", |t| t.teardown.name());
    let right = [
        teardown,
        &state,
        &packets.to_string(),
        &octets(i64::try_from(payload).unwrap_or(i64::MAX)),
        &c.lasted().map_or_else(|| "?".into(), time),
    ];
    let (mut right, room) = columns_of(right, width);
    if ascii {
        right = right.replace('µ', "u");
    }
    let who = ends(&c.endpoints.0.map(|e| e.to_string()), room, ascii);
    format!("{:<8} {who:<room$} {right}", c.id.to_string())
}

/// The heading over [`connection`].
pub(super) fn connection_heading(width: usize) -> String {
    let (right, room) = columns_of(["ended", "state", "packets", "payload", "time"], width);
    format!("{:<8} {:<room$} {right}", "stream", "originator, responder")
}

/// What stands right of the endpoints, and the columns that are left for these.
fn columns_of([ended, state, packets, payload, time]: [&str; 5], width: usize) -> (String, usize) {
    let mut right = format!("{state:<7} {packets:>7}");
    let mut taken = 15;
    if width >= NARROW {
        right = format!("{right} {payload:>8} {time:>8}");
        taken += 18;
    }
    if width >= WIDE {
        right = format!("{ended:<19} {right}");
        taken += 20;
    }
    (right, width.saturating_sub(8 + 1 + 1 + taken))
}

/// The two endpoints in `room` columns: what one does not need, the other may take.
fn ends([from, to]: &[String; 2], room: usize, ascii: bool) -> String {
    let arrow = if ascii { " -> " } else { " → " };
    let room = room.saturating_sub(arrow.chars().count());
    let (a, b) = (from.chars().count(), to.chars().count());
    let most = (room / 2).max(room.saturating_sub(b));
    let from = short(from, most, ascii);
    let to = short(to, room.saturating_sub(a.min(most)), ascii);
    format!("{from}{arrow}{to}")
}

/// An endpoint in `room` columns, the end of its address cut.
fn short(endpoint: &str, room: usize, ascii: bool) -> String {
    let more = if ascii { "~" } else { "…" };
    let long = endpoint.chars().count();
    let Some((address, port)) = endpoint.rsplit_once(':').filter(|_| long > room) else {
        return endpoint.to_owned();
    };
    let keep = room.saturating_sub(port.len() + 2);
    let cut: String = address.chars().take(keep).collect();
    format!("{cut}{more}:{port}")
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
                n if width >= WIDE || remarks.is_empty() || n == 0 => format!(" win {n}"),
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

/// What is remarkable about a packet: verdicts first, else Wireshark's labels, as far as they hold.
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
            analysis.tenable().names().collect::<Vec<_>>().join(", ").replace('_', " ")
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
