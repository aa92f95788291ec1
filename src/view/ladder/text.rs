//! The text pen.

use std::io::{self, Write};

use super::findings::{Mark, Tone};
use super::label::{clock, duration, gap_words};
use super::layout::{Arrow, Form, Item, Layout, What, label_lines};
use crate::model::{PerSide, Printable, Side, TcpState};
use crate::view::Style;
use crate::view::drawing::{center, columns, fit, left, plain, right, wrap};

/// Columns of a state's name.
const STATE: usize = 12;
/// From this width on, findings stand to the right.
const WIDE: usize = 120;
/// From this width on, calls stand outside the states.
const WIDER: usize = 150;
const CALLS: usize = 24;
const MARGIN: usize = 36;

pub(super) fn draw(layout: &Layout, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    Pen::new(layout, style, out).draw()
}

struct Pen<'a> {
    layout: &'a Layout,
    style: &'a Style,
    out: &'a mut dyn Write,
    frame: usize,
    time: usize,
    /// Columns of the time since the packet before; 0 where there is no room.
    gap: usize,
    state: usize,
    calls: usize,
    margin: usize,
    /// Columns between the life lines.
    between: usize,
    states: PerSide<Option<TcpState>>,
}

/// One line: what stands in each column.
#[derive(Default)]
struct Line {
    frame: String,
    time: String,
    gap: String,
    calls: PerSide<String>,
    states: PerSide<String>,
    middle: String,
    margin: String,
    tone: Option<Tone>,
    dotted: bool,
}

impl<'a> Pen<'a> {
    fn new(layout: &'a Layout, style: &'a Style, out: &'a mut dyn Write) -> Self {
        let arrows =
            || layout.items.iter().filter_map(|i| if let What::Arrow(a) = &i.what { Some(a) } else { None });
        let frame = arrows().map(|a| a.frame.to_string().len() + 1).max().unwrap_or(2).max(4);
        let time = layout.items.iter().filter_map(|i| i.at).map(|t| clock(t).len()).max().unwrap_or(8);
        let gap = if style.width >= WIDE { 9 } else { 0 };
        let state = if layout.bars.0.iter().any(|b| !b.is_empty()) { STATE } else { 0 };
        let calls = if layout.calls && style.width >= WIDER { CALLS } else { 0 };
        let marks = arrows().any(|a| !a.marks.is_empty());
        let margin = if marks && style.width >= WIDE { MARGIN } else { 0 };
        let space = |n: usize| if n > 0 { n + 1 } else { 0 };
        let taken =
            frame + 1 + time + 1 + space(gap) + 2 * space(calls) + 2 * space(state) + 2 + space(margin);
        let between = style.width.saturating_sub(taken).clamp(24, 76);
        Self {
            layout,
            style,
            out,
            frame,
            time,
            gap,
            state,
            calls,
            margin,
            between,
            states: PerSide::default(),
        }
    }

    fn draw(mut self) -> io::Result<()> {
        self.heads()?;
        for item in &self.layout.items {
            self.item(item)?;
        }
        if self.layout.roles_guessed {
            self.raw("No SYN was seen: which end began is a guess.")?;
        }
        Ok(())
    }

    fn say(&self, text: &str) -> String {
        let text = Printable(text).to_string();
        if self.style.ascii { plain(&text) } else { text }
    }

    fn raw(&mut self, text: &str) -> io::Result<()> {
        let text = self.say(text);
        writeln!(self.out, "{}", text.trim_end())
    }

    /// Columns before the left life line.
    fn before(&self) -> usize {
        let space = |n: usize| if n > 0 { n + 1 } else { 0 };
        self.frame + 1 + self.time + 1 + space(self.gap) + space(self.calls) + space(self.state)
    }

