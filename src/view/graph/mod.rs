//! Graphs of a conversation: time and sequence, round trips, octets in flight, rates.
//!
//! The layout is made once (series, axes, ticks, words); three pens draw it: text with
//! braille dots, SVG, and files for xplot.

mod axis;
mod build;
mod canvas;
mod layout;
mod ranges;
mod svg;
mod text;
mod trace;
mod xplot;

#[cfg(test)]
mod tests;

use std::io::{self, Write};

use crate::model::{Side, Timestamp};
#[cfg(test)]
use crate::report::Report;
use crate::report::{Conversation, Detail};

use super::Style;

pub(in crate::view) use axis::{octets, time};
pub use svg::STYLE as SVG_STYLE;
pub(in crate::view) use text::Pieces;
pub use xplot::XplotFile;

/// A kind of graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Graph {
    /// tcptrace's time–sequence graph: segments, acknowledgments, window, SACK blocks.
    TimeSequence,
    /// Round-trip times (Karn: none of an octet that was sent twice).
    Rtt,
    /// Octets in flight, with the receiver's window.
    Flight,
    /// Throughput and goodput.
    Throughput,
}

impl Graph {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::TimeSequence, Self::Rtt, Self::Flight, Self::Throughput];

    /// The word on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TimeSequence => "time-sequence",
            Self::Rtt => "rtt",
            Self::Flight => "flight",
            Self::Throughput => "throughput",
        }
    }

    /// The graph of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|g| g.name() == name)
    }

    /// For headings.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::TimeSequence => "Time and sequence",
            Self::Rtt => "Round-trip time",
            Self::Flight => "Octets in flight",
            Self::Throughput => "Throughput and goodput",
        }
    }
}

/// A series that no packet shows: the congestion window of a lab's kernel, in octets,
/// by TCP_INFO. Drawn in [`Graph::Flight`].
#[derive(Debug, Clone, Copy)]
pub struct Extra<'a> {
    /// Whose it is.
    pub side: Side,
    /// Moments in packet time, rising, and the window from then on.
    pub points: &'a [(Timestamp, u64)],
}

/// The graph of every conversation in detail, as text.
#[cfg(test)]
fn render_text(kind: Graph, report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    for (detail, conversation) in report.in_detail() {
        render_one(kind, detail, &conversation, &[], style, out)?;
    }
    Ok(())
}

/// The graph of one conversation, as text.
///
/// # Errors
/// Only those of `out`.
pub fn render_one(
    kind: Graph,
    detail: &Detail,
    conversation: &Conversation,
    extra: &[Extra<'_>],
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    text::draw(&build::chart(kind, detail, conversation, extra), style, out)
}

/// The graph of one side without its title, in pieces of one colour, for a pane of
/// `size` columns and lines.
pub(in crate::view) fn cells(
    kind: Graph,
    detail: &Detail,
    conversation: &Conversation,
    side: Side,
    size: (usize, usize),
    ascii: bool,
) -> Vec<Pieces> {
    let chart = build::chart(kind, detail, conversation, &[]);
    let panel = chart.panels.iter().find(|p| p.side == side);
    panel.map_or_else(Vec::new, |p| text::cells(p, size.0, size.1, ascii))
}

/// The graph as one SVG file, light or dark as its reader prefers.
#[must_use]
pub fn render_svg(kind: Graph, detail: &Detail, conversation: &Conversation, extra: &[Extra<'_>]) -> String {
    svg::file(&build::chart(kind, detail, conversation, extra), kind)
}

/// The graph as an `svg` element for a page that has [`SVG_STYLE`] among its styles.
/// `id` makes the ids in it unique on that page: letters, digits and `-`.
#[must_use]
pub fn render_svg_element(
    kind: Graph,
    detail: &Detail,
    conversation: &Conversation,
    extra: &[Extra<'_>],
    id: &str,
) -> String {
    svg::element(&build::chart(kind, detail, conversation, extra), kind, id)
}

/// The graph for xplot, a file for each direction that has something to draw.
#[must_use]
pub fn xplot(
    kind: Graph,
    detail: &Detail,
    conversation: &Conversation,
    extra: &[Extra<'_>],
) -> Vec<XplotFile> {
    xplot::files(&build::chart(kind, detail, conversation, extra), kind, conversation)
}
