//! From facts to text and pictures. A view reads the report and writes; it decides
//! nothing about the network.

pub mod browse;
mod buffer;
pub mod calls;
pub mod connections;
pub mod csv;
mod drawing;
pub mod events;
pub mod explain;
mod fields;
pub mod graph;
pub mod handshake;
pub mod header;
pub mod html;
pub mod json;
pub mod ladder;
pub mod markdown;
pub mod ndjson;
pub mod number;
pub mod overhead;
mod pen;
mod prose;
mod rows;
pub mod segments;
pub mod sentence;
pub mod services;
pub mod table;
pub mod teardown;
pub mod words;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

pub use pen::Pen;
pub use prose::paragraph;

use crate::report::Report;

/// One way to show a report.
pub trait View {
    /// Writes the view of `report`.
    ///
    /// # Errors
    /// Only those of `out`.
    fn render(&self, report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()>;
}

/// How text is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Columns there are.
    pub width: usize,
    /// Only ASCII characters.
    pub ascii: bool,
    /// ANSI colours may be used.
    pub color: bool,
    /// Which sequence numbers to print.
    pub numbers: Numbers,
    /// Rows of a table at most; `None` for all.
    pub limit: Option<usize>,
}

/// Which sequence numbers to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbers {
    /// Both where there is room.
    #[default]
    Both,
    /// Raw, as on the wire.
    Absolute,
    /// Counted from the initial sequence number.
    Relative,
}

impl Default for Style {
    fn default() -> Self {
        Self { width: 80, ascii: false, color: false, numbers: Numbers::Both, limit: Some(1000) }
    }
}
