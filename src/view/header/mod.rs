//! The header diagram: a packet's headers in the RFCs' 32-bit rows, with its values.
//!
//! The layout is made once; the pens, text and SVG, only draw it.

mod layout;
mod svg;
mod text;

#[cfg(test)]
mod tests;

use std::io::{self, Write};

use crate::decode::headers::HeaderTree;
use crate::view::Style;

/// Draws the headers of a frame.
#[derive(Debug, Clone, Copy, Default)]
pub struct HeaderDiagram;

impl HeaderDiagram {
    /// The diagram in text, at least 80 columns wide: each header's boxes and its
    /// fields in words, the octets in hex, and the layers' shares of the frame.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn render_text(&self, tree: &HeaderTree, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        text::render(tree, style, out)
    }

    /// The diagram as one SVG document that needs nothing else, light or dark as the
    /// reader prefers.
    #[must_use]
    pub fn render_svg(&self, tree: &HeaderTree) -> String {
        svg::render(tree)
    }
}
