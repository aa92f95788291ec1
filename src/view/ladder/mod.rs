//! The ladder: a conversation between its two life lines, packet by packet.
//!
//! The layout is made once from the facts; the pens, text, SVG, Mermaid and Markdown,
//! only draw it. Sides are sides, not addresses: a conversation of an address with
//! itself draws as any other.

mod columns;
mod findings;
mod fold;
mod label;
mod layout;
mod markdown;
mod mermaid;
mod place;
mod svg;
mod text;

#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(in crate::view) use scenarios::scenarios;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use crate::model::{PerSide, Side, Timestamp};
use crate::report::{Conversation, Detail, Report};
use crate::view::{Numbers, Style, View};

/// What a ladder may know beyond the report, and how much of it to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// A name for each end, such as its service or its program; strangers' text.
    pub names: PerSide<Option<String>>,
    /// The calls that the programs at the ends made.
    pub lane: Option<Lane>,
    /// What is known of the way between the ends.
    pub transit: Transit,
    /// Fold runs of plain data.
    pub fold: bool,
    /// Arrows at most; the ones in the middle are folded. `None` for all.
    pub limit: Option<usize>,
    /// Which sequence numbers to print; `Both` prints relative ones.
    pub numbers: Numbers,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            names: PerSide::default(),
            lane: None,
            transit: Transit::default(),
            fold: true,
            limit: Some(1000),
            numbers: Numbers::Both,
        }
    }
}

/// The calls lane: what the programs at the two ends did, and when.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lane {
    /// The calls, in any order.
    pub calls: Vec<LaneCall>,
}

/// One call of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneCall {
    /// When it was made, on the clock of the packets.
    pub ts: Timestamp,
    /// At which end.
    pub side: Side,
    /// The call, `send(6) = 6`; a stranger's text.
    pub text: String,
}

/// What a lab, or a second capture at the other end, tells of the way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transit {
    /// When the packet in a frame arrived at the other end, by frame number.
    pub arrivals: BTreeMap<u64, Timestamp>,
    /// When the packet in a frame, seen as it arrived, had left the other end.
    pub departures: BTreeMap<u64, Timestamp>,
    /// Frames whose packet is known to be lost on the way.
    pub lost: BTreeSet<u64>,
}

/// The ladder of one conversation, laid out and ready to draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Ladder {
    layout: layout::Layout,
}

impl Ladder {
    /// Lays out the packets of `detail`, which belong to `conversation`.
    #[must_use]
    pub fn new(conversation: &Conversation, detail: &Detail, options: &Options) -> Self {
        Self { layout: layout::lay_out(conversation, detail, options) }
    }

    /// Packets that have an arrow of their own.
    #[must_use]
    pub fn arrows(&self) -> usize {
        self.layout.arrows()
    }

    /// In text, 80 columns wide or more.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn text(&self, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        text::draw(&self.layout, style, out)
    }

    /// As one SVG document that needs nothing else, light or dark as the reader prefers.
    /// Each arrow is an element of the class `segment`; each fold, of the class `fold`, says
    /// in `data-packets` how many it stands for.
    #[must_use]
    pub fn svg(&self) -> String {
        svg::draw(&self.layout)
    }

    /// As a Mermaid `sequenceDiagram`.
    #[must_use]
    pub fn mermaid(&self) -> String {
        mermaid::draw(&self.layout)
    }

    /// In Markdown: the Mermaid diagram, and a table of the segments.
    #[must_use]
    pub fn markdown(&self) -> String {
        markdown::draw(&self.layout)
    }
}

/// The view: a ladder of each conversation whose packets the report has.
#[derive(Debug, Clone, Default)]
pub struct LadderView {
    /// What the ladders may know beyond the report.
    pub options: Options,
}

impl View for LadderView {
    fn render(&self, report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        let options = Options { numbers: style.numbers, limit: style.limit, ..self.options.clone() };
        let mut first = true;
        for (detail, conversation) in report.in_detail() {
            if !first {
                writeln!(out)?;
            }
            first = false;
            Ladder::new(&conversation, detail, &options).text(style, out)?;
        }
        Ok(())
    }
}
