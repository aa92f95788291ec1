use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

use super::app::{Key, Mode, Pane};
use super::*;
use crate::model::Side;
use crate::report::Conversations;
use crate::track::Teardown;
use crate::view::fixture::lesson;
use crate::view::graph::Graph;
use evil::{EVIL, commands};

#[path = "../../../tests/common/evil.rs"]
mod evil;

/// A report of `n` conversations that are all in detail.
struct Fake {
    report: Option<Report>,
    details: Vec<Detail>,
    asked: Vec<StreamId>,
    slow: usize,
}

impl Fake {
    fn new(n: u32) -> Self {
        let mut report = lesson(0, [100, 200]).report();
        report.conversations = Conversations::default();
        let mut details = Vec::new();
        for i in 0..n {
            let talk = lesson(i, [100, 200]);
            let mut c = talk.conversation();
            if let (2, Some(tcp)) = (i, c.tcp.as_mut()) {
                tcp.teardown = Teardown::Reset { by: Side::Resp, state: None, frame: 9 };
                tcp.conn_state = "RSTR";
            }
            report.conversations.push(&c);
            details.push(talk.detail);
        }
        Self { report: Some(report), details, asked: Vec::new(), slow: 0 }
    }
}

impl Feed for Fake {
    fn poll(&mut self) -> Option<Report> {
        self.report.take()
    }

    fn details(&mut self, id: StreamId) -> Option<Detail> {
        self.asked.push(id);
        if self.slow > 0 {
            self.slow -= 1;
            return None;
        }
        self.details.iter().find(|d| d.id == Some(id)).cloned()
    }

    fn frame(&mut self, number: u64) -> Option<(LinkType, Vec<u8>)> {
        let mut bytes: Vec<u8> = (0..60u8).map(|i| i.wrapping_mul(number as u8)).collect();
        bytes.extend(b"\x1b[2Jhello");
        Some((LinkType::ETHERNET, bytes))
    }
}

fn settle(app: &mut App, feed: &mut Fake) {
    for _ in 0..50 {
        if !news(app, feed) && !fetch(app, feed) {
            break;
        }
    }
    app.prepare();
}

fn start(n: u32, width: u16, height: u16) -> (App, Fake) {
    let (mut app, mut feed) = (App::new(Style::default(), None), Fake::new(n));
    app.resize(Rect::new(0, 0, width, height));
    settle(&mut app, &mut feed);
    (app, feed)
}

/// Types: a word for a special key in angle brackets, else the characters.
fn typed(app: &mut App, feed: &mut Fake, keys: &str) {
    let mut rest = keys;
    while let Some(c) = rest.chars().next() {
        let (key, used) = match rest.strip_prefix('<').and_then(|r| r.split_once('>')) {
            Some((name, _)) => {
                let key = match name {
                    "cr" => Key::Enter,
                    "esc" => Key::Escape,
                    "tab" => Key::Tab,
                    "bs" => Key::Backspace,
                    "end" => Key::End,
                    "^f" => Key::Ctrl('f'),
                    "^b" => Key::Ctrl('b'),
                    "^c" => Key::Ctrl('c'),
                    _ => panic!("{name}"),
                };
                (key, name.len() + 2)
            }
            None => (Key::Char(c), c.len_utf8()),
        };
        app.key(key);
        settle(app, feed);
        rest = &rest[used..];
    }
}

fn picture(app: &App) -> Terminal<TestBackend> {
    let backend = TestBackend::new(app.screen.width, app.screen.height);
    let mut terminal = Terminal::new(backend).unwrap();
    terminal.draw(|frame| draw::screen(app, frame)).unwrap();
    terminal
}

