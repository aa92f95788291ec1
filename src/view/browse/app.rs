//! The browser as a machine: keys and reports in, a state out. It draws nothing and asks
//! nobody; what it needs it says with [`App::wants`].

use std::collections::HashMap;

use ratatui::layout::Rect;

use super::areas::Areas;
use super::list::List;
use super::search::{Typed, typed};
use crate::model::{Printable, Side, StreamId};
use crate::report::{Conversation, Detail, Report, Row};
use crate::track::Event;
use crate::view::Style;
use crate::view::graph::{self, Graph, Pieces};

/// A key, whatever the terminal calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Ctrl(char),
    Enter,
    Escape,
    Tab,
    BackTab,
    Backspace,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
}

/// The panes, in the order of Tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pane {
    Connections,
    Segments,
    Headers,
    Graph,
}

impl Pane {
    pub(super) const ALL: [Self; 4] = [Self::Connections, Self::Segments, Self::Headers, Self::Graph];

    fn turn(self, by: usize) -> Self {
        Self::ALL.get((self as usize + by) % 4).copied().unwrap_or(Self::Connections)
    }
}

/// What the keys mean now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    Normal,
    /// Typing what to search for.
    Search(String),
    /// Typing what connections must contain.
    Filter(String),
    Help,
}

/// What the machine lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    Detail(StreamId),
    Frame(u64),
}

/// All there is to draw.
#[derive(Debug)]
pub(super) struct App {
    pub(super) report: Report,
    pub(super) style: Style,
    pub(super) screen: Rect,
    pub(super) focus: Pane,
    pub(super) whole: bool,
    pub(super) mode: Mode,
    pub(super) message: String,
    pub(super) quit: bool,
    /// Why more may come.
    pub(super) progress: Option<&'static str>,
    /// The newest connection or packet is followed.
    pub(super) follow: bool,
    pub(super) filter: String,
    pub(super) search: String,
    /// Indices into the report's conversations that pass the filter.
    pub(super) visible: Vec<usize>,
    pub(super) connections: List,
    pub(super) segments: List,
    pub(super) headers: List,
    pub(super) graph: Graph,
    pub(super) side: Side,
    pub(super) detail: Option<Detail>,
    /// Index in the detail's events by frame.
    marks: HashMap<u64, Vec<usize>>,
    stale: bool,
    /// The header that is shown.
    pub(super) header: Option<Header>,
    /// The graph that is shown.
    pub(super) picture: Option<Picture>,
}

/// A header diagram.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) frame: u64,
    /// The columns it was made for.
    pub(super) width: usize,
    pub(super) lines: Vec<String>,
}

/// A graph, and what it was drawn for.
#[derive(Debug)]
pub(super) struct Picture {
    of: (StreamId, Graph, Side, (usize, usize)),
    pub(super) lines: Vec<Pieces>,
}

impl App {
    pub(super) fn new(style: Style, progress: Option<&'static str>) -> Self {
        Self {
            report: Report::default(),
            style,
            screen: Rect::new(0, 0, 80, 24),
            focus: Pane::Connections,
            whole: false,
            mode: Mode::Normal,
            message: String::new(),
            quit: false,
            progress,
            follow: false,
            filter: String::new(),
            search: String::new(),
            visible: Vec::new(),
            connections: List::default(),
            segments: List::default(),
            headers: List::default(),
            graph: Graph::TimeSequence,
            side: Side::Orig,
            detail: None,
            marks: HashMap::new(),
            stale: false,
            header: None,
            picture: None,
        }
    }

    /// A newer report. The cursor stays on its connection.
    pub(super) fn update(&mut self, report: Report) {
        let chosen = self.chosen().map(|c| c.id);
        self.report = report;
        self.stale = true;
        self.sieve(chosen);
    }

    /// The window has another size.
    pub(super) fn resize(&mut self, screen: Rect) {
        self.screen = screen;
        self.settle();
    }

    /// The packets of a connection, as asked for.
    pub(super) fn give_detail(&mut self, detail: Detail) {
        let last = self.segments.at + 1 >= self.rows().len();
        if self.detail.as_ref().and_then(|d| d.id) != detail.id {
            self.segments = List::default();
            self.header = None;
        }
        self.marks.clear();
        for (i, event) in detail.events.iter().enumerate() {
            self.marks.entry(event.packet).or_default().push(i);
        }
        self.detail = Some(detail);
        self.picture = None;
        self.stale = false;
        if self.follow && last && self.focus != Pane::Connections {
            self.segments.at = usize::MAX;
        }
        self.settle();
    }

