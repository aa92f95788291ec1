//! All conversations in one table: who, how it went, how much, how long.

use std::io::{self, Write};

use super::number::{UNKNOWN, count, counted, duration, known_duration, octets};
use super::pen::Pen;
use super::services::Services;
use super::table::{Cell, Column, Line, Tone, UNBROKEN};
use super::{Style, View, sentence};
use crate::model::{PerSide, Printable, Side};
use crate::report::{Conversation, Report, TcpFacts, TcpSideFacts, Traffic};
use crate::track::{Handshake, Teardown};

/// The table of conversations, under a line that says what was read.
#[derive(Debug, Clone, Copy)]
pub struct Connections<'a> {
    /// Names for ports.
    pub services: &'a Services,
    /// Plain text or Markdown.
    pub pen: Pen,
}

impl Default for Connections<'static> {
    fn default() -> Self {
        Self { services: Services::system(), pen: Pen::Text }
    }
}

/// From this width on each figure has its own column; below it, most stand under the row.
const WIDE: usize = 132;

impl View for Connections<'_> {
    fn render(&self, report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        head(report, self.pen, style, out)?;
        let shown = style.limit.unwrap_or(usize::MAX).min(report.conversations.len());
        let rows = report.conversations.get(..shown).unwrap_or(&[]);
        let one_line = style.width >= WIDE || self.pen == Pen::Markdown;
        let columns: &[Column] = if one_line { &WIDE_COLUMNS } else { &NARROW_COLUMNS };
        let line = |c: &Conversation| if one_line { self.line(c) } else { self.two_lines(c) };
        self.pen.table(columns, || rows.iter().map(line), style, out)?;
        let more = (report.conversations.len() - shown) as u64 + report.conversations_left_out;
        if more > 0 {
            self.pen.line(&format!("… {} more: --limit all", count(more)), style, out)?;
        }
        foot(report, self.pen, style, out)
    }
}

const WIDE_COLUMNS: [Column; 16] = [
    Column::text("#"),
    Column::text("originator").wrapped(21),
    Column::text(""),
    Column::text("responder").wrapped(21),
    Column::text("outcome").wrapped(20),
    Column::text("state").or_drop(3),
    Column::number("handshake").or_drop(4),
    Column::number("packets → ←"),
    Column::number("bytes →"),
    Column::number("bytes ←"),
    Column::number("resent").or_drop(5),
    Column::number("late").or_hide(6),
    Column::number("dup ACKs").or_hide(8),
    Column::number("window 0").or_hide(7),
    Column::number("RTT").or_hide(9),
    Column::number("duration").or_drop(2),
];

const NARROW_COLUMNS: [Column; 5] = [
    Column::text("#"),
    Column::text("originator").wrapped(21),
    Column::text(""),
    Column::text("responder").wrapped(21),
    Column::number("packets → ←"),
];

fn pair(of: PerSide<Traffic>, figure: impl Fn(&Traffic) -> String) -> String {
    format!("{} / {}", figure(&of[Side::Orig]), figure(&of[Side::Resp]))
}

impl Connections<'_> {
    fn ends(&self, c: &Conversation) -> [Cell; 4] {
        let protocol = c.id.protocol;
        let known = c.tcp.as_ref().is_none_or(|tcp| tcp.roles_known);
        // The originator's port is chosen by its kernel; a name for it would mislead,
        // save among the ports that only a privileged program gets.
        let orig = c.endpoints[Side::Orig];
        let orig = if orig.port < 1024 || !known {
            self.services.endpoint(orig, protocol)
        } else {
            orig.to_string()
        };
        [
            c.id.to_string().into(),
            orig.into(),
            if known { "→".into() } else { Cell::toned("→?", Tone::Warn) },
            self.services.endpoint(c.endpoints[Side::Resp], protocol).into(),
        ]
    }

    fn line(&self, c: &Conversation) -> Line {
        let tcp = c.tcp.as_deref();
        let resent = tcp.map_or(0, resent);
        let mut cells = Vec::from(self.ends(c));
        cells.extend([
            Cell::toned(sentence::outcome(c), tone(c)),
            tcp.map_or(UNKNOWN, |t| t.conn_state).into(),
            known_duration(tcp.and_then(|t| t.syn_rtt)).into(),
            pair(c.traffic, |t| count(t.packets)).into(),
            count(c.traffic[Side::Orig].bytes).into(),
            count(c.traffic[Side::Resp].bytes).into(),
            noted(resent),
            noted(sum(tcp, |s| s.out_of_order_segments)),
            noted(sum(tcp, |s| s.duplicate_acks)),
            noted(sum(tcp, |s| s.zero_windows)),
            tcp.and_then(rtt).map_or_else(String::new, duration).into(),
            duration(c.last.since(c.first)).into(),
        ]);
        Line { cells, note: None }
    }

    fn two_lines(&self, c: &Conversation) -> Line {
        let mut cells = Vec::from(self.ends(c));
        cells.push(pair(c.traffic, |t| count(t.packets)).into());
        let mut facts = vec![sentence::outcome(c)];
        if let Some(tcp) = &c.tcp {
            facts = vec![format!("{} ({})", sentence::outcome(c), tcp.conn_state)];
            facts.extend(tcp.syn_rtt.map(|rtt| format!("handshake {}", duration(rtt))));
            let resent = resent(tcp);
            if resent > 0 {
                facts.push(format!("{} resent", count(resent)));
            }
        }
        facts.push(pair(c.traffic, |t| octets(t.bytes)));
        facts.push(duration(c.last.since(c.first)));
        let unbroken = facts.iter().map(|fact| fact.replace(' ', &UNBROKEN.to_string()));
        Line { cells, note: Some(unbroken.collect::<Vec<_>>().join(", ")) }
    }
}

