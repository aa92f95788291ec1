//! Plain text and Markdown: the same tables, two pens.

use std::io::{self, Write};

use super::Style;
use super::prose::{markdown_text, paragraph};
use super::table::{self, Column, Rows};

/// How tables are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pen {
    /// Text in columns, to the width of the style.
    #[default]
    Text,
    /// Markdown, without regard to the width.
    Markdown,
}

impl Pen {
    /// A table; nothing at all when there are no rows.
    pub(super) fn table(
        self,
        columns: &[Column],
        rows: impl Rows,
        style: &Style,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match self {
            Self::Text => table::write(columns, &rows, style, out),
            Self::Markdown => {
                writeln!(out)?;
                table::write_markdown(columns, &rows, style, out)
            }
        }
    }

    /// The title of what follows.
    pub(super) fn title(self, text: &str, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Text if style.color => {
                let bold = anstyle::Style::new().bold();
                let mut plain = Vec::new();
                paragraph(text, 0, style, &mut plain)?;
                let plain = String::from_utf8_lossy(&plain);
                plain.lines().try_for_each(|line| writeln!(out, "{bold}{line}{bold:#}"))
            }
            Self::Text => paragraph(text, 0, style, out),
            Self::Markdown => writeln!(out, "### {}", markdown_text(text, style)),
        }
    }

    /// A line of prose.
    pub(super) fn line(self, text: &str, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Text => paragraph(text, 0, style, out),
            Self::Markdown => writeln!(out, "\n{}", markdown_text(text, style)),
        }
    }

    /// Remarks under an empty line; nothing at all when there are none.
    pub(super) fn list(self, items: &[String], style: &Style, out: &mut dyn Write) -> io::Result<()> {
        if !items.is_empty() {
            writeln!(out)?;
        }
        items.iter().try_for_each(|text| match self {
            Self::Text => paragraph(text, 0, style, out),
            Self::Markdown => writeln!(out, "- {}", markdown_text(text, style)),
        })
    }

    /// An empty line.
    pub(super) fn gap(self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out)
    }
}
