//! From the state to cells. Nothing here changes the state.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use super::app::{App, Mode, Pane};
use super::rows;
use crate::model::{Printable, Side};
use crate::view::graph::octets;

const ASCII: border::Set = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// The whole screen.
pub(super) fn screen(app: &App, frame: &mut Frame<'_>) {
    let areas = app.areas();
    frame.render_widget(title(app), areas.title);
    for pane in Pane::ALL {
        if let Some(area) = areas.of(pane) {
            let block = block(app, pane);
            let inner = block.inner(area);
            frame.render_widget(block, area);
            match pane {
                Pane::Connections => connections(app, frame, inner),
                Pane::Segments => segments(app, frame, inner),
                Pane::Headers => headers(app, frame, inner),
                Pane::Graph => graph(app, frame, inner),
            }
        }
    }
    frame.render_widget(status(app), areas.status);
    if app.mode == Mode::Help {
        help(app, frame);
    }
}

fn paint(app: &App, color: Color) -> Style {
    if app.style.color { Style::new().fg(color) } else { Style::new() }
}

fn title(app: &App) -> Line<'static> {
    let s = &app.report.summary;
    let origin = match s.origins.as_slice() {
        [] => String::new(),
        [one] => Printable(one).to_string(),
        [one, rest @ ..] => format!("{} and {} more", Printable(one), rest.len()),
    };
    // What a narrow window cuts is the name of the file.
    let mut text = String::from("synfin");
    if let Some(word) = app.progress {
        text.push_str(&format!("  {word}"));
    }
    text.push_str(&format!(
        "  {} packets, {}, {} TCP, {} UDP",
        s.packets,
        octets(i64::try_from(s.bytes).unwrap_or(i64::MAX)),
        s.tcp_streams,
        s.udp_streams
    ));
    if let Some(drops) = s.drops.filter(|d| d.kernel + d.interface > 0) {
        text.push_str(&format!(", {} dropped", drops.kernel + drops.interface));
    }
    text.push_str(&format!("  {origin}"));
    Line::styled(text, Style::new().add_modifier(Modifier::BOLD))
}

fn status(app: &App) -> Line<'static> {
    match &app.mode {
        Mode::Search(text) => Line::from(format!("/{}_", Printable(text))),
        Mode::Filter(text) => Line::from(format!("connections with: {}_", Printable(text))),
        Mode::Normal | Mode::Help => {
            if let Some(fault) = &app.report.summary.fault
                && app.message.is_empty()
            {
                return Line::styled(Printable(fault).to_string(), paint(app, Color::Red));
            }
            let filter = if app.filter.is_empty() {
                String::new()
            } else {
                format!("  filter: {}", Printable(&app.filter))
            };
            let keys = "? help  / search  & filter  tab next pane  z zoom  q quit";
            let text = if app.message.is_empty() { keys.to_owned() } else { app.message.clone() };
            Line::from(format!("{text}{filter}"))
        }
    }
}

fn block(app: &App, pane: Pane) -> Block<'static> {
    let name = match pane {
        Pane::Connections => {
            let (shown, all) = (app.visible.len(), app.report.conversations.len());
            let of = if shown == all { String::new() } else { format!(" of {all}") };
            let more = match app.report.conversations_left_out {
                0 => String::new(),
                n => format!(", and {n} beyond --limit"),
            };
            format!(" 1 Connections: {shown}{of}{more} ")
        }
        Pane::Segments => match app.chosen() {
            Some(c) => format!(" 2 {}: {} packets ", c.id, app.rows().len()),
            None => " 2 Packets ".into(),
        },
        Pane::Headers => match app.segment() {
            Some(row) => format!(" 3 Frame {} ", row.frame),
            None => " 3 Headers ".into(),
        },
        Pane::Graph => {
            let who = if app.side == Side::Orig { "originator" } else { "responder" };
            format!(" 4 {}, {who} (t next, o other side) ", app.graph.title())
        }
    };
    let set = if app.style.ascii { ASCII } else { border::PLAIN };
    let here = pane == app.focus;
    let style = if here { paint(app, Color::Cyan).add_modifier(Modifier::BOLD) } else { Style::new() };
    let name = if here { format!("{}{name}", if app.style.ascii { "*" } else { "●" }) } else { name };
    Block::bordered().border_set(set).border_style(style).title(Span::styled(name, style))
}

/// The line under the cursor, told apart without colour too.
fn line(text: String, here: bool, style: Style) -> Line<'static> {
    let style = if here { style.add_modifier(Modifier::REVERSED) } else { style };
    Line::styled(text, style)
}