#[test]
fn golden_screens() {
    for (name, width, height, ascii, keys) in [
        ("connections-80", 80, 24, false, "j"),
        ("segments-80", 80, 24, false, "<cr>eE"),
        ("headers-80", 80, 24, false, "<cr><cr>"),
        ("graph-80", 80, 24, true, "4"),
        ("graph-alone-80", 80, 24, false, "4z"),
        ("all-160", 160, 50, false, "jj<cr>jjjj"),
        ("help-80", 80, 24, false, "?"),
        ("filter-80", 80, 24, false, "&rstr<cr>"),
        ("small-40", 40, 8, true, "<cr>"),
    ] {
        let (mut app, mut feed) = start(30, width, height);
        app.style.ascii = ascii;
        typed(&mut app, &mut feed, keys);
        let terminal = picture(&app);
        if ascii {
            assert!(terminal.backend().to_string().is_ascii(), "{name}\n{}", terminal.backend());
        }
        insta::assert_snapshot!(name, terminal.backend());
    }
}

#[test]
fn keys_move_as_in_less_and_vim() {
    // Keys; then focus, connection, packet, quit.
    let cases = [
        ("", Pane::Connections, 0, 0),
        ("jjk", Pane::Connections, 1, 0),
        ("G", Pane::Connections, 29, 0),
        ("Ggk", Pane::Connections, 0, 0),
        ("<^f>", Pane::Connections, 5, 0),
        ("<^f><^f><^b>", Pane::Connections, 5, 0),
        ("j<cr>jj", Pane::Segments, 1, 2),
        ("<cr>G", Pane::Segments, 0, 26),
        ("<cr>G<esc>j", Pane::Connections, 1, 0),
        ("<tab><tab><tab><tab>", Pane::Connections, 0, 0),
        ("<cr>e", Pane::Segments, 0, 21),
        ("<cr>ee", Pane::Segments, 0, 21),
        ("<cr>/fast<cr>", Pane::Segments, 0, 21),
        ("<cr>/F.<cr>n", Pane::Segments, 0, 25),
        ("<cr>/F.<cr>nN", Pane::Segments, 0, 24),
        ("<cr>/F.<cr>nnn", Pane::Segments, 0, 25),
        ("/:40007<cr>", Pane::Connections, 7, 0),
        ("/nowhere<cr>", Pane::Connections, 0, 0),
        ("/abc<bs><bs><bs><bs>j", Pane::Connections, 1, 0),
        ("jjj&40003<cr>", Pane::Connections, 0, 0),
        ("&rstr<cr>&<bs><bs><bs><bs><cr>", Pane::Connections, 2, 0),
        ("?j", Pane::Connections, 0, 0),
        ("4jj", Pane::Graph, 0, 2),
        ("3JJK", Pane::Headers, 0, 1),
    ];
    for (keys, focus, connection, segment) in cases {
        let (mut app, mut feed) = start(30, 80, 24);
        typed(&mut app, &mut feed, keys);
        assert_eq!((app.focus, app.connections.at, app.segments.at), (focus, connection, segment), "{keys}");
        assert!(!app.quit && app.mode == Mode::Normal, "{keys}");
    }
    for keys in ["q", "<^c>", "/abc<^c>", "?<^c>"] {
        let (mut app, mut feed) = start(1, 80, 24);
        typed(&mut app, &mut feed, keys);
        assert!(app.quit, "{keys}");
    }
}

#[test]
fn filters_take_words_and_their_absence() {
    for (filter, left) in [("", 30), ("rstr", 1), ("!rstr", 29), ("40001 sf", 1), ("no such", 0), ("!", 30)] {
        let (mut app, mut feed) = start(30, 80, 24);
        typed(&mut app, &mut feed, &format!("&{filter}<cr>"));
        assert_eq!(app.visible.len(), left, "{filter}");
        picture(&app);
    }
}

#[test]
fn the_cursor_stays_with_its_connection_while_others_come() {
    let (mut app, mut feed) = start(30, 80, 24);
    typed(&mut app, &mut feed, "&sf<cr>jjjj");
    let chosen = app.chosen().unwrap().id;
    let mut newer = Fake::new(40);
    app.update(newer.report.take().unwrap());
    assert_eq!(app.chosen().unwrap().id, chosen);
    // Following: the newest is under the cursor, until the user looks back.
    typed(&mut app, &mut newer, "F");
    app.update(Fake::new(60).report.unwrap());
    assert_eq!(app.chosen().unwrap().id.number, 59);
    typed(&mut app, &mut newer, "k");
    app.update(Fake::new(70).report.unwrap());
    assert_eq!(app.chosen().unwrap().id.number, 58);
    // Fewer than before: the cursor stays in the list.
    app.update(Fake::new(1).report.unwrap());
    assert_eq!(app.chosen().unwrap().id.number, 0);
    app.update(Report::default());
    assert!(app.chosen().is_none() && app.wants().is_none());
    picture(&app);
}

