//! Frames in numbers, whatever is in them.

use std::collections::BTreeMap;

use crate::decode::{Problem, Problems};
use crate::model::{Packet, Timestamp};

/// What was read, frame by frame.
#[derive(Debug, Clone, Default)]
pub struct FrameTotals {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    pub(super) other: u64,
    /// How many packets, the first of them, and the offset in it.
    pub(super) problems: BTreeMap<Problem, (u64, u64, usize)>,
}

impl FrameTotals {
    /// Counts a frame, and what is wrong with its headers; `records` is how many it had.
    #[inline]
    pub fn count(&mut self, packet: &Packet<'_>, problems: Problems, records: usize) {
        self.packets += 1;
        self.bytes += u64::from(packet.orig_len);
        if packet.ts != Timestamp::NONE {
            self.first = Some(self.first.map_or(packet.ts, |t| t.min(packet.ts)));
            self.last = Some(self.last.map_or(packet.ts, |t| t.max(packet.ts)));
        }
        self.other += u64::from(records == 0);
        if !problems.is_empty() {
            self.note(packet.number, problems);
        }
    }

    #[cold]
    fn note(&mut self, number: u64, problems: Problems) {
        for p in problems.iter() {
            self.problems.entry(p).or_insert((0, number, problems.offset())).0 += 1;
        }
    }
}
