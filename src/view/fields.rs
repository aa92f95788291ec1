//! What is written of a conversation and of an event, field by field: the description that JSON and CSV
//! have in common. Names are in the order of the alphabet, in which JSON writes them.

use std::net::IpAddr;

use crate::model::{PerSide, Protocol, Side, TcpState};
use crate::report::{Conversation, RttFacts, TcpFacts, TcpSideFacts, UdpFacts};
use crate::track::{Event, Evidence, Labels};

use super::buffer::Key;

/// The value of a field.
#[derive(Debug, Clone)]
pub(super) enum Datum<'a> {
    /// Unknown, or there is no such thing here: left out.
    Absent,
    Flag(bool),
    Num(u64),
    Int(i64),
    /// Words of our own, in plain ASCII without quotes.
    Word(&'a str),
    Words(String),
    Addr(IpAddr),
    /// `[a→b, b→a]`.
    Pair([u64; 2]),
    Icmp(&'a (u8, u8, u8)),
    Sides(&'a PerSide<TcpSideFacts>),
    Rtt(&'a RttFacts),
    /// Not empty.
    Labels(Labels),
    Evidence(&'a Evidence),
}

/// A field of `T`.
#[derive(Debug)]
pub(super) struct Field<T> {
    pub name: &'static str,
    /// As JSON has it behind another field.
    pub key: Key,
    pub get: fn(&T) -> Datum<'_>,
}

macro_rules! field {
    ($name:literal, $get:expr) => {
        $crate::view::fields::Field { name: $name, key: $crate::view::buffer::key!($name), get: $get }
    };
}
pub(super) use field;

use Datum::{Addr, Flag, Num, Pair, Word};

/// Those of a conversation: a `tcp_stream` or `udp_stream` of the record schema, and more.
/// `a` is the sender of the first packet, `orig` the originator.
pub(super) const CONVERSATION: [Field<Conversation>; 45] = [
    field!("a", |c| Addr(c.endpoints[c.first_sender].addr)),
    field!("ap", |c| Num(c.endpoints[c.first_sender].port.into())),
    field!("b", |c| Addr(c.endpoints[c.first_sender.other()].addr)),
    field!("bp", |c| Num(c.endpoints[c.first_sender.other()].port.into())),
    field!("bytes", |c| Pair(both(c).map(|side| c.traffic[side].bytes))),
    field!("closed_by", |c| tcp(c, |t| t.teardown.by().map_or(Datum::Absent, |by| Word(by.name())))),
    field!("completeness", |c| tcp(c, |t| Num(t.completeness.into()))),
    field!("conn_state", |c| tcp(c, |t| Word(t.conn_state))),
    field!("duration", |c| int(c.lasted())),
    field!("first", |c| int(c.first.known())),
    field!("first_frame", |c| Num(c.first_frame)),
    field!("first_icmp", |c| udp(c, |u| u.first_icmp.as_ref().map_or(Datum::Absent, Datum::Icmp))),
    field!("handshake", |c| tcp(c, |t| Word(t.handshake.name()))),
    field!("handshake_retries", |c| tcp(c, |t| Num(t.handshake_retries.into()))),
    field!("header_bytes", |c| Pair(both(c).map(|side| c.traffic[side].header_bytes))),
    field!("history", |c| tcp(c, |t| Word(&t.history))),
    field!("icmp_errors", |c| udp(c, |u| Num(u.icmp_errors))),
    field!("icmp_only", |c| udp(c, |u| known(u.icmp_only.then_some(Flag(true))))),
    field!("initial_rtt", |c| tcp(c, |t| int(t.initial_rtt))),
    field!("last", |c| int(c.last.known())),
    field!("lite", |c| udp(c, |u| known(u.lite.then_some(Flag(true))))),
    field!("orig", |c| Addr(c.endpoints[Side::Orig].addr)),
    field!("orig_bytes", |c| Num(c.traffic[Side::Orig].bytes)),
    field!("orig_header_bytes", |c| Num(c.traffic[Side::Orig].header_bytes)),
    field!("orig_payload", |c| Num(c.traffic[Side::Orig].payload)),
    field!("orig_pkts", |c| Num(c.traffic[Side::Orig].packets)),
    field!("orig_port", |c| Num(c.endpoints[Side::Orig].port.into())),
    field!("orig_retransmitted", |c| tcp(c, |t| Num(t.sides[Side::Orig].retransmitted_segments))),
    field!("orig_state", |c| tcp(c, |t| state(t.states[Side::Orig]))),
    field!("payload", |c| Pair(both(c).map(|side| c.traffic[side].payload))),
    field!("pkts", |c| Pair(both(c).map(|side| c.traffic[side].packets))),
    field!("resp", |c| Addr(c.endpoints[Side::Resp].addr)),
    field!("resp_bytes", |c| Num(c.traffic[Side::Resp].bytes)),
    field!("resp_header_bytes", |c| Num(c.traffic[Side::Resp].header_bytes)),
    field!("resp_payload", |c| Num(c.traffic[Side::Resp].payload)),
    field!("resp_pkts", |c| Num(c.traffic[Side::Resp].packets)),
    field!("resp_port", |c| Num(c.endpoints[Side::Resp].port.into())),
    field!("resp_retransmitted", |c| tcp(c, |t| Num(t.sides[Side::Resp].retransmitted_segments))),
    field!("resp_state", |c| tcp(c, |t| state(t.states[Side::Resp]))),
    field!("roles_known", |c| tcp(c, |t| Flag(t.roles_known))),
    field!("sides", |c| tcp(c, |t| Datum::Sides(&t.sides))),
    field!("stream", |c| Num(c.id.number.into())),
    field!("syn_rtt", |c| tcp(c, |t| int(t.syn_rtt))),
    field!("teardown", |c| tcp(c, |t| Word(t.teardown.name()))),
    field!("type", |c| Word(match c.id.protocol {
        Protocol::Tcp => "tcp_stream",
        Protocol::Udp => "udp_stream",
    })),
];

/// Those of one side of a TCP connection.
pub(super) const SIDE: [Field<TcpSideFacts>; 28] = [
    field!("base", |s| num(s.base.map(|n| n.0))),
    field!("data_first", |s| int(s.data_first.map(|t| t.nanos()))),
    field!("data_last", |s| int(s.data_last.map(|t| t.nanos()))),
    field!("data_segments", |s| Num(s.data_segments)),
    field!("duplicate_acks", |s| Num(s.duplicate_acks)),
    field!("flight_max", |s| Num(s.flight_max.into())),
    field!("idle_max", |s| Datum::Int(s.idle_max)),
    field!("initial_window", |s| num(s.initial_window)),
    field!("isn", |s| num(s.isn.map(|n| n.0))),
    field!("mss", |s| num(s.mss)),
    field!("out_of_order_depth", |s| Num(s.out_of_order_depth.into())),
    field!("out_of_order_segments", |s| Num(s.out_of_order_segments)),
    field!("pure_acks", |s| Num(s.pure_acks)),
    field!("pushes", |s| Num(s.pushes)),
    field!("retransmitted_bytes", |s| Num(s.retransmitted_bytes)),
    field!("retransmitted_segments", |s| Num(s.retransmitted_segments)),
    field!("rtt", |s| known((s.rtt.samples > 0).then_some(Datum::Rtt(&s.rtt)))),
    field!("sack_permitted", |s| Flag(s.sack_permitted)),
    field!("segment_max", |s| num((s.data_segments > 0).then_some(s.segment_max))),
    field!("segment_min", |s| num((s.data_segments > 0).then_some(s.segment_min))),
    field!("timestamps", |s| Flag(s.timestamps)),
    field!("unique_bytes", |s| Num(s.unique_bytes)),
    field!("window_max", |s| num(s.window_max)),
    field!("window_mean", |s| num(s.window_sum.checked_div(s.window_samples))),
    field!("window_min", |s| num(s.window_min)),
    field!("window_scale", |s| num(s.window_scale)),
    field!("zero_window_time", |s| Datum::Int(s.zero_window_time)),
    field!("zero_windows", |s| Num(s.zero_windows)),
];

/// Those of the round-trip times of one side.
pub(super) const RTT: [Field<RttFacts>; 7] = [
    field!("jitter", |r| Datum::Int(r.jitter)),
    field!("max", |r| Datum::Int(r.max)),
    field!("mean", |r| Datum::Int(r.mean)),
    field!("median", |r| Datum::Int(r.median)),
    field!("min", |r| Datum::Int(r.min)),
    field!("p95", |r| Datum::Int(r.p95)),
    field!("samples", |r| Num(r.samples)),
];

/// Those of an ICMP error: version, type and code.
pub(super) const ICMP: [Field<(u8, u8, u8)>; 3] = [
    field!("icmp_code", |i| Num(i.2.into())),
    field!("icmp_type", |i| Num(i.1.into())),
    field!("v", |i| Num(i.0.into())),
];

/// Those of an event.
pub(super) const EVENT: [Field<Event>; 10] = [
    field!("an", |e| known((!e.labels.is_empty()).then_some(Datum::Labels(e.labels)))),
    field!("confidence", |e| Word(e.confidence.name())),
    field!("evidence", |e| known(
        (e.evidence != Evidence::default()).then_some(Datum::Evidence(&e.evidence))
    )),
    field!("frame", |e| Num(e.packet)),
    field!("kind", |e| Word(e.kind.name())),
    field!("protocol", |e| Word(e.stream.protocol.name())),
    field!("side", |e| Word(e.side.name())),
    field!("stream", |e| Num(e.stream.number.into())),
    field!("ts", |e| int(e.ts.known())),
    field!("type", |_| Word("event")),
];

/// Those of the evidence for a verdict.
pub(super) const EVIDENCE: [Field<Evidence>; 12] = [
    field!("count", |v| num(v.count)),
    field!("duplicate_acks", |v| num(v.duplicate_acks)),
    field!("elapsed", |v| int(v.elapsed)),
    field!("ip_id", |v| two(v.ip_id)),
    field!("len", |v| num(v.len)),
    field!("original", |v| num(v.original)),
    field!("rtt", |v| int(v.rtt)),
    field!("sack", |v| two(v.sack)),
    field!("seq", |v| num(v.seq)),
    field!("tsval", |v| two(v.tsval)),
    field!("ttl", |v| two(v.ttl)),
    field!("witness", |v| num(v.witness)),
];

/// `[a, b]`.
const fn both(c: &Conversation) -> [Side; 2] {
    [c.first_sender, c.first_sender.other()]
}

fn tcp<'a>(c: &'a Conversation, get: impl FnOnce(&'a TcpFacts) -> Datum<'a>) -> Datum<'a> {
    c.tcp.as_deref().map_or(Datum::Absent, get)
}

fn udp<'a>(c: &'a Conversation, get: impl FnOnce(&'a UdpFacts) -> Datum<'a>) -> Datum<'a> {
    c.udp.as_ref().map_or(Datum::Absent, get)
}

fn known(value: Option<Datum<'_>>) -> Datum<'_> {
    value.unwrap_or(Datum::Absent)
}

fn num(value: Option<impl Into<u64>>) -> Datum<'static> {
    value.map_or(Datum::Absent, |n| Num(n.into()))
}

fn two(value: Option<(impl Into<u64>, impl Into<u64>)>) -> Datum<'static> {
    value.map_or(Datum::Absent, |(a, b)| Pair([a.into(), b.into()]))
}

fn int(value: Option<i64>) -> Datum<'static> {
    value.map_or(Datum::Absent, Datum::Int)
}

fn state(value: Option<TcpState>) -> Datum<'static> {
    value.map_or(Datum::Absent, |state| Word(state.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_of_the_alphabet() {
        fn sorted<T>(fields: &[Field<T>]) -> bool {
            fields.is_sorted_by_key(|f| f.name)
                && fields.iter().all(|f| f.key.0 == format!(",\"{}\":", f.name))
        }
        assert!(sorted(&CONVERSATION) && sorted(&SIDE) && sorted(&RTT) && sorted(&ICMP));
        assert!(sorted(&EVENT) && sorted(&EVIDENCE));
    }
}
