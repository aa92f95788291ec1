//! Where each moment stands from the top down: what the capture saw, and where it is
//! known, when the same packet was at its other end.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::Findings;
use super::fold::{Fold, Piece};
use super::label::parts;
use super::layout::{Arrow, CALL_COLUMNS, Form, Item, LINE, MARGIN_COLUMNS, What, label_lines};
use super::{LaneCall, Options};
use crate::model::{PerSide, Side, TcpFlags, TcpState, Timestamp};
use crate::report::{Conversation, Detail, Row, RowKind};
use crate::view::drawing::wrap;

/// Columns of a label beside its arrow, and beside one on a slant, where each side's
/// labels keep to its own half.
const LABEL_COLUMNS: usize = 62;
const SLANTED_COLUMNS: usize = 40;
/// A longer silence is drawn as one.
const PAUSE: i64 = 200_000_000;
/// Above an arrow with its label, above a time that stands alone, and above a mere end.
const ABOVE_ARROW: f64 = 22.0;
const ABOVE_TIME: f64 = 15.0;
const ABOVE_END: f64 = 10.0;
/// Where nothing tells how steep an arrow is that never arrives.
const LEAST_DROP: f64 = 24.0;

/// Places what `pieces` chose, from the top down; and says where the last of it ends.
pub(super) fn place(
    conversation: &Conversation,
    detail: &Detail,
    options: &Options,
    findings: &Findings,
    pieces: &[Piece],
) -> (Vec<Item>, f64) {
    let start = detail.rows.first().map_or(conversation.first, |r| r.ts);
    let mut placer = Placer {
        conversation,
        options,
        findings,
        start,
        y: 0.0,
        below: 0.0,
        last: None,
        last_item: None,
        paused: false,
        items: Vec::new(),
        ahead: BTreeSet::new(),
        left: BTreeMap::new(),
    };
    placer.run(detail, pieces);
    placer.lost();
    (placer.items, placer.y + placer.below)
}

/// A moment at the end that the capture did not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Far {
    /// The packet in the item of this index arrives.
    Arrival(usize),
    /// The packet in this row leaves.
    Departure(usize),
}

struct Placer<'a> {
    conversation: &'a Conversation,
    options: &'a Options,
    findings: &'a Findings,
    start: Timestamp,
    /// Where the last moment stands.
    y: f64,
    /// What it needs below.
    below: f64,
    /// The time of the last moment, and of the last one that the capture saw.
    last: Option<Timestamp>,
    last_item: Option<Timestamp>,
    /// A silence was drawn last.
    paused: bool,
    items: Vec<Item>,
    /// Moments at the far end that are still to come.
    ahead: BTreeSet<(Timestamp, Far)>,
    /// Where the packets left that the capture is to see as they arrive, by row.
    left: BTreeMap<usize, f64>,
}

