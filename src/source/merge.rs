//! Several sources as one, in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Drops, Interface, PacketSource, Progress, SourceError};
use crate::model::{LinkType, Packet, Timestamp};

/// Merges sources by time: of the packets that are next in each, the earliest; of
/// equals, that of the earlier source. Packets are numbered over the whole.
///
/// A source that fails does not end the others: its fault is reported after their
/// packets.
pub struct Merged<S> {
    parts: Vec<Part<S>>,
    /// The parts that have a packet, by its time.
    order: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// The part whose packet was handed out last; its next one is not read yet.
    spent: Option<usize>,
    started: bool,
    interfaces: Vec<Interface>,
    remarks: Vec<String>,
    failure: Option<SourceError>,
    packets: u64,
}

/// A source and a copy of the packet that is next in it.
struct Part<S> {
    source: S,
    next: Next,
    /// For each of its interfaces the index over all.
    interfaces: Vec<u32>,
    remarks: usize,
}

struct Next {
    ts: Timestamp,
    orig_len: u32,
    link: LinkType,
    interface: u32,
    data: Vec<u8>,
}

impl<S: PacketSource> Merged<S> {
    /// Merges `sources`.
    #[must_use]
    pub fn new(sources: Vec<S>) -> Self {
        let parts = sources.into_iter().map(|source| Part {
            source,
            next: Next {
                ts: Timestamp(0),
                orig_len: 0,
                link: LinkType::NULL,
                interface: 0,
                data: Vec::new(),
            },
            interfaces: Vec::new(),
            remarks: 0,
        });
        let mut merged = Self {
            parts: parts.collect(),
            order: BinaryHeap::new(),
            spent: None,
            started: false,
            interfaces: Vec::new(),
            remarks: Vec::new(),
            failure: None,
            packets: 0,
        };
        for index in 0..merged.parts.len() {
            merged.learn(index);
        }
        merged
    }

    /// Reads the next packet of a part.
    fn read(&mut self, index: usize) {
        let Some(part) = self.parts.get_mut(index) else { return };
        match part.source.next_packet() {
            Ok(Some(packet)) => {
                part.next.ts = packet.ts;
                part.next.orig_len = packet.orig_len;
                part.next.link = packet.link;
                part.next.interface = packet.interface;
                part.next.data.clear();
                part.next.data.extend_from_slice(packet.data);
                self.order.push(Reverse((packet.ts, index)));
            }
            Ok(None) => {}
            Err(fault) if self.failure.is_none() => self.failure = Some(fault),
            Err(fault) => self.remarks.push(fault.to_string()),
        }
        self.learn(index);
    }

    /// Takes over the interfaces and remarks that a part has come to know.
    fn learn(&mut self, index: usize) {
        let Some(part) = self.parts.get_mut(index) else { return };
        for interface in part.source.interfaces().iter().skip(part.interfaces.len()) {
            part.interfaces.push(u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX));
            self.interfaces.push(interface.clone());
        }
        let remarks = part.source.remarks();
        self.remarks.extend(remarks.iter().skip(part.remarks).cloned());
        part.remarks = remarks.len();
    }
}

impl<S: PacketSource> PacketSource for Merged<S> {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, SourceError> {
        if !self.started {
            self.started = true;
            for index in 0..self.parts.len() {
                self.read(index);
            }
        }
        if let Some(index) = self.spent.take() {
            self.read(index);
        }
        let Some(Reverse((_, index))) = self.order.pop() else {
            return self.failure.take().map_or(Ok(None), Err);
        };
        self.spent = Some(index);
        let Some(part) = self.parts.get(index) else { return Ok(None) };
        self.packets += 1;
        let Next { ts, orig_len, link, interface, ref data } = part.next;
        let interface = part.interfaces.get(interface as usize).copied().unwrap_or(0);
        Ok(Some(Packet { number: self.packets, ts, orig_len, link, interface, data }))
    }

    fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    fn progress(&self) -> Progress {
        let mut sum = Progress { bytes: 0, total: Some(0) };
        for part in &self.parts {
            let progress = part.source.progress();
            sum.bytes += progress.bytes;
            sum.total = sum.total.zip(progress.total).map(|(a, b)| a + b);
        }
        sum
    }

    fn drops(&mut self) -> Option<Drops> {
        self.parts.iter_mut().filter_map(|part| part.source.drops()).reduce(|a, b| Drops {
            received: a.received.saturating_add(b.received),
            kernel: a.kernel.saturating_add(b.kernel),
            interface: a.interface.saturating_add(b.interface),
        })
    }

    fn remarks(&self) -> &[String] {
        &self.remarks
    }
}