    /// The ends' names over their life lines, or one under the other where both do not fit.
    fn heads(&mut self) -> io::Result<()> {
        let (a, b) = (&self.layout.heads[Side::Orig], &self.layout.heads[Side::Resp]);
        let whole = self.before() + 2 + self.between + if self.state > 0 { self.state + 1 } else { 0 };
        for i in 0..a.len().max(b.len()) {
            let a = a.get(i).map(|l| self.say(l)).unwrap_or_default();
            let b = b.get(i).map(|l| self.say(l)).unwrap_or_default();
            let (wide_a, wide_b) = (columns(&a), columns(&b));
            let from_a = self.before().saturating_sub(wide_a / 2);
            let mut from_b = self.before() + 1 + self.between - (wide_b / 2).min(self.between);
            from_b = from_b.min(whole.saturating_sub(wide_b)).max(from_a);
            if from_a + wide_a + 2 <= from_b || wide_b == 0 || wide_a == 0 {
                let gap = from_b.saturating_sub(from_a + wide_a);
                let line = format!("{}{a}{}{b}", " ".repeat(from_a), " ".repeat(gap));
                writeln!(self.out, "{}", line.trim_end())?;
            } else {
                writeln!(self.out, "{}", fit(&format!("left  {a}"), self.style.width, '.'))?;
                writeln!(self.out, "{}", fit(&format!("right {b}"), self.style.width, '.'))?;
            }
        }
        self.put(Line::default())
    }

    fn item(&mut self, item: &Item) -> io::Result<()> {
        match &item.what {
            What::Arrow(arrow) => self.arrow(item, arrow),
            What::Fold(fold) => {
                let words = self.say(&fold.words());
                for line in wrap(&words, self.between.saturating_sub(2)) {
                    self.put(Line { middle: center(&line, self.between), dotted: true, ..Line::default() })?;
                }
                Ok(())
            }
            What::Pause(gap) => {
                let words = self.say(&duration(*gap));
                let dots = Line { dotted: true, ..Line::default() };
                self.put(Line { middle: center(&words, self.between), ..dots })
            }
            What::Call(side, text) => self.call(item, *side, text),
        }
    }

    fn call(&mut self, item: &Item, side: Side, text: &str) -> io::Result<()> {
        let text = self.say(text);
        let room = if self.calls > 0 { self.calls } else { self.between.saturating_sub(4) };
        let time = item.at.map(clock).unwrap_or_default();
        for (i, part) in wrap(&text, room).iter().enumerate() {
            let part = fit(part, room, '.');
            let mut line = Line::default();
            if i == 0 {
                line.time.clone_from(&time);
            }
            if self.calls > 0 {
                line.calls[side] = part;
            } else {
                line.middle = match side {
                    Side::Orig => left(&format!(" {part}"), self.between),
                    Side::Resp => right(&format!("{part} "), self.between),
                };
            }
            self.put(line)?;
        }
        Ok(())
    }

    fn arrow(&mut self, item: &Item, arrow: &Arrow) -> io::Result<()> {
        let room = self.between;
        let mut labels = label_lines(&arrow.parts, room.saturating_sub(8), room.saturating_sub(2));
        if let Some(delay) = arrow.delay {
            labels.push(format!("{} on the way", duration(delay)));
        }
        let labels: Vec<String> = labels.iter().map(|l| self.say(l)).collect();
        let name = labels.first().map_or("", String::as_str);
        let mut lines = vec![Line {
            frame: format!("#{}", arrow.frame),
            time: item.at.map(clock).unwrap_or_default(),
            gap: item.gap.map(|g| self.say(&gap_words(g))).unwrap_or_default(),
            middle: self.shaft(arrow, name),
            tone: if arrow.lost || arrow.form == Form::Reset { Some(Tone::Trouble) } else { None },
            ..Line::default()
        }];
        for label in labels.iter().skip(1) {
            let middle = center(&fit(label, room, '.'), room);
            lines.push(Line { middle, ..Line::default() });
        }
        if let Some(first) = lines.first_mut() {
            for side in Side::BOTH {
                if self.states[side] != arrow.states[side] {
                    first.states[side] = arrow.states[side].map_or("?", TcpState::name).to_owned();
                }
            }
        }
        self.states = arrow.states;
        self.add_marks(&mut lines, &arrow.marks);
        lines.into_iter().try_for_each(|line| self.put(line))
    }

