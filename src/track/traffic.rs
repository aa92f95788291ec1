//! Packets and octets one way.

/// What was sent in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Frames.
    pub packets: u64,
    /// Octets of those frames on the wire.
    pub bytes: u64,
    /// Octets of payload above TCP or UDP.
    pub payload: u64,
    /// Octets of TCP or UDP headers.
    pub header_bytes: u64,
}

impl Counts {
    #[inline]
    pub(super) const fn add(&mut self, wire: u32, payload: u64, header: u8) {
        self.packets += 1;
        self.bytes += wire as u64;
        self.payload += payload;
        self.header_bytes += header as u64;
    }
}

crate::track::packed::packed! { Counts { packets, bytes, payload, header_bytes } }