impl Placer<'_> {
    fn run(&mut self, detail: &Detail, pieces: &[Piece]) {
        let rows = &detail.rows;
        for piece in pieces {
            if let Piece::Row(i) = piece
                && let Some(row) = rows.get(*i)
                && let Some(&left) = self.options.transit.departures.get(&row.frame)
                && left < row.ts
            {
                self.ahead.insert((left, Far::Departure(*i)));
            }
        }
        let mut calls: Vec<&LaneCall> = self.options.lane.iter().flat_map(|l| &l.calls).collect();
        calls.sort_by_key(|c| c.ts);
        let mut calls = calls.into_iter().peekable();
        for piece in pieces {
            // What happens during a fold stands before it.
            let until = match piece {
                Piece::Row(i) => rows.get(*i).map(|r| r.ts),
                Piece::Fold(f) => f.times.map(|(_, last)| last),
            };
            while let Some(call) = calls.next_if(|c| until.is_some_and(|t| c.ts <= t)) {
                self.call(call, rows);
            }
            if let Some(until) = until {
                self.far_until(until, rows);
            }
            match piece {
                Piece::Row(i) => {
                    if let Some(row) = rows.get(*i) {
                        self.arrow(*i, row);
                    }
                }
                Piece::Fold(f) => self.fold(f),
            }
        }
        for call in calls {
            self.call(call, rows);
        }
        self.far_until(Timestamp(i64::MAX), rows);
    }

    /// Goes down to a moment that has `above` to the one before it.
    fn go(&mut self, above: f64, below: f64, ts: Option<Timestamp>) -> f64 {
        let gap = ts.and_then(|t| Some(t.since(self.last?)));
        // A silence that is drawn needs no more room.
        self.y += self.below + above + gap.filter(|_| !self.paused).map_or(0.0, stretch);
        self.below = below;
        self.last = ts.or(self.last);
        self.paused = false;
        self.y
    }

    fn put(&mut self, y: f64, ts: Option<Timestamp>, what: What) {
        let at = ts.map(|t| t.since(self.start));
        let gap = ts.and_then(|t| Some(t.since(self.last_item?)));
        self.items.push(Item { y, at, gap, what });
        self.last_item = ts.or(self.last_item);
    }

    fn pause(&mut self, ts: Timestamp) {
        if let Some(gap) = self.last.map(|l| ts.since(l)).filter(|&g| g >= PAUSE) {
            let y = self.go(12.0, 12.0, None);
            self.put(y, None, What::Pause(gap));
            self.paused = true;
        }
    }

    fn fold(&mut self, fold: &Fold) {
        let y = self.go(14.0, 14.0, None);
        self.put(y, None, What::Fold(fold.clone()));
        self.last = fold.times.map(|t| t.1).or(self.last);
        self.last_item = self.last;
    }

    fn call(&mut self, call: &LaneCall, rows: &[Row]) {
        self.far_until(call.ts, rows);
        self.pause(call.ts);
        let lines = wrap(&call.text, CALL_COLUMNS).len().max(1) as f64;
        let y = self.go(8.0, LINE * lines - 5.0, Some(call.ts));
        self.put(y, Some(call.ts), What::Call(call.side, call.text.clone()));
    }

    /// What happened at the far end until then.
    fn far_until(&mut self, until: Timestamp, rows: &[Row]) {
        while let Some(&(ts, far)) = self.ahead.first().filter(|(ts, _)| *ts <= until) {
            self.ahead.pop_first();
            self.pause(ts);
            match far {
                Far::Arrival(item) => {
                    let y = self.go(ABOVE_END, 4.0, Some(ts));
                    if let Some(Item { what: What::Arrow(a), .. }) = self.items.get_mut(item) {
                        a.y_end = y;
                    }
                }
                Far::Departure(i) => {
                    let lines = rows.get(i).map_or(1, |row| self.labels(row, true).1.len());
                    let y = self.go(ABOVE_ARROW, 6.0 + LINE * (lines as f64 - 1.0), Some(ts));
                    self.left.insert(i, y);
                }
            }
        }
    }

    fn labels(&self, row: &Row, slanted: bool) -> (Vec<String>, Vec<String>) {
        let parts = parts(self.conversation, row, self.options.numbers);
        let room = if slanted { SLANTED_COLUMNS } else { LABEL_COLUMNS };
        let labels = label_lines(&parts, room, room);
        (parts, labels)
    }

    fn arrow(&mut self, index: usize, row: &Row) {
        let left = self.left.remove(&index);
        self.pause(row.ts);
        let transit = &self.options.transit;
        let arrival = transit.arrivals.get(&row.frame).copied();
        let departure = transit.departures.get(&row.frame);
        let delay = arrival.map(|t| t.since(row.ts)).or_else(|| departure.map(|t| row.ts.since(*t)));
        let delay = delay.filter(|d| *d >= 0);
        let ahead = arrival.filter(|t| *t > row.ts && left.is_none());
        let (parts, labels) = self.labels(row, left.is_some() || ahead.is_some());
        let marks = self.findings.marks.get(&row.frame).cloned().unwrap_or_default();
        let margin: usize = marks.iter().map(|m| wrap(&m.text, MARGIN_COLUMNS).len()).sum();
        // Label lines stand above and below the line, findings from it downwards.
        let label = if left.is_some() { 1.0 } else { labels.len() as f64 };
        let below = (6.0 + LINE * (label - 1.0)).max(LINE * (margin as f64 - 0.5));
        let above = if left.is_some() { ABOVE_TIME } else { ABOVE_ARROW };
        let y = self.go(above, below, Some(row.ts));
        let (form, states) = form(row);
        let arrow = Arrow {
            frame: row.frame,
            from: row.side,
            form,
            parts,
            labels,
            lost: self.findings.lost.contains(&row.frame),
            repeats: self.findings.repeats.get(&row.frame).copied(),
            delay,
            y_start: left.unwrap_or(y),
            y_end: y,
            marks,
            states,
        };
        if let Some(ts) = ahead {
            self.ahead.insert((ts, Far::Arrival(self.items.len())));
        }
        self.put(y, Some(row.ts), What::Arrow(arrow));
    }

    /// Among arrows on a slant, one that never arrives goes down between its neighbours that
    /// do, or like the only one.
    fn lost(&mut self) {
        let transit = &self.options.transit;
        if transit.arrivals.is_empty() && transit.departures.is_empty() {
            return;
        }
        let mut before: PerSide<Option<(f64, f64)>> = PerSide::default();
        let mut ends: Vec<(usize, f64)> = Vec::new();
        let mut end = |i: usize, y: f64, before: Option<(f64, f64)>, after: Option<(f64, f64)>| {
            let drop = |(from, to): (f64, f64)| to - from;
            let near = match (before, after) {
                (Some(b), Some(a)) => ((b.1 + a.1) / 2.0).max(y + LEAST_DROP),
                (one, other) => y + one.or(other).map_or(LEAST_DROP, drop),
            };
            ends.push((i, near));
        };
        let mut since: PerSide<Vec<(usize, f64)>> = PerSide::default();
        for (i, item) in self.items.iter().enumerate() {
            let What::Arrow(arrow) = &item.what else { continue };
            let side = arrow.from;
            if arrow.lost {
                since[side].push((i, item.y));
            } else if arrow.y_end > arrow.y_start {
                let own = Some((arrow.y_start, arrow.y_end));
                for (i, y) in since[side].drain(..) {
                    end(i, y, before[side], own);
                }
                before[side] = own;
            }
        }
        for side in Side::BOTH {
            for (i, y) in since[side].drain(..) {
                end(i, y, before[side], None);
            }
        }
        for (i, y_end) in ends {
            if let Some(Item { what: What::Arrow(a), .. }) = self.items.get_mut(i) {
                a.y_end = y_end;
            }
        }
    }
}

fn form(row: &Row) -> (Form, PerSide<Option<TcpState>>) {
    match &row.kind {
        RowKind::Tcp { flags, states, .. } => {
            let form = if flags.has(TcpFlags::RST) {
                Form::Reset
            } else if row.len == 0 && !flags.any(TcpFlags::SYN.with(TcpFlags::FIN)) {
                Form::Ack
            } else {
                Form::Segment
            };
            (form, *states)
        }
        RowKind::Udp { .. } => (Form::Datagram, PerSide::default()),
        RowKind::Icmp { .. } => (Form::Icmp, PerSide::default()),
    }
}

/// More room for a longer gap, by its order of magnitude.
fn stretch(gap: i64) -> f64 {
    let ms = gap.max(0) as f64 / 1e6;
    (12.0 * (1.0 + ms).log10()).min(36.0)
}
