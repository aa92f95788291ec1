//! The report to hand to someone: one HTML file that needs nothing but itself.
//!
//! It opens from disk and reaches for nothing: the content-security policy allows only
//! the styles and the script whose digests it names. Strangers' text stays text (maud
//! escapes it, [`Printable`](crate::model::Printable) spells out what would hide itself).
//! The page is bounded: what a large capture has too much of is left out, and the page
//! says what and why.

mod connections;
mod conversation;
mod drawn;
mod evidence;
mod limits;
mod rows;
mod sha256;
mod summary;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::report::{Conversation, Detail, Report};

use super::graph::{self, Extra};
use super::{Style, View};

pub use drawn::{Drawn, Headers, InGraphs, OfLadder, Story};
pub use limits::Limits;

/// What other views contribute to the page. Each may be absent.
pub trait Pictures {
    /// What happened in a conversation, in plain words; a blank line begins a paragraph.
    /// "frame 7" becomes a link where the page shows that frame.
    fn story(&self, detail: &Detail, conversation: &Conversation) -> Option<String> {
        let _ = (detail, conversation);
        None
    }

    /// The ladder as an `svg` element. `id` is a prefix for the ids in it. Styles belong in
    /// `style` elements: the page's policy refuses `style` attributes.
    fn ladder_svg(&self, detail: &Detail, conversation: &Conversation, id: &str) -> Option<String> {
        let _ = (detail, conversation, id);
        None
    }

    /// Header diagrams worth a look, each with its caption.
    fn headers_svg(&self, detail: &Detail, conversation: &Conversation, id: &str) -> Vec<(String, String)> {
        let _ = (detail, conversation, id);
        Vec::new()
    }

    /// What the graphs show that no packet tells: the congestion window of a lab's kernel.
    fn extra(&self, conversation: &Conversation) -> Vec<Extra<'_>> {
        let _ = conversation;
        Vec::new()
    }
}

/// No pictures but the graphs.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPictures;

impl Pictures for NoPictures {}

/// The report as HTML.
#[derive(Debug, Clone, Copy)]
pub struct HtmlView<P> {
    /// Ladder, header diagrams and stories.
    pub pictures: P,
    /// How large the page may become.
    pub limits: Limits,
}

impl<P: Pictures> View for HtmlView<P> {
    fn render(&self, report: &Report, _style: &Style, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(render_html(report, &self.pictures, &self.limits).as_bytes())
    }
}

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// The whole page.
#[must_use]
pub fn render_html(report: &Report, pictures: &dyn Pictures, limits: &Limits) -> String {
    let mut budget = limits::Budget::new(limits);
    let main = html! {
        (summary::section(report, limits))
        (connections::section(report, limits))
        @for (detail, conversation) in report.in_detail() {
            (conversation::section(detail, &conversation, pictures, limits, &mut budget))
        }
        (left_out(&budget))
    };
    let style = format!("{STYLE}{}", graph::SVG_STYLE);
    page(report, &main, &style).into_string()
}

/// What the page does not show, and why.
fn left_out(budget: &limits::Budget) -> Markup {
    html! {
        @if !budget.left_out.is_empty() {
            section id="left-out" aria-labelledby="left-out-h" {
                h2 id="left-out-h" { "Left out of this page" }
                p { "A page that opens at once is bounded; the capture has it all." }
                ul { @for words in &budget.left_out { li { (words) } } }
            }
        }
    }
}

fn page(report: &Report, main: &Markup, style: &str) -> Markup {
    let title = summary::title(report);
    let policy = policy(main, style);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="generator" content={ "synfin " (env!("CARGO_PKG_VERSION")) };
                title { (title) }
                style { (PreEscaped(style)) }
            }
            body {
                a.skip href="#main" { "Skip to the report" }
                header {
                    h1 { (title) }
                    nav aria-label="Sections" {
                        a href="#summary" { "Summary" }
                        a href="#connections" { "Connections" }
                        @for detail in &report.details {
                            @if let Some(id) = detail.id { a href={ "#" (conversation::anchor(id)) } { (id) } }
                        }
                    }
                }
                main id="main" tabindex="-1" { (main) }
                footer { p { "Made by synfin " (env!("CARGO_PKG_VERSION")) "." } }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

/// Nothing from anywhere, but the styles and the script of this very page.
fn policy(main: &Markup, style: &str) -> String {
    let mut styles = vec![style];
    let mut rest = main.0.as_str();
    // Only pictures bring style elements: all other text is escaped.
    while let Some((_, after)) = rest.split_once("<style>") {
        let Some((inner, after)) = after.split_once("</style>") else { break };
        if !styles.contains(&inner) {
            styles.push(inner);
        }
        rest = after;
    }
    let styles: Vec<String> = styles.iter().map(|s| format!("'sha256-{}'", sha256::digest(s))).collect();
    format!(
        "default-src 'none'; style-src {}; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        styles.join(" "),
        sha256::digest(SCRIPT)
    )
}
