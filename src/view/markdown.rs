//! The tables of connections, handshakes and teardowns in Markdown, for people who
//! write about a capture.

use std::io::{self, Write};

use super::connections::Connections;
use super::handshake::Handshakes;
use super::pen::Pen;
use super::services::Services;
use super::teardown::Teardowns;
use super::{Style, View};
use crate::report::Report;

/// The connections, and handshake and teardown of those that were selected.
#[derive(Debug, Clone, Copy)]
pub struct Markdown<'a> {
    /// Names for ports.
    pub services: &'a Services,
}

impl Default for Markdown<'static> {
    fn default() -> Self {
        Self { services: Services::system() }
    }
}

impl View for Markdown<'_> {
    fn render(&self, report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        let (services, pen) = (self.services, Pen::Markdown);
        Connections { services, pen }.render(report, style, out)?;
        if !report.details.is_empty() {
            pen.gap(out)?;
            Handshakes { services, pen }.render(report, style, out)?;
            pen.gap(out)?;
            Teardowns { services, pen }.render(report, style, out)?;
        }
        Ok(())
    }
}
