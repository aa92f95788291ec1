//! The segments of one conversation, kept for the views that draw each of them.

use crate::decode::OptionBytes;
use crate::model::{PerSide, SeqNum, Side, StreamId, TcpFlags, TcpState, Timestamp};
use crate::track::{Analysis, Event};

/// The packets of one conversation, in capture order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Detail {
    /// Which conversation: its index in `Report::conversations` is found by this number.
    pub id: Option<StreamId>,
    /// Its packets.
    pub rows: Vec<Row>,
    /// Packets that were not kept, between the first ones and the last ones.
    pub left_out: u64,
    /// Index in `rows` where they are missing.
    pub left_out_at: usize,
    /// What happened in it, in packet order.
    pub events: Vec<Event>,
}

/// One packet of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Frame number, 1-based.
    pub frame: u64,
    /// Capture time.
    pub ts: Timestamp,
    /// Who sent it.
    pub side: Side,
    /// Octets of the frame on the wire.
    pub wire: u32,
    /// Octets of IP headers.
    pub ip_header_len: u16,
    /// IPv4 identification.
    pub ip_id: Option<u16>,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Octets of the transport header: 8, or 20 to 60.
    pub header_len: u8,
    /// Octets of payload.
    pub len: u32,
    /// What it is.
    pub kind: RowKind,
}

/// What is particular to a kind of packet.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "nearly every row of a detail is the large one")]
pub enum RowKind {
    /// A TCP segment.
    Tcp {
        /// Control bits.
        flags: TcpFlags,
        /// SEG.SEQ, raw.
        seq: SeqNum,
        /// SEG.ACK, raw; meaningful only with ACK.
        ack: SeqNum,
        /// SEG.SEQ from the sender's base.
        rel_seq: u32,
        /// SEG.ACK from the receiver's base; `None` while that is unknown.
        rel_ack: Option<u32>,
        /// SEG.WND as on the wire.
        window: u16,
        /// SEG.WND scaled, where the scale is known.
        scaled_window: Option<u32>,
        /// The option octets.
        options: OptionBytes,
        /// The checksum was left to offload.
        checksum_offloaded: bool,
        /// Each end's state after it.
        states: PerSide<Option<TcpState>>,
        /// Wireshark's labels and figures.
        analysis: Analysis,
    },
    /// A UDP datagram.
    Udp {
        /// The length field.
        length: u16,
        /// The checksum field.
        checksum: u16,
    },
    /// An ICMP error that quotes the conversation.
    Icmp {
        /// 4 or 6.
        version: u8,
        /// Type.
        icmp_type: u8,
        /// Code.
        code: u8,
    },
}
