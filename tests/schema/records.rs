//! Every record that `--format ndjson` writes, field by field.

// The fields are there to be read from JSON and to be described, no more.
#![allow(dead_code, clippy::large_enum_variant)]

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::words::{
    AorB, Beginning, ConnState, End, Ending, Fault, Guessed, Kind, Label, May, State, Sureness, Transport,
    True, TypeEvent, TypeIcmp, TypeTcp, TypeTcpStream, TypeUdp, TypeUdpStream, UpTo,
};

/// Nanoseconds: since the epoch for a moment (`ts`, `first`), else a duration.
type Nanos = i64;
/// `[a→b, b→a]`, or the figures of `[a, b]`.
type Pair<T> = [T; 2];
/// The same, where either may be unknown: `null`.
type Known<T> = [Option<T>; 2];

/// A record: the fields it always has, and after `maybe` those that can be absent.
macro_rules! record {
    (
        $(#[$doc:meta])* $name:ident {
            $($(#[$always_doc:meta])* $always:ident: $always_type:ty,)*
        } maybe {
            $($(#[$maybe_doc:meta])* $maybe:ident: $maybe_type:ty,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$always_doc])* $always: $always_type,)*
            $(
                $(#[$maybe_doc])*
                #[serde(default)]
                $maybe: May<$maybe_type>,
            )*
        }
    };
}

record! {
    /// A TCP header.
    Tcp {
        r#type: TypeTcp,
        /// Number of the packet in the capture, from 1.
        frame: u64,
        /// Which header of the packet, outside in, from 0.
        layer: u8,
        /// Number of the connection.
        stream: u32,
        /// 0: from the sender of the connection's first packet.
        dir: UpTo<1>,
        src: IpAddr,
        dst: IpAddr,
        sport: u16,
        dport: u16,
        /// Sequence number as on the wire.
        seq: u32,
        /// Acknowledgment number as on the wire, also where ACK is not set.
        ack: u32,
        /// The twelve bits of flags; 0x012 is SYN and ACK.
        flags: UpTo<4095>,
        /// Window as on the wire.
        win: u16,
        /// Window in octets, scaled where the scale is known.
        wsize: u32,
        /// Octets of header.
        hdr_len: UpTo<60>,
        /// Octets of the packet on the wire, all layers.
        wire: u32,
        /// The protocols around this header, outside in: `eth:vlan:ip`.
        encap: String,
    } maybe {
        /// When it was captured, nanoseconds since the epoch.
        ts: Nanos,
        /// Octets of payload; absent where the headers do not tell.
        len: u32,
        /// Options in their order: `mss=1460,nop,ws=7,sackOK`.
        opts: String,
        /// Wireshark's analysis of the segment.
        an: Vec<Label>,
        /// Which duplicate acknowledgment this is, from 1.
        duplicate_ack_num: u32,
        /// The packet whose acknowledgment it repeats.
        duplicate_ack_frame: u64,
        /// The packet whose end it acknowledges exactly.
        acks_frame: u64,
        /// Time since that packet.
        ack_rtt: Nanos,
        /// Round-trip time of the handshake.
        initial_rtt: Nanos,
        /// Octets sent and not acknowledged, with this segment.
        bytes_in_flight: u32,
        /// Octets since the last PSH, with this segment.
        push_bytes_sent: u32,
        /// The packet that a retransmission is measured from.
        rto_frame: u64,
        /// Time since that packet.
        rto: Nanos,
        /// State of the originator after this segment.
        orig_state: State,
        /// State of the responder after this segment.
        resp_state: State,
        /// Of a datagram that came in fragments; this packet completed it.
        frag: True,
        /// What is wrong with the headers.
        problems: Vec<Fault>,
        /// Octets into the packet of the first problem.
        problem_at: u16,
    }
}

record! {
    /// A TCP header that the capture cut before its numbers: it belongs to no connection.
    TcpCut {
        r#type: TypeTcp,
        frame: u64,
        layer: u8,
        src: IpAddr,
        dst: IpAddr,
        sport: u16,
        dport: u16,
        cut: True,
        wire: u32,
        encap: String,
    } maybe {
        ts: Nanos,
        frag: True,
        problems: Vec<Fault>,
        problem_at: u16,
    }
}

record! {
    /// A UDP or UDP-Lite header.
    Udp {
        r#type: TypeUdp,
        /// Number of the packet in the capture, from 1.
        frame: u64,
        /// Which header of the packet, outside in, from 0.
        layer: u8,
        /// Number of the conversation.
        stream: u32,
        /// 0: from the sender of the conversation's first packet.
        dir: UpTo<1>,
        src: IpAddr,
        dst: IpAddr,
        sport: u16,
        dport: u16,
        /// Length as on the wire, header included.
        length: u16,
        /// Octets of the packet on the wire, all layers.
        wire: u32,
        /// The protocols around this header, outside in.
        encap: String,
    } maybe {
        /// When it was captured, nanoseconds since the epoch.
        ts: Nanos,
        /// UDP-Lite (RFC 3828).
        lite: True,
        /// Of a datagram that came in fragments; this packet completed it.
        frag: True,
        /// What is wrong with the headers.
        problems: Vec<Fault>,
        /// Octets into the packet of the first problem.
        problem_at: u16,
    }
}

record! {
    /// A UDP header that the capture cut: it belongs to no conversation.
    UdpCut {
        r#type: TypeUdp,
        frame: u64,
        layer: u8,
        src: IpAddr,
        dst: IpAddr,
        sport: u16,
        dport: u16,
        length: u16,
        cut: True,
        wire: u32,
        encap: String,
    } maybe {
        ts: Nanos,
        frag: True,
        problems: Vec<Fault>,
        problem_at: u16,
    }
}

record! {
    /// The packet that an ICMP error quotes.
    Quoted {
        src: IpAddr,
        dst: IpAddr,
    } maybe {
        /// Its protocol; absent where it is neither.
        proto: Transport,
        sport: u16,
        dport: u16,
        /// Its TCP sequence number.
        seq: u32,
        /// The conversation it belongs to.
        stream: u32,
    }
}

record! {
    /// An ICMP message.
    Icmp {
        r#type: TypeIcmp,
        /// Number of the packet in the capture, from 1.
        frame: u64,
        /// Which header of the packet, outside in, from 0.
        layer: u8,
        /// 4 or 6.
        v: u8,
        icmp_type: u8,
        icmp_code: u8,
        src: IpAddr,
        dst: IpAddr,
        /// Octets of the packet on the wire, all layers.
        wire: u32,
        /// The protocols around this header, outside in.
        encap: String,
    } maybe {
        /// When it was captured, nanoseconds since the epoch.
        ts: Nanos,
        orig: Quoted,
        /// Of a datagram that came in fragments; this packet completed it.
        frag: True,
        /// What is wrong with the headers.
        problems: Vec<Fault>,
        /// Octets into the packet of the first problem.
        problem_at: u16,
    }
}

record! {
    /// Something that happened in a conversation, with its evidence.
    Event {
        r#type: TypeEvent,
        /// The packet that shows it.
        frame: u64,
        protocol: Transport,
        stream: u32,
        /// Who did it.
        side: End,
        kind: Kind,
        confidence: Sureness,
    } maybe {
        /// When that packet was captured, nanoseconds since the epoch.
        ts: Nanos,
        /// Wireshark's analysis of that packet.
        an: Vec<Label>,
        /// The packet that this one repeats, repairs or answers.
        original: u64,
        /// A second packet that proves it.
        witness: u64,
        /// First octet concerned, raw sequence number.
        seq: u32,
        /// Octets concerned.
        len: u32,
        /// IP IDs: of the original, of this packet.
        ip_id: Pair<u16>,
        /// TSval: of the original, of this packet.
        tsval: Pair<u32>,
        /// TTLs: usual for this side, of this packet.
        ttl: Pair<u8>,
        /// A SACK or D-SACK block, raw edges.
        sack: Pair<u32>,
        /// Duplicate acknowledgments before it.
        duplicate_acks: u32,
        /// Time since the original.
        elapsed: Nanos,
        /// The round-trip time that it is compared with.
        rtt: Nanos,
        /// Timeouts in a row, packets overtaken or octets unread; of an `icmp_error` the
        /// ICMP type times 256, and the code.
        count: u64,
    }
}

record! {
    /// A TCP connection, when the capture ends or no room is left for it.
    TcpStream {
        r#type: TypeTcpStream,
        stream: u32,
        /// The sender of the first packet.
        a: IpAddr,
        ap: u16,
        b: IpAddr,
        bp: u16,
        first_frame: u64,
        /// Packets.
        pkts: Pair<u64>,
        /// Octets on the wire.
        bytes: Pair<u64>,
        /// Octets of payload.
        payload: Pair<u64>,
        /// Octets of headers.
        header_bytes: Pair<u64>,
        /// Wireshark's sum: 1 SYN, 2 SYN-ACK, 4 ACK, 8 data, 16 FIN, 32 RST.
        completeness: UpTo<63>,
        /// Which of the ends is the originator.
        orig: AorB,
        handshake: Beginning,
        teardown: Ending,
        conn_state: ConnState,
        /// Zeek's `history`.
        history: String,
        data_segments: Pair<u64>,
        /// Octets of payload, each counted once.
        unique_bytes: Pair<u64>,
        retransmitted_segments: Pair<u64>,
        retransmitted_bytes: Pair<u64>,
        out_of_order_segments: Pair<u64>,
        /// Segments that overtook a late one, at most.
        out_of_order_depth: Pair<u64>,
        duplicate_acks: Pair<u64>,
        pure_acks: Pair<u64>,
        pushes: Pair<u64>,
        zero_windows: Pair<u64>,
        /// Time with a closed window.
        zero_window_time: Pair<Nanos>,
        /// Octets in flight, at most.
        flight_max: Pair<u64>,
        rtt_samples: Pair<u64>,
        /// The longest time without a segment.
        idle_max: Pair<Nanos>,
    } maybe {
        /// Moment of the first packet, nanoseconds since the epoch.
        first: Nanos,
        /// Moment of the last packet.
        last: Nanos,
        /// Round-trip time of the handshake.
        initial_rtt: Nanos,
        /// Known only from ICMP errors that quote it.
        icmp_only: True,
        roles: Guessed,
        /// Who began the ending.
        closed_by: End,
        /// State of the originator after the last segment.
        orig_state: State,
        /// State of the responder after the last segment.
        resp_state: State,
        /// Time from the SYN to its acknowledgment.
        syn_rtt: Nanos,
        /// Initial sequence numbers.
        isn: Known<u32>,
        mss: Known<u16>,
        window_scale: Known<u8>,
        /// The smallest data segment.
        segment_min: Known<u32>,
        /// The largest data segment.
        segment_max: Known<u32>,
        /// The smallest window, octets.
        window_min: Known<u32>,
        /// The largest window, octets.
        window_max: Known<u32>,
        /// Octets sent before the first acknowledgment of data.
        initial_window: Known<u64>,
        rtt_min: Known<Nanos>,
        rtt_max: Known<Nanos>,
        rtt_mean: Known<Nanos>,
        rtt_median: Known<Nanos>,
        rtt_p95: Known<Nanos>,
        rtt_jitter: Known<Nanos>,
        /// Moment of the first data segment.
        data_first: Known<Nanos>,
        /// Moment of the last data segment.
        data_last: Known<Nanos>,
    }
}

record! {
    /// A UDP conversation, when the capture ends or no room is left for it.
    UdpStream {
        r#type: TypeUdpStream,
        stream: u32,
        /// The sender of the first packet.
        a: IpAddr,
        ap: u16,
        b: IpAddr,
        bp: u16,
        first_frame: u64,
        /// Packets.
        pkts: Pair<u64>,
        /// Octets on the wire.
        bytes: Pair<u64>,
        /// Octets of payload.
        payload: Pair<u64>,
        /// Octets of headers.
        header_bytes: Pair<u64>,
    } maybe {
        /// Moment of the first packet, nanoseconds since the epoch.
        first: Nanos,
        /// Moment of the last packet.
        last: Nanos,
        /// ICMP errors that quote it.
        icmp_errors: u64,
        /// Known only from ICMP errors that quote it.
        icmp_only: True,
        /// UDP-Lite (RFC 3828).
        lite: True,
    }
}
