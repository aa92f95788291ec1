//! The report as one JSON document, and its parts as values that other formats reuse.
//!
//! Names are those of the record schema where it has one. Times are integers of
//! nanoseconds (moments since 1970, durations), what is unknown is left out. Strings are
//! as they were met, in JSON's escapes where they are not plain ASCII.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::buffer::Buffer;
use super::fields::{CONVERSATION, Datum, EVENT, EVIDENCE, Field, ICMP, RTT, SIDE};
use super::{Style, View, overhead};
use crate::decode::OptionField;
use crate::model::{Protocol, Side, StreamId, TcpFlags, TcpState};
use crate::report::{Conversation, Detail, Report, Row, RowKind, Summary};
use crate::track::{Event, Labels};

/// The whole report as one document.
#[derive(Debug, Clone, Default)]
pub struct Json {
    /// What is known beside the report, as a member `lab`.
    pub lab: Option<Value>,
}

impl View for Json {
    fn render(&self, report: &Report, _style: &Style, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{{\"summary\":{},", safe(&summary(&report.summary)))?;
        long_list("streams", &CONVERSATION, report.conversations.iter(), out)?;
        writeln!(out, ",\"streams_left_out\":{},", report.conversations_left_out)?;
        list("details", report.details.iter().map(detail), out)?;
        writeln!(out, ",")?;
        long_list("events", &EVENT, report.events.iter(), out)?;
        writeln!(out, ",\"events_left_out\":{},", report.events_left_out)?;
        write!(out, "\"overhead\":{}", safe(&overhead(report)))?;
        if let Some(lab) = &self.lab {
            write!(out, ",\n\"lab\":{}", safe(lab))?;
        }
        writeln!(out, "}}")
    }
}

/// Objects gather to so many octets before they are written.
const GATHER: usize = 64 << 10;

/// Writes a list of which there may be very many, field by field.
fn long_list<T>(
    name: &str,
    fields: &[Field<T>],
    items: impl Iterator<Item = T>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut text = Buffer::default();
    text.quoted(|to| to.text(name));
    text.text(":[");
    for (i, item) in items.enumerate() {
        text.text(if i > 0 { ",\n" } else { "\n" });
        object(fields, &item, &mut text);
        text.drain(GATHER, out)?;
    }
    text.text("]");
    text.drain(0, out)
}

/// Writes a list item by item: a long report is never one value in memory.
fn list(name: &str, items: impl Iterator<Item = Value>, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "\"{name}\":[")?;
    for (i, item) in items.enumerate() {
        write!(out, "{}\n{}", if i > 0 { "," } else { "" }, safe(&item))?;
    }
    write!(out, "]")
}

