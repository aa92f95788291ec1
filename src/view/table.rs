//! The one table of all text views: widths are decided once, rows stream.
//!
//! Numbers are never wrapped and nothing is cut off: where the columns do not fit,
//! those that matter least are left out and named under the table; text wraps.

use std::borrow::Cow;
use std::io::{self, Write};

use anstyle::{AnsiColor, Effects};
use comfy_table::{ColumnConstraint, ContentArrangement, TableStyle, Width};
use unicode_width::UnicodeWidthStr;

use super::Style;

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

/// `text` as `style` allows it: with `ascii`, arrows and the like in ASCII, and every
/// other character by its number.
#[must_use]
pub fn fit_charset<'a>(text: &'a str, style: &Style) -> Cow<'a, str> {
    if !style.ascii || text.is_ascii() {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '→' => out.push_str("->"),
            '←' => out.push_str("<-"),
            '…' => out.push_str("..."),
            '─' => out.push('-'),
            '█' => out.push('#'),
            '·' => out.push('|'),
            'µ' => out.push('u'),
            '×' => out.push('x'),
            _ if c.is_ascii() || c == UNBROKEN => out.push(c),
            _ => out.extend(c.escape_unicode()),
        }
    }
    out.into()
}

/// A space at which [`paragraph`] does not break.
pub const UNBROKEN: char = '\u{a0}';

/// Writes text outside a table: its lines, each wrapped at words to the width.
///
/// # Errors
/// Those of `out`.
pub fn paragraph(text: &str, indent: usize, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let text = fit_charset(text, style);
    let width = style.width.saturating_sub(indent).max(20);
    for line in text.split('\n').flat_map(|part| wrap(part, width)) {
        writeln!(out, "{:indent$}{}", "", line.replace(UNBROKEN, " "))?;
    }
    Ok(())
}

/// Columns between two columns.
const GAP: usize = 2;

/// Writes a table. `rows` is asked twice: once for the widths, once for the text, so
/// that a long table is never held as a whole.
///
/// # Errors
/// Those of `out`.
pub fn write<R>(
    columns: &[Column],
    rows: impl Fn() -> R,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()>
where
    R: Iterator<Item = Line>,
{
    let mut natural = vec![0; columns.len()];
    let mut any = false;
    for line in rows() {
        any = true;
        for (width, cell) in natural.iter_mut().zip(&line.cells) {
            *width = (*width).max(text_width(&fit_charset(&cell.text, style)));
        }
    }
    if !any {
        return Ok(());
    }
    let titles: Vec<String> = columns.iter().map(|c| fit_charset(c.title, style).into_owned()).collect();
    let widths = plan(columns, &titles, &natural, style.width);
    let shown: Vec<usize> = widths.iter().flatten().copied().collect();
    let total = shown.iter().sum::<usize>() + GAP * shown.len().saturating_sub(1);
    let head = Line { cells: titles.iter().map(|t| Cell::toned(t.clone(), Tone::Dim)).collect(), note: None };
    write_line(&head, columns, &widths, style, out)?;
    writeln!(out, "{}", if style.ascii { "-" } else { "─" }.repeat(total))?;
    let indent = shown.first().map_or(0, |w| w + GAP);
    for line in rows() {
        write_line(&line, columns, &widths, style, out)?;
        if let Some(note) = &line.note {
            paragraph(note, indent, style, out)?;
        }
    }
    let missing: Vec<&str> = columns
        .iter()
        .zip(&widths)
        .zip(&natural)
        .filter(|((column, width), natural)| width.is_none() && !column.quiet && **natural > 0)
        .map(|((column, _), _)| column.title)
        .collect();
    if !missing.is_empty() {
        let text = format!("(no room at {} columns for: {})", style.width, missing.join(", "));
        paragraph(&text, 0, style, out)?;
    }
    Ok(())
}

/// The width of each column, `None` for those left out: empty ones, and then those with
/// the highest `drop` until the rest fits.
fn plan(columns: &[Column], titles: &[String], natural: &[usize], room: usize) -> Vec<Option<usize>> {
    let full = |i: usize| natural[i].max(titles[i].width());
    let least = |i: usize| match columns[i].wrap {
        Some(wrap) => full(i).min(wrap.max(titles[i].width())),
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

/// A cell that has found its place.
struct Placed<'a> {
    text: Cow<'a, str>,
    /// Columns that `text` takes.
    columns: usize,
    tone: Tone,
    width: usize,
    right: bool,
}

fn write_line(
    line: &Line,
    columns: &[Column],
    widths: &[Option<usize>],
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut placed = Vec::with_capacity(columns.len());
    for (i, (column, width)) in columns.iter().zip(widths).enumerate() {
        let Some(width) = *width else { continue };
        let (text, tone) = line.cells.get(i).map_or(("", Tone::Plain), |c| (c.text.as_str(), c.tone));
        let text = fit_charset(text, style);
        placed.push(Placed { columns: text_width(&text), text, tone, width, right: column.right });
    }
    if placed.iter().all(|cell| cell.columns <= cell.width) {
        return write_row(&placed, style, out);
    }
    let wrapped: Vec<Vec<String>> = placed.iter().map(|cell| wrap(&cell.text, cell.width)).collect();
    for row in 0..wrapped.iter().map(Vec::len).max().unwrap_or(0) {
        let part = |(cell, lines): (&Placed<'_>, &Vec<String>)| {
            let text = lines.get(row).cloned().unwrap_or_default();
            Placed { columns: text_width(&text), text: text.into(), ..*cell }
        };
        let parts: Vec<Placed<'_>> = placed.iter().zip(&wrapped).map(part).collect();
        write_row(&parts, style, out)?;
    }
    Ok(())
}

/// Writes one row of text. Spaces are owed until something follows them, so that no
/// line ends in one.
fn write_row(cells: &[Placed<'_>], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut owed = 0;
    for (i, cell) in cells.iter().enumerate() {
        let fill = cell.width.saturating_sub(cell.columns);
        owed += if i > 0 { GAP } else { 0 } + if cell.right { fill } else { 0 };
        if !cell.text.is_empty() {
            write!(out, "{:owed$}", "")?;
            owed = 0;
            if style.color {
                let paint = cell.tone.style();
                write!(out, "{paint}{}{paint:#}", cell.text)?;
            } else {
                out.write_all(cell.text.as_bytes())?;
            }
        }
        owed += if cell.right { 0 } else { fill };
    }
    out.write_all(b"\n")
}

/// Columns that `text` takes in a terminal.
fn text_width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// `text` in lines of at most `width` columns, broken at words where that can be.
fn wrap(text: &str, width: usize) -> Vec<String> {
    if text_width(text) <= width {
        return vec![text.into()];
    }
    let mut table = comfy_table::Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic);
    table.add_row([text]);
    if let Some(column) = table.column_mut(0) {
        let width = u16::try_from(width).unwrap_or(u16::MAX);
        column.set_padding((0, 0)).set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
    }
    table.lines().map(|l| l.trim_end().to_owned()).collect()
}

/// Writes the same rows as a Markdown table (all columns; remarks as rows of their own).
///
/// # Errors
/// Those of `out`.
pub fn write_markdown(
    columns: &[Column],
    rows: impl Iterator<Item = Line>,
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
    for line in rows {
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
    }
    Ok(())
}

/// `text` with everything escaped that Markdown or the HTML in it would read as more.
#[must_use]
pub fn markdown_text(text: &str, style: &Style) -> String {
    let mut out = String::with_capacity(text.len());
    for c in fit_charset(text, style).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '!' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}
