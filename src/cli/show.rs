//! From a report to standard output: views and formats.

use std::io::{self, BufWriter, Write};

use anyhow::{Context as _, bail};

use crate::decode::headers::headers;
use crate::report::{Recorder, RecorderOptions, Report, Selection};
use crate::view::connections::Connections;
use crate::view::csv::Csv;
use crate::view::graph::{Graph, GraphView};
use crate::view::handshake::Handshakes;
use crate::view::header::HeaderDiagram;
use crate::view::html::{HtmlView, Limits};
use crate::view::json::Json;
use crate::view::ladder::{Ladder, LadderView, Options};
use crate::view::markdown::Markdown;
use crate::view::overhead::OverheadTable;
use crate::view::segments::Segments;
use crate::view::teardown::Teardowns;
use crate::view::{Pen, Style, View, graph};

use super::flow::KeptFrame;
use super::look::{Format, LookArgs, ViewName};

/// Connections whose handshake and teardown are shown unasked.
const FEW: usize = 5;

/// A recorder that keeps what the chosen views need.
pub(super) fn recorder(look: &LookArgs) -> Recorder {
    let rows_wanted = look.views.iter().any(|v| {
        matches!(
            v,
            ViewName::Handshake
                | ViewName::Teardown
                | ViewName::Segments
                | ViewName::Ladder
                | ViewName::Graph
                | ViewName::Calls
        )
    }) || matches!(look.format, Format::Html | Format::Svg | Format::Xplot);
    let only = (!look.streams.is_empty()).then(|| look.streams.clone());
    let select = match (&only, rows_wanted) {
        (Some(ids), _) => Selection::Only(ids.clone()),
        (None, true) => Selection::First(look.limit.0.unwrap_or(usize::MAX).min(200)),
        (None, false) if look.views.is_empty() || look.format == Format::Json => Selection::Few(FEW),
        (None, false) => Selection::None,
    };
    let rows = if look.views.iter().all(|v| matches!(v, ViewName::Handshake | ViewName::Teardown))
        && look.format == Format::Text
        && only.is_none()
    {
        400
    } else {
        200_000
    };
    Recorder::new(RecorderOptions { limit: look.limit.0, select, rows, events: look.limit.0, only })
}

/// Writes the report to standard output as was asked.
///
/// # Errors
/// The output's, or options that do not fit.
pub(super) fn show(
    report: &Report,
    look: &LookArgs,
    style: &Style,
    frame: Option<&KeptFrame>,
) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    write(report, look, style, frame, &mut out)?;
    out.flush()?;
    Ok(())
}

/// Writes the report to `out` as was asked.
///
/// # Errors
/// The output's, or options that do not fit.
pub(super) fn write(
    report: &Report,
    look: &LookArgs,
    style: &Style,
    frame: Option<&KeptFrame>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    match look.format {
        Format::Text => text(report, look, style, frame, out)?,
        Format::Json => Json.render(report, style, out)?,
        Format::Csv => csv(&look.views).render(report, style, out)?,
        Format::Markdown if look.views.contains(&ViewName::Ladder) => {
            let options = Options { limit: style.limit, ..Options::default() };
            for (detail, conversation) in report.in_detail() {
                out.write_all(Ladder::new(conversation, detail, &options).markdown().as_bytes())?;
            }
        }
        Format::Markdown => Markdown::default().render(report, style, out)?,
        Format::Html => {
            let pictures = super::show::Drawn;
            HtmlView { pictures, limits: Limits::default() }.render(report, style, out)?;
        }
        Format::Svg => svg(report, look, frame, out)?,
        Format::Xplot => {
            // A file for each panel, as the program wants them.
            for (detail, conversation) in report.in_detail() {
                for kind in Graph::ALL {
                    for file in graph::xplot(kind, detail, conversation, &[]) {
                        std::fs::write(&file.name, file.text).with_context(|| file.name.clone())?;
                        writeln!(out, "{}", file.name)?;
                    }
                }
            }
        }
        Format::Ndjson => bail!("records are written as they come"),
    }
    Ok(())
}

fn text(
    report: &Report,
    look: &LookArgs,
    style: &Style,
    frame: Option<&KeptFrame>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let handshakes = Handshakes::default();
    let teardowns = Teardowns::default();
    if look.views.is_empty() {
        Connections::default().render(report, style, out)?;
        if report.details.iter().any(|d| !d.rows.is_empty()) {
            writeln!(out)?;
            handshakes.render(report, style, out)?;
            writeln!(out)?;
            teardowns.render(report, style, out)?;
        }
        if let Some(frame) = frame {
            writeln!(out)?;
            HeaderDiagram.render_text(&tree(frame), style, out)?;
        }
        return Ok(());
    }
    for (i, view) in look.views.iter().enumerate() {
        if i > 0 {
            writeln!(out)?;
        }
        match view {
            ViewName::Connections => Connections::default().render(report, style, out)?,
            ViewName::Handshake => handshakes.render(report, style, out)?,
            ViewName::Teardown => teardowns.render(report, style, out)?,
            ViewName::Segments => Segments::default().render(report, style, out)?,
            ViewName::Ladder => LadderView::default().render(report, style, out)?,
            ViewName::Overhead => OverheadTable { pen: Pen::Text }.render(report, style, out)?,
            ViewName::Graph => GraphView { kinds: &Graph::ALL }.render(report, style, out)?,
            ViewName::Headers => match frame {
                Some(frame) => HeaderDiagram.render_text(&tree(frame), style, out)?,
                None => no_frame(look)?,
            },
            ViewName::Events | ViewName::Explain | ViewName::Calls => {}
        }
    }
    Ok(())
}

fn tree(frame: &KeptFrame) -> crate::decode::headers::HeaderTree {
    headers(frame.link, &frame.data, frame.orig_len)
}

fn no_frame(look: &LookArgs) -> anyhow::Result<()> {
    bail!("there is no packet {}", look.packet.unwrap_or(0))
}

fn csv(views: &[ViewName]) -> Csv {
    match views.first() {
        Some(ViewName::Segments | ViewName::Handshake | ViewName::Teardown | ViewName::Ladder) => {
            Csv::Segments
        }
        Some(ViewName::Events) => Csv::Events,
        Some(ViewName::Overhead) => Csv::Overhead,
        _ => Csv::Connections,
    }
}

fn svg(
    report: &Report,
    look: &LookArgs,
    frame: Option<&KeptFrame>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    if let Some(frame) = frame {
        return Ok(out.write_all(HeaderDiagram.render_svg(&tree(frame)).as_bytes())?);
    }
    if look.packet.is_some() {
        no_frame(look)?;
    }
    let mut details = report.in_detail();
    let (Some((detail, conversation)), None) = (details.next(), details.next()) else {
        bail!("an SVG is a picture of one conversation: add --stream N");
    };
    let picture = if look.views.contains(&ViewName::Graph) {
        graph::render_svg(Graph::TimeSequence, detail, conversation, &[])
    } else {
        Ladder::new(conversation, detail, &Options::default()).svg()
    };
    Ok(out.write_all(picture.as_bytes())?)
}

/// The pictures of the HTML report.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drawn;

impl crate::view::html::Pictures for Drawn {}
