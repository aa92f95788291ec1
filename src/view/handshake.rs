//! How each connection began: every SYN up to the acknowledgment that completes the
//! handshake, in numbers that can be checked (ack = seq + 1).

use std::io::{self, Write};

use super::pen::Pen;
use super::rows::{self, Shape, Story};
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
        let with_tcp = rows::stories(report).filter_map(|s| Some((s, s.conversation.tcp.as_deref()?)));
        for (i, (story, tcp)) in with_tcp.enumerate() {
            if i > 0 {
                self.pen.gap(out)?;
            }
            self.pen.title(&format!("Handshake of {}", story.title(self.services)), style, out)?;
            let chosen = choose(&story);
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
fn choose<'a>(story: &Story<'a>) -> Vec<&'a Row> {
    let mut chosen: Vec<&Row> = Vec::new();
    let mut syn = PerSide::new(false, false);
    let mut acknowledged = PerSide::new(false, false);
    for row in &story.detail.rows {
        let RowKind::Tcp { flags, rel_ack, .. } = &row.kind else {
            if chosen.iter().any(|r| matches!(r.kind, RowKind::Tcp { .. })) {
                chosen.push(row);
            }
            continue;
        };
        syn[row.side] |= flags.has(TcpFlags::SYN);
        let other = row.side.other();
        // RFC 9293 section 3.10.7: the SYN is acknowledged by any number beyond it.
        let acks_syn = flags.has(TcpFlags::ACK) && syn[other] && rel_ack.is_some_and(|ack| ack >= 1);
        acknowledged[other] |= acks_syn;
        let opens = flags.has(TcpFlags::SYN);
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
