//! Lines into connections and steps.

use std::collections::{HashMap, HashSet};
use std::net::{Ipv6Addr, SocketAddrV4};
use std::sync::Arc;

use crate::model::{Endpoint, LinkType, PerSide, Protocol, SeqNum, Side, Timestamp};

use super::expect::{self, EndExpectation};
use super::lex::{self, Cursor, ParseError};
use super::packet::{self, Numbering};
use super::step::{Body, Connection, Step};
use super::{Script, default_isn};

/// What is known so far.
struct Parser {
    script: Script,
    /// Beside each connection: what its next packet starts from.
    numbering: Vec<Numbering>,
    /// Where each connection, and each label, is; which have their end line.
    known: HashMap<Connection, usize>,
    labels: HashMap<String, usize>,
    ended: HashSet<usize>,
    /// The connection that lines without a label belong to.
    current: Option<usize>,
    now: Timestamp,
}

/// Octets of a line at most: the longest payload, each octet of it spelled out, and more.
const LONGEST_LINE: usize = 1 << 19;

/// Reads a whole script.
pub(super) fn script(text: &str) -> Result<Script, ParseError> {
    let script = Script { link: LinkType::ETHERNET, connections: vec![], steps: vec![], ends: vec![] };
    let mut parser = Parser {
        script,
        numbering: vec![],
        known: HashMap::new(),
        labels: HashMap::new(),
        ended: HashSet::new(),
        current: None,
        now: Timestamp(0),
    };
    let mut lines = 0;
    for (text, number) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().zip(1..) {
        lines = number;
        if text.len() > LONGEST_LINE {
            let message = format!("a line of more than {LONGEST_LINE} octets");
            return Err(ParseError { line: number, column: 1, message });
        }
        parser.line(&mut Cursor::new(text, number)?, number)?;
    }
    if parser.script.steps.is_empty() {
        let message = "the script ends without a segment".into();
        return Err(ParseError { line: lines + 1, column: 1, message });
    }
    Ok(parser.script)
}

/// Words that cannot be labels, because lines start with them.
const RESERVED: [&str; 6] = ["tcp", "udp", "link", "isn", "end", "dup"];

fn is_label(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && !RESERVED.contains(&word)
}

impl Parser {
    fn line(&mut self, cursor: &mut Cursor, line: usize) -> Result<(), ParseError> {
        let first = cursor.peek_word().map(str::to_owned);
        match first.as_deref() {
            None if cursor.at_end() => return Ok(()),
            Some("tcp") => self.connection(cursor, Protocol::Tcp)?,
            Some("udp") => self.connection(cursor, Protocol::Udp)?,
            Some("link") => self.link(cursor)?,
            Some("isn") => self.isn(cursor)?,
            Some("end") => self.end(cursor, line)?,
            Some(word) if word.starts_with(|c: char| "+-.0123456789".contains(c)) => {
                return self.packet(cursor, line);
            }
            _ => return cursor.expected("a time, or tcp, udp, link, isn or end"),
        }
        cursor.finish("the end of the line").map(|_remark| ())
    }

    fn connection(&mut self, cursor: &mut Cursor, protocol: Protocol) -> Result<(), ParseError> {
        cursor.word("tcp or udp")?;
        let column = cursor.column();
        let label = match cursor.peek_word() {
            Some(word) if is_label(word) => Some(cursor.word("a label")?.0),
            _ => None,
        };
        let left = endpoint(cursor)?;
        cursor.mark('>')?;
        let right_column = cursor.column();
        let right = endpoint(cursor)?;
        if left.addr.is_ipv4() != right.addr.is_ipv4() {
            return cursor.fail(right_column, "one end is IPv4 and the other IPv6");
        }
        let new = Connection { label, protocol, endpoints: PerSide::new(left, right) };
        if let Some(known) = self.known.get(&new) {
            self.current = Some(*known);
            return Ok(());
        }
        if let Some(label) = new.label.as_deref().filter(|l| self.labelled(l).is_some()) {
            return cursor.fail(column, format!("the label {label} belongs to another connection"));
        }
        let index = self.script.connections.len();
        self.current = Some(index);
        self.numbering.push(Numbering::new(default_isn(index)));
        if let Some(label) = &new.label {
            self.labels.insert(label.clone(), index);
        }
        self.known.insert(new.clone(), index);
        self.script.connections.push(new);
        Ok(())
    }

