//! The one way for strangers' text to a terminal.

use std::fmt;

/// Text by a stranger (a file name, an interface name, a comment, an error message
/// that quotes them) made safe to print: control characters, escape sequences, bidi
/// controls and zero-width characters are shown as `\u{…}`, nothing else changes.
///
/// Every view and every diagnostic prints such text through this.
#[derive(Debug, Clone, Copy)]
pub struct Printable<'a>(pub &'a str);

/// Would this character do something to a terminal or hide itself?
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(is_hostile) {
            let (clean, after) = rest.split_at(at);
            f.write_str(clean)?;
            let mut chars = after.chars();
            if let Some(c) = chars.next() {
                write!(f, "\\u{{{:x}}}", c as u32)?;
            }
            rest = chars.as_str();
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::Printable;

    #[test]
    fn what_would_command_a_terminal_is_spelled_out() {
        let cases = [
            ("plain é 漢", "plain é 漢"),
            ("\x1b[2J\x07", "\\u{1b}[2J\\u{7}"),
            ("a\nb\tc", "a\\u{a}b\\u{9}c"),
            ("\u{202e}gpj.exe", "\\u{202e}gpj.exe"),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
            ("\u{9b}31m", "\\u{9b}31m"),
        ];
        for (raw, expected) in cases {
            assert_eq!(Printable(raw).to_string(), expected);
        }
    }
}
