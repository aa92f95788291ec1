//! One line of a script into tokens, and a cursor that knows what it expected where.

use std::fmt;

/// A fault in a script: where, what was expected, what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1; one past the last for the end of the line.
    pub column: usize,
    /// What was expected, or what is wrong.
    pub message: String,
}

impl fmt::Display for ParseError {
    /// `line 3, column 9: expected a direction (> or <), found 'S'`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for ParseError {}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Anything without spaces and the special characters.
    Word(String),
    /// `"text"`, its escapes replaced.
    Text(Vec<u8>),
    /// One of `< > , ( ) [ ]`.
    Mark(char),
    /// What stands behind `#`, without it.
    Comment(String),
}

/// A token and the column that it starts in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub column: usize,
    pub kind: Kind,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(w) => write!(f, "'{}'", w.escape_debug()),
            Self::Text(_) => f.write_str("a text"),
            Self::Mark(c) => write!(f, "'{c}'"),
            Self::Comment(_) => f.write_str("a comment"),
        }
    }
}

const fn is_mark(c: char) -> bool {
    matches!(c, '<' | '>' | ',' | '(' | ')' | '[' | ']')
}

/// The tokens of `line`, which is number `number` of its script.
pub(super) fn tokens(line: &str, number: usize) -> Result<Vec<Token>, ParseError> {
    let mut out = Vec::new();
    let mut chars = line.chars().zip(1usize..).peekable();
    while let Some((c, column)) = chars.next() {
        let kind = match c {
            _ if c.is_whitespace() => continue,
            '#' => Kind::Comment(chars.by_ref().map(|(c, _)| c).collect()),
            '"' => Kind::Text(text(&mut chars, number, column)?),
            _ if is_mark(c) => Kind::Mark(c),
            _ => {
                let mut word = String::from(c);
                while let Some((c, _)) =
                    chars.next_if(|&(c, _)| !c.is_whitespace() && !is_mark(c) && c != '"' && c != '#')
                {
                    word.push(c);
                }
                Kind::Word(word)
            }
        };
        out.push(Token { column, kind });
    }
    Ok(out)
}

fn text(
    chars: &mut impl Iterator<Item = (char, usize)>,
    line: usize,
    start: usize,
) -> Result<Vec<u8>, ParseError> {
    let fail = |column, message: &str| Err(ParseError { line, column, message: message.into() });
    let mut out = Vec::new();
    while let Some((c, column)) = chars.next() {
        match c {
            '"' => return Ok(out),
            '\\' => match chars.next().map(|(c, _)| c) {
                Some('n') => out.push(b'\n'),
                Some('r') => out.push(b'\r'),
                Some('t') => out.push(b'\t'),
                Some('0') => out.push(0),
                Some('"') => out.push(b'"'),
                Some('\\') => out.push(b'\\'),
                Some('x') => {
                    let digit = |c: Option<(char, usize)>| c.and_then(|(c, _)| c.to_digit(16));
                    match (digit(chars.next()), digit(chars.next())) {
                        (Some(high), Some(low)) => out.push((high * 16 + low) as u8),
                        _ => return fail(column, "expected two hex digits behind \\x"),
                    }
                }
                _ => return fail(column, "expected \\n, \\r, \\t, \\0, \\\", \\\\ or \\xHH"),
            },
            _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    fail(start, "this text has no closing quote")
}

/// Walks the tokens of one line.
pub(super) struct Cursor {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    line: usize,
    end: usize,
}

impl Cursor {
    /// A cursor at the start of `text`.
    pub fn new(text: &str, line: usize) -> Result<Self, ParseError> {
        Ok(Self {
            tokens: tokens(text, line)?.into_iter().peekable(),
            line,
            end: text.trim_end().chars().count() + 1,
        })
    }

    /// The column of the next token.
    pub fn column(&mut self) -> usize {
        let end = self.end;
        self.tokens.peek().map_or(end, |t| t.column)
    }

    /// Nothing is left but perhaps a comment.
    pub fn at_end(&mut self) -> bool {
        matches!(self.tokens.peek(), None | Some(Token { kind: Kind::Comment(_), .. }))
    }

    /// The error that `expected` should stand here.
    pub fn expected<T>(&mut self, expected: &str) -> Result<T, ParseError> {
        let found = match self.tokens.peek() {
            Some(t) => t.kind.to_string(),
            None => "the end of the line".into(),
        };
        let column = self.column();
        self.fail(column, format!("expected {expected}, found {found}"))
    }

    /// An error at `column` of this line.
    pub fn fail<T>(&self, column: usize, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError { line: self.line, column, message: message.into() })
    }

    /// The next token if it is a word.
    pub fn peek_word(&mut self) -> Option<&str> {
        match self.tokens.peek() {
            Some(Token { kind: Kind::Word(w), .. }) => Some(w),
            _ => None,
        }
    }

    /// The next word and its column.
    pub fn word(&mut self, expected: &str) -> Result<(String, usize), ParseError> {
        match self.tokens.next_if(|t| matches!(t.kind, Kind::Word(_))) {
            Some(Token { kind: Kind::Word(w), column }) => Ok((w, column)),
            _ => self.expected(expected),
        }
    }

    /// Takes the next word if it is `word`.
    pub fn take_word(&mut self, word: &str) -> bool {
        self.tokens.next_if(|t| matches!(&t.kind, Kind::Word(w) if w == word)).is_some()
    }

    /// Takes the next token if it is the mark `c`.
    pub fn take_mark(&mut self, c: char) -> bool {
        self.tokens.next_if(|t| t.kind == Kind::Mark(c)).is_some()
    }

    /// The mark `c`, which must stand here.
    pub fn mark(&mut self, c: char) -> Result<(), ParseError> {
        if self.take_mark(c) { Ok(()) } else { self.expected(&format!("'{c}'")) }
    }

    /// Takes the next token if it is a text.
    pub fn take_text(&mut self) -> Option<(Vec<u8>, usize)> {
        match self.tokens.next_if(|t| matches!(t.kind, Kind::Text(_))) {
            Some(Token { kind: Kind::Text(text), column }) => Some((text, column)),
            _ => None,
        }
    }

    /// A whole number from 0 to `max`.
    pub fn number(&mut self, what: &str, max: u64) -> Result<u64, ParseError> {
        let expected = format!("{what} (a number from 0 to {max})");
        let Some(word) = self.peek_word() else { return self.expected(&expected) };
        match number(word, max) {
            Some(n) => {
                self.tokens.next();
                Ok(n)
            }
            None => self.expected(&expected),
        }
    }

    /// The comment at the end of the line with its first column, once all else is taken.
    pub fn finish(&mut self, expected: &str) -> Result<Option<(String, usize)>, ParseError> {
        match self.tokens.next_if(|t| matches!(t.kind, Kind::Comment(_))) {
            Some(Token { kind: Kind::Comment(text), column }) => Ok(Some((text, column + 1))),
            _ if self.tokens.peek().is_none() => Ok(None),
            _ => self.expected(expected),
        }
    }
}

/// A whole number, decimal or `0x…`, no sign and nothing around it.
pub(super) fn number(word: &str, max: u64) -> Option<u64> {
    let value = match word.strip_prefix("0x") {
        Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => u64::from_str_radix(hex, 16).ok()?,
        None if word.bytes().all(|b| b.is_ascii_digit()) => word.parse().ok()?,
        _ => return None,
    };
    (value <= max).then_some(value)
}

/// A whole number in decimal digits, at most `max`.
pub(super) fn decimal(word: &str, max: u64) -> Option<u64> {
    if word.starts_with("0x") { None } else { number(word, max) }
}
