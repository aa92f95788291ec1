//! Writing captures: pcapng, or classic pcap where the name ends in `.pcap` or `.cap`.
//!
//! What is written reaches the operating system every quarter of a mebibyte, every second of
//! packet time and, in the background, every second: a program that is killed loses
//! no more than that. In the background it reaches the disk itself every five seconds,
//! which is what a loss of power can take. A write that fails is told at once, and the
//! file is cut back to the last whole packet.

mod background;
mod encode;
mod file;
mod names;
mod output;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

pub use self::background::{Background, Overflow};
pub use self::file::FileSink;
pub use self::names::Rotation;
use super::{Drops, Interface, SourceError};
use crate::model::Packet;

/// Something that keeps packets.
pub trait PacketSink {
    /// Says which interfaces there are; call it whenever the source may have learnt of
    /// more. A packet may come before its interface: it waits for the next call.
    ///
    /// # Errors
    /// What could not be written.
    fn describe(&mut self, interfaces: &[Interface]) -> Result<(), SourceError>;

    /// Keeps a packet, with a comment where the format has room for one.
    ///
    /// # Errors
    /// What could not be written. Nothing can be written after an error.
    fn write(&mut self, packet: &Packet<'_>, comment: Option<&str>) -> Result<(), SourceError>;

    /// Hands what was written so far to the operating system.
    ///
    /// # Errors
    /// What could not be written.
    fn flush(&mut self) -> Result<(), SourceError>;

    /// Hands it to the operating system and waits until it is on the disk.
    ///
    /// # Errors
    /// What could not be written, now or since the last time.
    fn sync(&mut self) -> Result<(), SourceError> {
        self.flush()
    }

    /// Writes the end, drop counts included, and makes sure that all is on the disk.
    ///
    /// # Errors
    /// What could not be written, now or before.
    fn finish(&mut self, drops: Option<Drops>) -> Result<Written, SourceError>;

    /// The last file of a counted set is full: nothing more is wanted.
    fn is_full(&self) -> bool {
        false
    }
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Packets.
    pub packets: u64,
    /// Octets.
    pub bytes: u64,
    /// Files, in the order they were begun; a ring's are named once each.
    pub files: Vec<PathBuf>,
    /// Packets that a background writer had no room for.
    pub lost: u64,
}

/// How to write.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// When to begin another file.
    pub rotation: Rotation,
    /// Files that are being read and must never be overwritten.
    pub inputs: Vec<PathBuf>,
    /// The user and group that files made anew shall belong to; what was there before,
    /// a device and what a link leads to keep their owner.
    pub owner: Option<(u32, u32)>,
    /// Where `-` leads; standard output if `None`.
    pub stdout: Option<Arc<File>>,
}

#[cfg(test)]
mod tests;
