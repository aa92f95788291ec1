//! Searching in a pane, and filtering the connections.

use super::app::{App, Key, Pane};
use super::list::List;
use super::rows;
use crate::model::{Printable, StreamId};
use crate::report::Conversation;

impl App {
    /// Which connections pass the filter; the cursor stays on `chosen` where that is one.
    pub(super) fn sieve(&mut self, chosen: Option<StreamId>) {
        let words: Vec<String> = self.filter.to_lowercase().split_whitespace().map(Into::into).collect();
        let conversations = &self.report.conversations;
        self.visible = (0..conversations.len())
            .filter(|&i| words.is_empty() || conversations.get(i).is_some_and(|c| passes(&c, &words)))
            .collect();
        let at = chosen.and_then(|id| {
            self.visible.iter().position(|&i| conversations.get(i).is_some_and(|c| c.id == id))
        });
        self.connections.at = at.unwrap_or(self.connections.at);
        self.settle();
    }

    /// The next or the one before that has what was searched for, around the end.
    pub(super) fn find(&mut self, forward: bool) {
        if self.search.is_empty() {
            self.message = "nothing searched for yet; / searches".into();
            return;
        }
        let (at, len) = match self.focus {
            Pane::Connections => (self.connections.at, self.visible.len()),
            Pane::Segments | Pane::Graph => (self.segments.at, self.rows().len()),
            Pane::Headers => (self.headers.top, self.header.as_ref().map_or(0, |h| h.lines.len())),
        };
        let order = (1..=len).map(|i| if forward { (at + i) % len } else { (at + len - i) % len });
        let Some(found) = order.into_iter().find(|&i| self.text(i).to_lowercase().contains(&self.search))
        else {
            self.message = format!("not found: {}", Printable(&self.search));
            return;
        };
        if (found <= at) == forward {
            self.message = "around the end".into();
        }
        let (_, height) = self.areas().inside(self.focus);
        match self.focus {
            Pane::Connections => self.connections.go(found, len, height.saturating_sub(1)),
            Pane::Segments | Pane::Graph => self.segments.go(found, len, height),
            Pane::Headers => {
                self.headers = List::default();
                self.headers.scroll(found as isize, len, height);
            }
        }
    }

    /// What a search looks at.
    fn text(&self, i: usize) -> String {
        match self.focus {
            Pane::Connections => {
                let c = self.visible.get(i).and_then(|&i| self.report.conversations.get(i));
                c.as_ref().map_or_else(String::new, searched)
            }
            Pane::Segments | Pane::Graph => match (self.rows().get(i), self.chosen()) {
                (Some(row), Some(c)) => {
                    let remarks = rows::remarks(row, &self.events(row.frame));
                    rows::segment(row, &c, &remarks, usize::MAX, true)
                }
                _ => String::new(),
            },
            Pane::Headers => self.header.as_ref().and_then(|h| h.lines.get(i)).cloned().unwrap_or_default(),
        }
    }
}

/// What filters and searches look at in a connection.
fn searched(c: &Conversation) -> String {
    let words = c
        .tcp
        .as_ref()
        .map_or_else(String::new, |t| format!("{} {} {}", t.handshake.name(), t.teardown.name(), t.history));
    let ends = &c.endpoints.0;
    format!("{} -> {} {} {words}", ends[0], ends[1], rows::connection(c, 100, true))
}

/// Each word is there, and none of those after a `!` is.
fn passes(c: &Conversation, words: &[String]) -> bool {
    let text = searched(c).to_lowercase();
    words.iter().all(|w| match w.strip_prefix('!') {
        Some(w) => w.is_empty() || !text.contains(w),
        None => text.contains(w.as_str()),
    })
}

/// What a key made of the line.
pub(super) enum Typed {
    More(String),
    Done(String),
    Dropped,
}

/// One more key in a line that is being typed.
pub(super) fn typed(mut text: String, key: Key) -> Typed {
    match key {
        Key::Enter => return Typed::Done(text),
        Key::Escape => return Typed::Dropped,
        Key::Backspace if text.is_empty() => return Typed::Dropped,
        Key::Backspace => {
            text.pop();
        }
        Key::Ctrl('u') => text.clear(),
        Key::Char(c) if text.chars().count() < 200 => text.push(c),
        _ => {}
    }
    Typed::More(text)
}
