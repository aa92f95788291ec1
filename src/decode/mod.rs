//! Frames into headers: link → IP → TCP, UDP, ICMP, and into tunnels and on.
//!
//! [`Decoder::decode`] is the hot path: it reads fixed headers by hand, copies what it
//! found into plain [`Record`]s, and allocates nothing per frame.

mod ethernet;
mod fragments;
pub mod headers;
mod ip;
mod link;
mod octets;
mod options;
mod ppp;
mod problem;
mod record;
mod transport;
mod tunnel;
mod walk;
mod wlan;

pub use options::{OptionField, SackBlocks, TcpOption, TcpOptions};
pub use problem::{Problem, Problems};
pub use record::{Context, IcmpMessage, OptionBytes, Quoted, Record, TcpSegment, UdpDatagram};

use crate::model::{Packet, ProtoPath};
use fragments::Reassembly;
use octets::Octets;
use walk::Walk;

/// Decodes frames, one after the other; keeps the fragments that wait for their rest.
#[derive(Debug, Default)]
pub struct Decoder {
    reassembly: Reassembly,
}

impl Decoder {
    /// Appends a record for each TCP, UDP and outermost ICMP header of the frame, from the
    /// outside in, and returns what is wrong with its headers. A fragmented datagram yields its records
    /// on the frame that completes it.
    #[inline]
    pub fn decode(&mut self, packet: &Packet<'_>, records: &mut Vec<Record>) -> Problems {
        let mut walk = Walk {
            frame: packet.number,
            ts: packet.ts,
            wire: packet.orig_len,
            path: ProtoPath::EMPTY,
            realm: 0,
            problems: Problems::NONE,
            depth: 0,
            layers: 0,
            fragmented: false,
            icmp_seen: false,
            records,
            reassembly: &mut self.reassembly,
        };
        let len = (packet.orig_len as usize).max(packet.data.len());
        link::decode(&mut walk, packet.link, Octets { data: packet.data, at: 0, len });
        walk.problems
    }
}