    fn labelled(&self, label: &str) -> Option<usize> {
        self.labels.get(label).copied()
    }

    /// The connection whose label stands next, or the one that was opened last.
    fn subject(&self, cursor: &mut Cursor) -> Result<usize, ParseError> {
        match cursor.peek_word().and_then(|word| self.labelled(word)) {
            Some(known) => cursor.word("a label").map(|_| known),
            None => match self.current {
                Some(current) => Ok(current),
                None => cursor.expected("a line 'tcp A:PORT > B:PORT' or 'udp …' before this one"),
            },
        }
    }

    fn link(&mut self, cursor: &mut Cursor) -> Result<(), ParseError> {
        let column = cursor.column();
        cursor.word("link")?;
        if !self.script.connections.is_empty() {
            return cursor.fail(column, "link stands before the first connection");
        }
        self.script.link = match cursor.peek_word() {
            Some("ethernet") => LinkType::ETHERNET,
            Some("raw") => LinkType::RAW,
            _ => return cursor.expected("ethernet or raw"),
        };
        cursor.word("ethernet or raw").map(|_| ())
    }

    fn isn(&mut self, cursor: &mut Cursor) -> Result<(), ParseError> {
        cursor.word("isn")?;
        let connection = self.subject(cursor)?;
        let mut given = PerSide::new(None, None);
        while given == PerSide::new(None, None) || !cursor.at_end() {
            let side = match cursor.peek_word() {
                Some("orig") if given[Side::Orig].is_none() => Side::Orig,
                Some("resp") if given[Side::Resp].is_none() => Side::Resp,
                _ => return cursor.expected("orig N or resp N, each once"),
            };
            cursor.word("orig or resp")?;
            given[side] = Some(SeqNum(cursor.number("a sequence number", u32::MAX.into())? as u32));
        }
        if let Some(numbering) = self.numbering.get_mut(connection) {
            for side in Side::BOTH {
                numbering.restart(side, given[side]);
            }
        }
        Ok(())
    }

    fn end(&mut self, cursor: &mut Cursor, line: usize) -> Result<(), ParseError> {
        cursor.word("end")?;
        let connection = self.subject(cursor)?;
        let column = cursor.column();
        if !self.ended.insert(connection) {
            return cursor.fail(column, "this connection has its end line already");
        }
        let pairs = expect::pairs(cursor)?;
        self.script.ends.push(EndExpectation { line, connection, pairs });
        Ok(())
    }

    fn packet(&mut self, cursor: &mut Cursor, line: usize) -> Result<(), ParseError> {
        let column = cursor.column();
        if !self.script.ends.is_empty() {
            return cursor.fail(column, "end lines stand behind all packets");
        }
        self.now = time(cursor, self.now)?;
        let mut step = if cursor.peek_word() == Some("dup") {
            self.again(cursor)?
        } else {
            let connection = self.subject(cursor)?;
            self.fresh(cursor, connection)?
        };
        (step.line, step.ts) = (line, self.now);
        if let Some((comment, column)) = cursor.finish("an extra (ipid, ttl, ecn, vlan, snap, wire, …)")? {
            step.expect = expect::parse(cursor, &comment, column)?;
        }
        self.script.steps.push(step);
        Ok(())
    }

    /// `dup`: the last frame once more.
    fn again(&self, cursor: &mut Cursor) -> Result<Step, ParseError> {
        let column = cursor.column();
        cursor.word("dup")?;
        let Some(last) = self.script.steps.last() else {
            return cursor.fail(column, "there is no frame before this one");
        };
        let mut step = Step { expect: Default::default(), snap: None, wire: None, ..last.clone() };
        while packet::capture_extra(cursor, &mut step)? {}
        Ok(step)
    }

