//! All conversations in one table: who, how it went, how much, how long.

use std::io::{self, Write};
use std::ops::Range;

use super::number::{
    UNKNOWN, count, counted, duration, octets, push_count, push_digits, push_duration, push_octets,
};
use super::pen::Pen;
use super::prose::BREAK;
use super::services::{Services, push_endpoint};
use super::table::{Column, Line, Rows, Tone};
use super::{Style, View, sentence};
use crate::model::{PerSide, Printable, Side};
use crate::report::{Entry, Report, TcpEntry};
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
        let shown = style.limit.unwrap_or(usize::MAX).min(report.listed());
        let one_line = style.width >= WIDE || self.pen == Pen::Markdown;
        let columns: &[Column] = if one_line { &WIDE_COLUMNS } else { &NARROW_COLUMNS };
        let rows = Listed { view: self, report, shown, one_line };
        self.pen.table(columns, rows, style, out)?;
        let more = (report.listed() - shown) as u64 + report.conversations_left_out;
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

/// The rows, all written in the same line: there may be very many.
struct Listed<'a> {
    view: &'a Connections<'a>,
    report: &'a Report,
    shown: usize,
    one_line: bool,
}

impl Rows for Listed<'_> {
    fn known(&self) -> Option<usize> {
        Some(self.shown)
    }

    fn each(&self, range: Range<usize>, row: &mut dyn FnMut(&Line)) {
        let mut line = Line::default();
        let end = range.end.min(self.shown);
        (range.start..end).filter_map(|at| self.report.entry(at)).for_each(|e| {
            self.view.ends(&e, &mut line);
            if self.one_line {
                figures(&e, &mut line);
            } else {
                packets(&e, &mut line);
                facts(&e, line.note.get_or_insert_default());
            }
            row(&line);
        });
    }

    fn each_cells(&self, range: Range<usize>, row: &mut dyn FnMut(&Line)) {
        if self.one_line {
            return self.each(range, row);
        }
        let mut line = Line::default();
        let end = range.end.min(self.shown);
        (range.start..end).filter_map(|at| self.report.entry(at)).for_each(|e| {
            self.view.ends(&e, &mut line);
            packets(&e, &mut line);
            row(&line);
        });
    }
}

impl Connections<'_> {
    /// The first four cells.
    fn ends(&self, c: &Entry, line: &mut Line) {
        let (protocol, known) = (c.id.protocol, c.roles_known);
        let number = line.cell(0, Tone::Plain);
        number.extend([protocol.name(), ":"]);
        push_digits(c.id.number.into(), 1, number);
        // The originator's port is chosen by its kernel; a name for it would mislead,
        // save among the ports that only a privileged program gets.
        let orig = c.endpoints[Side::Orig];
        if orig.port < 1024 || !known {
            self.services.push_endpoint(orig, protocol, line.cell(1, Tone::Plain));
        } else {
            push_endpoint(orig, line.cell(1, Tone::Plain));
        }
        let (arrow, tone) = if known { ("→", Tone::Plain) } else { ("→?", Tone::Warn) };
        line.cell(2, tone).push_str(arrow);
        self.services.push_endpoint(c.endpoints[Side::Resp], protocol, line.cell(3, Tone::Plain));
    }
}

/// The cells behind the ends, one for each figure.
fn figures(e: &Entry, line: &mut Line) {
    sentence::push_outcome(e, line.cell(4, tone(e)));
    line.cell(5, Tone::Plain).push_str(e.tcp.map_or(UNKNOWN, |t| t.conn_state));
    match e.tcp.and_then(|t| t.syn_rtt) {
        Some(rtt) => push_duration(rtt, line.cell(6, Tone::Plain)),
        None => line.cell(6, Tone::Plain).push_str(UNKNOWN),
    }
    push_pair(e.packets, push_count, line.cell(7, Tone::Plain));
    push_count(e.bytes[Side::Orig], line.cell(8, Tone::Plain));
    push_count(e.bytes[Side::Resp], line.cell(9, Tone::Plain));
    let noted: [fn(&TcpEntry) -> u64; 4] =
        [|t| t.retransmitted_segments, |t| t.out_of_order_segments, |t| t.duplicate_acks, |t| t.zero_windows];
    for (at, figure) in (10..).zip(noted) {
        // Worth a look unless it is nothing.
        let cell = line.cell(at, Tone::Warn);
        match e.tcp.as_ref().map_or(0, figure) {
            0 => {}
            n => push_count(n, cell),
        }
    }
    let cell = line.cell(14, Tone::Plain);
    if let Some(rtt) = e.tcp.and_then(|t| t.rtt) {
        push_duration(rtt, cell);
    }
    push_lasted(e, line.cell(15, Tone::Plain));
}

/// What stands under the row where there is no room for figures, as a list of facts none
/// of which is broken.
fn facts(e: &Entry, note: &mut String) {
    let next = |note: &mut String| note.extend([',', BREAK]);
    note.clear();
    sentence::push_outcome(e, note);
    if let Some(tcp) = &e.tcp {
        note.extend([" (", tcp.conn_state, ")"]);
        if let Some(rtt) = tcp.syn_rtt {
            next(note);
            note.push_str("handshake ");
            push_duration(rtt, note);
        }
        if tcp.retransmitted_segments > 0 {
            next(note);
            push_count(tcp.retransmitted_segments, note);
            note.push_str(" resent");
        }
    }
    next(note);
    push_pair(e.bytes, push_octets, note);
    next(note);
    push_lasted(e, note);
}

/// The last cell where facts stand under the row.
fn packets(e: &Entry, line: &mut Line) {
    push_pair(e.packets, push_count, line.cell(4, Tone::Plain));
}

/// From the first packet to the last.
fn push_lasted(e: &Entry, to: &mut String) {
    match e.lasted {
        Some(nanos) => push_duration(nanos, to),
        None => to.push('?'),
    }
}

/// `orig / resp`.
fn push_pair(of: PerSide<u64>, push: fn(u64, &mut String), to: &mut String) {
    push(of[Side::Orig], to);
    to.push_str(" / ");
    push(of[Side::Resp], to);
}

fn tone(e: &Entry) -> Tone {
    match e.tcp {
        Some(tcp) => match (tcp.handshake, tcp.teardown) {
            (Handshake::Refused, _) | (_, Teardown::Reset { .. }) => Tone::Bad,
            (Handshake::Unanswered | Handshake::HalfOpen, _) => Tone::Warn,
            (_, Teardown::Closed { .. } | Teardown::Simultaneous { .. }) => Tone::Good,
            _ => Tone::Plain,
        },
        None if e.udp.is_some_and(|u| u.icmp_errors > 0) => Tone::Bad,
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
