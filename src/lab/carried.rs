//! Which segments carried the octets that a call sent or received.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::outcome::{Call, LabOutcome};
use super::peek::{Peek, PeekTcp, bits};
use crate::model::LinkType;

/// A segment's frame, and the stretch of its direction's octets that it has: from 0 after the SYN.
type Stretch = (usize, u32, u32);

impl LabOutcome {
    /// For each call on a TCP connection that moved octets, the frames that had any of them, in
    /// the order in which they entered the wire. Two sends may share one, one send may have three,
    /// and a repair has what its original had.
    #[must_use]
    pub fn carried(&self) -> Vec<Vec<usize>> {
        let mut ways: BTreeMap<(SocketAddr, SocketAddr), Vec<Stretch>> = BTreeMap::new();
        // What each way's programs have sent, and received, so far.
        let mut moved = BTreeMap::<(bool, SocketAddr, SocketAddr), u32>::new();
        self.calls
            .iter()
            .map(|call| {
                let Some((own, peer)) = call.ends.filter(|_| call.bytes > 0) else { return Vec::new() };
                let sends = call.text.starts_with("send");
                let way = if sends { (own, peer) } else { (peer, own) };
                let at = moved.entry((sends, way.0, way.1)).or_default();
                let from = std::mem::replace(at, at.wrapping_add(call.bytes as u32));
                let stretches = ways.entry(way).or_insert_with(|| self.stretches(way));
                let has = |&&(_, start, end): &&Stretch| start < *at && from < end;
                stretches.iter().filter(has).map(|&(frame, ..)| frame).collect()
            })
            .collect()
    }

    /// The segments with payload of one direction.
    fn stretches(&self, (from, to): (SocketAddr, SocketAddr)) -> Vec<Stretch> {
        let mut first = None;
        let mut all = Vec::new();
        for (i, frame) in self.frames.iter().enumerate() {
            let Some((packet, t)) = self.segment(&frame.bytes) else { continue };
            let ends = (SocketAddr::new(packet.src, t.src_port), SocketAddr::new(packet.dst, t.dst_port));
            if ends != (from, to) || frame.from.is_none() {
                continue;
            }
            if t.has(bits::SYN) {
                first = Some(t.seq.wrapping_add(1));
            } else if let Some(first) = first
                && t.payload > 0
            {
                let start = t.seq.wrapping_sub(first);
                all.push((i, start, start.wrapping_add(t.payload.into())));
            }
        }
        all
    }

    fn segment(&self, bytes: &[u8]) -> Option<(Peek, PeekTcp)> {
        let peek = Peek::ip(if self.link == LinkType::ETHERNET { bytes.get(14..)? } else { bytes })?;
        Some((peek, *peek.tcp()?))
    }
}

impl Call {
    /// The call moves octets of a stream, one way or the other.
    pub(super) fn moves(text: &str) -> bool {
        ["send(", "sendall(", "recv("].iter().any(|name| text.starts_with(name))
    }
}
