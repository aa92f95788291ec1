//! What the verdicts remember of a connection.

mod packing;

use std::collections::VecDeque;

use crate::model::{SeqNum, Timestamp};

/// What the verdicts remember of a connection as a whole.
#[derive(Debug, Clone, Default)]
pub(in crate::track) struct Memory {
    /// Packets that were the same as an earlier one, and packets in all.
    pub copies: u32,
    pub packets: u32,
    pub said: Said,
}

impl Memory {
    /// Nine of ten packets came a second time, so far.
    pub fn mostly_copies(&self) -> bool {
        let originals = self.packets.saturating_sub(self.copies);
        self.copies > 0 && self.copies.saturating_mul(10) >= originals.saturating_sub(1).saturating_mul(9)
    }
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

/// What is remembered of one direction. Most connections never need the rare part.
#[derive(Debug, Clone, Default)]
pub(in crate::track) struct SideMemory {
    /// The packet before this one.
    pub recent: Print,
    /// IP ID and time stamp of the packet that was sent last: late ones do not count, nor do
    /// those without.
    pub newest: (u16, u32),
    /// IP ID and time stamp of the first SYN that was seen.
    pub syn: (u16, u32),
    /// Smoothed and smallest round-trip time of its data, nanoseconds; 0 for unknown.
    srtt: i64,
    min_rtt: i64,
    /// Highest edge of its SACK blocks since its acknowledgment advanced.
    pub sack_high: Option<SeqNum>,
    /// Duplicate acknowledgments sent in a row.
    pub duplicate_acks: u32,
    /// End of a small segment that was sent while nothing else waited: Nagle.
    pub small: Option<SeqNum>,
    pub offloaded_in_a_row: u8,
    /// The TTL that its packets have, once two in a row agree.
    pub ttl: u8,
    pub ttl_settled: bool,
    pub window_closed: bool,
    pub window_limited: bool,
    pub offload_segments: bool,
    pub offload_checksums: bool,
    pub nagle_said: bool,
    /// Its latest packet was a copy of an earlier one.
    pub latest_is_copy: bool,
    pub fin_said: bool,
    pub sent_fin: bool,
    rare: Option<Box<Rare>>,
}

/// What only a connection in trouble has: allocated at its first trouble.
#[derive(Debug, Clone, Default)]
pub(in crate::track) struct Rare {
    /// Stretches of the sequence space that were skipped, lowest first.
    pub holes: Vec<Hole>,
    /// One of them had to be forgotten, and it was said.
    pub holes_full: bool,
    /// The latest packets that skipped something, the latest first.
    pub skips: VecDeque<Skip>,
    /// The latest segments that were sent again, the latest first.
    pub resent: VecDeque<Resent>,
    /// One of them had to be forgotten.
    pub resent_forgotten: bool,
    /// One past the highest of their octets.
    pub repaired: Option<SeqNum>,
    /// What the other side last said that it holds (RFC 2018), `[left, right)`.
    pub sacked: [(SeqNum, SeqNum); 4],
    /// Where its first segment in the capture begins, if the other side asked for octets below it.
    pub begins: Option<SeqNum>,
    /// The highest that was acknowledged since there is something to remember.
    pub acked: Option<SeqNum>,
    /// One of them is doubted since this frame, and what the receiver sends next tells.
    pub doubt: Option<u64>,
    /// When the other side last acknowledged something new, or asked for something.
    pub heard: Option<Timestamp>,
    /// The segment that closed its window.
    pub zero_window: Option<(u64, Timestamp)>,
    /// Its window was closed before and is open again.
    pub opened: Option<Opened>,
    /// A small segment whose acknowledgment came late: its frame, when, how late.
    pub late_ack: Option<(u64, Timestamp, i64)>,
}

/// A window that was closed, and opened again.
#[derive(Debug, Clone, Copy)]
pub(in crate::track) struct Opened {
    /// The segment that closed it, and when.
    pub closed_by: u64,
    pub closed: Timestamp,
    /// When it was opened, and the TSval of the segment that did.
    pub at: Timestamp,
    pub tsval: Option<u32>,
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
    /// Was it sent after all that is remembered of its sender's? By its clock, else by a
    /// counter of IP IDs; `None` where neither tells.
    pub fn sent_after(&self, (id, tsval): (u16, u32)) -> Option<bool> {
        if self.tsval != 0 && tsval != 0 && self.tsval != tsval {
            return Some(SeqNum(self.tsval).is_after(SeqNum(tsval)));
        }
        if self.ip_id == 0 || id == 0 {
            return None;
        }
        // Farther apart they may be random, or a counter that others share.
        match self.ip_id.wrapping_sub(id).cast_signed() {
            1..=256 => Some(true),
            -256..=-1 => Some(false),
            _ => None,
        }
    }

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
    /// It was acknowledged: the capture missed it, or shows it late.
    pub acked: bool,
}

/// A packet that skipped octets, or that its sender's IP IDs show to have skipped a packet.
#[derive(Debug, Clone, Copy)]
pub(in crate::track) struct Skip {
    pub seq: SeqNum,
    pub ip_id: u16,
    pub tsval: u32,
    /// IP ID of the packet that its sender had sent last, as far as was seen; 0 for unknown.
    pub after: u16,
}

/// Packets that skipped something, kept of one direction.
const MAX_SKIPS: usize = 8;

/// Holes kept of one direction; a capture that misses more says so.
pub(super) const MAX_HOLES: usize = 64;

/// Segments sent again that are remembered of one direction.
const MAX_RESENT: usize = 32;

/// A segment that was sent again, and what became of it.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::track) struct Resent {
    pub frame: u64,
    pub seq: SeqNum,
    pub end: SeqNum,
    pub ts: Timestamp,
    pub tsval: Option<u32>,
    pub ip_id: u16,
    /// Time since this segment was sent before.
    pub gap: i64,
    /// How often it was sent again, this time included.
    pub count: u32,
    /// One past everything that had been sent by then.
    pub high: SeqNum,
    /// What sent it.
    pub trigger: Trigger,
    /// IP ID and TSval of the packet that skipped its octets: they had not been seen before.
    pub skipped_by: Option<(u16, u32)>,
    /// IP ID and TSval of the copy of its octets that was seen before; 0 where there is none.
    pub of: (u16, u32),
    /// That copy was seen, and acknowledgments went on asking for its octets.
    pub wanted: bool,
    /// When the other side first acknowledged it, or held it by SACK.
    pub covered: Option<Timestamp>,
    /// An acknowledgment is known to answer it.
    pub answered: bool,
    /// Its time stamp came back with the acknowledgment of its octets: it brought them itself.
    pub filled: bool,
    /// A time stamp older than its own did: the original had brought them.
    pub eifel: bool,
    /// A copy of its octets that was sent before it came late: it was needless if that came whole.
    pub doubted: bool,
    /// It was seen late: others that were sent after it came first.
    pub late: bool,
    /// It was called spurious already.
    pub spurious: bool,
    /// A D-SACK was put down to it.
    pub reported: bool,
}

