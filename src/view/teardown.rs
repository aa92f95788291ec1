//! How each connection ended: FINs and resets, and what acknowledges them.

use std::io::{self, Write};

use super::number::{counted, octets};
use super::pen::Pen;
use super::rows::{self, Shape};
use super::services::Services;
use super::table::Line;
use super::{Style, View, sentence};
use crate::model::{PerSide, SeqNum, TcpFlags};
use crate::report::{Report, Row, RowKind};

/// A table and a sentence for each TCP connection that was selected.
#[derive(Debug, Clone, Copy)]
pub struct Teardowns<'a> {
    /// Names for ports.
    pub services: &'a Services,
    /// Plain text or Markdown.
    pub pen: Pen,
}

impl Default for Teardowns<'static> {
    fn default() -> Self {
        Self { services: Services::system(), pen: Pen::Text }
    }
}

impl View for Teardowns<'_> {
    fn render(&self, report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        let with_tcp = rows::stories(report).filter(|story| story.conversation.tcp.is_some());
        for (i, story) in with_tcp.enumerate() {
            let Some(tcp) = &story.conversation.tcp else { continue };
            if i > 0 {
                self.pen.gap(out)?;
            }
            self.pen.title(&format!("Teardown of {}", story.title(self.services)), style, out)?;
            let chosen = choose(&story.detail.rows);
            if let Some(first) = chosen.first() {
                let time = if first.fin() { "since FIN" } else { "since RST" };
                let markdown = self.pen == Pen::Markdown;
                let shape = Shape::new(time, chosen.iter().map(|c| c.row), style, markdown);
                let columns = rows::tcp_columns(&shape, style);
                let line = |c: &Chosen<'_>| c.line(rows::tcp_line(&story, c.row, &shape, style));
                self.pen.table(&columns, || chosen.iter().map(line), style, out)?;
            }
            self.pen.line(&sentence::teardown(tcp), style, out)?;
        }
        Ok(())
    }
}

/// A row of the teardown, and what passed between it and the next one.
struct Chosen<'a> {
    row: &'a Row,
    skipped: u64,
    payload: u64,
}

impl Chosen<'_> {
    fn fin(&self) -> bool {
        matches!(&self.row.kind, RowKind::Tcp { flags, .. } if flags.has(TcpFlags::FIN))
    }

    /// `line` with a remark about what was left out behind it.
    fn line(&self, mut line: Line) -> Line {
        if self.skipped > 0 {
            let skipped = counted(self.skipped, "packet", "packets");
            line.remark(&format!("… {skipped} with {} of payload …", octets(self.payload)));
        }
        line
    }
}

/// The rows of the teardown: each FIN and RST, and the first segment that acknowledges
/// each FIN.
fn choose(rows: &[Row]) -> Vec<Chosen<'_>> {
    let mut chosen: Vec<Chosen<'_>> = Vec::new();
    // Where each side's FIN ends, until it is acknowledged.
    let mut waiting: PerSide<Option<SeqNum>> = PerSide::new(None, None);
    let (mut skipped, mut payload) = (0, 0);
    for row in rows {
        let RowKind::Tcp { flags, seq, ack, .. } = &row.kind else { continue };
        let other = row.side.other();
        let acks = flags.has(TcpFlags::ACK) && waiting[other].is_some_and(|end| ack.is_at_or_after(end));
        if acks {
            waiting[other] = None;
        }
        if flags.has(TcpFlags::FIN) {
            waiting[row.side] = Some(seq.plus(row.len).plus(1));
        }
        if acks || flags.any(TcpFlags::FIN | TcpFlags::RST) {
            if let Some(last) = chosen.last_mut() {
                (last.skipped, last.payload) = (skipped, payload);
            }
            (skipped, payload) = (0, 0);
            chosen.push(Chosen { row, skipped: 0, payload: 0 });
        } else {
            skipped += 1;
            payload += u64::from(row.len);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::choose;
    use crate::view::sample::typed;

    #[test]
    fn the_rows_are_fins_resets_and_their_acknowledgments() {
        let cases: [(&str, &[u64]); 6] = [
            ("> . 1 1, > F. 1 1, < . 1 2, < F. 1 2, > . 2 2, > . 2 2", &[2, 3, 4, 5]),
            ("> F. 1 1, < F. 1 2, > . 2 2", &[1, 2, 3]),
            ("> F. 1 1, < F. 1 1, > . 2 2, < . 2 2", &[1, 2, 3, 4]),
            ("> F. 1 1, > F. 1 1, < . 1 2, < . 1 2", &[1, 2, 3]),
            ("> F. 1 1, < . 1 1, < R. 1 2", &[1, 3]),
            ("> . 1 1, < R 1, > . 1 1", &[2]),
        ];
        for (script, expected) in cases {
            let rows = typed(script);
            let chosen: Vec<u64> = choose(&rows).iter().map(|c| c.row.frame).collect();
            assert_eq!(chosen, expected, "{script}");
        }
    }
}
