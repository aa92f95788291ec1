//! Packets of a conversation as rows of a table: what the handshake, the teardown and
//! the list of segments have in common.

use super::number::{count, duration};
use super::services::Services;
use super::table::{Cell, Column, Line, Tone};
use super::{Numbers, Style, sentence};
use crate::decode::{TcpOption, TcpOptions};
use crate::model::{PerSide, SeqNum, Side, TcpFlags, TcpState, Timestamp};
use crate::report::{Conversation, Detail, Report, Row, RowKind};

/// A detail together with its conversation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Story<'a> {
    pub conversation: &'a Conversation,
    pub detail: &'a Detail,
}

/// The details whose conversations the report lists.
pub(super) fn stories(report: &Report) -> impl Iterator<Item = Story<'_>> {
    report.details.iter().filter_map(|detail| {
        let conversation = report.conversations.iter().find(|c| Some(c.id) == detail.id)?;
        Some(Story { conversation, detail })
    })
}

impl Story<'_> {
    /// `tcp:0  10.0.0.1:40000 → 192.0.2.1:80 http`, with `→?` where the roles are a guess.
    pub fn title(&self, services: &Services) -> String {
        let c = self.conversation;
        let arrow = if c.tcp.as_ref().is_none_or(|t| t.roles_known) { "→" } else { "→?" };
        let responder = services.endpoint(c.endpoints[Side::Resp], c.id.protocol);
        format!("{}  {} {arrow} {responder}", c.id, c.endpoints[Side::Orig])
    }

    /// What relative numbers of each side count from.
    fn bases(&self) -> PerSide<Option<SeqNum>> {
        match &self.conversation.tcp {
            Some(tcp) => PerSide::new(tcp.sides[Side::Orig].base, tcp.sides[Side::Resp].base),
            None => PerSide::new(None, None),
        }
    }
}

/// What the columns of a table of segments are to show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Title of the time column.
    pub time: &'static str,
    /// Time counts from here.
    pub zero: Timestamp,
    /// Payload octets and labels are of interest.
    pub payload: bool,
    /// Options have their own column; below that they stand under the row.
    pub options_column: bool,
}

/// From this width on options have their own column.
pub(super) const WIDE: usize = 160;

/// The columns for TCP segments.
pub(super) fn tcp_columns(shape: &Shape, style: &Style) -> Vec<Column> {
    let (relative, raw) = match style.numbers {
        Numbers::Both => (true, true),
        Numbers::Absolute => (false, true),
        Numbers::Relative => (true, false),
    };
    let raw_column = |title| match style.numbers {
        Numbers::Both => Column::number(title).or_hide(9),
        _ => Column::number(title),
    };
    let mut columns =
        vec![Column::number(shape.time), Column::number("frame"), Column::text(""), Column::text("flags")];
    if relative {
        columns.push(Column::number("seq"));
    }
    if raw {
        columns.push(raw_column("raw seq"));
    }
    if shape.payload {
        columns.push(Column::number("len"));
    }
    if relative {
        columns.push(Column::number("ack"));
    }
    if raw {
        columns.push(raw_column("raw ack"));
    }
    columns.extend([
        Column::number("window").or_drop(4),
        Column::number("scaled").or_hide(8),
        Column::number("hdr").or_drop(5),
    ]);
    if shape.payload {
        columns.push(Column::text("analysis").wrapped(14));
    }
    if shape.options_column {
        columns.push(Column::text("options").wrapped(24));
    }
    columns.extend([Column::text("orig state").or_drop(2), Column::text("resp state").or_drop(2)]);
    columns
}

/// One packet as a row; columns as [`tcp_columns`] has them.
pub(super) fn tcp_line(story: &Story<'_>, row: &Row, shape: &Shape, style: &Style) -> Line {
    let since = row.ts.since(shape.zero);
    let time = if since == 0 { "0".into() } else { duration(since) };
    let arrow = if row.side == Side::Orig { "→" } else { "←" };
    let mut cells: Vec<Cell> = vec![time.into(), row.frame.to_string().into(), arrow.into()];
    let RowKind::Tcp {
        flags,
        seq,
        ack,
        rel_seq,
        rel_ack,
        window,
        scaled_window,
        options,
        states,
        analysis,
        ..
    } = &row.kind
    else {
        cells.push("ICMP".into());
        return Line { cells, note: Some(other(row)) };
    };
    let has_ack = flags.has(TcpFlags::ACK);
    let (relative, raw) = (style.numbers != Numbers::Absolute, style.numbers != Numbers::Relative);
    cells.push(Cell::toned(flags.words(), flag_tone(*flags)));
    if relative {
        cells.push(count(u64::from(*rel_seq)).into());
    }
    if raw {
        cells.push(seq.to_string().into());
    }
    if shape.payload {
        cells.push(count(row.len.into()).into());
    }
    if relative {
        let known = rel_ack.filter(|_| has_ack).map(|ack| count(ack.into()));
        cells.push(known.unwrap_or_else(|| if has_ack { "?" } else { "" }.into()).into());
    }
    if raw {
        cells.push(if has_ack { ack.to_string() } else { String::new() }.into());
    }
    cells.push(count(u64::from(*window)).into());
    cells.push(scaled_window.map_or_else(String::new, |w| count(w.into())).into());
    cells.push(row.header_len.to_string().into());
    if shape.payload {
        let labels = analysis.labels.names().collect::<Vec<_>>().join(", ").replace('_', " ");
        cells.push(Cell::toned(labels, Tone::Warn));
    }
    let words = option_words(options.as_slice(), story.bases()[row.side.other()], style);
    let note = if shape.options_column {
        cells.push(words.into());
        None
    } else {
        Some(words).filter(|words| !words.is_empty()).map(|words| format!("<{words}>"))
    };
    let state = |s: Option<TcpState>| s.map_or("?", TcpState::name);
    cells.extend([state(states[Side::Orig]).into(), state(states[Side::Resp]).into()]);
    Line { cells, note }
}

/// What is not TCP, in words.
pub(super) fn other(row: &Row) -> String {
    match &row.kind {
        RowKind::Icmp { version, icmp_type, code } => {
            format!("ICMP says: {}", sentence::icmp(*version, *icmp_type, *code))
        }
        RowKind::Udp { length, .. } => format!("UDP, length {length}"),
        RowKind::Tcp { .. } => String::new(),
    }
}

fn flag_tone(flags: TcpFlags) -> Tone {
    if flags.has(TcpFlags::RST) {
        Tone::Bad
    } else if flags.any(TcpFlags::SYN | TcpFlags::FIN) {
        Tone::Good
    } else {
        Tone::Plain
    }
}

/// Options in words; SACK edges relative to `base` where that is known and wanted.
fn option_words(octets: &[u8], base: Option<SeqNum>, style: &Style) -> String {
    let mut words = Vec::new();
    for option in TcpOptions::new(octets) {
        words.push(match (&option, base) {
            (TcpOption::Sack(blocks), Some(base)) if style.numbers != Numbers::Absolute => {
                let blocks: Vec<String> = blocks
                    .as_slice()
                    .iter()
                    .map(|(l, r)| format!("{}-{}", l.relative_to(base), r.relative_to(base)))
                    .collect();
                format!("sack {}", blocks.join(" "))
            }
            _ => option.to_string(),
        });
    }
    words.join(", ")
}