    fn fresh(&mut self, cursor: &mut Cursor, connection: usize) -> Result<Step, ParseError> {
        let side = if cursor.take_mark('>') {
            Side::Orig
        } else if cursor.take_mark('<') {
            Side::Resp
        } else {
            return cursor.expected("a direction (> or <), dup, or the label of a connection");
        };
        let (Some(about), Some(numbering)) =
            (self.script.connections.get(connection), self.numbering.get_mut(connection))
        else {
            return cursor.expected("a connection");
        };
        let mut step = Step {
            line: 0,
            ts: self.now,
            connection,
            side,
            isn: numbering.isn,
            body: Arc::new(Body::default()),
            snap: None,
            wire: None,
            expect: Default::default(),
        };
        packet::parse(cursor, about, numbering, &mut step)?;
        numbering.sent(&step, self.script.steps.len());
        Ok(step)
    }
}

/// The latest second that a timestamp can hold, with room to spare.
const LATEST: u64 = 9_000_000_000;

/// `SECONDS`, `+SECONDS` or `-SECONDS`, exact to the nanosecond.
fn time(cursor: &mut Cursor, now: Timestamp) -> Result<Timestamp, ParseError> {
    let (word, column) = cursor.word("a time")?;
    let digits = word.trim_start_matches(['+', '-']);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let seconds =
        if whole.is_empty() && !fraction.is_empty() { Some(0) } else { lex::decimal(whole, LATEST) };
    let nanos = match fraction.len() {
        0 if !digits.ends_with('.') => Some(0),
        n @ 1..=9 => {
            lex::decimal(fraction, u64::MAX).map(|f| f * 10u64.pow(9 - u32::try_from(n).unwrap_or(9)))
        }
        _ => None,
    };
    let (Some(seconds), Some(nanos), true) = (seconds, nanos, word.len() - digits.len() <= 1) else {
        return cursor.fail(
            column,
            format!(
                "expected a time in seconds with at most nine decimals (1.5, +.010, -.002), found '{}'",
                word.escape_debug()
            ),
        );
    };
    let value = (seconds * 1_000_000_000 + nanos).cast_signed();
    let then = match word.as_bytes().first() {
        Some(b'+') => now.plus(value),
        Some(b'-') => now.plus(-value),
        _ if value < now.nanos() => {
            return cursor
                .fail(column, "this time is before that of the last packet (to go back, write -SECONDS)");
        }
        _ => Timestamp(value),
    };
    let (earliest, latest) =
        (Timestamp::new(-LATEST.cast_signed(), 0), Timestamp::new(LATEST.cast_signed(), 0));
    if then < earliest || then > latest {
        return cursor.fail(column, "this time is too far from 1970 for a capture");
    }
    Ok(then)
}

/// `A.B.C.D:PORT` or `[ADDRESS]:PORT`.
fn endpoint(cursor: &mut Cursor) -> Result<Endpoint, ParseError> {
    const EXPECTED: &str = "an endpoint (10.0.0.1:80 or [2001:db8::1]:80)";
    if !cursor.take_mark('[') {
        let Some(end) = cursor.peek_word().and_then(|w| w.parse::<SocketAddrV4>().ok()) else {
            return cursor.expected(EXPECTED);
        };
        cursor.word(EXPECTED)?;
        return Ok(Endpoint { addr: (*end.ip()).into(), port: end.port() });
    }
    let (word, column) = cursor.word("an IPv6 address")?;
    let Ok(addr) = word.parse::<Ipv6Addr>() else {
        return cursor.fail(column, format!("expected an IPv6 address, found '{}'", word.escape_debug()));
    };
    cursor.mark(']')?;
    let port = cursor.peek_word().and_then(|w| lex::decimal(w.strip_prefix(':')?, 0xffff));
    let Some(port) = port else { return cursor.expected(":PORT") };
    cursor.word(":PORT")?;
    Ok(Endpoint { addr: addr.into(), port: port as u16 })
}
