//! Text to the width of a terminal: broken at words, in the characters that it has.

use std::borrow::Cow;
use std::io::{self, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, TableStyle, Width};
use unicode_width::UnicodeWidthStr;

use super::Style;

/// `text` as `style` allows it: with `ascii`, arrows and the like in ASCII, and every
/// other character by its number.
#[must_use]
pub fn fit_charset<'a>(text: &'a str, style: &Style) -> Cow<'a, str> {
    if !style.ascii || text.is_ascii() {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match mark(c) {
            Some(ascii) => out.push_str(ascii),
            None if c.is_ascii() => out.push(c),
            None => out.extend(c.escape_unicode()),
        }
    }
    out.into()
}

/// A mark of synfin's own words in ASCII. Each takes one column as it is.
const fn mark(c: char) -> Option<&'static str> {
    Some(match c {
        '→' => "->",
        '←' => "<-",
        '…' => "...",
        '─' => "-",
        '█' => "#",
        '·' => "|",
        'µ' => "u",
        '×' => "x",
        _ => return None,
    })
}

/// Where a [`paragraph`] that has it is broken, and nowhere else. It is written as a space; no
/// text of strangers has it, since it is a control character.
pub const BREAK: char = '\u{1f}';

/// Writes text outside a table: its lines, each wrapped at words to the width.
///
/// # Errors
/// Those of `out`.
pub fn paragraph(text: &str, indent: usize, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = Vec::new();
    push_paragraph(text, indent, style, &mut lines);
    out.write_all(&lines)
}

pub(super) fn push_paragraph(text: &str, indent: usize, style: &Style, to: &mut Vec<u8>) {
    let text = fit_charset(text, style);
    let width = style.width.saturating_sub(indent).max(20);
    for part in text.split('\n') {
        wrap(part, width, &mut |line| {
            pad(indent, to);
            let start = to.len();
            to.extend_from_slice(line.as_bytes());
            for octet in to.iter_mut().skip(start) {
                *octet = if *octet == BREAK as u8 { b' ' } else { *octet };
            }
            to.push(b'\n');
        });
    }
}

/// Appends spaces.
pub(super) fn pad(columns: usize, to: &mut Vec<u8>) {
    to.resize(to.len() + columns, b' ');
}

/// Columns that `text` takes in a terminal.
#[inline]
pub(super) fn text_width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    if text.chars().all(|c| c.is_ascii() || mark(c).is_some()) { text.chars().count() } else { text.width() }
}

/// Shows `text` to `line` in lines of at most `width` columns, broken at [`BREAK`]s, or else
/// at words, where that can be.
pub(super) fn wrap(text: &str, width: usize, line: &mut dyn FnMut(&str)) {
    let ascii = text.is_ascii();
    let columns_of = |part: &str| if ascii { part.len() } else { text_width(part) };
    if columns_of(text) <= width {
        return line(text);
    }
    let octets = text.as_bytes();
    let space = if octets.contains(&(BREAK as u8)) { BREAK as u8 } else { b' ' };
    // Where each word begins and ends: neither space is part of another character.
    let words = || {
        octets.split(|octet| *octet == space).scan(0, |at, word| {
            let start = *at;
            *at += word.len() + 1;
            Some(start..start + word.len())
        })
    };
    if octets.contains(&b'\n') || words().any(|word| columns_of(&text[word]) > width) {
        return wrap_long_words(&text.replace(BREAK, " "), width, line);
    }
    // The words gathered so far, and the columns that they take.
    let (mut gathered, mut columns) = (0..0, 0);
    for word in words() {
        let taken = columns_of(&text[word.clone()]);
        if !gathered.is_empty() && columns + 1 + taken <= width {
            gathered.end = word.end;
            columns += 1 + taken;
            continue;
        }
        if !gathered.is_empty() {
            line(text[gathered].trim_end_matches([' ', BREAK]));
        }
        (gathered, columns) = (word, taken);
    }
    if !gathered.is_empty() {
        line(text[gathered].trim_end_matches([' ', BREAK]));
    }
}

/// The same, where a word is longer than a line.
fn wrap_long_words(text: &str, width: usize, line: &mut dyn FnMut(&str)) {
    let mut table = comfy_table::Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic);
    table.add_row([text]);
    if let Some(column) = table.column_mut(0) {
        let width = u16::try_from(width).unwrap_or(u16::MAX);
        column.set_padding((0, 0)).set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
    }
    table.lines().for_each(|l| line(l.trim_end()));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{wrap, wrap_long_words};

    proptest! {
        /// Words of our own breaking stand where the library's would.
        #[test]
        fn lines_break_as_the_library_breaks_them(text in "([a-zé→µ\u{a0}]{0,12} {1,3}){1,20}[a-z]{1,9}", width in 12usize..60) {
            let (mut ours, mut library) = (Vec::new(), Vec::new());
            wrap(&text, width, &mut |line| ours.push(line.trim_end().to_owned()));
            wrap_long_words(&text, width, &mut |line| library.push(line.to_owned()));
            prop_assert_eq!(ours, library);
        }
    }
}
