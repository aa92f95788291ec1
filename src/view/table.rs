//! The one table of all text views: widths are decided once, rows stream.
//!
//! Numbers are never wrapped and nothing is cut off: where the columns do not fit,
//! those that matter least are left out and named under the table; text wraps.

use std::borrow::Cow;
use std::io::{self, Write};
use std::ops::Range;
use std::{mem, thread};

use anstyle::{AnsiColor, Effects};

use super::Style;
use super::prose::{fit_charset, markdown_text, pad, push_paragraph, text_width, wrap};

/// What a cell's colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Nothing.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// Worth a look.
    Warn,
    /// Something failed.
    Bad,
    /// Less important than the rest.
    Dim,
}

impl Tone {
    const fn style(self) -> anstyle::Style {
        let plain = anstyle::Style::new();
        match self {
            Self::Plain => plain,
            Self::Good => AnsiColor::Green.on_default(),
            Self::Warn => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
            Self::Dim => plain.effects(Effects::DIMMED),
        }
    }
}

/// One cell: text that is safe to print, and its tone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell {
    /// The text.
    pub text: String,
    /// Its tone.
    pub tone: Tone,
}

impl Cell {
    /// A cell in a tone.
    #[must_use]
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), tone: Tone::Plain }
    }
}

/// A row, and what is to be said under it across all columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// One cell a column; missing ones are empty.
    pub cells: Vec<Cell>,
    /// A remark under the row.
    pub note: Option<String>,
}

impl Line {
    /// The empty text of the cell at `at`, to be written: a line that is used again keeps
    /// its room.
    pub fn cell(&mut self, at: usize, tone: Tone) -> &mut String {
        if self.cells.len() <= at {
            self.cells.resize_with(at + 1, Cell::default);
        }
        let cell = &mut self.cells[at];
        cell.tone = tone;
        cell.text.clear();
        &mut cell.text
    }

    /// Says one more thing under the row, on a line of its own.
    pub fn remark(&mut self, text: &str) {
        self.note = Some(match self.note.take() {
            Some(note) => format!("{note}\n{text}"),
            None => text.into(),
        });
    }
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its title.
    pub title: &'static str,
    /// Numbers stand on the right.
    pub right: bool,
    /// The least width that its text may be wrapped to; `None`: never wrapped.
    pub wrap: Option<usize>,
    /// Left out for want of room: highest first, 0 never.
    pub drop: u8,
    /// Not worth a word when it is left out.
    pub quiet: bool,
}

impl Column {
    /// A column of text, never wrapped and never left out.
    #[must_use]
    pub const fn text(title: &'static str) -> Self {
        Self { title, right: false, wrap: None, drop: 0, quiet: false }
    }

    /// A column of numbers.
    #[must_use]
    pub const fn number(title: &'static str) -> Self {
        Self { right: true, ..Self::text(title) }
    }

    /// May be wrapped to `least` columns.
    #[must_use]
    pub const fn wrapped(self, least: usize) -> Self {
        Self { wrap: Some(least), ..self }
    }

    /// May be left out; the highest `drop` goes first.
    #[must_use]
    pub const fn or_drop(self, drop: u8) -> Self {
        Self { drop, ..self }
    }

    /// May be left out without a word.
    #[must_use]
    pub const fn or_hide(self, drop: u8) -> Self {
        Self { drop, quiet: true, ..self }
    }
}

/// The rows of a table, each shown for a moment: a long table is never held as a whole.
pub trait Rows: Sync {
    /// Shows the rows of `range` to `row`, in order; the same ones every time.
    fn each(&self, range: Range<usize>, row: &mut dyn FnMut(&Line));

    /// The same with or without what stands under them: for the widths, in less time.
    fn each_cells(&self, range: Range<usize>, row: &mut dyn FnMut(&Line)) {
        self.each(range, row);
    }

    /// How many there are, where it costs nothing to begin in the middle.
    fn known(&self) -> Option<usize> {
        None
    }
}

impl<F: Fn() -> R + Sync, R: Iterator<Item = Line>> Rows for F {
    fn each(&self, range: Range<usize>, row: &mut dyn FnMut(&Line)) {
        self().skip(range.start).take(range.len()).for_each(|line| row(&line));
    }
}

/// All rows, however many.
const ALL: Range<usize> = 0..usize::MAX;

