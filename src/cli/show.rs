//! From a report to standard output: views and formats.

use std::io::{self, BufWriter, Write};

use anyhow::{Context as _, bail};

use crate::decode::headers::headers;
use crate::report::{Recorder, RecorderOptions, Report, Selection};
use crate::view::calls;
use crate::view::connections::Connections;
use crate::view::csv::Csv;
use crate::view::events::Events;
use crate::view::explain::{self, Explain};
use crate::view::graph::Graph;
use crate::view::handshake::Handshakes;
use crate::view::header::HeaderDiagram;
use crate::view::html::{Drawn, HtmlView, Limits};
use crate::view::json::Json;
use crate::view::ladder::{Ladder, Options};
use crate::view::markdown::Markdown;
use crate::view::overhead::OverheadTable;
use crate::view::segments::Segments;
use crate::view::teardown::Teardowns;
use crate::view::{Pen, Style, View, graph};

use super::flow::KeptFrame;
use super::look::{Format, LookArgs, ViewName};
use super::pictures::Beside;

/// Connections whose handshake and teardown are shown unasked.
const FEW: usize = 5;

/// Events kept for the stories.
const EVENTS_TOLD: usize = 100_000;

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
    // The stories are told from the events: they must not end where a table does.
    let told = look.views.contains(&ViewName::Explain);
    let events = if told { look.limit.0.map(|n| n.max(EVENTS_TOLD)) } else { look.limit.0 };
    let list_events = look.format == Format::Json
        || look.views.iter().any(|v| matches!(v, ViewName::Events | ViewName::Explain));
    // Of conversations that nobody looks at closely, tables show no more than an entry.
    let entries = look.format == Format::Text
        && look
            .views
            .iter()
            .all(|v| matches!(v, ViewName::Connections | ViewName::Overhead | ViewName::Headers));
    Recorder::new(RecorderOptions { limit: look.limit.0, select, rows, events, only, list_events, entries })
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
    beside: &Beside,
) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    write(report, look, style, frame, beside, &mut out)?;
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
    beside: &Beside,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    match look.format {
        Format::Text => text(report, look, style, frame, beside, out)?,
        Format::Json => Json { lab: beside.lab.clone() }.render(report, style, out)?,
        Format::Csv => csv(&look.views).render(report, style, out)?,
        Format::Markdown if look.views.contains(&ViewName::Ladder) => {
            for (detail, conversation) in report.in_detail() {
                let options = Options { limit: style.limit, ..beside.ladder(&conversation, detail) };
                out.write_all(Ladder::new(&conversation, detail, &options).markdown().as_bytes())?;
            }
        }
        Format::Markdown if look.views.iter().any(|v| matches!(v, ViewName::Events | ViewName::Explain)) => {
            for (i, view) in look.views.iter().enumerate() {
                if i > 0 {
                    writeln!(out)?;
                }
                match view {
                    ViewName::Events => Events { pen: Pen::Markdown }.render(report, style, out)?,
                    ViewName::Explain => {
                        Explain { pen: Pen::Markdown, ..Explain::default() }.render(report, style, out)?;
                    }
                    _ => Markdown::default().render(report, style, out)?,
                }
            }
        }
        Format::Markdown => Markdown::default().render(report, style, out)?,
        Format::Html => {
            let pictures = Drawn {
                story: Some(&|detail, c| Some(explain::tell(c, &detail.events).join("\n\n"))),
                headers: Some(&|number| beside.frames.get(&number).map(tree)),
                ladder: Some(&|detail, c| beside.ladder(c, detail)),
                extra: Some(&|c| beside.extra(c)),
            };
            HtmlView { pictures, limits: Limits::default() }.render(report, style, out)?;
        }
        Format::Svg => svg(report, look, frame, beside, out)?,
        Format::Xplot => {
            // A file for each panel, as the program wants them.
            for (detail, conversation) in report.in_detail() {
                for kind in kinds(look) {
                    for file in graph::xplot(kind, detail, &conversation, &beside.extra(&conversation)) {
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
    beside: &Beside,
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
            ViewName::Ladder => ladders(report, style, beside, out)?,
            ViewName::Overhead => OverheadTable { pen: Pen::Text }.render(report, style, out)?,
            ViewName::Graph => {
                for kind in kinds(look) {
                    for (detail, c) in report.in_detail() {
                        graph::render_one(kind, detail, &c, &beside.extra(&c), style, out)?;
                    }
                }
            }
            ViewName::Headers => match frame {
                Some(frame) => HeaderDiagram.render_text(&tree(frame), style, out)?,
                None => no_frame(look)?,
            },
            ViewName::Events => Events::default().render(report, style, out)?,
            ViewName::Explain => Explain::default().render(report, style, out)?,
            ViewName::Calls => match &beside.calls {
                Some(made) => calls::write(made, Pen::Text, style, out)?,
                None => bail!("only labs know the calls: synfin lab run NAME --view calls"),
            },
        }
    }
    Ok(())
}

fn ladders(report: &Report, style: &Style, beside: &Beside, out: &mut dyn Write) -> anyhow::Result<()> {
    for (i, (detail, c)) in report.in_detail().enumerate() {
        if i > 0 {
            writeln!(out)?;
        }
        let options = Options { numbers: style.numbers, limit: style.limit, ..beside.ladder(&c, detail) };
        Ladder::new(&c, detail, &options).text(style, out)?;
    }
    Ok(())
}

/// The graphs that were asked for.
fn kinds(look: &LookArgs) -> Vec<Graph> {
    look.graph.map_or_else(|| Graph::ALL.to_vec(), |kind| vec![kind])
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
    beside: &Beside,
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
    let picture = if look.graph.is_some() || look.views.contains(&ViewName::Graph) {
        let kind = look.graph.unwrap_or(Graph::TimeSequence);
        graph::render_svg(kind, detail, &conversation, &beside.extra(&conversation))
    } else {
        Ladder::new(&conversation, detail, &beside.ladder(&conversation, detail)).svg()
    };
    Ok(out.write_all(picture.as_bytes())?)
}
