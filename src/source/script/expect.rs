//! What a script expects of the analysis: behind `#` on a segment's line, and on
//! `end` lines. Only kept here; the scenario tests compare.

use crate::model::{PerSide, Side, TcpState};

use super::lex::{Cursor, ParseError};

/// Everything that a line expects of its packet. Expectations are exact: a label or
/// event that is not listed must not be found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expectations {
    /// Each end's state after the packet: `None` where the line says nothing,
    /// `Some(None)` for `?`, a state that cannot be known.
    pub states: PerSide<Option<Option<TcpState>>>,
    /// Names of Wireshark's labels, `retransmission`.
    pub labels: Vec<String>,
    /// Events by the names in records, with the confidence where the line says one.
    pub events: Vec<ExpectedEvent>,
}

/// An event that a packet must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedEvent {
    /// Its kind, `fast_retransmit`.
    pub kind: String,
    /// `certain`, `likely` or `undetermined`; `None` leaves it open.
    pub confidence: Option<String>,
}

/// What an `end` line expects of a connection after the last packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndExpectation {
    /// Line of the script, from 1.
    pub line: usize,
    /// Index into [`super::Script::connections`].
    pub connection: usize,
    /// `key=value` pairs in the order written.
    pub pairs: Vec<(String, String)>,
}

fn is_name(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Reads what stands behind the `#` of a segment's line, from `column` on. A second `#`
/// starts a remark for readers.
pub(super) fn parse(cursor: &Cursor, comment: &str, column: usize) -> Result<Expectations, ParseError> {
    let mut out = Expectations::default();
    let said = comment.split_once('#').map_or(comment, |(said, _remark)| said);
    if said.trim().is_empty() {
        return Ok(out);
    }
    let mut at = column;
    for item in said.split(',') {
        let column = at + item.chars().take_while(|c| c.is_whitespace()).count();
        one(cursor, item.trim(), column, &mut out)?;
        at += item.chars().count() + 1;
    }
    Ok(out)
}

fn one(cursor: &Cursor, item: &str, column: usize, out: &mut Expectations) -> Result<(), ParseError> {
    let mut words = item.split_whitespace();
    let (first, second) = (words.next().unwrap_or(""), words.next());
    let unknown = || {
        cursor.fail(
            column,
            format!(
                "expected a state (orig=, resp=, both=), an event=KIND [CONFIDENCE] or a label, found '{}' \
                 (a remark goes behind a second #)",
                item.escape_debug()
            ),
        )
    };
    if words.next().is_some() {
        return unknown();
    }
    match (first.split_once('='), second) {
        (Some(("event", kind)), confidence) if is_name(kind) => {
            if confidence.is_some_and(|c| !["certain", "likely", "undetermined"].contains(&c)) {
                return cursor.fail(column, "expected certain, likely or undetermined behind the event");
            }
            let confidence = confidence.map(Into::into);
            out.events.push(ExpectedEvent { kind: kind.into(), confidence });
        }
        (Some((who @ ("orig" | "resp" | "both"), name)), None) => {
            let state = match (name, TcpState::from_name(name)) {
                ("?", _) => None,
                (_, Some(state)) => Some(state),
                _ => {
                    let all = TcpState::ALL.map(TcpState::name).join(", ");
                    let found = name.escape_debug();
                    return cursor.fail(
                        column,
                        format!("expected a state ({all}, or ? for unknown), found '{found}'"),
                    );
                }
            };
            for side in Side::BOTH.into_iter().filter(|side| who == "both" || side.name() == who) {
                if out.states[side].replace(state).is_some() {
                    return cursor.fail(column, format!("the state of {} is given twice", side.name()));
                }
            }
        }
        (None, None) if is_name(first) => out.labels.push(first.into()),
        _ => return unknown(),
    }
    Ok(())
}

/// Reads `key=value…` to the end of an `end` line.
pub(super) fn pairs(cursor: &mut Cursor) -> Result<Vec<(String, String)>, ParseError> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    while !cursor.at_end() {
        let (word, column) = cursor.word("key=value")?;
        match word.split_once('=') {
            Some((key, _)) if pairs.iter().any(|(k, _)| k == key) => {
                return cursor.fail(column, format!("{} is given twice", key.escape_debug()));
            }
            Some((key, value)) if is_name(key) && !value.is_empty() => pairs.push((key.into(), value.into())),
            _ => {
                return cursor.fail(column, format!("expected key=value, found '{}'", word.escape_debug()));
            }
        }
    }
    if pairs.is_empty() { cursor.expected("key=value") } else { Ok(pairs) }
}
