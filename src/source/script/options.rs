//! TCP options in packetdrill's words: `<mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>`.

use crate::model::SeqNum;

use super::lex::{Cursor, ParseError};

/// One option as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptOption {
    /// `eol`
    End,
    /// `nop`
    Nop,
    /// `mss N`
    Mss(u16),
    /// `wscale N`
    WindowScale(u8),
    /// `sackOK`
    SackPermitted,
    /// `sack L:R …`, relative to the ISN of the side whose data it acknowledges.
    Sack(Vec<(u32, u32)>),
    /// `TS val V ecr E`
    Timestamps(u32, u32),
    /// `FO [HEX]`, `md5 [HEX]`, `mptcp HEX`, `kind N [HEX]`: kind and the octets after
    /// the length.
    Kind(u8, Vec<u8>),
    /// `raw HEX`: octets as they are, sensible or not.
    Raw(Vec<u8>),
}

impl ScriptOption {
    /// Appends the option's octets; `base` is the ISN that SACK edges count from.
    pub(super) fn encode(&self, base: SeqNum, out: &mut Vec<u8>) {
        let mut put = |kind: u8, data: &[u8]| {
            out.extend([kind, (data.len() + 2) as u8]);
            out.extend(data);
        };
        match self {
            Self::End => out.push(0),
            Self::Nop => out.push(1),
            Self::Mss(n) => put(2, &n.to_be_bytes()),
            Self::WindowScale(n) => put(3, &[*n]),
            Self::SackPermitted => put(4, &[]),
            Self::Sack(blocks) => {
                let edges: Vec<u8> = blocks
                    .iter()
                    .flat_map(|&(l, r)| [base.plus(l), base.plus(r)])
                    .flat_map(|edge| edge.0.to_be_bytes())
                    .collect();
                put(5, &edges);
            }
            Self::Timestamps(value, echo) => {
                put(8, &(u64::from(*value) << 32 | u64::from(*echo)).to_be_bytes());
            }
            Self::Kind(kind, data) => put(*kind, data),
            Self::Raw(octets) => out.extend(octets),
        }
    }
}

/// Octets of TCP options at most (RFC 9293 section 3.1: the data offset has four bits).
const MOST: usize = 40;

/// Reads `option,option…>`, the opening `<` being taken.
pub(super) fn parse(cursor: &mut Cursor) -> Result<Vec<ScriptOption>, ParseError> {
    let (mut options, mut octets) = (Vec::new(), Vec::new());
    loop {
        let column = cursor.column();
        let option = one(cursor)?;
        option.encode(SeqNum(0), &mut octets);
        if octets.len() > MOST {
            return cursor.fail(
                column,
                format!("options of {} octets, where a TCP header has room for 40", octets.len()),
            );
        }
        options.push(option);
        if cursor.take_mark('>') {
            return Ok(options);
        }
        if !cursor.take_mark(',') {
            return cursor.expected("',' or '>' behind an option");
        }
    }
}

fn one(cursor: &mut Cursor) -> Result<ScriptOption, ParseError> {
    const NAMES: &str = "an option (mss, wscale, sackOK, sack, TS, nop, eol, md5, FO, mptcp, kind or raw)";
    let (name, column) = cursor.word(NAMES)?;
    Ok(match name.as_str() {
        "eol" => ScriptOption::End,
        "nop" => ScriptOption::Nop,
        "mss" => ScriptOption::Mss(cursor.number("the MSS", 0xffff)? as u16),
        "wscale" => ScriptOption::WindowScale(cursor.number("the shift", 0xff)? as u8),
        "sackOK" => ScriptOption::SackPermitted,
        "sack" => ScriptOption::Sack(blocks(cursor)?),
        "TS" => {
            keyword(cursor, "val")?;
            let value = cursor.number("TSval", u32::MAX.into())? as u32;
            keyword(cursor, "ecr")?;
            ScriptOption::Timestamps(value, cursor.number("TSecr", u32::MAX.into())? as u32)
        }
        "md5" => match hex(cursor)? {
            None => ScriptOption::Kind(19, vec![0xd5; 16]),
            Some(digest) if digest.len() == 16 => ScriptOption::Kind(19, digest),
            Some(_) => return cursor.fail(column, "an MD5 digest has 16 octets (RFC 2385)"),
        },
        "FO" => ScriptOption::Kind(34, hex(cursor)?.unwrap_or_default()),
        "mptcp" => match hex(cursor)? {
            Some(data) => ScriptOption::Kind(30, data),
            None => return cursor.expected("the octets of the MPTCP option in hex"),
        },
        "kind" => {
            let kind = cursor.number("the option kind", 255)? as u8;
            if kind < 2 {
                return cursor.fail(column, "kinds 0 and 1 have no length: write eol or nop");
            }
            ScriptOption::Kind(kind, hex(cursor)?.unwrap_or_default())
        }
        "raw" => match hex(cursor)? {
            Some(octets) => ScriptOption::Raw(octets),
            None => return cursor.expected("octets in hex"),
        },
        _ => return cursor.fail(column, format!("expected {NAMES}, found '{}'", name.escape_debug())),
    })
}

fn keyword(cursor: &mut Cursor, word: &str) -> Result<(), ParseError> {
    if cursor.take_word(word) { Ok(()) } else { cursor.expected(&format!("'{word}'")) }
}

fn blocks(cursor: &mut Cursor) -> Result<Vec<(u32, u32)>, ParseError> {
    const EXPECTED: &str = "a SACK block LEFT:RIGHT";
    let mut blocks = Vec::new();
    while blocks.is_empty() || cursor.peek_word().is_some() {
        let (word, column) = cursor.word(EXPECTED)?;
        let edge = |s: &str| super::lex::number(s, u32::MAX.into()).map(|n| n as u32);
        match word.split_once(':').map(|(l, r)| (edge(l), edge(r))) {
            Some((Some(left), Some(right))) => blocks.push((left, right)),
            _ => {
                return cursor.fail(column, format!("expected {EXPECTED}, found '{}'", word.escape_debug()));
            }
        }
    }
    Ok(blocks)
}

/// Takes the next word as hex octets, if there is a word.
fn hex(cursor: &mut Cursor) -> Result<Option<Vec<u8>>, ParseError> {
    if cursor.peek_word().is_none() {
        return Ok(None);
    }
    let (word, column) = cursor.word("octets in hex")?;
    let digits: Option<Vec<u8>> = word.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 && digits.len() <= 2 * MOST => {
            Ok(Some(digits.chunks(2).map(|pair| pair.iter().fold(0, |all, d| all << 4 | d)).collect()))
        }
        Some(digits) if digits.len() % 2 == 0 => cursor.fail(column, "more than 40 octets"),
        _ => cursor.fail(column, format!("expected pairs of hex digits, found '{}'", word.escape_debug())),
    }
}
