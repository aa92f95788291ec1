//! Which packets have an arrow of their own, and what is folded between them.

use super::findings::Findings;
use super::label::{count, duration, octets};
use crate::model::{PerSide, Side, TcpFlags, Timestamp};
use crate::report::{Detail, Row, RowKind};

/// Packets between two arrows that are not drawn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Fold {
    /// How many each side sent.
    pub packets: PerSide<u64>,
    /// Payload that each side sent.
    pub bytes: PerSide<u64>,
    /// First and last time.
    pub times: Option<(Timestamp, Timestamp)>,
    /// First and last frame.
    pub frames: Option<(u64, u64)>,
    /// How many of them have findings.
    pub findings: u64,
    /// Packets that the report did not keep.
    pub not_kept: u64,
    /// They are TCP segments; otherwise datagrams.
    pub tcp: bool,
}

impl Fold {
    fn add(&mut self, row: &Row, has_finding: bool) {
        self.packets[row.side] += 1;
        self.bytes[row.side] += u64::from(row.len);
        let first = self.times.map_or(row.ts, |t| t.0.min(row.ts));
        let last = self.times.map_or(row.ts, |t| t.1.max(row.ts));
        self.times = Some((first, last));
        self.frames = Some((self.frames.map_or(row.frame, |f| f.0), row.frame));
        self.findings += u64::from(has_finding);
        self.tcp = matches!(row.kind, RowKind::Tcp { .. });
    }

    /// How many packets it stands for.
    pub fn count(&self) -> u64 {
        self.packets[Side::Orig] + self.packets[Side::Resp] + self.not_kept
    }

    /// `… 214 segments, 310 kB →, 9.2 ms …`
    pub fn words(&self) -> String {
        let mut pieces = Vec::new();
        let packets = self.packets[Side::Orig] + self.packets[Side::Resp];
        if packets > 0 {
            pieces.push(count(packets, if self.tcp { "segment" } else { "datagram" }));
        }
        for (side, arrow) in [(Side::Orig, "→"), (Side::Resp, "←")] {
            if self.bytes[side] > 0 {
                pieces.push(format!("{} {arrow}", octets(self.bytes[side])));
            }
        }
        if let Some((first, last)) = self.times {
            pieces.push(duration(last.since(first)));
        }
        if self.findings > 0 {
            pieces.push(format!("{} with findings", self.findings));
        }
        if self.not_kept > 0 {
            pieces.push(format!("{} more not kept", self.not_kept));
        }
        format!("… {} …", pieces.join(", "))
    }
}

/// A packet to draw, by its index in the rows, or what is folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Row(usize),
    Fold(Fold),
}

/// Packets at the beginning that are always drawn: a handshake and the first data.
const FIRST: usize = 6;
/// Plain packets drawn before the end, or before a finding.
const LAST: usize = 3;
/// Fewer are not worth folding.
const FEWEST: usize = 4;

/// Chooses what to draw.
pub(super) fn fold(detail: &Detail, findings: &Findings, folding: bool, limit: Option<usize>) -> Vec<Piece> {
    let rows = &detail.rows;
    let mut keep = if folding { interesting(rows, findings) } else { vec![true; rows.len()] };
    bound(&mut keep, limit);
    let mut pieces = Vec::new();
    let mut open: Option<Fold> = None;
    for (i, (row, keep)) in rows.iter().zip(&keep).enumerate() {
        if i == detail.left_out_at && detail.left_out > 0 {
            open.get_or_insert_default().not_kept += detail.left_out;
        }
        if *keep {
            pieces.extend(open.take().map(Piece::Fold));
            pieces.push(Piece::Row(i));
        } else {
            open.get_or_insert_default().add(row, findings.concern(row.frame));
        }
    }
    if detail.left_out > 0 && detail.left_out_at >= rows.len() {
        open.get_or_insert_default().not_kept += detail.left_out;
    }
    pieces.extend(open.map(Piece::Fold));
    pieces
}

/// Not plain data: control bits, errors, findings, what they refer to, and the
/// packets around.
fn interesting(rows: &[Row], findings: &Findings) -> Vec<bool> {
    let originals: std::collections::BTreeSet<u64> =
        findings.repeats.values().chain(&findings.lost).copied().collect();
    let notable: Vec<bool> = rows
        .iter()
        .map(|row| {
            let control = match &row.kind {
                RowKind::Tcp { flags, .. } => {
                    flags.any(TcpFlags::SYN.with(TcpFlags::FIN).with(TcpFlags::RST))
                }
                RowKind::Udp { .. } => false,
                RowKind::Icmp { .. } => true,
            };
            control || originals.contains(&row.frame) || findings.concern(row.frame)
        })
        .collect();
    let mut keep = notable.clone();
    let mut at = 0;
    for run in notable.chunk_by(|a, b| a == b) {
        let plain = run.first() == Some(&false);
        let (begin, end) = (at, at + run.len());
        at = end;
        if !plain {
            continue;
        }
        // The first packets of all, one after a finding, and some before the next.
        let lead = if begin < FIRST { FIRST - begin } else { 1 };
        let tail = if end == rows.len() { LAST } else { LAST - 1 };
        let middle = run.len().saturating_sub(lead + tail);
        for (i, k) in keep.iter_mut().enumerate().take(end).skip(begin) {
            *k = middle < FEWEST || i < begin + lead || i >= end - tail.min(run.len());
        }
    }
    keep
}

/// At most `limit` of those kept: the first two thirds and the last third.
fn bound(keep: &mut [bool], limit: Option<usize>) {
    let kept = keep.iter().filter(|k| **k).count();
    let Some(limit) = limit.filter(|&l| kept > l) else { return };
    let last = limit / 3;
    let drop_from = limit - last;
    for (n, k) in keep.iter_mut().filter(|k| **k).enumerate() {
        *k = n < drop_from || n >= kept - last;
    }
}