    /// The header diagram of a frame, as asked for.
    pub(super) fn give_header(&mut self, header: Header) {
        if self.header.as_ref().map(|h| h.frame) != Some(header.frame) {
            self.headers = List::default();
        }
        self.header = Some(header);
        self.settle();
    }

    /// Makes the graph, if it is shown and not made yet.
    pub(super) fn prepare(&mut self) {
        let areas = self.areas();
        let Some(c) = self.chosen().filter(|_| areas.of(Pane::Graph).is_some()) else { return };
        let of = (c.id, self.graph, self.side, areas.inside(Pane::Graph));
        if self.picture.as_ref().is_some_and(|p| p.of == of) {
            return;
        }
        self.picture = self.detail.as_ref().filter(|d| d.id == Some(c.id)).map(|detail| Picture {
            of,
            lines: graph::cells(self.graph, detail, &c, self.side, of.3, self.style.ascii),
        });
    }

    /// What to fetch before the next picture, the most urgent first.
    pub(super) fn wants(&self) -> Option<Want> {
        let chosen = self.chosen()?.id;
        if self.stale || self.detail.as_ref().and_then(|d| d.id) != Some(chosen) {
            return Some(Want::Detail(chosen));
        }
        let frame = self.segment()?.frame;
        let areas = self.areas();
        let shown = self.header.as_ref().map(|h| (h.frame, h.width));
        let wanted = (frame, areas.inside(Pane::Headers).0);
        (areas.of(Pane::Headers).is_some() && shown != Some(wanted)).then_some(Want::Frame(frame))
    }

    pub(super) fn areas(&self) -> Areas {
        Areas::new(self.screen, self.focus, self.whole)
    }

    /// The connection under the cursor.
    pub(super) fn chosen(&self) -> Option<Conversation> {
        self.report.conversations.get(*self.visible.get(self.connections.at)?)
    }

    /// Its packets, if they are there already.
    pub(super) fn rows(&self) -> &[Row] {
        let chosen = self.chosen().map(|c| c.id);
        match &self.detail {
            Some(detail) if detail.id == chosen => &detail.rows,
            _ => &[],
        }
    }

    /// The packet under the cursor.
    pub(super) fn segment(&self) -> Option<&Row> {
        self.rows().get(self.segments.at)
    }

    /// What happened at a frame.
    pub(super) fn events(&self, frame: u64) -> Vec<&Event> {
        let events = self.detail.as_ref().map_or(&[][..], |d| &d.events);
        self.marks.get(&frame).into_iter().flatten().filter_map(|&i| events.get(i)).collect()
    }

    /// One key.
    pub(super) fn key(&mut self, key: Key) {
        if key == Key::Ctrl('c') {
            self.quit = true;
            return;
        }
        match std::mem::replace(&mut self.mode, Mode::Normal) {
            Mode::Normal => {
                self.message.clear();
                self.command(key);
            }
            Mode::Help => {}
            Mode::Search(text) => match typed(text, key) {
                Typed::More(text) => self.mode = Mode::Search(text),
                Typed::Done(text) => {
                    if !text.is_empty() {
                        self.search = text.to_lowercase();
                    }
                    self.find(true);
                }
                Typed::Dropped => {}
            },
            Mode::Filter(text) => match typed(text, key) {
                Typed::More(text) => self.mode = Mode::Filter(text),
                Typed::Done(text) => {
                    self.filter = text;
                    let chosen = self.chosen().map(|c| c.id);
                    self.sieve(chosen);
                    self.message =
                        format!("{} of {} connections", self.visible.len(), self.report.conversations.len());
                }
                Typed::Dropped => {}
            },
        }
        self.settle();
    }

