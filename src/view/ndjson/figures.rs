//! What records of whole conversations and of events have in common: ends, counts, the
//! figures of both sides, evidence.

use super::line::Lines;
use crate::model::Endpoint;
use crate::track::{Counts, Evidence, Rtt, Stats, TcpConversation};
use crate::view::buffer::key;

/// Who sent the first packet, and the other.
pub(super) fn ends(l: &mut Lines, ends: [Endpoint; 2]) {
    l.addr(key!("a"), ends[0].addr);
    l.num(key!("ap"), ends[0].port.into());
    l.addr(key!("b"), ends[1].addr);
    l.num(key!("bp"), ends[1].port.into());
}

/// Packets and octets, `[a→b, b→a]`.
pub(super) fn counts(l: &mut Lines, [a, b]: [&Counts; 2]) {
    l.pair(key!("pkts"), [a.packets, b.packets]);
    l.pair(key!("bytes"), [a.bytes, b.bytes]);
    l.pair(key!("payload"), [a.payload, b.payload]);
    l.pair(key!("header_bytes"), [a.header_bytes, b.header_bytes]);
}

/// The figures of both sides, `[a, b]` as the counts are; unknown is `null`.
pub(super) fn sides(l: &mut Lines, c: &TcpConversation) {
    let sides = [c.side(0), c.side(1)];
    let both = sides.map(|side| c.stats(side));
    let of = |figure: fn(&Stats) -> u64| both.map(figure);
    l.maybe_pair(key!("isn"), sides.map(|side| c.isn(side).map(|n| n.0.into())));
    l.maybe_pair(key!("mss"), both.map(|s| s.mss.map(i64::from)));
    l.maybe_pair(key!("window_scale"), sides.map(|side| c.window_shift(side).map(i64::from)));
    l.pair(key!("data_segments"), of(|s| s.data_segments.into()));
    l.pair(key!("unique_bytes"), of(|s| s.unique_bytes));
    l.pair(key!("retransmitted_segments"), of(|s| s.trouble().retransmitted_segments.into()));
    l.pair(key!("retransmitted_bytes"), of(|s| s.trouble().retransmitted_bytes));
    l.pair(key!("out_of_order_segments"), of(|s| s.trouble().out_of_order_segments.into()));
    l.pair(key!("out_of_order_depth"), of(|s| s.trouble().out_of_order_depth.into()));
    l.pair(key!("duplicate_acks"), of(|s| s.trouble().duplicate_acks.into()));
    l.pair(key!("pure_acks"), of(|s| s.pure_acks.into()));
    l.pair(key!("pushes"), of(|s| s.pushes.into()));
    l.maybe_pair(key!("segment_min"), both.map(|s| s.segment_sizes().map(|w| w.0.into())));
    l.maybe_pair(key!("segment_max"), both.map(|s| s.segment_sizes().map(|w| w.1.into())));
    l.maybe_pair(key!("window_min"), both.map(|s| s.windows().map(|w| w.0.into())));
    l.maybe_pair(key!("window_max"), both.map(|s| s.windows().map(|w| w.1.into())));
    l.pair(key!("zero_windows"), of(|s| s.trouble().zero_windows.into()));
    l.maybe_pair(key!("zero_window_time"), both.map(|s| Some(s.trouble().zero_window_time)));
    l.pair(key!("flight_max"), of(|s| s.flight_max.into()));
    let first_flight = |s: &Stats| s.initial_window().map(i64::from);
    l.maybe_pair(key!("initial_window"), both.map(first_flight));
    let rtt = |figure: fn(&Rtt) -> i64| both.map(|s| (s.rtt.samples > 0).then(|| figure(&s.rtt)));
    l.pair(key!("rtt_samples"), of(|s| s.rtt.samples.into()));
    l.maybe_pair(key!("rtt_min"), rtt(|r| r.min));
    l.maybe_pair(key!("rtt_max"), rtt(|r| r.max));
    l.maybe_pair(key!("rtt_mean"), rtt(Rtt::mean));
    l.maybe_pair(key!("rtt_median"), rtt(|r| r.quantile(50)));
    l.maybe_pair(key!("rtt_p95"), rtt(|r| r.quantile(95)));
    l.maybe_pair(key!("rtt_jitter"), rtt(Rtt::jitter));
    l.maybe_pair(key!("idle_max"), both.map(|s| Some(s.idle_max)));
    l.maybe_pair(key!("data_first"), both.map(|s| s.data_times().map(|t| t.0.nanos())));
    l.maybe_pair(key!("data_last"), both.map(|s| s.data_times().map(|t| t.1.nanos())));
}

/// Why a verdict was given: what of it there is.
pub(super) fn evidence(l: &mut Lines, e: &Evidence) {
    l.maybe(key!("original"), e.original.map(u64::cast_signed));
    l.maybe(key!("witness"), e.witness.map(u64::cast_signed));
    l.maybe(key!("seq"), e.seq.map(i64::from));
    l.maybe(key!("len"), e.len.map(i64::from));
    for (key, pair) in [
        (key!("ip_id"), e.ip_id.map(|(a, b)| (a.into(), b.into()))),
        (key!("tsval"), e.tsval.map(|(a, b)| (a.into(), b.into()))),
        (key!("ttl"), e.ttl.map(|(a, b)| (a.into(), b.into()))),
        (key!("sack"), e.sack.map(|(a, b)| (a.into(), b.into()))),
    ] {
        if let Some((a, b)) = pair {
            l.pair(key, [a, b]);
        }
    }
    l.maybe(key!("duplicate_acks"), e.duplicate_acks.map(i64::from));
    l.maybe(key!("elapsed"), e.elapsed);
    l.maybe(key!("rtt"), e.rtt);
    l.maybe(key!("count"), e.count.map(u64::cast_signed));
}
