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
#[derive(Debug, Clone)]
pub(super) struct Story<'a> {
    pub conversation: Conversation,
    pub detail: &'a Detail,
}

/// The details whose conversations the report lists (in the order of their numbers).
pub(super) fn stories(report: &Report) -> impl Iterator<Item = Story<'_>> {
    report.in_detail().map(|(detail, conversation)| Story { conversation, detail })
}

impl Story<'_> {
    /// `tcp:0  10.0.0.1:40000 → 192.0.2.1:80 http`, with `→?` where the roles are a guess.
    pub fn title(&self, services: &Services) -> String {
        let c = &self.conversation;
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
    /// Payload octets are of interest.
    pub payload: bool,
    /// Options and labels have their own columns; otherwise they stand under the row.
    pub wide: bool,
    /// There is no room for the states beside the numbers: they stand under the row too.
    pub states_below: bool,
}

impl Shape {
    /// The shape for these rows; `markdown` has room for everything.
    pub fn new<'a>(
        time: &'static str,
        rows: impl Iterator<Item = &'a Row> + Clone,
        style: &Style,
        markdown: bool,
    ) -> Self {
        let tcp = |row: &'a Row| matches!(row.kind, RowKind::Tcp { .. });
        let mut shape = Self {
            time,
            zero: rows.clone().next().map_or(Timestamp(0), |row| row.ts),
            payload: rows.clone().any(|row| tcp(row) && row.len > 0),
            wide: markdown || style.width >= WIDE,
            states_below: false,
        };
        // What time, frame, arrow, numbers, flags and states need side by side.
        let numbers = rows.map(|row| needed(row, shape.payload, style)).max().unwrap_or(0);
        shape.states_below = !shape.wide && 11 + 3 + numbers + 28 > style.width + 2;
        shape
    }
}

/// Columns that the frame number, flags and sequence numbers of a row need, gaps included.
fn needed(row: &Row, payload: bool, style: &Style) -> usize {
    let RowKind::Tcp { flags, rel_seq, rel_ack, .. } = &row.kind else { return 0 };
    let digits = |n: u32| count(n.into()).len().max(3) + 2;
    let edges = match style.numbers {
        Numbers::Absolute => 24,
        _ => digits(*rel_seq) + digits(rel_ack.unwrap_or(0)),
    };
    let len = if payload { digits(row.len) } else { 0 };
    row.frame.to_string().len().max(5) + 2 + flags.words().len() + 2 + edges + len
}

/// From this width on options and labels have their own columns.
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
    if shape.wide {
        columns.extend([Column::text("analysis").wrapped(14), Column::text("options").wrapped(24)]);
    }
    if !shape.states_below {
        columns.extend([Column::text("orig state").or_drop(2), Column::text("resp state").or_drop(2)]);
    }
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
        return Line { cells, note: Some(icmp(row)) };
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
    // Tables have Wireshark's labels as they are.
    let labels = analysis.labels.names().collect::<Vec<_>>().join(", ").replace('_', " ");
    let words = option_words(options.as_slice(), story.bases()[row.side.other()], style);
    let state = |side: Side| states[side].map_or("?", TcpState::name);
    let note = if shape.wide {
        cells.extend([Cell::toned(labels, Tone::Warn), words.into()]);
        None
    } else {
        let words = if words.is_empty() { words } else { format!("<{words}>") };
        let labels = if labels.is_empty() { labels } else { format!("[{labels}]") };
        let both = if shape.states_below {
            format!("orig {}, resp {}", state(Side::Orig), state(Side::Resp))
        } else {
            String::new()
        };
        let parts: Vec<String> = [labels, both, words].into_iter().filter(|part| !part.is_empty()).collect();
        Some(parts.join(" ")).filter(|note| !note.is_empty())
    };
    if !shape.states_below {
        cells.extend([state(Side::Orig).into(), state(Side::Resp).into()]);
    }
    Line { cells, note }
}

/// The ICMP error of a row in words; nothing for other rows.
pub(super) fn icmp(row: &Row) -> String {
    match row.kind {
        RowKind::Icmp { version, icmp_type, code } => sentence::icmp(version, icmp_type, code),
        _ => String::new(),
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
