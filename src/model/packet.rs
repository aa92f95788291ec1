//! One captured frame.

use super::{LinkType, Timestamp};

/// A frame as a source hands it over; borrows the source's buffer.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// 1-based over everything the source delivered, as Wireshark's `frame.number`.
    pub number: u64,
    /// When it was captured.
    pub ts: Timestamp,
    /// Octets it had on the wire; `data` may be shorter when it was snapped.
    pub orig_len: u32,
    /// What its first header is.
    pub link: LinkType,
    /// Index into the source's interfaces.
    pub interface: u32,
    /// The captured octets.
    pub data: &'a [u8],
}
