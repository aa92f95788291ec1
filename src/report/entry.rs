//! What a table lists of a conversation: a row, and no more. Durations are nanoseconds.

use crate::model::{Endpoint, PerSide, Protocol, Side, StreamId};
use crate::track::{Handshake, Stats, TcpConversation, Teardown, UdpConversation};

use super::conversation::{Conversation, TcpFacts, UdpFacts};

/// A conversation as a table lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Wireshark's number.
    pub id: StreamId,
    /// The originator and the responder.
    pub endpoints: PerSide<Endpoint>,
    /// Not of TCP, or the roles are known from a SYN; otherwise they are a guess.
    pub roles_known: bool,
    /// Frames each way.
    pub packets: PerSide<u64>,
    /// Octets of those frames on the wire.
    pub bytes: PerSide<u64>,
    /// From its first packet to its last, where their times are known.
    pub lasted: Option<i64>,
    /// What is only TCP's.
    pub tcp: Option<TcpEntry>,
    /// What is only UDP's.
    pub udp: Option<UdpFacts>,
}

/// What a table lists of a TCP connection alone. Segments are those of both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpEntry {
    /// How it began.
    pub handshake: Handshake,
    /// How it ended.
    pub teardown: Teardown,
    /// Zeek's summary of the states, `SF`.
    pub conn_state: &'static str,
    /// SYN to the SYN-ACK that answers it.
    pub syn_rtt: Option<i64>,
    /// Segments that carried octets or a SYN or FIN sent before.
    pub retransmitted_segments: u64,
    /// Segments that arrived after later ones, by verdict.
    pub out_of_order_segments: u64,
    /// Duplicate acknowledgments (Wireshark's label).
    pub duplicate_acks: u64,
    /// Segments that advertised a window of 0.
    pub zero_windows: u64,
    /// The median round-trip time of the side with more samples, to within 1/16 of its value.
    pub rtt: Option<i64>,
}

/// The median of the side with more samples, of samples and median of each.
fn of_more_samples<N: Ord + Default + Copy>(sides: [(N, impl FnOnce() -> i64); 2]) -> Option<i64> {
    let most = sides.into_iter().filter(|(n, _)| *n > N::default()).max_by_key(|(n, _)| *n);
    most.map(|(_, median)| median())
}

impl From<&TcpFacts> for TcpEntry {
    fn from(tcp: &TcpFacts) -> Self {
        let [a, b] = &tcp.sides.0;
        Self {
            handshake: tcp.handshake,
            teardown: tcp.teardown,
            conn_state: tcp.conn_state,
            syn_rtt: tcp.syn_rtt,
            retransmitted_segments: a.retransmitted_segments + b.retransmitted_segments,
            out_of_order_segments: a.out_of_order_segments + b.out_of_order_segments,
            duplicate_acks: a.duplicate_acks + b.duplicate_acks,
            zero_windows: a.zero_windows + b.zero_windows,
            rtt: of_more_samples([a, b].map(|s| (s.rtt.samples, || s.rtt.median))),
        }
    }
}

impl From<&Conversation> for Entry {
    fn from(c: &Conversation) -> Self {
        let [a, b] = c.traffic.0;
        Self {
            id: c.id,
            endpoints: c.endpoints,
            roles_known: c.tcp.as_ref().is_none_or(|tcp| tcp.roles_known),
            packets: PerSide::new(a.packets, b.packets),
            bytes: PerSide::new(a.bytes, b.bytes),
            lasted: c.lasted(),
            tcp: c.tcp.as_deref().map(Into::into),
            udp: c.udp,
        }
    }
}

impl From<&TcpConversation> for Entry {
    fn from(c: &TcpConversation) -> Self {
        let [orig, resp] = [c.dir(Side::Orig) & 1, c.dir(Side::Resp) & 1];
        let sides: [&Stats; 2] = Side::BOTH.map(|side| c.stats(side));
        let [a, b] = sides.map(Stats::trouble);
        let both = |x: u32, y: u32| u64::from(x) + u64::from(y);
        let counts = c.counts();
        Self {
            id: StreamId { protocol: Protocol::Tcp, number: c.stream },
            endpoints: PerSide::new(c.ends[orig], c.ends[resp]),
            roles_known: c.roles_known(),
            packets: PerSide::new(counts[orig].packets, counts[resp].packets),
            bytes: PerSide::new(counts[orig].bytes, counts[resp].bytes),
            lasted: c.first.known().map(|_| c.last.since(c.first)),
            tcp: Some(TcpEntry {
                handshake: c.handshake(),
                teardown: c.teardown(),
                conn_state: c.conn_state(),
                syn_rtt: c.syn_rtt(),
                retransmitted_segments: both(a.retransmitted_segments, b.retransmitted_segments),
                out_of_order_segments: both(a.out_of_order_segments, b.out_of_order_segments),
                duplicate_acks: both(a.duplicate_acks, b.duplicate_acks),
                zero_windows: both(a.zero_windows, b.zero_windows),
                rtt: of_more_samples(sides.map(|s| (s.rtt.samples, || s.rtt.quantile(50)))),
            }),
            udp: None,
        }
    }
}

impl From<&UdpConversation> for Entry {
    fn from(c: &UdpConversation) -> Self {
        let [a, b] = &c.counts;
        Self {
            id: StreamId { protocol: Protocol::Udp, number: c.stream },
            endpoints: PerSide(c.ends),
            roles_known: true,
            packets: PerSide::new(a.packets, b.packets),
            bytes: PerSide::new(a.bytes, b.bytes),
            lasted: c.first.known().map(|_| c.last.since(c.first)),
            tcp: None,
            udp: Some(c.into()),
        }
    }
}