/// The text of `value` in ASCII, every other character as `\uXXXX`: nothing in it can
/// command a terminal, and JSON means the same.
#[must_use]
pub fn safe(value: &Value) -> String {
    let text = value.to_string();
    if text.is_ascii() && !text.contains('\x7f') {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() && c != '\x7f' {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

/// What was read.
#[must_use]
pub fn summary(s: &Summary) -> Value {
    let problems: Vec<Value> = s
        .problems
        .iter()
        .map(|(text, packets, frame, offset)| {
            json!({"problem": text, "packets": packets, "first_frame": frame, "offset": offset})
        })
        .collect();
    let interfaces: Vec<Value> = s
        .interfaces
        .iter()
        .map(|i| json!({"name": i.name, "link": i.link.to_string(), "snaplen": i.snaplen}))
        .collect();
    compact(json!({
        "origins": s.origins,
        "packets": s.packets,
        "bytes": s.bytes,
        "first": s.first.map(|t| t.nanos()),
        "last": s.last.map(|t| t.nanos()),
        "tcp_segments": s.tcp_segments,
        "udp_datagrams": s.udp_datagrams,
        "icmp_messages": s.icmp_messages,
        "other_packets": s.other_packets,
        "tcp_streams": s.tcp_streams,
        "udp_streams": s.udp_streams,
        "problems": problems,
        "drops": s.drops.map(|d| json!({"received": d.received, "kernel": d.kernel, "interface": d.interface})),
        "interfaces": interfaces,
        "fault": s.fault,
        "remarks": s.remarks,
    }))
}

/// `value` without its nulls: unknown is left out.
fn compact(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(fields.into_iter().filter(|(_, v)| !v.is_null()).collect()),
        other => other,
    }
}

fn merge(into: &mut Map<String, Value>, value: Value) {
    if let Value::Object(fields) = value {
        into.extend(fields.into_iter().filter(|(_, v)| !v.is_null()));
    }
}

/// A conversation as an object; what is unknown is left out.
#[must_use]
pub fn conversation(c: &Conversation) -> String {
    let mut text = Buffer::default();
    object(&CONVERSATION, c, &mut text);
    String::from_utf8(text.bytes).unwrap_or_default()
}

/// An object of the fields that are there.
pub(super) fn object<T>(fields: &[Field<T>], of: &T, to: &mut Buffer) {
    let mut comma = 1;
    to.bytes.push(b'{');
    for field in fields {
        let datum = (field.get)(of);
        if !matches!(datum, Datum::Absent) {
            // No comma before the first one.
            to.bytes.extend_from_slice(field.key.0.as_bytes().get(comma..).unwrap_or_default());
            comma = 0;
            put(&datum, to);
        }
    }
    to.bytes.push(b'}');
}

fn put(datum: &Datum<'_>, to: &mut Buffer) {
    match datum {
        Datum::Absent => to.text("null"),
        Datum::Flag(on) => to.text(if *on { "true" } else { "false" }),
        Datum::Num(n) => to.digits(*n),
        Datum::Int(n) => to.signed(*n),
        Datum::Word(word) => to.quoted(|to| to.text(word)),
        Datum::Words(words) => to.quoted(|to| to.text(words)),
        Datum::Addr(addr) => to.quoted(|to| to.addr(*addr)),
        Datum::Pair([a, b]) => to.pair(|to| to.digits(*a), |to| to.digits(*b)),
        Datum::Icmp(icmp) => object(&ICMP, icmp, to),
        Datum::Sides(sides) => {
            to.pair(|to| object(&SIDE, &sides[Side::Orig], to), |to| object(&SIDE, &sides[Side::Resp], to));
        }
        Datum::Rtt(rtt) => object(&RTT, rtt, to),
        Datum::Labels(labels) => {
            to.octet(b'[');
            for (i, name) in labels.names().enumerate() {
                to.text(if i > 0 { "," } else { "" });
                to.quoted(|to| to.text(name));
            }
            to.octet(b']');
        }
        Datum::Evidence(evidence) => object(&EVIDENCE, evidence, to),
    }
}

/// The packets of a conversation.
#[must_use]
pub fn detail(d: &Detail) -> Value {
    compact(json!({
        "stream": d.id.map(|id| id.number),
        "protocol": d.id.map(|id| id.protocol.name()),
        "left_out": d.left_out,
        "left_out_at": (d.left_out > 0).then_some(d.left_out_at),
        "rows": d.rows.iter().filter_map(|r| Some(row(d.id?, r))).collect::<Vec<_>>(),
        "events": d.events.iter().map(event).collect::<Vec<_>>(),
    }))
}

fn labels(of: Labels) -> Option<Vec<&'static str>> {
    (!of.is_empty()).then(|| of.names().collect())
}

/// One packet of conversation `id`: the schema's `tcp`, `udp` or `icmp`, as far as a
/// kept row knows it, and more.
#[must_use]
pub fn row(id: StreamId, r: &Row) -> Value {
    let mut fields = Map::new();
    merge(
        &mut fields,
        json!({
            "frame": r.frame, "ts": r.ts.known(), "stream": id.number, "side": r.side.name(),
            "wire": r.wire, "ip_hdr_len": r.ip_header_len, "ip_id": r.ip_id, "ttl": r.ttl,
            "hdr_len": r.header_len, "len": r.len,
        }),
    );
    let more = match &r.kind {
        RowKind::Tcp {
            flags,
            seq,
            ack,
            rel_seq,
            rel_ack,
            window,
            scaled_window,
            options,
            checksum_offloaded,
            states,
            analysis: an,
        } => {
            let opts = OptionField(options.as_slice()).to_string();
            let has_dup = an.labels.has(Labels::DUPLICATE_ACK);
            json!({
                "type": "tcp", "flags": flags.0, "flag_names": flags.words(),
                "seq": seq.0, "ack": ack.0, "rel_seq": rel_seq,
                "rel_ack": rel_ack.filter(|_| flags.has(TcpFlags::ACK)),
                "win": window, "wsize": scaled_window.unwrap_or((*window).into()),
                "opts": (!opts.is_empty()).then_some(opts),
                "checksum_offloaded": checksum_offloaded.then_some(true),
                "orig_state": states[Side::Orig].map(TcpState::name),
                "resp_state": states[Side::Resp].map(TcpState::name),
                "an": labels(an.labels),
                "duplicate_ack_num": has_dup.then_some(an.duplicate_ack_num),
                "duplicate_ack_frame": has_dup.then_some(an.duplicate_ack_frame),
                "acks_frame": an.acks_frame, "ack_rtt": an.acks_frame.map(|_| an.ack_rtt),
                "bytes_in_flight": an.bytes_in_flight, "push_bytes_sent": an.push_bytes_sent,
                "rto": an.rto.map(|(_, rto)| rto), "rto_frame": an.rto.map(|(frame, _)| frame),
            })
        }
        RowKind::Udp { length, checksum } => json!({"type": "udp", "length": length, "checksum": checksum}),
        RowKind::Icmp { version, icmp_type, code } => {
            json!({"type": "icmp", "v": version, "icmp_type": icmp_type, "icmp_code": code})
        }
    };
    merge(&mut fields, more);
    Value::Object(fields)
}

/// One event with its verdict and evidence.
fn event(e: &Event) -> Value {
    let mut text = Buffer::default();
    object(&EVENT, e, &mut text);
    serde_json::from_slice(&text.bytes).unwrap_or_default()
}

/// Header lengths and options.
#[must_use]
pub fn overhead(report: &Report) -> Value {
    let o = &report.overhead;
    let lengths: Vec<Value> =
        o.tcp_headers.iter().map(|(octets, n)| json!({"octets": octets, "headers": n})).collect();
    let options: Vec<Value> = o
        .options
        .by_kind
        .iter()
        .enumerate()
        .filter(|(_, counts)| counts.0 > 0)
        .map(|(kind, (segments, octets))| {
            let known = (kind < 35).then_some(kind);
            compact(json!({
                "kind": known, "name": overhead::option_name(kind), "segments": segments, "octets": octets,
            }))
        })
        .collect();
    json!({
        Protocol::Tcp.name(): {
            "header_lengths": lengths, "header_bytes": o.tcp_header_bytes, "payload": o.tcp_payload,
            "options": options,
        },
        Protocol::Udp.name(): {
            "headers": o.udp_headers, "header_bytes": o.udp_headers.saturating_mul(8), "payload": o.udp_payload,
        },
    })
}
