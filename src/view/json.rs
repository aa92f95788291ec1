//! The report as one JSON document, and its parts as values that other formats reuse.
//!
//! Names are those of the record schema where it has one. Times are integers of
//! nanoseconds (moments since 1970, durations), what is unknown is left out. Strings are
//! as they were met, in JSON's escapes where they are not plain ASCII.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::{Style, View, overhead};
use crate::decode::OptionField;
use crate::model::{Endpoint, Protocol, Side, StreamId, TcpFlags, TcpState};
use crate::report::{Conversation, Detail, Report, Row, RowKind, Summary, TcpFacts, TcpSideFacts};
use crate::track::{Event, Labels};

/// The whole report as one document.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json;

impl View for Json {
    fn render(&self, report: &Report, _style: &Style, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{{\"summary\":{},", safe(&summary(&report.summary)))?;
        list("streams", report.conversations.iter().map(conversation), out)?;
        writeln!(out, ",\"streams_left_out\":{},", report.conversations_left_out)?;
        list("details", report.details.iter().map(detail), out)?;
        writeln!(out, ",")?;
        list("events", report.events.iter().map(event), out)?;
        writeln!(out, ",\"events_left_out\":{},", report.events_left_out)?;
        writeln!(out, "\"overhead\":{}}}", safe(&overhead(report)))
    }
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

/// A conversation: a `tcp_stream` or `udp_stream` of the record schema, and more. `a`
/// is the sender of the first packet, `orig` the originator.
#[must_use]
pub fn conversation(c: &Conversation) -> Value {
    let (a, b) = (c.first_sender, c.first_sender.other());
    let end = |side: Side| -> Endpoint { c.endpoints[side] };
    let (orig, resp) = (c.traffic[Side::Orig], c.traffic[Side::Resp]);
    let mut fields = Map::new();
    merge(
        &mut fields,
        json!({
            "type": format!("{}_stream", c.id.protocol.name()),
            "stream": c.id.number,
            "a": end(a).addr, "ap": end(a).port, "b": end(b).addr, "bp": end(b).port,
            "first_frame": c.first_frame,
            "pkts": [c.traffic[a].packets, c.traffic[b].packets],
            "bytes": [c.traffic[a].bytes, c.traffic[b].bytes],
            "payload": [c.traffic[a].payload, c.traffic[b].payload],
            "header_bytes": [c.traffic[a].header_bytes, c.traffic[b].header_bytes],
            "first": c.first.nanos(), "last": c.last.nanos(), "duration": c.last.since(c.first),
        }),
    );
    merge(
        &mut fields,
        json!({
            "orig": end(Side::Orig).addr, "orig_port": end(Side::Orig).port,
            "resp": end(Side::Resp).addr, "resp_port": end(Side::Resp).port,
            "orig_pkts": orig.packets, "resp_pkts": resp.packets,
            "orig_bytes": orig.bytes, "resp_bytes": resp.bytes,
            "orig_payload": orig.payload, "resp_payload": resp.payload,
            "orig_header_bytes": orig.header_bytes, "resp_header_bytes": resp.header_bytes,
        }),
    );
    if let Some(tcp) = &c.tcp {
        merge(&mut fields, tcp_facts(tcp));
    }
    if let Some(udp) = &c.udp {
        merge(
            &mut fields,
            json!({
                "icmp_errors": udp.icmp_errors,
                "first_icmp": udp.first_icmp.map(|(v, t, code)| json!({"v": v, "icmp_type": t, "icmp_code": code})),
                "icmp_only": udp.icmp_only.then_some(true),
                "lite": udp.lite.then_some(true),
            }),
        );
    }
    Value::Object(fields)
}

fn tcp_facts(tcp: &TcpFacts) -> Value {
    json!({
        "roles_known": tcp.roles_known,
        "handshake": tcp.handshake.name(),
        "handshake_retries": tcp.handshake_retries,
        "teardown": tcp.teardown.name(),
        "closed_by": tcp.teardown.by().map(Side::name),
        "orig_state": tcp.states[Side::Orig].map(TcpState::name),
        "resp_state": tcp.states[Side::Resp].map(TcpState::name),
        "conn_state": tcp.conn_state,
        "history": tcp.history,
        "completeness": tcp.completeness,
        "initial_rtt": tcp.initial_rtt,
        "syn_rtt": tcp.syn_rtt,
        "orig_retransmitted": tcp.sides[Side::Orig].retransmitted_segments,
        "resp_retransmitted": tcp.sides[Side::Resp].retransmitted_segments,
        "sides": [side_facts(&tcp.sides[Side::Orig]), side_facts(&tcp.sides[Side::Resp])],
    })
}

fn side_facts(s: &TcpSideFacts) -> Value {
    let rtt = (s.rtt.samples > 0).then(|| {
        json!({
            "samples": s.rtt.samples, "min": s.rtt.min, "max": s.rtt.max, "mean": s.rtt.mean,
            "median": s.rtt.median, "p95": s.rtt.p95, "jitter": s.rtt.jitter,
        })
    });
    let mut fields = Map::new();
    merge(
        &mut fields,
        json!({
            "isn": s.isn.map(|n| n.0), "base": s.base.map(|n| n.0),
            "mss": s.mss, "window_scale": s.window_scale,
            "sack_permitted": s.sack_permitted, "timestamps": s.timestamps,
            "data_segments": s.data_segments, "unique_bytes": s.unique_bytes,
            "retransmitted_segments": s.retransmitted_segments, "retransmitted_bytes": s.retransmitted_bytes,
            "out_of_order_segments": s.out_of_order_segments, "out_of_order_depth": s.out_of_order_depth,
            "duplicate_acks": s.duplicate_acks, "pure_acks": s.pure_acks, "pushes": s.pushes,
        }),
    );
    let mean = (s.window_samples > 0).then(|| s.window_sum / s.window_samples);
    merge(
        &mut fields,
        json!({
            "segment_min": (s.data_segments > 0).then_some(s.segment_min),
            "segment_max": (s.data_segments > 0).then_some(s.segment_max),
            "window_min": s.window_min, "window_max": s.window_max, "window_mean": mean,
            "zero_windows": s.zero_windows, "zero_window_time": s.zero_window_time,
            "flight_max": s.flight_max, "initial_window": s.initial_window, "rtt": rtt,
            "idle_max": s.idle_max,
            "data_first": s.data_first.map(|t| t.nanos()), "data_last": s.data_last.map(|t| t.nanos()),
        }),
    );
    Value::Object(fields)
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
            "frame": r.frame, "ts": r.ts.nanos(), "stream": id.number, "side": r.side.name(),
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
#[must_use]
pub fn event(e: &Event) -> Value {
    let v = &e.evidence;
    let evidence = compact(json!({
        "original": v.original, "witness": v.witness, "seq": v.seq, "len": v.len, "ip_id": v.ip_id,
        "tsval": v.tsval, "ttl": v.ttl, "sack": v.sack, "duplicate_acks": v.duplicate_acks,
        "elapsed": v.elapsed, "rtt": v.rtt, "count": v.count,
    }));
    let empty = evidence.as_object().is_some_and(Map::is_empty);
    compact(json!({
        "type": "event", "frame": e.packet, "ts": e.ts.nanos(), "stream": e.stream.number,
        "protocol": e.stream.protocol.name(), "side": e.side.name(), "kind": e.kind.name(),
        "confidence": e.confidence.name(), "evidence": (!empty).then_some(evidence), "an": labels(e.labels),
    }))
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
