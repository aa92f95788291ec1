//! Where everything stands. Heights are in pixels of the SVG; the text pens take the
//! order of the items and leave the heights.

use std::collections::BTreeMap;

use super::findings::{Findings, Mark, Tone, find};
use super::fold::{Fold, Piece, fold};
use super::label::parts;
use super::{LaneCall, Options};
use crate::model::{PerSide, Side, TcpState, Timestamp};
use crate::report::{Conversation, Detail, Row, RowKind};
use crate::view::drawing::{columns, wrap};

/// A ladder, laid out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    /// What it shows: `tcp:0 10.0.0.1:40000 and 192.0.2.1:80`.
    pub title: String,
    /// At the head of each life line: the endpoint, and its name.
    pub heads: PerSide<Vec<String>>,
    /// The end's role is a guess.
    pub roles_guessed: bool,
    /// From the top down.
    pub items: Vec<Item>,
    /// Each end's states, from the top down.
    pub bars: PerSide<Vec<Bar>>,
    /// Packets sent again, and the originals.
    pub ties: Vec<Tie>,
    /// Ties that stand side by side at most.
    pub tie_lanes: usize,
    /// There is something in the calls lane.
    pub calls: bool,
    /// Where the life lines end.
    pub bottom: f64,
}

/// One thing on the ladder.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// Where it stands.
    pub y: f64,
    /// Nanoseconds since the first packet, where it has a time.
    pub at: Option<i64>,
    /// Nanoseconds since the arrow before it.
    pub gap: Option<i64>,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    Arrow(Arrow),
    Fold(Fold),
    /// Nothing happens for so many nanoseconds.
    Pause(i64),
    /// A call of the program at a side; a stranger's text.
    Call(Side, String),
}

/// A packet on its way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Arrow {
    pub frame: u64,
    /// Who sent it.
    pub from: Side,
    pub form: Form,
    /// What stands at it, the name first.
    pub parts: Vec<String>,
    /// The same in lines: the first above the arrow, the others below.
    pub labels: Vec<String>,
    /// It does not arrive.
    pub lost: bool,
    /// The frame that it repeats.
    pub repeats: Option<u64>,
    /// Nanoseconds on the way, where known.
    pub delay: Option<i64>,
    /// Where it ends.
    pub y_end: f64,
    pub marks: Vec<Mark>,
    /// Each end's state after it.
    pub states: PerSide<Option<TcpState>>,
}

/// What kind of packet an arrow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Carries data, or a control bit.
    Segment,
    /// A bare acknowledgment.
    Ack,
    /// With RST.
    Reset,
    Datagram,
    Icmp,
}

/// A state that an end is in for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bar {
    pub state: TcpState,
    pub from: f64,
    pub to: f64,
}

/// A line in the margin from a packet to the one that repeats it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tie {
    pub from: f64,
    pub to: f64,
    /// Which of the lines side by side.
    pub lane: usize,
    pub tone: Tone,
}

/// Height of a line of small text.
pub(super) const LINE: f64 = 13.0;
/// Columns of a line in the margin.
pub(super) const MARGIN_COLUMNS: usize = 34;
/// Columns of a label beside its arrow, and beside one on a slant, where the room
/// between it and the next is narrow at the ends.
const LABEL_COLUMNS: usize = 62;
const SLANTED_COLUMNS: usize = 40;
/// A longer silence is drawn as one.
const PAUSE: i64 = 200_000_000;
/// Columns of a call.
pub(super) const CALL_COLUMNS: usize = 24;

impl Layout {
    pub fn arrows(&self) -> usize {
        self.items.iter().filter(|i| matches!(i.what, What::Arrow(_))).count()
    }
}

/// The parts of a label in lines of at most `first` and then `rest` columns.
pub(super) fn label_lines(parts: &[String], first: usize, rest: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        let room = if lines.len() <= 1 { first } else { rest };
        match lines.last_mut() {
            Some(line) if columns(line) + 2 + columns(part) <= room => {
                line.push_str("  ");
                line.push_str(part);
            }
            _ => lines.push(part.clone()),
        }
    }
    lines
}

pub(super) fn lay_out(conversation: &Conversation, detail: &Detail, options: &Options) -> Layout {
    let findings = find(detail, &options.transit);
    let pieces = fold(detail, &findings, options.fold, options.limit);
    let start = detail.rows.first().map_or(conversation.first, |r| r.ts);
    let mut maker = Maker {
        conversation,
        detail,
        options,
        findings,
        start,
        y: 0.0,
        below: 0.0,
        last: None,
        items: Vec::new(),
    };
    maker.place(&pieces);
    maker.finish()
}