impl Resent {
    /// Some octets are in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.seq.is_before(other.end) && self.end.is_after(other.seq)
    }
}

/// What sends a segment again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::track) enum Trigger {
    /// Something else, or not known.
    #[default]
    Unknown,
    /// The retransmission timer, certain or not.
    Timeout,
    /// Acknowledgments: a recovery has begun.
    Recovery,
    /// The probe timer.
    Probe,
}

impl SideMemory {
    /// When its latest packet was captured.
    #[inline]
    pub fn last_any(&self) -> Option<Timestamp> {
        (self.recent.frame != 0).then_some(self.recent.ts)
    }

    /// The rare part, where there is one.
    #[inline]
    pub fn rare(&self) -> Option<&Rare> {
        self.rare.as_deref()
    }

    /// The rare part, where there is one.
    #[inline]
    pub fn rare_mut(&mut self) -> Option<&mut Rare> {
        self.rare.as_deref_mut()
    }

    /// The rare part, made if need be.
    pub fn trouble(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Remembers a packet that skipped something.
    pub fn note_skip(&mut self, skip: Skip) {
        let skips = &mut self.trouble().skips;
        skips.truncate(MAX_SKIPS - 1);
        skips.push_front(skip);
    }

    /// Remembers a segment that was sent again.
    pub fn note_resent(&mut self, resent: Resent) {
        let rare = self.trouble();
        if rare.resent.len() >= MAX_RESENT {
            rare.resent.pop_back();
            rare.resent_forgotten = true;
        }
        if rare.repaired.is_none_or(|high| resent.end.is_after(high)) {
            rare.repaired = Some(resent.end);
        }
        rare.resent.push_front(resent);
    }

    /// The segments that were sent again, the latest first.
    pub fn resent(&self) -> impl Iterator<Item = &Resent> {
        self.rare().into_iter().flat_map(|r| r.resent.iter())
    }

    /// What the latest repairs of octets still under way were sent for, once `acked` is
    /// acknowledged: a recovery, or a timeout's go-back, lasts until all is acknowledged that
    /// had been sent when it began.
    pub fn repairing(&self, acked: SeqNum) -> Trigger {
        let mut under_way = self.resent().filter(|r| acked.is_before(r.high));
        // A timeout that proves to have been needless is undone: by its time stamp at once
        // (RFC 4015), by D-SACK when that tells so of all that had been sent again by then and was
        // under way, or was later (RFC 3708).
        let needless = |timeout: &Resent| {
            let mut all = self.resent().filter(|r| r.covered.is_none_or(|c| c >= timeout.ts));
            all.all(|r| r.spurious)
        };
        let stands = |r: &&Resent| match r.trigger {
            Trigger::Timeout => !(r.eifel || r.spurious && needless(r)),
            Trigger::Recovery => true,
            Trigger::Unknown | Trigger::Probe => false,
        };
        under_way.find(stands).map_or(Trigger::Unknown, |r| r.trigger)
    }

    /// Something beyond `acked` was sent again.
    #[inline]
    pub fn repairs_beyond(&self, acked: SeqNum) -> bool {
        self.rare().is_some_and(|r| r.repaired.is_some_and(|high| high.is_after(acked)))
    }

    /// The other side has said that it holds all of `[seq, end)`.
    pub fn sacked(&self, seq: SeqNum, end: SeqNum) -> bool {
        let holds = |b: &(SeqNum, SeqNum)| seq.is_at_or_after(b.0) && end.is_at_or_before(b.1) && b.0 != b.1;
        self.rare().is_some_and(|r| r.sacked.iter().any(holds))
    }

    /// What is acknowledged of it, where the latest acknowledgment says `latest` and may be old.
    #[inline]
    pub fn acked(&self, latest: SeqNum) -> SeqNum {
        self.rare().and_then(|r| r.acked).filter(|a| a.is_after(latest)).unwrap_or(latest)
    }

    /// Acknowledgments come much sooner from the receiver than from the sender of this: the capture
    /// point lies beside the receiver. `None` where they were not measured.
    pub fn near_receiver(&self, receiver: &Self) -> Option<bool> {
        self.min_rtt().zip(receiver.min_rtt()).map(|(near, far)| near.saturating_mul(8) < far)
    }

    /// A probe was sent, and no acknowledgment of more than had been sent by then, nor a D-SACK,
    /// has come since: no other is sent until then (RFC 8985 section 7.4.2).
    pub fn probing(&self, acked: SeqNum) -> bool {
        // A recovery or a timeout ends the episode.
        let latest = self.resent().find(|r| r.trigger != Trigger::Unknown);
        latest.is_some_and(|r| r.trigger == Trigger::Probe && !r.reported && !acked.is_after(r.high))
    }

    /// The smoothed round-trip time, where any is known.
    pub fn rtt(&self) -> Option<i64> {
        (self.srtt > 0).then_some(self.srtt)
    }

    /// The smallest round-trip time, where any is known.
    pub fn min_rtt(&self) -> Option<i64> {
        (self.min_rtt > 0).then_some(self.min_rtt)
    }

    /// Takes in a round-trip sample (RFC 6298 section 2).
    #[inline]
    pub fn sample(&mut self, rtt: i64) {
        if rtt <= 0 {
            return;
        }
        if self.srtt == 0 {
            (self.srtt, self.min_rtt) = (rtt, rtt);
        } else {
            self.srtt += (rtt - self.srtt) / 8;
            self.min_rtt = self.min_rtt.min(rtt);
        }
    }
}
