//! A conversation or an event in few octets, so that a list may be of very many.
//!
//! Every figure is a number, and every number takes no more octets than it needs: a nibble
//! says how many those are, and 0 to 7 stand in the nibble itself. Moments are differences
//! from the one before. What is packed is only ever unpacked by the same program.

mod values;

use crate::model::{Endpoint, StreamId};
use crate::track::{Event, Evidence};

use super::conversation::{Conversation, Glance, RttFacts, TcpFacts, TcpSideFacts, Traffic, UdpFacts};

/// Takes numbers; it is used again and again.
#[derive(Debug, Clone, Default)]
pub(super) struct Packer {
    nibbles: Vec<u8>,
    /// The low half of the last octet of `nibbles` is still to be filled.
    half: bool,
    octets: Vec<u8>,
    time: i64,
}

impl Packer {
    /// Appends `value` to `to`.
    pub fn pack(&mut self, value: &impl Packed, to: &mut Vec<u8>) {
        self.nibbles.clear();
        self.octets.clear();
        (self.half, self.time) = (false, 0);
        value.pack(self);
        to.extend_from_slice(&(self.nibbles.len() as u32).to_le_bytes());
        to.extend_from_slice(&self.nibbles);
        to.extend_from_slice(&self.octets);
    }

    #[inline]
    fn put(&mut self, n: u64) {
        let nibble = if matches!(n, 1..=7) {
            8 + n as u8
        } else {
            let needed = (64 - n.leading_zeros()).div_ceil(8);
            let end = self.octets.len() + needed as usize;
            self.octets.extend_from_slice(&n.to_le_bytes());
            self.octets.truncate(end);
            needed as u8
        };
        match self.nibbles.last_mut() {
            Some(last) if self.half => *last |= nibble,
            _ => self.nibbles.push(nibble << 4),
        }
        self.half = !self.half;
    }
}

/// Gives the numbers back in the same order.
pub(super) struct Unpacker<'a> {
    nibbles: &'a [u8],
    low: bool,
    octets: &'a [u8],
    time: i64,
}

impl<'a> Unpacker<'a> {
    fn new(from: &'a [u8]) -> Option<Self> {
        let (len, rest) = from.split_first_chunk()?;
        let (nibbles, octets) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        Some(Self { nibbles, low: false, octets, time: 0 })
    }

    #[inline]
    fn take(&mut self) -> u64 {
        let Some((&both, rest)) = self.nibbles.split_first() else { return 0 };
        let nibble = if self.low {
            self.nibbles = rest;
            both & 15
        } else {
            both >> 4
        };
        self.low = !self.low;
        if nibble == 0 || nibble > 8 {
            return u64::from(nibble).saturating_sub(8);
        }
        let Some((these, rest)) = self.octets.split_at_checked(nibble.into()) else { return 0 };
        let n = match self.octets.first_chunk() {
            // The shift is what keeps the octets of the next number out.
            Some(&eight) => u64::from_le_bytes(eight) << (64 - 8 * nibble) >> (64 - 8 * nibble),
            None => these.iter().rev().fold(0, |n, &octet| n << 8 | u64::from(octet)),
        };
        self.octets = rest;
        n
    }
}

/// What `from` begins with, and what is behind it.
pub(super) fn unpack<T: Packed>(from: &[u8]) -> Option<(T, &[u8])> {
    let mut unpacker = Unpacker::new(from)?;
    Some((T::unpack(&mut unpacker), unpacker.octets))
}

/// What a packed conversation begins with.
pub(super) fn glance(from: &[u8]) -> Option<Glance> {
    let from = &mut Unpacker::new(from)?;
    // Fields are read in the order in which they stand in a conversation.
    let (id, endpoints, traffic) = (Packed::unpack(from), Packed::unpack(from), Packed::unpack(from));
    let roles_known = !bool::unpack(from) || bool::unpack(from);
    Some(Glance { id, endpoints, traffic, roles_known })
}

/// What can be packed.
pub(super) trait Packed {
    fn pack(&self, to: &mut Packer);
    fn unpack(from: &mut Unpacker<'_>) -> Self;
}

/// One list of fields for both ways; a field that is missing here does not compile.
macro_rules! fields {
    ($($of:ident { $($field:ident),* $(,)? })*) => {$(
        impl Packed for $of {
            #[inline]
            fn pack(&self, to: &mut Packer) {
                $(self.$field.pack(to);)*
            }

            #[inline]
            fn unpack(from: &mut Unpacker<'_>) -> Self {
                $(let $field = Packed::unpack(from);)*
                Self { $($field),* }
            }
        }
    )*};
}

fields! {
    Conversation { id, endpoints, traffic, tcp, first_sender, first_frame, first, last, udp }
    StreamId { protocol, number }
    Endpoint { addr, port }
    Traffic { packets, bytes, payload, header_bytes }
    TcpFacts {
        roles_known, handshake, handshake_retries, teardown, states, conn_state, history, completeness,
        initial_rtt, syn_rtt, sides,
    }
    TcpSideFacts {
        isn, base, mss, window_scale, sack_permitted, timestamps, data_segments, unique_bytes,
        retransmitted_segments, retransmitted_bytes, out_of_order_segments, out_of_order_depth,
        duplicate_acks, pure_acks, pushes, segment_min, segment_max, window_min, window_max, window_sum,
        window_samples, zero_windows, zero_window_time, flight_max, initial_window, rtt, idle_max,
        data_first, data_last,
    }
    RttFacts { samples, min, max, mean, median, p95, jitter }
    UdpFacts { icmp_errors, first_icmp, icmp_only, lite }
    Event { packet, ts, stream, side, kind, confidence, evidence, labels }
    Evidence { original, witness, seq, len, ip_id, tsval, ttl, sack, duplicate_acks, elapsed, rtt, count }
}

#[cfg(test)]
mod tests;
