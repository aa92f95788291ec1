//! Comma-separated values (RFC 4180): one table a view, all columns, nothing left out.
//!
//! Times are integers of nanoseconds, sequence numbers raw and relative. A spreadsheet
//! runs text that starts like a formula; such text gets an apostrophe in front.

use std::borrow::Cow;
use std::io::{self, Write};

use super::buffer::Buffer;
use super::fields::{self, CONVERSATION, Datum, EVIDENCE, Field, field};
use super::{Style, View, json, overhead, sentence};
use crate::report::{Conversation, Report};
use serde_json::Value;

/// Which table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Csv {
    /// A line for each conversation.
    Connections,
    /// A line for each packet of the selected conversations.
    Segments,
    /// A line for each event.
    Events,
    /// A line for each header length and option.
    Overhead,
}

impl View for Csv {
    fn render(&self, report: &Report, _style: &Style, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Connections => {
                let fields = CONVERSATION.iter().chain([&OUTCOME]);
                long_table(&CONNECTION, fields, report.conversations.iter(), out)
            }
            Self::Segments => {
                header(&SEGMENT, out)?;
                for detail in &report.details {
                    let Some(id) = detail.id else { continue };
                    for row in &detail.rows {
                        record(&SEGMENT, &json::row(id, row), out)?;
                    }
                }
                Ok(())
            }
            Self::Events => long_table(&EVENT, fields::EVENT.iter(), report.events.iter(), out),
            Self::Overhead => {
                write!(out, "what,kind,times,octets\r\n")?;
                let o = &report.overhead;
                write!(out, "udp header,8,{},{}\r\n", o.udp_headers, o.udp_headers.saturating_mul(8))?;
                for (octets, times) in o.tcp_headers.iter() {
                    let all = times.saturating_mul(octets.into());
                    write!(out, "tcp header,{octets},{times},{all}\r\n")?;
                }
                for (kind, &(times, octets)) in o.options.by_kind.iter().enumerate().filter(|(_, o)| o.0 > 0)
                {
                    write!(out, "tcp option,{},{times},{octets}\r\n", text(&overhead::option_name(kind)))?;
                }
                write!(out, "udp payload,,,{}\r\ntcp payload,,,{}\r\n", o.udp_payload, o.tcp_payload)
            }
        }
    }
}

const CONNECTION: [&str; 34] = [
    "type",
    "stream",
    "orig",
    "orig_port",
    "resp",
    "resp_port",
    "roles_known",
    "outcome",
    "conn_state",
    "history",
    "handshake",
    "handshake_retries",
    "teardown",
    "closed_by",
    "orig_state",
    "resp_state",
    "completeness",
    "initial_rtt",
    "syn_rtt",
    "first_frame",
    "first",
    "last",
    "duration",
    "orig_pkts",
    "resp_pkts",
    "orig_bytes",
    "resp_bytes",
    "orig_payload",
    "resp_payload",
    "orig_header_bytes",
    "resp_header_bytes",
    "orig_retransmitted",
    "resp_retransmitted",
    "icmp_errors",
];

const SEGMENT: [&str; 24] = [
    "type",
    "stream",
    "frame",
    "ts",
    "side",
    "seq",
    "rel_seq",
    "ack",
    "rel_ack",
    "flags",
    "flag_names",
    "win",
    "wsize",
    "len",
    "hdr_len",
    "opts",
    "an",
    "orig_state",
    "resp_state",
    "length",
    "icmp_type",
    "icmp_code",
    "wire",
    "ttl",
];

const EVENT: [&str; 9] =
    ["frame", "ts", "stream", "protocol", "side", "kind", "confidence", "an", "evidence"];

/// How it went, in words: only here, because the other formats have what it is made from.
const OUTCOME: Field<Conversation> = field!("outcome", |c| Datum::Words(sentence::outcome(&c.into())));

/// Lines gather to so many octets before they are written.
const GATHER: usize = 64 << 10;

/// Writes a table of which the rows may be very many: the fields with these names.
fn long_table<'a, T: 'a>(
    names: &[&str],
    fields: impl Iterator<Item = &'a Field<T>> + Clone,
    rows: impl Iterator<Item = T>,
    out: &mut dyn Write,
) -> io::Result<()> {
    header(names, out)?;
    let columns: Vec<_> = names.iter().filter_map(|name| fields.clone().find(|f| f.name == *name)).collect();
    let mut text = Buffer::default();
    for row in rows {
        for (i, column) in columns.iter().enumerate() {
            if i > 0 {
                text.octet(b',');
            }
            put(&(column.get)(&row), &mut text);
        }
        text.text("\r\n");
        text.drain(GATHER, out)?;
    }
    text.drain(0, out)
}

fn put(datum: &Datum<'_>, to: &mut Buffer) {
    match datum {
        Datum::Flag(on) => to.text(if *on { "true" } else { "false" }),
        Datum::Num(n) => to.digits(*n),
        Datum::Int(n) => to.signed(*n),
        Datum::Word(word) => to.text(&text(word)),
        Datum::Words(words) => to.text(&text(words)),
        Datum::Addr(addr) => to.addr(*addr),
        Datum::Labels(labels) => {
            for (i, name) in labels.names().enumerate() {
                to.text(if i > 0 { " " } else { "" });
                to.text(name);
            }
        }
        Datum::Evidence(evidence) => {
            let mut object = Buffer::default();
            json::object(&EVIDENCE, evidence, &mut object);
            to.text(&text(&String::from_utf8_lossy(&object.bytes)));
        }
        // What is no single value has no column.
        Datum::Absent | Datum::Pair(_) | Datum::Icmp(_) | Datum::Sides(_) | Datum::Rtt(_) => {}
    }
}

fn header(names: &[&str], out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{}\r\n", names.join(","))
}

fn record(names: &[&str], value: &Value, out: &mut dyn Write) -> io::Result<()> {
    for (i, name) in names.iter().enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        match value.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(s)) => out.write_all(text(s).as_bytes())?,
            Some(Value::Array(items)) => {
                let words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                out.write_all(text(&words.join(" ")).as_bytes())?;
            }
            Some(object @ Value::Object(_)) => out.write_all(text(&json::safe(object)).as_bytes())?,
            Some(other) => write!(out, "{other}")?,
        }
    }
    out.write_all(b"\r\n")
}

/// A text cell: quoted where it must be, and never a formula.
#[must_use]
pub fn text(raw: &str) -> Cow<'_, str> {
    let formula = raw.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let safe = if formula { format!("'{raw}").into() } else { Cow::Borrowed(raw) };
    if safe.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", safe.replace('"', "\"\"")).into()
    } else {
        safe
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn cells_are_quoted_and_formulas_disarmed() {
        let cases = [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-2", "'-2"),
            ("+a,b", "\"'+a,b\""),
            ("\tx", "'\tx"),
            ("two\nlines", "\"two\nlines\""),
        ];
        for (raw, expected) in cases {
            assert_eq!(text(raw), expected);
        }
    }
}
