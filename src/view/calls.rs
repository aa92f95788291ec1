//! The calls of a lab's programs, with the packets they caused.

use std::io::{self, Write};

use super::Style;
use super::number::duration;
use super::pen::Pen;
use super::table::{Cell, Column, Line, Tone};
use super::words::packets;
use crate::model::{Printable, Timestamp};

/// One call of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRow {
    /// When it was made, on the clock of the packets.
    pub ts: Timestamp,
    /// When it returned.
    pub returned: Timestamp,
    /// Whose program made it.
    pub host: String,
    /// The call: `send(c, 6)`.
    pub text: String,
    /// What it returned: `= 6`, `= -1 ECONNREFUSED`.
    pub result: String,
    /// The packets that carried the octets it moved, or else those that left while it ran, by
    /// their numbers in the other views.
    pub packets: Vec<u64>,
}

const COLUMNS: [Column; 6] = [
    Column::number("time"),
    Column::text("host"),
    Column::text("call").wrapped(16),
    Column::text("returned").wrapped(8),
    Column::number("after"),
    Column::text("packets").wrapped(10),
];

/// The table of calls in the order they were made; times count from the first.
///
/// # Errors
/// Those of `out`.
pub fn write(calls: &[CallRow], pen: Pen, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let zero = calls.iter().map(|c| c.ts).min().unwrap_or_default();
    let line = |c: &CallRow| {
        let since = c.ts.since(zero);
        let failed = c.result.contains("= -1");
        let cells: Vec<Cell> = vec![
            if since == 0 { "0".into() } else { duration(since).into() },
            Printable(&c.host).to_string().into(),
            Printable(&c.text).to_string().into(),
            Cell::toned(Printable(&c.result).to_string(), if failed { Tone::Bad } else { Tone::Plain }),
            duration(c.returned.since(c.ts)).into(),
            packets(&c.packets).into(),
        ];
        Line { cells, note: None }
    };
    pen.table(&COLUMNS, || calls.iter().map(line), style, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_stand_beside_their_packets() {
        let call = |at: i64, text: &str, result: &str, packets: &[u64]| CallRow {
            ts: Timestamp(at),
            returned: Timestamp(at + 1_500),
            host: "client".into(),
            text: text.into(),
            result: result.into(),
            packets: packets.to_vec(),
        };
        let calls = [
            call(5_000, "connect(c, 10.0.0.2:80)", "= 0", &[1, 3]),
            call(9_000, "send(c, 6\x1b[2J)", "= -1 EPIPE", &[]),
        ];
        let mut out = Vec::new();
        write(&calls, Pen::Text, &Style::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("connect(c, 10.0.0.2:80)  = 0         1.500 µs  packets 1 and 3"), "{text}");
        assert!(text.contains("4.000 µs") && text.contains("\\u{1b}") && !text.contains('\x1b'), "{text}");
    }
}
