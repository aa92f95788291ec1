//! A conversation or an event in few octets, so that a list may be of very many.

use crate::track::packed::packed;

use super::conversation::{Conversation, RttFacts, TcpFacts, TcpSideFacts, Traffic, UdpFacts};
use super::entry::{Entry, TcpEntry};

pub(super) use crate::track::packed::{Packed, Packer, unpack};

packed! {
    Entry { id, endpoints, roles_known, packets, bytes, lasted, tcp, udp }
    TcpEntry {
        handshake, teardown, conn_state, syn_rtt, retransmitted_segments, out_of_order_segments, duplicate_acks,
        zero_windows, rtt,
    }
    Conversation { id, endpoints, traffic, tcp, first_sender, first_frame, first, last, udp }
    Traffic { packets, bytes, payload, header_bytes }
    TcpFacts {
        roles_known, handshake, handshake_retries, teardown, states, conn_state, history, completeness,
        initial_rtt, syn_rtt, sides,
    }
    TcpSideFacts {
        isn, base, mss, window_scale, sack_permitted, timestamps, data_segments, unique_bytes,
        retransmitted_segments, retransmitted_bytes, out_of_order_segments, out_of_order_depth,
        duplicate_acks, pure_acks, pushes, segment_min, segment_max, window_min, window_max, window_sum,
        window_samples, zero_windows, zero_window_time, flight_max, initial_window, rtt, idle_max,
        data_first, data_last,
    }
    RttFacts { samples, min, max, mean, median, p95, jitter }
    UdpFacts { icmp_errors, first_icmp, icmp_only, lite }
}

#[cfg(test)]
mod tests;
