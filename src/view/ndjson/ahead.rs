//! What the record of a segment tells without its conversation, written ahead: most of its
//! text, which another thread than the one that tracks can write.

use super::line::Lines;
use super::{addresses, head, tail};
use crate::decode::{Record, TcpSegment};
use crate::view::buffer::key;

/// The stretches of a segment's record between which stands what its conversation tells.
pub(super) const STRETCHES: [fn(&mut Lines, &TcpSegment); 4] = [
    |l, s| {
        l.open("tcp");
        head(l, &s.ip);
    },
    |l, s| {
        addresses(l, &s.ip);
        l.num(key!("seq"), s.seq.0.into());
        l.num(key!("ack"), s.ack.0.into());
        l.num(key!("flags"), s.flags.0.into());
        l.num(key!("win"), s.window.into());
    },
    |l, s| {
        if !s.len_unknown {
            l.num(key!("len"), s.len.into());
        }
        l.num(key!("hdr_len"), s.header_len.into());
        l.options(key!("opts"), s.options.as_slice());
    },
    |l, s| tail(l, &s.ip),
];

/// Stretches of the segments of a batch, one behind the other.
#[derive(Debug, Default)]
pub struct Stretches {
    lines: Lines,
    /// Where each ends.
    ends: Vec<usize>,
    /// Those that were taken.
    taken: usize,
}

impl Stretches {
    /// Writes the stretches of each segment in `records` that the tracker will tell of.
    pub fn write(&mut self, records: &[Record]) {
        for record in records {
            if let Record::Tcp(segment) = record
                && !segment.cut
            {
                for stretch in STRETCHES {
                    stretch(&mut self.lines, segment);
                    self.ends.push(self.lines.buffer.bytes.len());
                }
            }
        }
    }

    /// Takes everything out and keeps the room.
    pub fn clear(&mut self) {
        self.lines.buffer.bytes.clear();
        self.ends.clear();
        self.taken = 0;
    }

    /// The next stretch, where there is one.
    #[inline]
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        let end = *self.ends.get(self.taken)?;
        let start = self.taken.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.taken += 1;
        self.lines.buffer.bytes.get(start..end)
    }
}
