//! What a line of a script decides about its packet.

use std::net::IpAddr;
use std::sync::Arc;

use crate::model::{Endpoint, PerSide, Protocol, SeqNum, Side, TcpFlags, Timestamp};

use super::{Expectations, ScriptOption};

/// A connection that a script opened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Connection {
    /// Its label, where it has one.
    pub label: Option<String>,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Left and right in its line.
    pub endpoints: PerSide<Endpoint>,
}

/// One packet of a script.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Line of the script, from 1.
    pub line: usize,
    /// When it is captured.
    pub ts: Timestamp,
    /// Index into [`super::Script::connections`].
    pub connection: usize,
    /// Who sends it: [`Side::Orig`] is the left of the connection's line.
    pub side: Side,
    /// What the numbers of this packet count from.
    pub isn: PerSide<SeqNum>,
    /// What it is; a frame captured twice shares it.
    pub body: Arc<Body>,
    /// The first octets of the frame that are captured, where not all.
    pub snap: Option<u32>,
    /// The length on the wire that the capture claims, where it is not the true one.
    pub wire: Option<u32>,
    /// What the analysis must say of it.
    pub expect: Expectations,
}

/// The packet itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// IPv4 identification; IPv6 has none.
    pub ip_id: u16,
    /// TTL or hop limit.
    pub ttl: u8,
    /// ECN field, 0 to 3.
    pub ecn: u8,
    /// VLAN numbers, the outer one first.
    pub vlans: Vec<u16>,
    /// What the checksum field holds.
    pub checksum: Checksum,
    /// Octets of payload above TCP or UDP.
    pub len: u32,
    /// Those octets where the script spells them out.
    pub text: Option<Vec<u8>>,
    /// What is above IP.
    pub above: Above,
}

/// What the checksum field of TCP or UDP holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checksum {
    /// The right sum.
    #[default]
    Right,
    /// A wrong one.
    Bad,
    /// The pseudo-header sum, left for the network card to finish.
    Offloaded,
    /// 0: not computed (UDP).
    None,
}

/// What is above IP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Above {
    /// A TCP segment.
    Tcp {
        /// Control bits.
        flags: TcpFlags,
        /// SEG.SEQ from the sender's ISN.
        seq: u32,
        /// SEG.ACK from the other side's ISN.
        ack: Option<u32>,
        /// The acknowledgment field as it is, without the flag.
        raw_ack: u32,
        /// SEG.WND as on the wire.
        window: u16,
        /// The urgent pointer.
        urgent: u16,
        /// Options in the order typed.
        options: Vec<ScriptOption>,
    },
    /// A UDP datagram.
    Udp,
    /// An ICMP error.
    Icmp {
        /// Type.
        icmp_type: u8,
        /// Code.
        code: u8,
        /// Octets 4 to 8 of its header: the MTU, mostly 0.
        rest: u32,
        /// Who sends it, where that is not the end itself.
        from: Option<IpAddr>,
        /// Index of the step that it quotes.
        quotes: usize,
    },
}

impl Default for Body {
    /// An empty datagram with TTL 64.
    fn default() -> Self {
        Self {
            ip_id: 0,
            ttl: 64,
            ecn: 0,
            vlans: Vec::new(),
            checksum: Checksum::Right,
            len: 0,
            text: None,
            above: Above::Udp,
        }
    }
}
