//! How each connection began: every SYN up to the acknowledgment that completes the
//! handshake, in numbers that can be checked (ack = seq + 1).

use std::io::{self, Write};

use super::pen::Pen;
use super::rows::{self, Shape};
use super::services::Services;
use super::{Style, View, sentence};
use crate::model::{PerSide, Side, TcpFlags};
use crate::report::{Report, Row, RowKind};

/// A table and a sentence for each TCP connection that was selected.
#[derive(Debug, Clone, Copy)]
pub struct Handshakes<'a> {
    /// Names for ports.
    pub services: &'a Services,
    /// Plain text or Markdown.
    pub pen: Pen,
}

impl Default for Handshakes<'static> {
    fn default() -> Self {
        Self { services: Services::system(), pen: Pen::Text }
    }
}

impl View for Handshakes<'_> {
    fn render(&self, report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        let with_tcp = rows::stories(report).filter(|story| story.conversation.tcp.is_some());
        for (i, story) in with_tcp.enumerate() {
            let Some(tcp) = &story.conversation.tcp else { continue };
            if i > 0 {
                self.pen.gap(out)?;
            }
            self.pen.title(&format!("Handshake of {}", story.title(self.services)), style, out)?;
            let chosen = choose(&story.detail.rows);
            if !chosen.is_empty() {
                let markdown = self.pen == Pen::Markdown;
                let shape = Shape::new("since SYN", chosen.iter().copied(), style, markdown);
                let columns = rows::tcp_columns(&shape, style);
                let lines = || chosen.iter().map(|row| rows::tcp_line(&story, row, &shape, style));
                self.pen.table(&columns, lines, style, out)?;
            }
            self.pen.line(&sentence::handshake(tcp), style, out)?;
        }
        Ok(())
    }
}

/// The rows of the handshake: SYNs, resets and ICMP errors, up to the segment after
/// which both SYNs are acknowledged, that segment included.
fn choose(rows: &[Row]) -> Vec<&Row> {
    let mut chosen: Vec<&Row> = Vec::new();
    let mut syn = PerSide::new(false, false);
    let mut acknowledged = PerSide::new(false, false);
    for row in rows {
        let RowKind::Tcp { flags, rel_ack, .. } = &row.kind else {
            if chosen.iter().any(|r| matches!(r.kind, RowKind::Tcp { .. })) {
                chosen.push(row);
            }
            continue;
        };
        syn[row.side] |= flags.has(TcpFlags::SYN);
        let other = row.side.other();
        // RFC 9293 section 3.10.7: the SYN is acknowledged by any number beyond it.
        let beyond = rel_ack.is_some_and(|ack| (1..1 << 31).contains(&ack));
        acknowledged[other] |= flags.has(TcpFlags::ACK) && syn[other] && beyond;
        let opens = flags.has(TcpFlags::SYN);
        if opens && flags.has(TcpFlags::ACK) {
            // A SYN-ACK answers a SYN, even one that was not captured.
            (syn[other], acknowledged[other]) = (true, true);
        }
        let done = Side::BOTH.into_iter().all(|side| syn[side] && acknowledged[side]);
        let reset = flags.has(TcpFlags::RST) && (syn[Side::Orig] || syn[Side::Resp]);
        if opens || done || reset {
            chosen.push(row);
        }
        if done || reset {
            break;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::choose;
    use crate::view::sample::typed;

    #[test]
    fn the_rows_are_those_up_to_the_last_needed_acknowledgment() {
        let cases: [(&str, &[u64]); 8] = [
            ("> S 0, < S. 0 1, > . 1 1, > P. 1 1", &[1, 2, 3]),
            ("> S 0, > S 0, < S. 0 1, < S. 0 1, > . 1 1", &[1, 2, 3, 4, 5]),
            ("> S 0, < S 0, > S. 0 1, < S. 0 1, > P. 1 1", &[1, 2, 3, 4]),
            ("> S 0, < R. 0 1, > S 0", &[1, 2]),
            ("> S 0, < . 77 4294967000, > R 77, > S 0", &[1, 3]),
            ("< S. 0 1, > . 1 1, > . 1 2", &[1, 2]),
            ("> P. 1 1, < . 1 2", &[]),
            ("> S 0, < S. 0 1, < P. 1 1, > . 1 9, > . 1 9", &[1, 2, 4]),
        ];
        for (script, expected) in cases {
            let rows = typed(script);
            let chosen: Vec<u64> = choose(&rows).iter().map(|row| row.frame).collect();
            assert_eq!(chosen, expected, "{script}");
        }
    }
}