    fn command(&mut self, key: Key) {
        let page = self.areas().inside(self.focus).1.max(2) as isize;
        match key {
            Key::Char('q') => self.quit = true,
            Key::Char('?') => self.mode = Mode::Help,
            Key::Char('j') | Key::Down => self.step(1),
            Key::Char('k') | Key::Up => self.step(-1),
            Key::Char('g') | Key::Home => self.step(isize::MIN),
            Key::Char('G') | Key::End => self.step(isize::MAX),
            Key::Ctrl('f') | Key::PageDown | Key::Char(' ') => self.step(page - 1),
            Key::Ctrl('b') | Key::PageUp | Key::Char('b') => self.step(1 - page),
            Key::Ctrl('d') | Key::Char('d') => self.step(page / 2),
            Key::Ctrl('u') | Key::Char('u') => self.step(-(page / 2)),
            Key::Tab => self.focus = self.focus.turn(1),
            Key::BackTab => self.focus = self.focus.turn(3),
            Key::Enter | Key::Char('l') | Key::Right => {
                self.focus = if self.focus == Pane::Graph { Pane::Graph } else { self.focus.turn(1) };
            }
            Key::Escape | Key::Char('h') | Key::Left | Key::Backspace => {
                self.focus = if self.focus == Pane::Connections { self.focus } else { self.focus.turn(3) };
            }
            Key::Char(n @ '1'..='4') => self.focus = Pane::Connections.turn(n as usize - '1' as usize),
            Key::Char('z') => self.whole = !self.whole,
            Key::Char('t') => {
                let next = Graph::ALL.iter().cycle().skip_while(|g| **g != self.graph).nth(1);
                self.graph = next.copied().unwrap_or(Graph::TimeSequence);
            }
            Key::Char('o') => self.side = self.side.other(),
            Key::Char('J') => self.packet(1),
            Key::Char('K') => self.packet(-1),
            Key::Char('e') => self.event(true),
            Key::Char('E') => self.event(false),
            Key::Char('/') => self.mode = Mode::Search(String::new()),
            Key::Char('n') => self.find(true),
            Key::Char('N') => self.find(false),
            Key::Char('&' | 'f') => self.mode = Mode::Filter(self.filter.clone()),
            Key::Char('F') => {
                self.follow = !self.follow;
                self.message = if self.follow { "following".into() } else { "no longer following".into() };
                if self.follow {
                    self.step(isize::MAX);
                }
            }
            Key::Char(c) => {
                self.message = format!("{} is no key here; ? lists them", Printable(&c.to_string()))
            }
            Key::Ctrl(_) => {}
        }
    }

    fn step(&mut self, step: isize) {
        // Who looks back no longer follows.
        self.follow &= step > 0;
        let (_, height) = self.areas().inside(self.focus);
        let (rows, lines) = (self.rows().len(), self.header.as_ref().map_or(0, |h| h.lines.len()));
        match self.focus {
            Pane::Connections => self.connections.step(step, self.visible.len(), height.saturating_sub(1)),
            Pane::Segments | Pane::Graph => self.segments.step(step, rows, height),
            Pane::Headers => self.headers.scroll(step, lines, height),
        }
    }

    /// The next packet or the one before, from any pane.
    fn packet(&mut self, step: isize) {
        let (len, height) = (self.rows().len(), self.areas().inside(Pane::Segments).1);
        self.segments.step(step, len, height);
    }

    /// Cursors into their lists, whatever happened to these.
    pub(super) fn settle(&mut self) {
        let areas = self.areas();
        let shown = areas.inside(Pane::Connections).1.saturating_sub(1);
        if self.follow && self.focus == Pane::Connections {
            self.connections.at = usize::MAX;
        }
        self.connections.go(self.connections.at, self.visible.len(), shown);
        let (at, len) = (self.segments.at, self.rows().len());
        let lines = self.header.as_ref().map_or(0, |h| h.lines.len());
        self.headers.scroll(0, lines, areas.inside(Pane::Headers).1);
        if len > 0 {
            self.segments.go(at, len, areas.inside(Pane::Segments).1);
        }
    }

    /// To the next packet at which something happened, or to the one before.
    fn event(&mut self, forward: bool) {
        let at = self.segments.at;
        let marked = |&i: &usize| self.rows().get(i).is_some_and(|r| self.marks.contains_key(&r.frame));
        let found = if forward {
            (at.saturating_add(1)..self.rows().len()).find(marked)
        } else {
            (0..at).rev().find(marked)
        };
        match found {
            Some(i) => {
                let (len, height) = (self.rows().len(), self.areas().inside(Pane::Segments).1);
                self.segments.go(i, len, height);
            }
            None => self.message = "no more events that way".into(),
        }
    }
}