struct Maker<'a> {
    conversation: &'a Conversation,
    detail: &'a Detail,
    options: &'a Options,
    findings: Findings,
    start: Timestamp,
    /// Where the last item stands.
    y: f64,
    /// What the last item needs below.
    below: f64,
    /// The time of the last thing with a time.
    last: Option<Timestamp>,
    items: Vec<Item>,
}

impl Maker<'_> {
    fn place(&mut self, pieces: &[Piece]) {
        let mut calls: Vec<&LaneCall> = self.options.lane.iter().flat_map(|l| &l.calls).collect();
        calls.sort_by_key(|c| c.ts);
        let mut calls = calls.into_iter().peekable();
        for piece in pieces {
            let until = match piece {
                Piece::Row(i) => self.detail.rows.get(*i).map(|r| r.ts),
                Piece::Fold(f) => f.times.map(|t| t.0),
            };
            while let Some(call) = calls.next_if(|c| until.is_some_and(|t| c.ts <= t)) {
                self.call(call);
            }
            match piece {
                Piece::Row(i) => {
                    if let Some(row) = self.detail.rows.get(*i) {
                        self.arrow(row);
                    }
                }
                Piece::Fold(f) => {
                    self.put(14.0, 14.0, None, What::Fold(f.clone()));
                    self.last = f.times.map(|t| t.1).or(self.last);
                }
            }
        }
        for call in calls {
            self.call(call);
        }
    }

    /// Puts an item where it has `above` to the one before it.
    fn put(&mut self, above: f64, below: f64, ts: Option<Timestamp>, what: What) {
        let gap = ts.and_then(|t| Some(t.since(self.last?)));
        // A silence that is drawn needs no more room.
        let drawn = matches!(self.items.last(), Some(Item { what: What::Pause(_), .. }));
        self.y += self.below + above + gap.filter(|_| !drawn).map_or(0.0, stretch);
        self.below = below;
        let at = ts.map(|t| t.since(self.start));
        self.items.push(Item { y: self.y, at, gap, what });
        self.last = ts.or(self.last);
    }

    fn pause(&mut self, ts: Timestamp) {
        if let Some(gap) = self.last.map(|l| ts.since(l)).filter(|&g| g >= PAUSE) {
            self.put(12.0, 12.0, None, What::Pause(gap));
        }
    }

    fn call(&mut self, call: &LaneCall) {
        self.pause(call.ts);
        let lines = wrap(&call.text, CALL_COLUMNS).len().max(1) as f64;
        self.put(8.0, LINE * lines - 5.0, Some(call.ts), What::Call(call.side, call.text.clone()));
    }

    fn arrow(&mut self, row: &Row) {
        self.pause(row.ts);
        let marks = self.findings.marks.get(&row.frame).cloned().unwrap_or_default();
        let parts = parts(self.conversation, row, self.options.numbers);
        let (form, states) = match &row.kind {
            RowKind::Tcp { flags, states, .. } => {
                use crate::model::TcpFlags as F;
                let form = if flags.has(F::RST) {
                    Form::Reset
                } else if row.len == 0 && !flags.any(F::SYN.with(F::FIN)) {
                    Form::Ack
                } else {
                    Form::Segment
                };
                (form, *states)
            }
            RowKind::Udp { .. } => (Form::Datagram, PerSide::default()),
            RowKind::Icmp { .. } => (Form::Icmp, PerSide::default()),
        };
        let arrival = self.options.transit.arrivals.get(&row.frame);
        let delay = arrival.map(|t| t.since(row.ts)).filter(|d| *d >= 0);
        let room = if delay.is_some_and(|d| d > 0) { SLANTED_COLUMNS } else { LABEL_COLUMNS };
        let labels = label_lines(&parts, room, room);
        let label = labels.len() as f64;
        let margin: usize = marks.iter().map(|m| wrap(&m.text, MARGIN_COLUMNS).len()).sum();
        // Label lines stand above and below the line, findings from it downwards.
        let slope = if delay.is_some_and(|d| d > 0) { LEAST_DROP - 2.0 } else { 6.0 };
        let below = (6.0 + LINE * (label - 1.0)).max(LINE * (margin as f64 - 0.5)).max(slope);
        let arrow = Arrow {
            frame: row.frame,
            from: row.side,
            form,
            parts,
            labels,
            lost: self.findings.lost.contains(&row.frame),
            repeats: self.findings.repeats.get(&row.frame).copied(),
            delay,
            y_end: 0.0,
            marks,
            states,
        };
        self.put(22.0, below, Some(row.ts), What::Arrow(arrow));
    }

    fn finish(mut self) -> Layout {
        self.slant();
        let mut bottom = self.y + self.below + 20.0;
        for item in &self.items {
            if let What::Arrow(a) = &item.what {
                bottom = bottom.max(a.y_end + 20.0);
            }
        }
        let bars = PerSide::new(self.bars(Side::Orig, bottom), self.bars(Side::Resp, bottom));
        let (ties, tie_lanes) = self.ties();
        let c = self.conversation;
        let heads = |side: Side| {
            let mut lines = vec![c.endpoints[side].to_string()];
            lines.extend(self.options.names[side].clone());
            lines
        };
        Layout {
            title: format!("{} {} and {}", c.id, c.endpoints[Side::Orig], c.endpoints[Side::Resp]),
            heads: PerSide::new(heads(Side::Orig), heads(Side::Resp)),
            roles_guessed: c.tcp.as_ref().is_some_and(|t| !t.roles_known),
            calls: self.items.iter().any(|i| matches!(i.what, What::Call(..))),
            items: self.items,
            bars,
            ties,
            tie_lanes,
            bottom,
        }
    }

    /// Arrows whose delay is known end where their arrival stands between the items.
    fn slant(&mut self) {
        let times: Vec<(i64, f64)> = self.items.iter().filter_map(|i| Some((i.at?, i.y))).collect();
        let mut rest = times.as_slice();
        let slanted = !self.options.transit.arrivals.is_empty();
        for item in &mut self.items {
            let (y, at) = (item.y, item.at);
            if at.is_some() {
                rest = rest.get(1..).unwrap_or(&[]);
            }
            let What::Arrow(arrow) = &mut item.what else { continue };
            arrow.y_end = match (at, arrow.delay) {
                (Some(at), Some(delay)) if delay > 0 => place_of(rest, y, at, at.saturating_add(delay)),
                // Among slanted arrows one that never arrives goes down as well.
                _ if arrow.lost && slanted => y + 16.0,
                _ => y,
            };
        }
    }

    fn bars(&self, side: Side, bottom: f64) -> Vec<Bar> {
        let mut bars: Vec<Bar> = Vec::new();
        for item in &self.items {
            let What::Arrow(arrow) = &item.what else { continue };
            let y = if arrow.from == side { item.y } else { arrow.y_end };
            let state = arrow.states[side];
            if let Some(last) = bars.last_mut() {
                last.to = y.max(last.from);
                if state == Some(last.state) {
                    last.to = bottom;
                    continue;
                }
            }
            bars.extend(state.map(|state| Bar { state, from: y, to: bottom }));
        }
        bars.retain(|b| b.to > b.from);
        bars
    }

    /// The lines from packets to what repeats them, side by side where they overlap.
    fn ties(&self) -> (Vec<Tie>, usize) {
        let mut places: BTreeMap<u64, f64> = BTreeMap::new();
        for item in &self.items {
            if let What::Arrow(a) = &item.what {
                places.insert(a.frame, item.y);
            }
        }
        let mut ties: Vec<Tie> = Vec::new();
        let mut ends: Vec<f64> = Vec::new();
        for item in &self.items {
            let What::Arrow(arrow) = &item.what else { continue };
            let Some(&from) = arrow.repeats.and_then(|f| places.get(&f)) else { continue };
            let to = item.y;
            let lane = ends.iter().position(|&end| end < from).unwrap_or(ends.len());
            match ends.get_mut(lane) {
                Some(end) => *end = to,
                None => ends.push(to),
            }
            let tone = arrow.marks.iter().map(|m| m.tone).max().unwrap_or(Tone::Notice);
            ties.push(Tie { from, to, lane, tone });
        }
        (ties, ends.len())
    }
}

/// More room for a longer gap, by its order of magnitude.
fn stretch(gap: i64) -> f64 {
    let ms = gap.max(0) as f64 / 1e6;
    (12.0 * (1.0 + ms).log10()).min(36.0)
}

/// An arrow on a slant drops by so much where there is room.
const LEAST_DROP: f64 = 24.0;

/// Where a moment stands between the items with a time that come after `y`.
fn place_of(times: &[(i64, f64)], y: f64, from: i64, moment: i64) -> f64 {
    // Seen as a slant, but never past what happened after the arrival.
    let least = times.first().map_or(y + LEAST_DROP, |&(_, next)| (next - 2.0).min(y + LEAST_DROP));
    let mut before = (from, y);
    for &(t, at) in times.iter().filter(|&&(t, _)| t >= from) {
        if t >= moment {
            let part = (moment - before.0) as f64 / ((t - before.0).max(1)) as f64;
            return (before.1 + part * (at - before.1)).max(least);
        }
        before = (t, at);
    }
    before.1.max(y) + 24.0
}
