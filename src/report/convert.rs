//! From what the tracker follows to what a report keeps.

use crate::model::{PerSide, Protocol, Side, StreamId};
use crate::track::{Counts, Rtt, Stats, TcpConversation, UdpConversation};

use super::conversation::{Conversation, RttFacts, TcpFacts, TcpSideFacts, Traffic, UdpFacts};

impl From<&Counts> for Traffic {
    fn from(c: &Counts) -> Self {
        Self { packets: c.packets, bytes: c.bytes, payload: c.payload, header_bytes: c.header_bytes }
    }
}

impl From<&Rtt> for RttFacts {
    fn from(r: &Rtt) -> Self {
        Self {
            samples: r.samples.into(),
            min: r.min,
            max: r.max,
            mean: r.mean(),
            median: r.quantile(50),
            p95: r.quantile(95),
            jitter: r.jitter(),
        }
    }
}

impl From<&TcpConversation> for Conversation {
    fn from(c: &TcpConversation) -> Self {
        let [orig, resp] = [c.dir(Side::Orig), c.dir(Side::Resp)];
        let facts = TcpFacts {
            roles_known: c.roles_known(),
            handshake: c.handshake(),
            handshake_retries: c.handshake_retries(),
            teardown: c.teardown(),
            states: c.states(),
            conn_state: c.conn_state(),
            history: c.history(),
            completeness: c.completeness(),
            initial_rtt: c.initial_rtt(),
            syn_rtt: c.syn_rtt(),
            sides: PerSide::new(side(c, Side::Orig), side(c, Side::Resp)),
        };
        Self {
            id: StreamId { protocol: Protocol::Tcp, number: c.stream },
            endpoints: PerSide::new(c.ends[orig & 1], c.ends[resp & 1]),
            first_sender: c.first_sender(),
            first_frame: c.first_frame,
            first: c.first,
            last: c.last,
            traffic: PerSide::new(c.counts()[orig & 1].into(), c.counts()[resp & 1].into()),
            tcp: Some(Box::new(facts)),
            udp: None,
        }
    }
}

fn side(c: &TcpConversation, side: Side) -> TcpSideFacts {
    let s: &Stats = c.stats(side);
    let (segment_min, segment_max) = s.segment_sizes().unwrap_or_default();
    let (windows, data_times, trouble) = (s.windows(), s.data_times(), s.trouble());
    TcpSideFacts {
        isn: c.isn(side),
        base: c.relative_base(side),
        mss: s.mss,
        window_scale: c.window_shift(side),
        sack_permitted: s.sack_permitted,
        timestamps: s.timestamps,
        data_segments: s.data_segments.into(),
        unique_bytes: s.unique_bytes,
        retransmitted_segments: trouble.retransmitted_segments.into(),
        retransmitted_bytes: trouble.retransmitted_bytes,
        out_of_order_segments: trouble.out_of_order_segments.into(),
        out_of_order_depth: trouble.out_of_order_depth,
        duplicate_acks: trouble.duplicate_acks.into(),
        pure_acks: s.pure_acks.into(),
        pushes: s.pushes.into(),
        segment_min,
        segment_max,
        window_min: windows.map(|w| w.0),
        window_max: windows.map(|w| w.1),
        window_sum: s.window_sum,
        window_samples: s.window_samples.into(),
        zero_windows: trouble.zero_windows.into(),
        zero_window_time: trouble.zero_window_time,
        flight_max: s.flight_max,
        initial_window: s.initial_window(),
        rtt: (&s.rtt).into(),
        idle_max: s.idle_max,
        data_first: data_times.map(|t| t.0),
        data_last: data_times.map(|t| t.1),
    }
}

impl From<&UdpConversation> for UdpFacts {
    fn from(c: &UdpConversation) -> Self {
        Self {
            icmp_errors: c.icmp_errors.into(),
            first_icmp: c.first_icmp,
            icmp_only: c.icmp_only,
            lite: c.lite,
        }
    }
}

impl From<&UdpConversation> for Conversation {
    fn from(c: &UdpConversation) -> Self {
        Self {
            id: StreamId { protocol: Protocol::Udp, number: c.stream },
            endpoints: PerSide(c.ends),
            first_sender: Side::Orig,
            first_frame: c.first_frame,
            first: c.first,
            last: c.last,
            traffic: PerSide::new((&c.counts[0]).into(), (&c.counts[1]).into()),
            tcp: None,
            udp: Some(c.into()),
        }
    }
}
