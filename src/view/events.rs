//! What happened, one line each: when, in which conversation, what, why, how sure.

use std::io::{self, Write};

use super::number::{count, duration};
use super::pen::Pen;
use super::table::{Cell, Column, Line, Tone};
use super::words::{self, Known};
use super::{Style, View};
use crate::model::Side;
use crate::report::Report;
use crate::track::{Event, EventKind};

/// The table of events.
#[derive(Debug, Clone, Copy, Default)]
pub struct Events {
    /// Plain text or Markdown.
    pub pen: Pen,
}

const COLUMNS: [Column; 6] = [
    Column::number("time"),
    Column::number("packet"),
    Column::text("#"),
    Column::text("side"),
    Column::text("what happened").wrapped(24),
    Column::text("sure").or_drop(1),
];

/// From this width on the ends of each conversation have a column.
const WIDE: usize = 180;

impl View for Events {
    fn render(&self, report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        let shown = style.limit.unwrap_or(usize::MAX).min(report.events.len());
        if shown == 0 {
            return self.pen.line("Nothing happened that is worth a line.", style, out);
        }
        let wide = self.pen == Pen::Text && style.width >= WIDE;
        let mut columns = COLUMNS.to_vec();
        if wide {
            columns.insert(3, Column::text("originator → responder"));
        }
        let zero = report.summary.first.unwrap_or_default();
        let line = |e: Event| {
            let conversation = report.conversations.find(e.stream);
            let known = conversation.as_ref().map(Known::from);
            let since = e.ts.since(zero);
            let mut cells: Vec<Cell> = vec![
                if since == 0 { "0".into() } else { duration(since).into() },
                e.packet.to_string().into(),
                e.stream.to_string().into(),
                e.side.name().into(),
                Cell::toned(words::fact(&e, known.as_ref()), tone(e.kind)),
                e.confidence.name().into(),
            ];
            if wide {
                cells.insert(3, known.map_or_else(String::new, |k| ends(&k)).into());
            }
            Line { cells, note: None }
        };
        self.pen.table(&columns, || report.events.iter().take(shown).map(line), style, out)?;
        let more = (report.events.len() - shown) as u64 + report.events_left_out;
        if more > 0 {
            self.pen.line(&format!("… {} more: --limit all", count(more)), style, out)?;
        }
        Ok(())
    }
}

/// `10.0.0.1:40000 → 10.0.0.2:80`, with `→?` where the roles are a guess.
fn ends(known: &Known) -> String {
    let arrow = if known.roles_known { "→" } else { "→?" };
    format!("{} {arrow} {}", known.ends[Side::Orig], known.ends[Side::Resp])
}

const fn tone(kind: EventKind) -> Tone {
    match kind {
        EventKind::Opening | EventKind::Established | EventKind::Closed => Tone::Good,
        EventKind::Reset
        | EventKind::Refused
        | EventKind::Aborted
        | EventKind::UnreadData
        | EventKind::HalfOpen
        | EventKind::TimedOut
        | EventKind::Middlebox
        | EventKind::IcmpError => Tone::Bad,
        EventKind::Midstream
        | EventKind::Fin
        | EventKind::KeepAlive
        | EventKind::WindowOpened
        | EventKind::OffloadSegments
        | EventKind::OffloadChecksums => Tone::Plain,
        _ => Tone::Warn,
    }
}

/// One event as a line of text for a capture that goes on:
/// `tcp:3 10.0.0.1:40000 → 10.0.0.2:80: packet 7, orig: sends its first FIN …`.
#[must_use]
pub fn line(event: &Event, known: Option<&Known>) -> String {
    let ends = known.map_or_else(String::new, |k| format!(" {}", ends(k)));
    // An opened or closed connection is of both sides.
    let side = match event.kind {
        EventKind::Established | EventKind::Closed | EventKind::Midstream => String::new(),
        _ => format!("{} ", event.side.name()),
    };
    let told = match (event.kind, event.evidence.rtt) {
        (EventKind::Established, Some(rtt)) => format!("established in {}", duration(rtt)),
        _ => words::sentence(event, known),
    };
    format!("{}{ends}: {side}{told}", event.stream)
}
