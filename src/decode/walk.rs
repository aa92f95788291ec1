//! The trip through one frame: where it stands, and what it found.

use std::net::IpAddr;

use crate::model::{Endpoint, Proto, ProtoPath, Timestamp};

use super::fragments::Reassembly;
use super::octets::Octets;
use super::problem::{Problem, Problems};
use super::record::{Context, Record};

/// Encapsulations that synfin follows into each other. Real nests have two or three;
/// a frame made to exhaust a stack has hundreds.
pub(super) const MAX_DEPTH: u8 = 24;

/// The state of decoding one frame.
pub(super) struct Walk<'d> {
    pub frame: u64,
    pub ts: Timestamp,
    pub wire: u32,
    pub path: ProtoPath,
    pub realm: u32,
    pub problems: Problems,
    pub depth: u8,
    pub layers: u8,
    pub fragmented: bool,
    pub icmp_seen: bool,
    pub records: &'d mut Vec<Record>,
    pub reassembly: &'d mut Reassembly,
}

/// What an IP header says to the layer above it.
#[derive(Debug, Clone, Copy)]
pub(super) struct IpHeader {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub id: Option<u16>,
    pub ttl: u8,
    pub ecn: u8,
    /// Octets of the header and its extension headers.
    pub header_len: usize,
    /// The first fragment of a datagram that is not put together: its end is elsewhere.
    pub first_fragment: bool,
}

impl Walk<'_> {
    /// Notes that something is wrong, `at` octets into the frame.
    pub fn problem(&mut self, problem: Problem, at: usize) {
        self.problems.add(problem, at);
    }

    /// Notes that a header is not all there: snapped by the capture, or truncated by
    /// its sender.
    pub fn short(&mut self, octets: &Octets<'_>) {
        let problem = if octets.is_whole() { Problem::Truncated } else { Problem::Snapped };
        self.problem(problem, octets.at);
    }

    /// Enters an encapsulation; false when it is nested too deep to follow.
    pub fn enter(&mut self, proto: Proto, octets: &Octets<'_>) -> bool {
        let entered = self.enter_unnamed(octets);
        if entered {
            self.path.push(proto);
        }
        entered
    }

    /// The same for a header that a path does not tell.
    pub fn enter_unnamed(&mut self, octets: &Octets<'_>) -> bool {
        if self.depth >= MAX_DEPTH {
            self.problem(Problem::TooDeep, octets.at);
            return false;
        }
        self.depth += 1;
        true
    }

    /// Mixes a VLAN, label or tunnel number into the realm.
    pub fn realm(&mut self, kind: Proto, number: u32) {
        let mixed = self.realm.rotate_left(7) ^ number ^ ((kind as u32) << 24);
        self.realm = mixed.wrapping_mul(0x9e37_79b1) | 1;
    }

    /// The context for a record of a transport header below `ip`.
    #[inline]
    pub fn context(&mut self, ip: &IpHeader, sport: u16, dport: u16) -> Context {
        let layer = self.layers;
        self.layers = layer.saturating_add(1);
        Context {
            frame: self.frame,
            ts: self.ts,
            wire: self.wire,
            layer,
            src: Endpoint { addr: ip.src, port: sport },
            dst: Endpoint { addr: ip.dst, port: dport },
            realm: self.realm,
            ip_id: ip.id,
            ttl: ip.ttl,
            ip_header_len: ip.header_len.min(usize::from(u16::MAX)) as u16,
            ecn: ip.ecn,
            fragmented: self.fragmented,
            path: self.path,
            problems: self.problems,
        }
    }
}
