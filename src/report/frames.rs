//! Frames in numbers, whatever is in them.

use std::collections::BTreeMap;

use crate::decode::{Problem, Problems, Record};
use crate::model::{Packet, Timestamp};

use super::overhead::Overhead;

/// What was read, frame by frame.
#[derive(Debug, Clone, Default)]
pub struct FrameTotals {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    pub(super) other: u64,
    pub(super) tcp: u64,
    pub(super) udp: u64,
    pub(super) icmp: u64,
    pub(super) overhead: Overhead,
    /// How many packets, the first of them, and the offset in it.
    pub(super) problems: BTreeMap<Problem, (u64, u64, usize)>,
}

impl FrameTotals {
    /// Counts a frame, its headers and what is wrong with them.
    #[inline]
    pub fn count(&mut self, packet: &Packet<'_>, problems: Problems, records: &[Record]) {
        self.packets += 1;
        self.bytes += u64::from(packet.orig_len);
        if packet.ts != Timestamp::NONE {
            self.first = Some(self.first.map_or(packet.ts, |t| t.min(packet.ts)));
            self.last = Some(self.last.map_or(packet.ts, |t| t.max(packet.ts)));
        }
        self.other += u64::from(records.is_empty());
        for record in records {
            self.headers(record);
        }
        if !problems.is_empty() {
            self.note(packet.number, problems);
        }
    }

    #[inline]
    fn headers(&mut self, record: &Record) {
        match record {
            Record::Tcp(s) => {
                self.tcp += 1;
                if !s.cut {
                    self.overhead.tcp(s);
                }
            }
            Record::Udp(d) => {
                self.udp += 1;
                if !d.cut {
                    self.overhead.udp_headers += 1;
                    self.overhead.udp_payload += u64::from(d.payload);
                }
            }
            Record::Icmp(_) => self.icmp += 1,
        }
    }

    #[cold]
    fn note(&mut self, number: u64, problems: Problems) {
        for p in problems.iter() {
            self.problems.entry(p).or_insert((0, number, problems.offset())).0 += 1;
        }
    }
}
