//! Where the columns of the SVG are.

use super::layout::{CALL_COLUMNS, Layout, MARGIN_COLUMNS, What};
use crate::model::{PerSide, Side};
use crate::view::drawing::{columns, wrap};

pub(super) const TIME: f64 = 120.0;
pub(super) const BAR: f64 = 100.0;
/// Between the life lines, and where arrows are on a slant: there the labels of each side
/// keep to its half.
const BETWEEN: f64 = 440.0;
const SLANTED: f64 = 620.0;
pub(super) const TIE: f64 = 9.0;
/// Ties that have a place of their own; more share.
pub(super) const TIE_PLACES: usize = 8;

/// Where the columns are.
pub(super) struct Columns {
    pub calls: PerSide<f64>,
    pub bars: PerSide<f64>,
    pub life: PerSide<f64>,
    pub margin: f64,
    pub notes: f64,
    pub width: f64,
}

impl Columns {
    pub fn of(layout: &Layout) -> Self {
        // Half of what a head takes over its line.
        let head = |side: Side| layout.heads[side].iter().map(|l| columns(l)).max().unwrap_or(0) as f64 * 4.3;
        let states = layout.bars.0.iter().any(|b| !b.is_empty());
        let bar = if states { BAR } else { 0.0 };
        let bar_a = TIME + 8.0 + calls_width(layout, Side::Orig);
        // The head over the left line must keep clear of the columns before it.
        let life_a = (bar_a + bar + 8.0).max(TIME + head(Side::Orig) + 14.0);
        let bar_a = life_a - 8.0 - bar;
        let life_b = life_a + if layout.slanted { SLANTED } else { BETWEEN };
        let bar_b = life_b + 8.0;
        let call_b = bar_b + bar + 6.0;
        let margin = call_b + calls_width(layout, Side::Resp) + 6.0;
        let notes = margin + TIE * layout.tie_lanes.min(TIE_PLACES) as f64 + 14.0;
        let marks = layout.items.iter().filter_map(|i| match &i.what {
            What::Arrow(a) => Some(&a.marks),
            _ => None,
        });
        let lines = marks.flatten().flat_map(|m| wrap(&m.text, MARGIN_COLUMNS));
        let longest = lines.map(|l| columns(&l)).max().unwrap_or(0);
        let noted = longest > 0 || layout.tie_lanes > 0;
        let width = if noted { notes + longest as f64 * 6.8 + 20.0 } else { margin + 8.0 };
        Self {
            calls: PerSide::new(bar_a - 8.0, call_b + 8.0),
            bars: PerSide::new(bar_a, bar_b),
            life: PerSide::new(life_a, life_b),
            margin,
            notes,
            width: width
                .max(life_b + head(Side::Resp) + 12.0)
                .max(columns(&layout.title) as f64 * 9.4 + 32.0),
        }
    }
}

/// What the calls at a side take.
fn calls_width(layout: &Layout, side: Side) -> f64 {
    let calls = layout.items.iter().filter_map(|i| match &i.what {
        What::Call(at, text) if *at == side => Some(wrap(text, CALL_COLUMNS)),
        _ => None,
    });
    let longest = calls.flatten().map(|l| columns(&l)).max().unwrap_or(0).min(2 * CALL_COLUMNS);
    if longest > 0 { longest as f64 * 6.6 + 14.0 } else { 0.0 }
}
