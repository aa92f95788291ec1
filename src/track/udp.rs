//! UDP conversations: no states, but packets each way and the ICMP errors they met.

use crate::decode::{IcmpMessage, UdpDatagram};
use crate::model::{Endpoint, Side, Timestamp};

use super::table::{Flow, Whose};
use super::traffic::Counts;

/// A UDP conversation: whoever sent first is its originator.
#[derive(Debug, Clone)]
pub struct UdpConversation {
    realm: u32,
    /// Wireshark's `udp.stream`.
    pub stream: u32,
    /// `[sender of the first packet, the other]`.
    pub ends: [Endpoint; 2],
    /// Frame of the first packet.
    pub first_frame: u64,
    /// Earliest packet time.
    pub first: Timestamp,
    /// Latest packet time.
    pub last: Timestamp,
    /// Packets and octets each way.
    pub counts: [Counts; 2],
    /// ICMP errors that quote it.
    pub icmp_errors: u32,
    /// Version, type and code of the first of them.
    pub first_icmp: Option<(u8, u8, u8)>,
    /// No datagram was seen: an ICMP error quoted it.
    pub icmp_only: bool,
    /// UDP-Lite.
    pub lite: bool,
    pub(super) touched: bool,
}

impl Flow for UdpConversation {
    #[inline]
    fn ends(&self) -> (&[Endpoint; 2], u32) {
        (&self.ends, self.realm)
    }
}

impl UdpConversation {
    pub(super) fn new(whose: &Whose, stream: u32, datagram: &UdpDatagram) -> Self {
        let ip = &datagram.ip;
        Self {
            realm: whose.realm,
            stream,
            ends: whose.ends,
            first_frame: ip.frame,
            first: ip.ts,
            last: ip.ts,
            counts: Default::default(),
            icmp_errors: 0,
            first_icmp: None,
            icmp_only: false,
            lite: datagram.lite,
            touched: true,
        }
    }

    pub(super) fn quoted(whose: &Whose, stream: u32, message: &IcmpMessage) -> Self {
        Self {
            realm: whose.realm,
            stream,
            ends: whose.ends,
            first_frame: message.ip.frame,
            first: message.ip.ts,
            last: message.ip.ts,
            counts: Default::default(),
            icmp_errors: 0,
            first_icmp: None,
            icmp_only: true,
            lite: false,
            touched: true,
        }
    }

    /// Counts a datagram; the direction, 0 or 1.
    #[inline]
    pub(super) fn datagram(&mut self, datagram: &UdpDatagram) -> u8 {
        let ip = &datagram.ip;
        if self.icmp_only {
            self.icmp_only = false;
            self.ends = [ip.src, ip.dst];
            self.first_frame = ip.frame;
            (self.first, self.last) = (ip.ts, ip.ts);
        }
        let dir = u8::from(ip.src != self.ends[0]);
        self.touched = true;
        Timestamp::widen(&mut self.first, &mut self.last, ip.ts);
        self.counts[usize::from(dir)].add(ip.wire, u64::from(datagram.payload), 8);
        dir
    }

    pub(super) fn icmp_error(&mut self, message: &IcmpMessage) {
        self.icmp_errors = self.icmp_errors.saturating_add(1);
        self.first_icmp.get_or_insert((message.version, message.icmp_type, message.code));
    }

    /// The side of a direction: the first sender is the originator.
    #[must_use]
    pub const fn side(dir: u8) -> Side {
        if dir == 0 { Side::Orig } else { Side::Resp }
    }
}
