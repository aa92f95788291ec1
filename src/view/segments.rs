//! Every packet of each conversation that was selected.

use std::io::{self, Write};

use super::number::{counted, duration};
use super::pen::Pen;
use super::rows::{self, Shape, Story};
use super::services::Services;
use super::table::{Cell, Column, Line};
use super::{Style, View};
use crate::model::{Protocol, Side, Timestamp};
use crate::report::{Report, Row, RowKind};

/// A table for each conversation that was selected.
#[derive(Debug, Clone, Copy)]
pub struct Segments<'a> {
    /// Names for ports.
    pub services: &'a Services,
    /// Plain text or Markdown.
    pub pen: Pen,
}

impl Default for Segments<'static> {
    fn default() -> Self {
        Self { services: Services::system(), pen: Pen::Text }
    }
}

impl View for Segments<'_> {
    fn render(&self, report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        for (i, story) in rows::stories(report).enumerate() {
            if i > 0 {
                self.pen.gap(out)?;
            }
            self.pen.title(&story.title(self.services), style, out)?;
            let rows = &story.detail.rows;
            let shown = rows.get(..style.limit.unwrap_or(usize::MAX).min(rows.len())).unwrap_or(&[]);
            let zero = rows.first().map_or(Timestamp(0), |row| row.ts);
            if story.conversation.id.protocol == Protocol::Tcp {
                let shape = Shape::new("time", shown.iter(), style, self.pen == Pen::Markdown);
                let columns = rows::tcp_columns(&shape, style);
                let line = |row: &Row| rows::tcp_line(&story, row, &shape, style);
                self.pen.table(&columns, || gapped(&story, shown, line), style, out)?;
            } else {
                let line = |row: &Row| datagram(row, zero);
                self.pen.table(&UDP_COLUMNS, || gapped(&story, shown, line), style, out)?;
            }
            let more = rows.len() - shown.len();
            if more > 0 {
                let more = counted(more as u64, "packet", "packets");
                self.pen.line(&format!("… {more} more: --limit all"), style, out)?;
            }
        }
        Ok(())
    }
}

/// The lines of `rows`, with a remark where the report kept none.
fn gapped<'a>(story: &Story<'a>, rows: &'a [Row], line: impl Fn(&Row) -> Line) -> impl Iterator<Item = Line> {
    let (left_out, at) = (story.detail.left_out, story.detail.left_out_at);
    rows.iter().enumerate().map(move |(i, row)| {
        let mut line = line(row);
        if left_out > 0 && i + 1 == at {
            line.remark(&format!("… {} not kept …", counted(left_out, "packet", "packets")));
        }
        line
    })
}

const UDP_COLUMNS: [Column; 8] = [
    Column::number("time"),
    Column::number("frame"),
    Column::text(""),
    Column::text("what"),
    Column::number("hdr"),
    Column::number("payload"),
    Column::number("length").or_drop(2),
    Column::text("checksum").or_drop(3),
];

fn datagram(row: &Row, zero: Timestamp) -> Line {
    let since = row.ts.since(zero);
    let mut cells: Vec<Cell> = vec![
        if since == 0 { "0".into() } else { duration(since).into() },
        row.frame.to_string().into(),
        if row.side == Side::Orig { "→" } else { "←" }.into(),
    ];
    match &row.kind {
        RowKind::Udp { length, checksum } => {
            cells.extend(["datagram".into(), row.header_len.to_string().into(), row.len.to_string().into()]);
            cells.push(length.to_string().into());
            // RFC 768: an all-zero checksum means that none was computed.
            cells.push(if *checksum == 0 { "none".into() } else { format!("{checksum:#06x}").into() });
        }
        _ => cells.push(format!("ICMP: {}", rows::icmp(row)).into()),
    }
    Line { cells, note: None }
}
