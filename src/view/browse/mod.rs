//! The terminal browser: connections, packets, headers and graphs in panes, of a file or
//! of a capture that goes on.
//!
//! A pure machine (`app`) takes keys and reports; `draw` turns its state into cells; only
//! `term` knows the terminal.

mod app;
mod areas;
mod draw;
mod list;
mod rows;
mod search;
mod term;
#[cfg(test)]
mod tests;

use std::io;
use std::time::Duration;

use ratatui::layout::Rect;

use crate::model::{LinkType, StreamId};
use crate::report::{Detail, Report};

use super::Style;
use app::{App, Header, Want};
use term::{Input, Screen};

/// Where the browser has its facts from.
pub trait Feed {
    /// The newest report, if there is a newer one than last time. Never blocks.
    fn poll(&mut self) -> Option<Report>;

    /// The packets of one conversation. `None`: not yet, and the browser asks again in a
    /// moment, so a long reading belongs on another thread. A conversation whose packets
    /// were not kept has a detail with its number and no rows.
    fn details(&mut self, id: StreamId) -> Option<Detail>;

    /// The octets of a frame and what its first header is.
    fn frame(&mut self, number: u64) -> Option<(LinkType, Vec<u8>)>;

    /// The header diagram of a frame as text of at most `style.width` columns, without
    /// colours. Without one the browser shows the octets in hex.
    fn header_text(&mut self, number: u64, style: &Style) -> Option<String> {
        let _ = (number, style);
        None
    }

    /// While more packets may come: one word that says why, `live` or `reading`.
    fn progress(&self) -> Option<&'static str> {
        None
    }
}

/// How long to wait for a key before looking for news.
const TICK: Duration = Duration::from_millis(100);

/// Browses until the user quits or a signal asks to end.
///
/// # Errors
/// When standard output is no terminal, and those of the terminal. It is given back in any case.
pub fn run(feed: &mut dyn Feed, style: Style) -> io::Result<()> {
    let mut screen = Screen::open()?;
    let mut app = App::new(style, feed.progress());
    if let Some(report) = feed.poll() {
        app.update(report);
    }
    let mut changed = true;
    loop {
        let size = screen.terminal.size()?;
        if (size.width, size.height) != (app.screen.width, app.screen.height) {
            app.resize(Rect::new(0, 0, size.width, size.height));
            changed = true;
        }
        if changed {
            app.prepare();
            screen.terminal.draw(|frame| draw::screen(&app, frame))?;
        }
        // Keys first: a held key must not wait for each connection's packets on its way.
        let patience = if app.wants().is_some() && changed { Duration::ZERO } else { TICK };
        let input = screen.input(patience)?;
        changed = input != Input::Quiet;
        match input {
            Input::Key(key) => {
                // In the other panes a key is about the packets, typed ahead or not.
                if app.focus != app::Pane::Connections {
                    fetch(&mut app, feed);
                }
                app.key(key);
            }
            Input::Suspend => screen.suspend()?,
            Input::Stop => return Ok(()),
            Input::Resized => {}
            Input::Quiet => {
                changed |= news(&mut app, feed);
                changed |= fetch(&mut app, feed);
            }
        }
        if app.quit {
            return Ok(());
        }
    }
}

/// Takes a newer report, if there is one.
fn news(app: &mut App, feed: &mut dyn Feed) -> bool {
    app.progress = feed.progress();
    feed.poll().map(|report| app.update(report)).is_some()
}

/// Fetches what the machine lacks.
fn fetch(app: &mut App, feed: &mut dyn Feed) -> bool {
    match app.wants() {
        Some(Want::Detail(id)) => feed.details(id).map(|mut detail| {
            // A detail that names no conversation would be asked for again for ever.
            detail.id = Some(id);
            app.give_detail(detail);
        }),
        Some(Want::Frame(number)) => {
            let width = app.areas().inside(app::Pane::Headers).0;
            let style = Style { width, color: false, ..app.style };
            let lines = match feed.header_text(number, &style) {
                Some(text) => text.lines().map(Into::into).collect(),
                None => match feed.frame(number) {
                    Some((link, data)) => {
                        let mut lines = vec![format!("{link}, {} octets", data.len())];
                        lines.extend(rows::hex(&data));
                        lines
                    }
                    None => vec!["the octets of this frame were not kept".into()],
                },
            };
            app.give_header(Header { frame: number, width, lines });
            Some(())
        }
        None => None,
    }
    .is_some()
}
