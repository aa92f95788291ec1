//! What the verdicts remember of a connection.

use crate::model::{SeqNum, Timestamp};

/// What the verdicts remember: `[sender of the first packet, the other]`.
#[derive(Debug, Clone, Default)]
pub(in crate::track) struct Memory {
    pub sides: [SideMemory; 2],
    /// Packets that were the same as an earlier one, and packets in all.
    pub copies: u32,
    pub packets: u32,
    pub said: Said,
}

/// What was said already and need not be said again.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::track) struct Said {
    pub established: bool,
    pub closed: bool,
    pub reset: bool,
    pub captured_twice: bool,
    pub list_full: bool,
}

/// What is remembered of one direction.
#[derive(Debug, Clone, Default)]
pub(in crate::track) struct SideMemory {
    /// The packets before this one, the latest first.
    pub recent: [Print; 2],
    /// Stretches of the sequence space that were skipped, lowest first; allocated when
    /// the first hole opens.
    pub holes: Vec<Hole>,
    /// The latest segments that were sent again, the latest first.
    pub resent: [Resent; 4],
    /// Duplicate acknowledgments sent in a row.
    pub duplicate_acks: u32,
    /// Highest edge of its SACK blocks since its acknowledgment advanced.
    pub sack_high: Option<SeqNum>,
    /// Smoothed and smallest round-trip time of its data, nanoseconds.
    pub srtt: Option<i64>,
    pub min_rtt: Option<i64>,
    /// When its latest segment with new or old payload was sent.
    pub last_data: Option<Timestamp>,
    pub last_any: Option<Timestamp>,
    /// The segment that closed its window.
    pub zero_window: Option<(u64, Timestamp)>,
    pub window_limited: bool,
    pub offload_segments: bool,
    pub offload_checksums: bool,
    pub offloaded_in_a_row: u8,
    /// The TTL that its packets have, once two in a row agree.
    pub ttl: u8,
    pub ttl_settled: bool,
    /// A small segment that waits alone, and when it was sent: Nagle.
    pub small: Option<(u64, Timestamp, SeqNum)>,
    /// The acknowledgment of that segment came late, in this frame.
    pub late_ack: Option<(u64, Timestamp, i64)>,
    pub nagle_said: bool,
    pub fin_said: bool,
    /// Its payload or FIN after it sent its own FIN cannot be: data came from the other
    /// side after it had closed.
    pub sent_fin: bool,
}

/// What tells a packet from a copy of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::track) struct Print {
    pub frame: u64,
    pub ts: Timestamp,
    pub seq: SeqNum,
    pub ack: SeqNum,
    pub len: u32,
    pub tsval: u32,
    pub ip_id: u16,
    pub checksum: u16,
    pub flags: u16,
    pub ttl: u8,
}

impl Print {
    /// The same packet, as far as headers can tell (TTL and time aside).
    pub fn same(&self, other: &Self) -> bool {
        self.frame != 0
            && self.seq == other.seq
            && self.ack == other.ack
            && self.len == other.len
            && self.flags == other.flags
            && self.checksum == other.checksum
            && self.tsval == other.tsval
            && self.ip_id == other.ip_id
    }
}

/// A stretch that was skipped, and the packet that skipped it.
#[derive(Debug, Clone, Copy)]
pub(in crate::track) struct Hole {
    pub start: SeqNum,
    pub end: SeqNum,
    /// The packet that revealed it.
    pub frame: u64,
    pub ts: Timestamp,
    /// IP ID of the packet before the hole, where there was one, and of that one.
    pub id_before: Option<u16>,
    pub id_after: Option<u16>,
    pub tsval_after: Option<u32>,
}

/// Holes kept of one direction; a capture that misses more says so.
pub(super) const MAX_HOLES: usize = 64;

/// A segment that was sent again.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::track) struct Resent {
    /// 0: none.
    pub frame: u64,
    pub seq: SeqNum,
    pub end: SeqNum,
    pub ts: Timestamp,
    pub tsval: Option<u32>,
    /// Time since this segment was sent before.
    pub gap: i64,
    /// How often it was sent again, this time included.
    pub count: u32,
    /// The other side had acknowledged all before it when it was sent.
    pub at_edge: bool,
    /// It was called spurious already.
    pub spurious: bool,
    /// A timeout, certain or not.
    pub timeout: bool,
}

impl SideMemory {
    /// Remembers a segment that was sent again.
    pub fn note_resent(&mut self, resent: Resent) {
        self.resent.rotate_right(1);
        self.resent[0] = resent;
    }

    /// The round-trip time to compare with, where any is known.
    pub fn rtt(&self) -> Option<i64> {
        self.srtt
    }

    /// Takes in a round-trip sample (RFC 6298 section 2).
    pub fn sample(&mut self, rtt: i64) {
        if rtt < 0 {
            return;
        }
        self.srtt = Some(self.srtt.map_or(rtt, |s| s + (rtt - s) / 8));
        self.min_rtt = Some(self.min_rtt.map_or(rtt, |m| m.min(rtt)));
    }
}