fn connections(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let width = usize::from(area.width);
    frame.render_widget(
        Line::styled(rows::connection_heading(width), Style::new().add_modifier(Modifier::UNDERLINED)),
        head,
    );
    if app.visible.is_empty() {
        let words = match (app.report.conversations.is_empty(), app.progress.is_some()) {
            (false, _) => "no connection passes the filter (& changes it)",
            (true, true) => "waiting for packets",
            (true, false) => "there is no TCP or UDP conversation",
        };
        frame.render_widget(Paragraph::new(words), body);
        return;
    }
    let lines: Vec<Line<'_>> = app
        .visible
        .iter()
        .enumerate()
        .skip(app.connections.top)
        .take(usize::from(body.height))
        .filter_map(|(i, &at)| {
            let c = app.report.conversations.get(at)?;
            let reset = c.tcp.as_ref().is_some_and(|t| t.teardown.name() == "reset");
            let style = if reset { paint(app, Color::Red) } else { Style::new() };
            Some(line(
                pad(rows::connection(&c, width, app.style.ascii), width),
                i == app.connections.at,
                style,
            ))
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), body);
}

/// To the full width, so that the cursor is a bar.
fn pad(text: String, width: usize) -> String {
    format!("{text:<width$}")
}

fn segments(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let Some(c) = app.chosen() else { return };
    if app.rows().is_empty() {
        let words = if app.wants().is_some() { "reading…" } else { "no packets of it were kept" };
        frame.render_widget(Paragraph::new(words), area);
        return;
    }
    let gap = app.detail.as_ref().filter(|d| d.left_out > 0).map(|d| (d.left_out_at, d.left_out));
    let width = usize::from(area.width);
    let lines: Vec<Line<'_>> = app
        .rows()
        .iter()
        .enumerate()
        .skip(app.segments.top)
        .take(usize::from(area.height))
        .map(|(i, row)| {
            let events = app.events(row.frame);
            let mut remarks = rows::remarks(row, &events);
            if let Some((_, n)) = gap.filter(|g| g.0 == i) {
                remarks = format!("(before it {n} packets were not kept) {remarks}");
            }
            let style = if !events.is_empty() {
                paint(app, Color::Yellow)
            } else if row.side == Side::Resp {
                paint(app, Color::Green)
            } else {
                Style::new()
            };
            let text = rows::segment(row, &c, &remarks, width, app.style.ascii);
            line(pad(text, width), i == app.segments.at, style)
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), area);
}

fn headers(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let Some(header) = &app.header else {
        frame.render_widget(Paragraph::new("no frame chosen yet"), area);
        return;
    };
    let shown: Vec<Line<'_>> = header
        .lines
        .iter()
        .skip(app.headers.top)
        .take(usize::from(area.height))
        .map(|l| Line::from(Printable(l).to_string()))
        .collect();
    frame.render_widget(Paragraph::new(shown), area);
}

fn graph(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let Some(picture) = &app.picture else {
        let words = if app.chosen().is_some() { "reading…" } else { "no connection chosen" };
        frame.render_widget(Paragraph::new(words), area);
        return;
    };
    let lines: Vec<Line<'_>> = picture
        .lines
        .iter()
        .map(|line| {
            Line::from_iter(line.iter().map(|(text, ink)| {
                let color = ink.map(|ink| match ink {
                    anstyle::AnsiColor::Yellow => Color::Yellow,
                    anstyle::AnsiColor::Magenta => Color::Magenta,
                    anstyle::AnsiColor::Green => Color::Green,
                    anstyle::AnsiColor::Blue => Color::Blue,
                    anstyle::AnsiColor::Red => Color::Red,
                    anstyle::AnsiColor::Cyan => Color::Cyan,
                    _ => Color::DarkGray,
                });
                Span::styled(text.as_str(), color.map_or_else(Style::new, |c| paint(app, c)))
            }))
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), area);
}

const KEYS: [(&str, &str); 18] = [
    ("j k, arrows", "one line down, up"),
    ("ctrl-f ctrl-b, space", "one page down, up"),
    ("ctrl-d ctrl-u", "half a page down, up"),
    ("g G", "first, last line"),
    ("tab, shift-tab, 1 to 4", "next, previous, that pane"),
    ("enter, l", "into the pane after this one"),
    ("esc, h", "back to the one before"),
    ("z", "this pane alone, or all again"),
    ("/ n N", "search this pane, next, previous"),
    ("&", "only connections with these words; !word: without"),
    ("J K", "next, previous packet from any pane"),
    ("e E", "next, previous packet with an event"),
    ("t", "next kind of graph"),
    ("o", "graph of the other side"),
    ("F", "follow the newest (live)"),
    ("ctrl-z", "to the shell; fg comes back"),
    ("?", "this; any key closes it"),
    ("q, ctrl-c", "quit"),
];

fn help(app: &App, frame: &mut Frame<'_>) {
    let screen = frame.area();
    let (width, height) = (76.min(screen.width), (KEYS.len() as u16 + 2).min(screen.height));
    let area = Rect::new((screen.width - width) / 2, (screen.height - height) / 2, width, height);
    let set = if app.style.ascii { ASCII } else { border::PLAIN };
    let lines: Vec<Line<'_>> = KEYS.iter().map(|(k, what)| Line::from(format!(" {k:<23} {what}"))).collect();
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().border_set(set).title(" Keys ")), area);
}