/// So many rows are worth a second thread.
const MANY: usize = 10_000;

/// Runs `half` on two ranges of `range` side by side; the results in order.
fn both<T: Send>(range: Range<usize>, half: impl Fn(Range<usize>) -> T + Sync) -> (T, T) {
    let middle = range.start.midpoint(range.end);
    thread::scope(|scope| {
        let second = thread::Builder::new().spawn_scoped(scope, || half(middle..range.end));
        let first = half(range.start..middle);
        let second = second.ok().and_then(|thread| thread.join().ok());
        // Without a second thread this one does it all.
        (first, second.unwrap_or_else(|| half(middle..range.end)))
    })
}

/// Columns between two columns.
const GAP: usize = 2;

/// Writes a table. `rows` is asked twice: once for the widths, once for the text.
///
/// # Errors
/// Those of `out`.
pub fn write(columns: &[Column], rows: &dyn Rows, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let many = rows.known().filter(|&n| n >= MANY);
    let measure = |range| {
        let mut natural = vec![0; columns.len()];
        let mut any = false;
        rows.each_cells(range, &mut |line| {
            any = true;
            for (width, cell) in natural.iter_mut().zip(&line.cells) {
                *width = (*width).max(text_width(&fit_charset(&cell.text, style)));
            }
        });
        (natural, any)
    };
    let (natural, any) = match many {
        Some(n) => {
            let ((a, first), (b, second)) = both(0..n, measure);
            (a.into_iter().zip(b).map(|(a, b)| a.max(b)).collect(), first || second)
        }
        None => measure(ALL),
    };
    if !any {
        return Ok(());
    }
    let titles: Vec<String> = columns.iter().map(|c| fit_charset(c.title, style).into_owned()).collect();
    let widths = plan(columns, &titles, &natural, style.width);
    let shown: Vec<usize> = widths.iter().flatten().copied().collect();
    let total = shown.iter().sum::<usize>() + GAP * shown.len().saturating_sub(1);
    let head = Line { cells: titles.iter().map(|t| Cell::toned(t.clone(), Tone::Dim)).collect(), note: None };
    let mut text = Vec::new();
    push_line(&head, columns, &widths, style, &mut text);
    text.extend_from_slice(if style.ascii { "-" } else { "─" }.repeat(total).as_bytes());
    text.push(b'\n');
    out.write_all(&text)?;
    let indent = shown.first().map_or(0, |w| w + GAP);
    let push = |line: &Line, text: &mut Vec<u8>| {
        push_line(line, columns, &widths, style, text);
        if let Some(note) = &line.note {
            push_paragraph(note, indent, style, text);
        }
    };
    if let Some(n) = many {
        let formatted = |range| {
            let mut text = Vec::new();
            rows.each(range, &mut |line| push(line, &mut text));
            text
        };
        for start in (0..n).step_by(MANY) {
            let (first, second) = both(start..n.min(start + MANY), formatted);
            out.write_all(&first)?;
            out.write_all(&second)?;
        }
    } else {
        let mut written = Ok(());
        text.clear();
        rows.each(ALL, &mut |line| {
            push(line, &mut text);
            if text.len() >= GATHER {
                written = mem::replace(&mut written, Ok(())).and_then(|()| out.write_all(&text));
                text.clear();
            }
        });
        written?;
        out.write_all(&text)?;
    }
    text.clear();
    let missing: Vec<&str> = columns
        .iter()
        .zip(&widths)
        .zip(&natural)
        .filter(|((column, width), natural)| width.is_none() && !column.quiet && **natural > 0)
        .map(|((column, _), _)| column.title)
        .collect();
    if !missing.is_empty() {
        let told = format!("(no room at {} columns for: {})", style.width, missing.join(", "));
        push_paragraph(&told, 0, style, &mut text);
    }
    out.write_all(&text)
}

/// Lines gather to so many octets before they are written.
const GATHER: usize = 64 << 10;

