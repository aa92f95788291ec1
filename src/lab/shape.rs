//! The shape of a run: what two runs of a lab that are the same to the bit have in common.

use std::collections::BTreeMap;

use super::outcome::{Fate, LabOutcome};
use super::peek::{Peek, Upper, bits};
use crate::model::LinkType;

impl LabOutcome {
    /// The frames in the order they entered the wire, in a number: who sent each, its protocol and
    /// which of the lab's ports, its TCP flags, its sequence and acknowledgment numbers from the initial ones, its
    /// length, and what became of it. Left out is what differs by nature: times, time stamps, windows,
    /// initial sequence numbers, IP IDs, hardware addresses, the numbers of ports that a kernel picked.
    #[must_use]
    pub fn shape(&self) -> u32 {
        let mut first = BTreeMap::new();
        let mut ports: Vec<u16> = Vec::new();
        // A port goes by when it was first seen.
        let mut port = |p: u16| {
            let known = ports.iter().position(|q| *q == p);
            known.unwrap_or_else(|| {
                ports.push(p);
                ports.len() - 1
            }) as u32
        };
        let mut hash = Fnv(0x811c_9dc5);
        for f in &self.frames {
            hash.add(f.from.map_or(u32::MAX, |h| h as u32));
            let packet = match (self.link, f.bytes.get(12..14)) {
                (LinkType::ETHERNET, Some([8, 0] | [0x86, 0xdd])) => f.bytes.get(14..).unwrap_or_default(),
                (LinkType::ETHERNET, _) => &[],
                _ => &f.bytes,
            };
            match Peek::ip(packet) {
                None => hash.add(f.orig_len),
                Some(p) => {
                    hash.add(p.total_len.into());
                    match p.upper {
                        Upper::Tcp(t) => {
                            let own = (p.src, t.src_port, p.dst, t.dst_port);
                            let peer = (p.dst, t.dst_port, p.src, t.src_port);
                            if t.has(bits::SYN) {
                                first.insert(own, t.seq);
                            }
                            let from = |key, n: u32| n.wrapping_sub(first.get(&key).copied().unwrap_or(n));
                            hash.add(port(t.src_port) << 16 | port(t.dst_port));
                            hash.add(u32::from(t.flags) << 16 | u32::from(t.payload));
                            hash.add(from(own, t.seq));
                            hash.add(if t.has(bits::ACK) { from(peer, t.ack) } else { 0 });
                        }
                        Upper::Udp { src_port, dst_port, .. } => {
                            hash.add(port(src_port) << 16 | port(dst_port));
                        }
                        Upper::Icmp { kind, code } => hash.add(u32::from(kind) << 8 | u32::from(code)),
                        Upper::Other(protocol) => {
                            hash.add(u32::from(protocol) << 16 | u32::from(p.frag_offset))
                        }
                    }
                }
            }
            for fate in f.fate.iter().filter(|f| **f != Fate::InFlight) {
                fate.to_string().bytes().for_each(|b| hash.add(b.into()));
            }
            hash.add(f.deliveries.len() as u32);
        }
        hash.0
    }
}

/// The FNV-1a hash: the same on every machine.
struct Fnv(u32);

impl Fnv {
    fn add(&mut self, n: u32) {
        for b in n.to_be_bytes() {
            self.0 = (self.0 ^ u32::from(b)).wrapping_mul(0x0100_0193);
        }
    }
}
