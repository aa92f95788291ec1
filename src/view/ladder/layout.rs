//! Where everything stands. Heights are in pixels of the SVG; the text pens take the
//! order of the items and leave the heights.

use std::collections::BTreeMap;

use super::Options;
use super::findings::{Mark, Tone, find};
use super::fold::{Fold, fold};
use super::place::place;
use crate::model::{PerSide, Side, TcpState};
use crate::report::{Conversation, Detail};
use crate::view::drawing::columns;

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
    /// Arrows are on a slant where it is known how long the packets took.
    pub slanted: bool,
    /// Where the life lines end.
    pub bottom: f64,
}

/// One thing on the ladder.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// Where it stands: an arrow where the capture saw its packet.
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
    /// Where it leaves its sender, and where it reaches the other line.
    pub y_start: f64,
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
    let (items, end) = place(conversation, detail, options, &findings, &pieces);
    let arrows = || items.iter().filter_map(|i| if let What::Arrow(a) = &i.what { Some(a) } else { None });
    let bottom = arrows().map(|a| a.y_end).fold(end, f64::max) + 20.0;
    let slanted = arrows().any(|a| (a.y_end - a.y_start).abs() > 0.5);
    let c = conversation;
    let heads = |side: Side| {
        let mut lines = vec![c.endpoints[side].to_string()];
        lines.extend(options.names[side].clone());
        lines
    };
    let (ties, tie_lanes) = ties(&items);
    Layout {
        title: format!("{} {} and {}", c.id, c.endpoints[Side::Orig], c.endpoints[Side::Resp]),
        heads: PerSide::new(heads(Side::Orig), heads(Side::Resp)),
        roles_guessed: c.tcp.as_ref().is_some_and(|t| !t.roles_known),
        calls: items.iter().any(|i| matches!(i.what, What::Call(..))),
        bars: PerSide::new(bars(&items, Side::Orig, bottom), bars(&items, Side::Resp, bottom)),
        items,
        ties,
        tie_lanes,
        slanted,
        bottom,
    }
}

fn bars(items: &[Item], side: Side, bottom: f64) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    for item in items {
        let What::Arrow(arrow) = &item.what else { continue };
        let y = if arrow.from == side { arrow.y_start } else { arrow.y_end };
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
fn ties(items: &[Item]) -> (Vec<Tie>, usize) {
    let mut places: BTreeMap<u64, f64> = BTreeMap::new();
    for item in items {
        if let What::Arrow(a) = &item.what {
            places.insert(a.frame, item.y);
        }
    }
    let mut ties: Vec<Tie> = Vec::new();
    let mut ends: Vec<f64> = Vec::new();
    for item in items {
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