#[test]
fn packets_are_asked_for_once_there_and_until_then_again() {
    let mut feed = Fake::new(3);
    feed.slow = 2;
    let mut app = App::new(Style::default(), Some("live"));
    app.update(feed.poll().unwrap());
    for _ in 0..2 {
        assert!(!fetch(&mut app, &mut feed));
        assert!(picture(&app).backend().to_string().contains("reading…"));
    }
    assert!(fetch(&mut app, &mut feed));
    assert!(!fetch(&mut app, &mut feed));
    assert_eq!(feed.asked.len(), 3);
}

#[test]
fn every_size_draws() {
    let (mut app, mut feed) = start(5, 80, 24);
    typed(&mut app, &mut feed, "<cr>jj");
    for width in [0, 1, 2, 3, 7, 20, 39, 119, 120, 200, 300] {
        for height in [0, 1, 2, 3, 5, 13, 14, 31, 32, 33, 100] {
            for keys in ["1", "2", "3", "4", "z", "tooo", "?", "x", "z", "/"] {
                app.resize(Rect::new(0, 0, width, height));
                typed(&mut app, &mut feed, keys);
                picture(&app);
            }
            typed(&mut app, &mut feed, "<esc>");
        }
    }
    assert_eq!(app.mode, Mode::Normal);
    assert!(Graph::ALL.contains(&app.graph));
}

#[test]
fn strangers_text_commands_nothing() {
    let (mut app, mut feed) = start(2, 160, 50);
    let mut report = Fake::new(2).report.unwrap();
    report.summary.origins = vec![EVIL.into()];
    report.summary.fault = Some(EVIL.into());
    report.summary.remarks = vec![EVIL.into()];
    report.summary.interfaces = vec![crate::source::Interface {
        name: Some(EVIL.into()),
        link: LinkType::ETHERNET,
        snaplen: 0,
        ts_digits: 9,
    }];
    app.update(report);
    settle(&mut app, &mut feed);
    // Every pane, alone and beside the others, with every graph, while every kind of thing is typed.
    for pane in Pane::ALL {
        for whole in [false, true] {
            for ask in ["", "&", "/", "?"] {
                for _ in Graph::ALL {
                    (app.focus, app.whole, app.mode) = (pane, whole, Mode::Normal);
                    typed(&mut app, &mut feed, "t");
                    let width = app.areas().inside(Pane::Headers).0;
                    app.give_header(Header { frame: 1, width, lines: vec![EVIL.into()] });
                    typed(&mut app, &mut feed, ask);
                    if ask == "&" || ask == "/" {
                        EVIL.chars().for_each(|c| app.key(Key::Char(c)));
                        settle(&mut app, &mut feed);
                    }
                    let terminal = picture(&app);
                    for cell in terminal.backend().buffer().content() {
                        assert!(!cell.symbol().contains(commands), "{pane:?} {ask}: {:?}", cell.symbol());
                    }
                    let text = terminal.backend().to_string();
                    assert!(text.contains("\\u{1b}[5i"), "{pane:?} {ask}: {text}");
                }
            }
        }
    }
}

#[test]
fn without_colour_nothing_is_coloured_and_the_cursor_still_shows() {
    use ratatui::style::Modifier;
    for color in [false, true] {
        let (mut app, mut feed) = start(5, 160, 50);
        app.style.color = color;
        typed(&mut app, &mut feed, "<cr>e");
        let terminal = picture(&app);
        let cells = terminal.backend().buffer().content();
        let coloured = cells.iter().any(|c| c.fg != Color::Reset || c.bg != Color::Reset);
        assert_eq!(coloured, color);
        assert!(cells.iter().any(|c| c.modifier.contains(Modifier::REVERSED)));
    }
}