    /// The arrow itself, with its name in it.
    fn shaft(&self, arrow: &Arrow, name: &str) -> String {
        let room = self.between;
        let ascii = self.style.ascii;
        let dash = match (ascii, arrow.form) {
            (true, _) => '-',
            (false, Form::Icmp) => '╌',
            (false, _) => '─',
        };
        let name = fit(name, room.saturating_sub(6), '.');
        let lost = if arrow.lost { (room / 5).min(room.saturating_sub(columns(&name) + 6)) } else { 0 };
        let tip = match (arrow.lost, arrow.from, ascii) {
            (true, _, false) => '×',
            (true, _, true) => 'x',
            (false, Side::Orig, false) => '→',
            (false, Side::Orig, true) => '>',
            (false, Side::Resp, false) => '←',
            (false, Side::Resp, true) => '<',
        };
        let long = room.saturating_sub(1 + lost + columns(&name) + 2);
        let tail = (long / 2).min(4);
        let dashes = |n: usize| dash.to_string().repeat(n);
        let gone = " ".repeat(lost);
        match arrow.from {
            Side::Orig => format!("{} {name} {}{tip}{gone}", dashes(tail), dashes(long - tail)),
            Side::Resp => format!("{gone}{tip}{} {name} {}", dashes(long - tail), dashes(tail)),
        }
    }

    /// Findings to the right, where there is room; otherwise under the arrow.
    fn add_marks(&self, lines: &mut Vec<Line>, marks: &[Mark]) {
        let mut n = 0;
        let sign = if self.style.ascii { "^" } else { "▲" };
        for mark in marks {
            let text = self.say(&mark.text);
            let room = if self.margin > 0 { self.margin - 2 } else { self.between.saturating_sub(4) };
            for (i, part) in wrap(&text, room).iter().enumerate() {
                let part = format!("{} {}", if i == 0 { sign } else { " " }, fit(part, room, '.'));
                if self.margin == 0 {
                    let middle = left(&format!(" {part}"), self.between);
                    lines.push(Line { middle, tone: Some(mark.tone), ..Line::default() });
                    continue;
                }
                if lines.get(n).is_none() {
                    lines.push(Line::default());
                }
                if let Some(line) = lines.get_mut(n) {
                    line.margin = part;
                    line.tone = line.tone.max(Some(mark.tone));
                }
                n += 1;
            }
        }
    }

    fn paint(&self, text: &str, tone: Option<Tone>) -> String {
        let code = match tone {
            Some(Tone::Trouble) => "31",
            Some(Tone::Notice) => "33",
            Some(Tone::Fact) => "2",
            None => "",
        };
        if self.style.color && !code.is_empty() && !text.trim().is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// The life line of an end: heavy while it is open.
    fn life(&self, side: Side, dotted: bool) -> char {
        match (self.style.ascii, dotted, self.states[side]) {
            (true, true, _) => ':',
            (true, false, _) => '|',
            (false, true, _) => '┊',
            (false, false, Some(TcpState::Established)) => '┃',
            (false, false, _) => '│',
        }
    }

    fn put(&mut self, line: Line) -> io::Result<()> {
        let mut text = format!("{} {} ", right(&line.frame, self.frame), right(&line.time, self.time));
        if self.gap > 0 {
            text.push_str(&format!("{} ", right(&fit(&line.gap, self.gap, '.'), self.gap)));
        }
        if self.calls > 0 {
            text.push_str(&format!("{} ", right(&line.calls[Side::Orig], self.calls)));
        }
        if self.state > 0 {
            text.push_str(&format!("{} ", right(&line.states[Side::Orig], self.state)));
        }
        text.push(self.life(Side::Orig, line.dotted));
        text.push_str(&self.paint(&left(&line.middle, self.between), line.tone));
        text.push(self.life(Side::Resp, line.dotted));
        if self.state > 0 {
            text.push_str(&format!(" {}", left(&line.states[Side::Resp], self.state)));
        }
        if self.calls > 0 {
            text.push_str(&format!(" {}", left(&line.calls[Side::Resp], self.calls)));
        }
        if self.margin > 0 {
            text.push_str(&format!(" {}", self.paint(&line.margin, line.tone)));
        }
        writeln!(self.out, "{}", text.trim_end())
    }
}