/// The width of each column, `None` for those left out: empty ones, and then those with
/// the highest `drop` until the rest fits.
fn plan(columns: &[Column], titles: &[String], natural: &[usize], room: usize) -> Vec<Option<usize>> {
    let full = |i: usize| natural[i].max(text_width(&titles[i]));
    let least = |i: usize| match columns[i].wrap {
        Some(wrap) => full(i).min(wrap.max(text_width(&titles[i]))),
        None => full(i),
    };
    let mut kept: Vec<usize> = (0..columns.len()).filter(|&i| natural[i] > 0).collect();
    let needed = |kept: &[usize]| kept.iter().map(|&i| least(i) + GAP).sum::<usize>().saturating_sub(GAP);
    while needed(&kept) > room {
        // Columns of one rank belong together (raw seq and raw ack): all or none.
        match kept.iter().map(|&i| columns[i].drop).max() {
            Some(rank @ 1..) => kept.retain(|&i| columns[i].drop != rank),
            _ => break,
        }
    }
    let mut spare = room.saturating_sub(needed(&kept));
    let mut widths = vec![None; columns.len()];
    for i in kept {
        let more = spare.min(full(i) - least(i));
        spare -= more;
        widths[i] = Some(least(i) + more);
    }
    widths
}

/// The cells of a line that are shown: text, tone, width, and whether it stands on the right.
type Placed<'a> = (Cow<'a, str>, Tone, usize, bool);

fn push_line(line: &Line, columns: &[Column], widths: &[Option<usize>], style: &Style, to: &mut Vec<u8>) {
    let placed = || {
        columns.iter().zip(widths).enumerate().filter_map(|(i, (column, width))| -> Option<Placed<'_>> {
            let (text, tone) = line.cells.get(i).map_or(("", Tone::Plain), |c| (c.text.as_str(), c.tone));
            Some((fit_charset(text, style), tone, (*width)?, column.right))
        })
    };
    if placed().all(|(text, _, width, _)| text_width(&text) <= width) {
        return push_row(placed(), style, to);
    }
    let wrapped: Vec<Vec<String>> = placed()
        .map(|(text, _, width, _)| {
            let mut lines = Vec::new();
            wrap(&text, width, &mut |line| lines.push(line.to_owned()));
            lines
        })
        .collect();
    for row in 0..wrapped.iter().map(Vec::len).max().unwrap_or(0) {
        let parts = placed().zip(&wrapped).map(|((_, tone, width, right), lines)| {
            (lines.get(row).map_or("", String::as_str).into(), tone, width, right)
        });
        push_row(parts, style, to);
    }
}

/// Appends one row of text. Spaces are owed until something follows them, so that no
/// line ends in one.
fn push_row<'a>(cells: impl Iterator<Item = Placed<'a>>, style: &Style, to: &mut Vec<u8>) {
    let mut owed = 0;
    for (i, (text, tone, width, right)) in cells.enumerate() {
        let fill = width.saturating_sub(text_width(&text));
        owed += if i > 0 { GAP } else { 0 } + if right { fill } else { 0 };
        if !text.is_empty() {
            pad(owed, to);
            owed = 0;
            if style.color {
                let paint = tone.style();
                to.extend_from_slice(format!("{paint}{text}{paint:#}").as_bytes());
            } else {
                to.extend_from_slice(text.as_bytes());
            }
        }
        owed += if right { 0 } else { fill };
    }
    to.push(b'\n');
}

/// Writes the same rows as a Markdown table (all columns; remarks as rows of their own).
///
/// # Errors
/// Those of `out`.
pub fn write_markdown(
    columns: &[Column],
    rows: &dyn Rows,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let rule = columns.iter().map(|c| if c.right { "--:" } else { "---" });
    writeln!(
        out,
        "| {} |",
        columns.iter().map(|c| markdown_text(c.title, style)).collect::<Vec<_>>().join(" | ")
    )?;
    writeln!(out, "| {} |", rule.collect::<Vec<_>>().join(" | "))?;
    let mut written = Ok(());
    let mut row = |line: &Line| {
        write!(out, "|")?;
        for i in 0..columns.len() {
            let text = line.cells.get(i).map_or("", |c| c.text.as_str());
            write!(out, " {} |", markdown_text(text, style))?;
        }
        writeln!(out)?;
        if let Some(note) = &line.note {
            writeln!(
                out,
                "| {} |{}",
                markdown_text(note, style),
                " |".repeat(columns.len().saturating_sub(1))
            )?;
        }
        Ok(())
    };
    rows.each(ALL, &mut |line| {
        if written.is_ok() {
            written = row(line);
        }
    });
    written
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
