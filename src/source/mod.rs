//! Where packets come from. Each source yields them one at a time, in order,
//! borrowing its own buffer: nothing is allocated per packet.

mod bytes;
mod compressed;
mod erf;
mod error;
mod feed;
mod filter;
mod follow;
mod live;
mod merge;
mod open;
mod pcap;
mod pcapng;
pub mod script;
mod snoop;
mod window;
pub mod write;

pub use erf::ErfReader;
pub use error::{SourceError, SourceErrorKind};
pub use filter::{Filter, Filtered};
pub use follow::Followed;
pub use live::{CaptureInterface, LiveOptions, LiveSource, list_interfaces};
pub use merge::Merged;
pub use open::{CaptureFile, Format};
pub use pcap::PcapReader;
pub use pcapng::PcapngReader;
pub use snoop::SnoopReader;

use crate::model::{LinkType, Packet};

/// Something that yields packets in order.
pub trait PacketSource {
    /// The next packet, `None` at the end.
    ///
    /// # Errors
    /// What is wrong and where. After an error the source is finished; what it
    /// yielded before stands.
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, SourceError>;

    /// The interfaces known so far; a packet's `interface` is an index into it.
    fn interfaces(&self) -> &[Interface];

    /// How far the source has come.
    fn progress(&self) -> Progress {
        Progress::default()
    }

    /// What the kernel or the interface dropped, where that is known.
    fn drops(&mut self) -> Option<Drops> {
        None
    }

    /// Remarks about what was read that are no faults (a comment, a section of
    /// unknown length, packets that went back in time), each said once.
    fn remarks(&self) -> &[String] {
        &[]
    }
}

impl<S: PacketSource + ?Sized> PacketSource for Box<S> {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, SourceError> {
        (**self).next_packet()
    }

    fn interfaces(&self) -> &[Interface] {
        (**self).interfaces()
    }

    fn progress(&self) -> Progress {
        (**self).progress()
    }

    fn drops(&mut self) -> Option<Drops> {
        (**self).drops()
    }

    fn remarks(&self) -> &[String] {
        (**self).remarks()
    }
}

/// Where packets were captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name, where the source says; text by a stranger.
    pub name: Option<String>,
    /// Its link type.
    pub link: LinkType,
    /// Octets kept of each packet at most; 0 for no limit.
    pub snaplen: u32,
    /// Timestamp units in a second as a power of ten, for writing (6 or 9).
    pub ts_digits: u8,
}

/// How far a source has come, for the progress line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Octets read of the files as they lie on disk (compressed, if they are).
    pub bytes: u64,
    /// Octets there are, where that can be known.
    pub total: Option<u64>,
}

/// Packets that passed without being captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drops {
    /// Packets the capture received.
    pub received: u64,
    /// Packets dropped for want of room in the kernel's buffer.
    pub kernel: u64,
    /// Packets dropped by the interface or its driver.
    pub interface: u64,
}

#[cfg(test)]
mod tests;
