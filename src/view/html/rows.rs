//! The packets of a conversation as a table; of a long one, those that somebody will look for.

use std::collections::{BTreeSet, HashMap, HashSet};

use maud::{Markup, html};

use super::conversation::packet_anchor;
use super::summary::count;
use crate::decode::OptionField;
use crate::model::Side;
use crate::report::{Conversation, Detail, Row, RowKind};
use crate::view::graph::time;

/// Which rows of a conversation the page shows.
#[derive(Debug)]
pub(super) struct Shown {
    /// Indices into the rows.
    rows: BTreeSet<usize>,
    frames: HashSet<u64>,
}

impl Shown {
    /// All rows, if they are at most `most`; else those that events cite with their neighbours,
    /// then the beginning and the end as far as there is room.
    pub(super) fn new(detail: &Detail, most: usize) -> Self {
        let all = detail.rows.len();
        let mut rows = BTreeSet::new();
        if all <= most {
            rows.extend(0..all);
        } else {
            let by_frame: HashMap<u64, usize> =
                detail.rows.iter().enumerate().map(|(i, r)| (r.frame, i)).collect();
            let cited = detail.events.iter().flat_map(|e| {
                [Some(e.packet), e.evidence.original, e.evidence.witness].into_iter().flatten()
            });
            for at in cited.filter_map(|f| by_frame.get(&f).copied()) {
                if rows.len() + 3 > most / 2 {
                    break;
                }
                rows.extend(at.saturating_sub(1)..(at + 2).min(all));
            }
            let ends = (0..all).zip((0..all).rev()).flat_map(|(head, tail)| {
                // Three at the head for one at the tail.
                [Some(head), (head % 3 == 0).then(|| tail + head - head / 3)]
            });
            for at in ends.flatten() {
                if rows.len() >= most {
                    break;
                }
                rows.insert(at);
            }
        }
        let frames = rows.iter().filter_map(|&i| detail.rows.get(i)).map(|r| r.frame).collect();
        Self { rows, frames }
    }

    /// None: the table did not fit.
    pub(super) fn nothing() -> Self {
        Self { rows: BTreeSet::new(), frames: HashSet::new() }
    }

    pub(super) fn has(&self, frame: u64) -> bool {
        self.frames.contains(&frame)
    }
}

/// The table.
pub(super) fn table(detail: &Detail, c: &Conversation, shown: &Shown) -> Markup {
    let missing = detail.rows.len() - shown.rows.len();
    let mut before = None;
    html! {
        details open[missing == 0 && detail.rows.len() <= 60] {
            summary { h3 { "Packets" } " " (count(shown.rows.len() as u64)) " of " (count(detail.rows.len() as u64 + detail.left_out)) }
            @if missing > 0 {
                p.note {
                    (count(missing as u64)) " packets are not in this table: it keeps those that events cite, \
                     the first and the last, so that the page opens at once."
                }
            }
            @if detail.left_out > 0 {
                p.note { (count(detail.left_out)) " more packets were not kept when the capture was read." }
            }
            div.scroll role="region" aria-label={ "Packets of " (c.id) } tabindex="0" {
                table.packets {
                    caption.hidden { "Packets of " (c.id) ", sequence numbers relative" }
                    thead { tr {
                        th.n scope="col" { "Frame" }
                        th.n scope="col" { "Time" }
                        th scope="col" { "Direction" }
                        th scope="col" { "Flags" }
                        th.n scope="col" { "Seq" }
                        th.n scope="col" { "Ack" }
                        th.n scope="col" { "Window" }
                        th.n scope="col" { "Header" }
                        th.n scope="col" { "Payload" }
                        th scope="col" { "Options" }
                        th scope="col" { "Remarks" }
                    } }
                    tbody {
                        @for &at in &shown.rows {
                            @if let Some(gap) = gap(detail, before, at) {
                                tr.gap { td colspan="11" { "… " (count(gap)) " packets not shown …" } }
                            }
                            @if let Some(r) = detail.rows.get(at) { (row(r, c)) }
                            @let _unused = before.replace(at);
                        }
                    }
                }
            }
        }
    }
}

/// Packets between two rows that the table shows one after the other.
fn gap(detail: &Detail, before: Option<usize>, at: usize) -> Option<u64> {
    let skipped = at - before.map_or(0, |b| b + 1);
    let crosses =
        detail.left_out > 0 && before.is_none_or(|b| b < detail.left_out_at) && at >= detail.left_out_at;
    let gap = skipped as u64 + if crosses { detail.left_out } else { 0 };
    (gap > 0).then_some(gap)
}

fn row(r: &Row, c: &Conversation) -> Markup {
    let at = r.ts.since(c.first);
    let way = if r.side == Side::Orig { "→" } else { "←" };
    let from = if r.side == Side::Orig { "originator" } else { "responder" };
    html! {
        tr id=(packet_anchor(c.id, r.frame)) data-t=(at) {
            th.n scope="row" { (r.frame) }
            td.n { (time(at)) }
            td { span aria-hidden="true" { (way) " " } (from) }
            @match &r.kind {
                RowKind::Tcp { flags, seq, ack, rel_seq, rel_ack, window, scaled_window, options, checksum_offloaded, analysis, .. } => {
                    td { (flags.words()) }
                    td.n title={ "raw " (seq) } { (rel_seq) }
                    td.n title={ "raw " (ack) } { (rel_ack.map_or_else(String::new, |a| a.to_string())) }
                    td.n title={ "on the wire " (window) } { (scaled_window.unwrap_or_else(|| u32::from(*window))) }
                    td.n { (r.header_len) }
                    td.n { (r.len) }
                    td { (OptionField(options.as_slice()).to_string().replace(',', ", ")) }
                    td {
                        (analysis.labels.names().collect::<Vec<_>>().join(", ").replace('_', " "))
                        @if *checksum_offloaded { " checksum left to offload" }
                    }
                }
                RowKind::Udp { length, checksum } => {
                    td { "UDP" } td {} td {} td {}
                    td.n { (r.header_len) }
                    td.n { (r.len) }
                    td {}
                    td { "length " (length) ", checksum 0x" (format!("{checksum:04x}")) }
                }
                RowKind::Icmp { version, icmp_type, code } => {
                    td { "ICMPv" (version) } td {} td {} td {} td {} td {} td {}
                    td { "type " (icmp_type) ", code " (code) }
                }
            }
        }
    }
}