fn resent(tcp: &TcpFacts) -> u64 {
    sum(Some(tcp), |s| s.retransmitted_segments)
}

fn sum(tcp: Option<&TcpFacts>, figure: impl Fn(&TcpSideFacts) -> u64) -> u64 {
    tcp.map_or(0, |tcp| tcp.sides.0.iter().map(figure).sum())
}

/// A count that is worth a look unless it is nothing.
fn noted(n: u64) -> Cell {
    if n > 0 { Cell::toned(count(n), Tone::Warn) } else { "".into() }
}

/// The median round-trip time of the side with more samples.
fn rtt(tcp: &TcpFacts) -> Option<i64> {
    tcp.sides.0.iter().map(|s| &s.rtt).filter(|r| r.samples > 0).max_by_key(|r| r.samples).map(|r| r.median)
}

fn tone(c: &Conversation) -> Tone {
    match c.tcp.as_deref() {
        Some(tcp) => match (tcp.handshake, tcp.teardown) {
            (Handshake::Refused, _) | (_, Teardown::Reset { .. }) => Tone::Bad,
            (Handshake::Unanswered | Handshake::HalfOpen, _) => Tone::Warn,
            (_, Teardown::Closed { .. } | Teardown::Simultaneous { .. }) => Tone::Good,
            _ => Tone::Plain,
        },
        None if c.udp.is_some_and(|u| u.icmp_errors > 0) => Tone::Bad,
        None => Tone::Plain,
    }
}

/// What was read.
fn head(report: &Report, pen: Pen, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let s = &report.summary;
    let origins: Vec<String> = s.origins.iter().map(|o| Printable(o).to_string()).collect();
    let span = match (s.first, s.last) {
        (Some(first), Some(last)) => format!(" in {}", duration(last.since(first))),
        _ => String::new(),
    };
    let from = if origins.is_empty() { String::new() } else { format!("{}: ", origins.join(", ")) };
    pen.title(
        &format!("{from}{}, {}{span}", counted(s.packets, "packet", "packets"), octets(s.bytes)),
        style,
        out,
    )?;
    let parts = [
        (s.tcp_segments, s.tcp_streams, "TCP segment", "connection"),
        (s.udp_datagrams, s.udp_streams, "UDP datagram", "conversation"),
        (s.icmp_messages, 0, "ICMP message", ""),
        (s.other_packets, 0, "other packet", ""),
    ];
    let mut texts = Vec::new();
    for (n, streams, what, stream) in parts {
        let inside = match streams {
            0 => String::new(),
            n => format!(" in {}", counted(n, stream, &format!("{stream}s"))),
        };
        if n > 0 {
            texts.push(counted(n, what, &format!("{what}s")) + &inside);
        }
    }
    if !texts.is_empty() {
        pen.line(&texts.join(", "), style, out)?;
    }
    if pen == Pen::Text { pen.gap(out) } else { Ok(()) }
}

/// What went wrong or is worth knowing.
fn foot(report: &Report, pen: Pen, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let s = &report.summary;
    let mut lines = Vec::new();
    for &(text, packets, first, offset) in &s.problems {
        let packets = counted(packets, "packet", "packets");
        lines.push(format!("{text}: {packets}, first in frame {first} at byte {offset}"));
    }
    if let Some(drops) = s.drops {
        let (kernel, interface) = (count(drops.kernel), count(drops.interface));
        lines.push(format!("dropped by the kernel: {kernel}, by the interface: {interface}"));
    }
    lines.extend(s.remarks.iter().map(|r| Printable(r).to_string()));
    if let Some(fault) = &s.fault {
        lines.push(format!("reading ended early: {}", Printable(fault)));
    }
    pen.list(&lines, style, out)
}
