//! Captures of every form: what synfin's own writer does not write, too.

use super::super::bytes::Order;
use crate::model::Timestamp;

/// Octets in a byte order.
pub(super) struct Builder {
    pub(super) order: Order,
    pub(super) octets: Vec<u8>,
    /// Where each record that was added ends.
    pub(super) ends: Vec<usize>,
}

impl Builder {
    pub(super) fn new(order: Order) -> Self {
        Self { order, octets: Vec::new(), ends: Vec::new() }
    }

    pub(super) fn u16(&mut self, value: u16) {
        let octets = if self.order == Order::Big { value.to_be_bytes() } else { value.to_le_bytes() };
        self.octets.extend(octets);
    }

    pub(super) fn u32(&mut self, value: u32) {
        let octets = if self.order == Order::Big { value.to_be_bytes() } else { value.to_le_bytes() };
        self.octets.extend(octets);
    }

    fn pad(&mut self, start: usize) {
        while !(self.octets.len() - start).is_multiple_of(4) {
            self.octets.push(0);
        }
    }

    /// A classic pcap header.
    pub(super) fn pcap(&mut self, magic: u32, version: (u16, u16), network: u32) {
        self.u32(magic);
        self.u16(version.0);
        self.u16(version.1);
        for value in [0, 0, 65_535, network] {
            self.u32(value);
        }
    }

    /// A classic pcap record; `extra` octets more in its header.
    pub(super) fn record(&mut self, time: (u32, u32), lengths: (u32, u32), extra: usize, data: &[u8]) {
        for value in [time.0, time.1, lengths.0, lengths.1] {
            self.u32(value);
        }
        self.octets.resize(self.octets.len() + extra, 0xee);
        self.octets.extend(data);
        self.ends.push(self.octets.len());
    }

    /// A pcapng block.
    pub(super) fn block(&mut self, kind: u32, body: impl FnOnce(&mut Self)) {
        let start = self.octets.len();
        self.u32(kind);
        self.u32(0);
        body(self);
        self.pad(start);
        let length = u32::try_from(self.octets.len() - start + 4).unwrap();
        self.u32(length);
        let again = self.octets[self.octets.len() - 4..].to_vec();
        self.octets[start + 4..start + 8].copy_from_slice(&again);
        self.ends.push(self.octets.len());
    }

    pub(super) fn option(&mut self, code: u16, value: &[u8]) {
        self.u16(code);
        self.u16(u16::try_from(value.len()).unwrap());
        let start = self.octets.len();
        self.octets.extend(value);
        self.pad(start);
    }

    pub(super) fn section(&mut self) {
        self.block(0x0a0d_0d0a, |b| {
            b.u32(0x1a2b_3c4d);
            b.u16(1);
            b.u16(0);
            b.octets.extend([0xff; 8]);
        });
    }

    pub(super) fn interface(&mut self, link: u16, snaplen: u32, resolution: Option<u8>, offset: i64) {
        self.block(1, |b| {
            b.u16(link);
            b.u16(0);
            b.u32(snaplen);
            b.option(2, b"eth\0");
            if let Some(resolution) = resolution {
                b.option(9, &[resolution]);
            }
            let big = b.order == Order::Big;
            b.option(14, &if big { offset.to_be_bytes() } else { offset.to_le_bytes() });
            b.option(0, &[]);
        });
    }

    pub(super) fn enhanced(&mut self, id: u32, count: u64, orig_len: u32, data: &[u8], comment: &str) {
        self.block(6, |b| {
            for value in [id, (count >> 32) as u32, count as u32, data.len() as u32, orig_len] {
                b.u32(value);
            }
            let start = b.octets.len();
            b.octets.extend(data);
            b.pad(start);
            if !comment.is_empty() {
                b.option(1, comment.as_bytes());
                b.option(0, &[]);
            }
        });
    }

    pub(super) fn simple(&mut self, orig_len: u32, data: &[u8]) {
        self.block(3, |b| {
            b.u32(orig_len);
            b.octets.extend(data);
        });
    }

    pub(super) fn obsolete(&mut self, id: u16, count: u64, orig_len: u32, data: &[u8]) {
        self.block(2, |b| {
            b.u16(id);
            b.u16(0xffff);
            for value in [(count >> 32) as u32, count as u32, data.len() as u32, orig_len] {
                b.u32(value);
            }
            b.octets.extend(data);
        });
    }
}

/// A pcapng file with everything in it, and the packets that it holds.
pub(super) fn everything(order: Order) -> (Builder, Vec<super::Row>) {
    let other = if order == Order::Big { Order::Little } else { Order::Big };
    let mut b = Builder::new(order);
    b.section();
    b.interface(1, 0, None, 0);
    b.enhanced(0, 1_700_000_000_000_001, 60, b"ethernet", "");
    b.block(0x4242, |b| b.octets.extend([7; 13]));
    b.interface(101, 0, Some(9), 3);
    b.enhanced(1, 5, 3, b"raw", "a comment");
    b.block(5, |b| {
        for value in [1, 0, 0] {
            b.u32(value);
        }
        b.option(7, &if b.order == Order::Big { 9u64.to_be_bytes() } else { 9u64.to_le_bytes() });
    });
    b.obsolete(0, 2_000_000, 7, b"old one");
    b.order = other;
    b.section();
    b.interface(113, 6, Some(0x83), 0);
    b.simple(4, b"four");
    b.simple(10, b"ten no");
    b.enhanced(0, 4, 9, b"eighths", "");
    let rows = vec![
        (1_700_000_000_000_001_000, 60, 1, 0, b"ethernet".to_vec()),
        (3_000_000_005, 3, 101, 1, b"raw".to_vec()),
        (2_000_000_000, 7, 1, 0, b"old one".to_vec()),
        (Timestamp::NONE.nanos(), 4, 113, 2, b"four".to_vec()),
        (Timestamp::NONE.nanos(), 10, 113, 2, b"ten no".to_vec()),
        (500_000_000, 9, 113, 2, b"eighths".to_vec()),
    ];
    (b, rows)
}
