//! What the pens share: text that is safe in XML, text cut to columns, SVG pieces.

use std::fmt::Write;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::model::Printable;

/// Text made safe for XML and HTML: markup escaped, what would hide or command spelled out.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in Printable(text).to_string().chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // No XML document may hold these, not even escaped.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

/// Columns that `text` takes in a terminal.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// `text` in at most `width` columns; what is cut ends in `more`.
pub(crate) fn fit(text: &str, width: usize, more: char) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w + 1 > width {
            break;
        }
        used += w;
        out.push(c);
    }
    if width > 0 {
        out.push(more);
    }
    out
}

/// `text` in the middle of `width` columns.
pub(crate) fn center(text: &str, width: usize) -> String {
    let free = width.saturating_sub(columns(text));
    format!("{}{text}{}", " ".repeat(free / 2), " ".repeat(free - free / 2))
}

/// `text` at the left of `width` columns.
pub(crate) fn left(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// `text` at the right of `width` columns.
pub(crate) fn right(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(columns(text))))
}

/// Words in lines of at most `width` columns; a longer word has a line of its own.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The few characters beyond ASCII that texts of our own use, in ASCII.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '…' => out.push_str("..."),
            '·' | '–' => out.push('-'),
            '×' => out.push('x'),
            '→' => out.push_str("->"),
            '←' => out.push_str("<-"),
            'µ' => out.push('u'),
            c if c.is_ascii() => out.push(c),
            c => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
        }
    }
    out
}

/// An SVG `text` element.
pub(crate) fn svg_text(out: &mut String, (x, y): (f64, f64), class: &str, text: &str) {
    let _ = writeln!(out, r#"<text x="{x:.1}" y="{y:.1}" class="{class}">{}</text>"#, escape(text));
}

/// Diagonal lines over a rectangle, as one path: what is not there.
pub(crate) fn svg_hatch(out: &mut String, (x, y): (f64, f64), (w, h): (f64, f64)) {
    const STEP: f64 = 7.0;
    let mut d = String::new();
    let mut k = STEP;
    while k < w + h {
        // From the lower left to the upper right along x + y = k.
        let (x1, y1) = if k <= h { (0.0, k) } else { (k - h, h) };
        let (x2, y2) = if k <= w { (k, 0.0) } else { (w, k - w) };
        let _ = write!(d, "M{:.1} {:.1}L{:.1} {:.1}", x + x1, y + y1, x + x2, y + y2);
        k += STEP;
    }
    let _ = writeln!(out, r#"<path class="hatch" d="{d}"/>"#);
}

/// Fails unless `xml` is well-formed: elements closed in order, attributes quoted.
#[cfg(test)]
pub(crate) fn assert_well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml;
    while let Some(at) = rest.find('<') {
        assert!(
            !rest[..at].contains('>') || open.last() == Some(&"style"),
            "a bare > before {}",
            &rest[at..]
        );
        let end = at + rest[at..].find('>').expect("a tag ends");
        let tag = &rest[at + 1..end];
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes in <{tag}>");
        let name = tag.split([' ', '\n', '/']).find(|n| !n.is_empty()).unwrap_or("");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "</{name}>");
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_safe_and_fits() {
        assert_eq!(escape("<script>\"&'\u{1b}\u{202e}"), "&lt;script&gt;&quot;&amp;&#39;\\u{1b}\\u{202e}");
        assert_eq!(fit("abcdef", 4, '…'), "abc…");
        assert_eq!(fit("漢字漢字", 5, '…'), "漢字…");
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(plain("9 ms → … ×"), "9 ms -> ... x");
    }
}
