//! One conversation in numbers. Sequence numbers are raw unless said otherwise;
//! durations are nanoseconds.

use crate::model::{Endpoint, PerSide, SeqNum, Side, StreamId, TcpState, Timestamp};
use crate::track::{Handshake, Teardown};

/// Packets and octets one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Frames.
    pub packets: u64,
    /// Octets of those frames on the wire.
    pub bytes: u64,
    /// Octets of payload above TCP or UDP.
    pub payload: u64,
    /// Octets of TCP or UDP headers.
    pub header_bytes: u64,
}

/// A TCP connection or a UDP conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// Wireshark's number.
    pub id: StreamId,
    /// The originator and the responder.
    pub endpoints: PerSide<Endpoint>,
    /// Who sent the first packet seen (Wireshark's address A).
    pub first_sender: Side,
    /// The frame of that packet.
    pub first_frame: u64,
    /// Earliest packet time.
    pub first: Timestamp,
    /// Latest packet time.
    pub last: Timestamp,
    /// Each way.
    pub traffic: PerSide<Traffic>,
    /// What is only TCP's.
    pub tcp: Option<Box<TcpFacts>>,
    /// What is only UDP's.
    pub udp: Option<UdpFacts>,
}

impl Conversation {
    /// Nanoseconds from its first packet to its last, where their times are known.
    #[must_use]
    pub fn lasted(&self) -> Option<i64> {
        self.first.known().map(|_| self.last.since(self.first))
    }
}

/// What only a TCP connection has.
#[derive(Debug, Clone, PartialEq)]
pub struct TcpFacts {
    /// The roles are known from a SYN; otherwise they are a guess.
    pub roles_known: bool,
    /// How it began.
    pub handshake: Handshake,
    /// SYNs and SYN-ACKs sent again during the handshake.
    pub handshake_retries: u32,
    /// How it ended.
    pub teardown: Teardown,
    /// Each end's state after the last packet; `None` where it cannot be known.
    pub states: PerSide<Option<TcpState>>,
    /// Zeek's summary of the states, `SF`.
    pub conn_state: &'static str,
    /// Zeek's history, `ShADadFf`.
    pub history: String,
    /// Wireshark's completeness: 1 SYN, 2 SYN-ACK, 4 ACK, 8 data, 16 FIN, 32 RST.
    pub completeness: u8,
    /// Wireshark's initial round-trip time.
    pub initial_rtt: Option<i64>,
    /// SYN to the SYN-ACK that answers it.
    pub syn_rtt: Option<i64>,
    /// Each side.
    pub sides: PerSide<TcpSideFacts>,
}

/// What one side of a TCP connection did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TcpSideFacts {
    /// Initial sequence number, where the SYN was seen.
    pub isn: Option<SeqNum>,
    /// What relative numbers are counted from: the ISN, or the first number seen.
    pub base: Option<SeqNum>,
    /// MSS option of its SYN.
    pub mss: Option<u16>,
    /// Window shift of its SYN, as used (at most 14).
    pub window_scale: Option<u8>,
    /// SACK-permitted in its SYN.
    pub sack_permitted: bool,
    /// Timestamps option seen.
    pub timestamps: bool,
    /// Segments with payload.
    pub data_segments: u64,
    /// Octets of payload that were new: each sequence number counted once.
    pub unique_bytes: u64,
    /// Segments that carried octets or a SYN or FIN sent before.
    pub retransmitted_segments: u64,
    /// Octets of payload sent again.
    pub retransmitted_bytes: u64,
    /// Segments that arrived after later ones, by verdict.
    pub out_of_order_segments: u64,
    /// The farthest that a late segment was behind, in octets.
    pub out_of_order_depth: u32,
    /// Duplicate acknowledgments sent (Wireshark's label).
    pub duplicate_acks: u64,
    /// Segments without payload, SYN, FIN or RST.
    pub pure_acks: u64,
    /// Segments with PSH.
    pub pushes: u64,
    /// Smallest and largest payload of a data segment.
    pub segment_min: u32,
    /// Largest payload.
    pub segment_max: u32,
    /// Smallest, largest and summed advertised window, scaled where the scale is known.
    pub window_min: Option<u32>,
    /// Largest advertised window.
    pub window_max: Option<u32>,
    /// Sum of advertised windows, for the mean over `window_samples`.
    pub window_sum: u64,
    /// How many segments that sum is over.
    pub window_samples: u64,
    /// Segments that advertised a window of 0.
    pub zero_windows: u64,
    /// Time that its window stood at 0.
    pub zero_window_time: i64,
    /// Most octets in flight at once.
    pub flight_max: u32,
    /// Payload of the first flight, before the first acknowledgment of data: the
    /// initial congestion window as observed.
    pub initial_window: Option<u32>,
    /// Round-trip samples of its data (Karn: never of a retransmitted segment).
    pub rtt: RttFacts,
    /// Longest time without a segment from it.
    pub idle_max: i64,
    /// First and last segment with payload, for the throughput.
    pub data_first: Option<Timestamp>,
    /// Last segment with payload.
    pub data_last: Option<Timestamp>,
}

/// Round-trip times as seen at the capture point, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RttFacts {
    /// Samples.
    pub samples: u64,
    /// Smallest.
    pub min: i64,
    /// Largest.
    pub max: i64,
    /// Mean.
    pub mean: i64,
    /// Median, to within 1/16 of its value.
    pub median: i64,
    /// 95th percentile, to within 1/16 of its value.
    pub p95: i64,
    /// Mean absolute difference of successive samples.
    pub jitter: i64,
}

/// What only a UDP conversation has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UdpFacts {
    /// ICMP errors that quote it.
    pub icmp_errors: u64,
    /// Type and code of the first of them.
    pub first_icmp: Option<(u8, u8, u8)>,
    /// It exists only because an ICMP error quoted it.
    pub icmp_only: bool,
    /// UDP-Lite.
    pub lite: bool,
}
