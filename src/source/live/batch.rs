//! Packets copied out of the kernel's buffer, many at a time: its room is free again
//! at once, whatever is then done with them.

use crate::model::Timestamp;

/// Octets kept allocated between batches at most.
const KEEP: usize = 8 << 20;

/// A batch of packets, handed out in order.
#[derive(Default)]
pub(super) struct Batch {
    octets: Vec<u8>,
    /// Time, length on the wire, and where in `octets` the packet ends.
    heads: Vec<(Timestamp, u32, usize)>,
    at: usize,
    start: usize,
}

impl Batch {
    pub(super) fn clear(&mut self) {
        self.octets.clear();
        self.octets.shrink_to(KEEP);
        self.heads.clear();
        (self.at, self.start) = (0, 0);
    }

    /// Copies a packet, whose time has nanoseconds where it says microseconds.
    pub(super) fn push(&mut self, packet: &pcap::Packet<'_>) {
        let header = packet.header;
        self.octets.extend_from_slice(packet.data);
        let ts = Timestamp::new(header.ts.tv_sec, header.ts.tv_usec);
        self.heads.push((ts, header.len, self.octets.len()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    pub(super) fn is_spent(&self) -> bool {
        self.at == self.heads.len()
    }

    /// When the next packet was captured.
    pub(super) fn next_time(&self) -> Option<Timestamp> {
        self.heads.get(self.at).map(|head| head.0)
    }

    pub(super) fn next(&mut self) -> Option<(Timestamp, u32, &[u8])> {
        let (ts, orig_len, end) = *self.heads.get(self.at)?;
        let data = self.octets.get(self.start..end)?;
        self.at += 1;
        self.start = end;
        Some((ts, orig_len, data))
    }
}
