//! pcapng (draft-ietf-opsawg-pcapng): sections of blocks, in the byte order of the
//! machine that wrote each section.

mod block;
mod options;
mod units;

use std::ops::Range;

use self::block::{Block, BlockHead};
use self::options::{COMMENT, Options};
use self::units::Units;
use super::bytes::Order;
use super::feed::{Feed, largest};
use super::{Drops, PacketSource, SourceError};
use crate::model::{LinkType, Packet, Timestamp};

/// The first octets of every pcapng file.
pub(crate) const MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// An interface of the section at hand.
#[derive(Debug, Clone, Copy)]
struct Port {
    link: LinkType,
    snaplen: u32,
    largest: u32,
    units: Units,
    drops: Drops,
}

/// Where a packet lies in the block that the window last stepped over.
struct Found {
    ts: Timestamp,
    orig_len: u32,
    link: LinkType,
    interface: u32,
    data: Range<usize>,
    block: usize,
}

/// A reader of pcapng files.
pub struct PcapngReader {
    feed: Feed,
    order: Order,
    /// Interfaces of this section; the feed has those of all.
    ports: Vec<Port>,
    /// Interfaces of the sections before.
    earlier: u32,
    /// Drops of the sections before.
    dropped: Option<Drops>,
    section: u64,
    no_time: bool,
    /// The last packet's block and where its options lie in it.
    last_block: usize,
    last_options: Range<usize>,
}

impl PcapngReader {
    /// Reads the first section's header.
    pub(crate) fn new(feed: Feed) -> Result<Self, SourceError> {
        let mut reader = Self {
            feed,
            order: Order::Little,
            ports: Vec::new(),
            earlier: 0,
            dropped: None,
            section: 0,
            no_time: false,
            last_block: 0,
            last_options: 0..0,
        };
        reader.feed.need("the section header", 12)?;
        let head = reader.head()?;
        reader.section_header(head)?;
        Ok(reader)
    }

    /// The comment of the packet that was yielded last, if it has one: a stranger's text.
    #[must_use]
    pub fn comment(&self) -> Option<String> {
        let block = self.feed.window.behind(self.last_block);
        let octets = block.get(self.last_options.clone())?;
        Options { octets, order: self.order }.text(COMMENT)
    }

    /// Goes on to the next packet.
    #[inline]
    fn advance(&mut self) -> Result<Option<Found>, SourceError> {
        loop {
            if !self.feed.need_or_end("the block's header", 12)? {
                return Ok(None);
            }
            let head = self.head()?;
            let found = match head.block {
                Block::Enhanced => Some(self.enhanced(head)?),
                Block::Simple => Some(self.simple(head)?),
                Block::Obsolete => Some(self.obsolete(head)?),
                Block::Section => {
                    self.section_header(head)?;
                    None
                }
                Block::Interface => {
                    self.interface(head)?;
                    None
                }
                Block::Statistics => {
                    self.statistics(head)?;
                    None
                }
                Block::Record => {
                    self.pass(head)?;
                    self.feed.count_record();
                    None
                }
                Block::Other => {
                    self.pass(head)?;
                    None
                }
            };
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    /// The port of an interface number, checked.
    #[inline]
    fn port(&mut self, head: BlockHead, id: u32) -> Result<Port, SourceError> {
        match self.ports.get(id as usize) {
            Some(port) => Ok(*port),
            None => Err(self.no_port(head, id)),
        }
    }

    #[cold]
    fn no_port(&mut self, head: BlockHead, id: u32) -> SourceError {
        let known = self.ports.len();
        self.feed.damaged(head.at, format!("interface {id} of a section that describes {known}"))
    }

    #[cold]
    fn too_large(&mut self, head: BlockHead, captured: u32, most: u32) -> SourceError {
        self.feed.damaged(head.at, format!("a captured length of {captured} octets ({most} at most)"))
    }

    #[cold]
    fn beyond(&mut self, head: BlockHead, captured: u32) -> SourceError {
        let length = head.length;
        self.feed.damaged(head.at, format!("a captured length of {captured} octets in a block of {length}"))
    }

    /// A packet of `captured` octets that starts `at` octets into the block.
    #[inline]
    fn found(
        &mut self,
        head: BlockHead,
        at: usize,
        captured: u32,
        orig_len: u32,
        id: u32,
        ts: Timestamp,
    ) -> Result<Found, SourceError> {
        let port = self.port(head, id)?;
        if captured > port.largest {
            return Err(self.too_large(head, captured, port.largest));
        }
        let end = at + captured as usize;
        let block = head.length as usize;
        if end + 4 > block {
            return Err(self.beyond(head, captured));
        }
        self.last_block = block;
        self.last_options = end.next_multiple_of(4).min(block - 4)..block - 4;
        let keep = at + captured.min(orig_len) as usize;
        let interface = self.earlier + id;
        Ok(Found { ts, orig_len, link: port.link, interface, data: at..keep, block })
    }

    #[inline]
    fn enhanced(&mut self, head: BlockHead) -> Result<Found, SourceError> {
        self.whole(head, 32)?;
        let id = self.feed.u32_at(self.order, 8);
        let count = self.count_at(12);
        let (captured, orig_len) = (self.feed.u32_at(self.order, 20), self.feed.u32_at(self.order, 24));
        let ts = self.port(head, id)?.units.moment(count);
        self.found(head, 28, captured, orig_len, id, ts)
    }

    fn obsolete(&mut self, head: BlockHead) -> Result<Found, SourceError> {
        self.whole(head, 32)?;
        let id = u32::from(self.order.u16(self.feed.window.ahead(), 8));
        let count = self.count_at(12);
        let (captured, orig_len) = (self.feed.u32_at(self.order, 20), self.feed.u32_at(self.order, 24));
        let ts = self.port(head, id)?.units.moment(count);
        self.found(head, 28, captured, orig_len, id, ts)
    }

    fn simple(&mut self, head: BlockHead) -> Result<Found, SourceError> {
        self.whole(head, 16)?;
        let orig_len = self.feed.u32_at(self.order, 8);
        let snaplen = match self.port(head, 0)?.snaplen {
            0 => u32::MAX,
            limit => limit,
        };
        let captured = orig_len.min(snaplen).min(head.length - 16);
        if !self.no_time {
            self.no_time = true;
            self.feed
                .remark("simple packet blocks: their packets have no time and are shown at 0".to_owned());
        }
        let mut found = self.found(head, 12, captured, orig_len, 0, Timestamp::NONE)?;
        // A simple packet block has no options.
        self.last_options = 0..0;
        found.block = head.length as usize;
        Ok(found)
    }

    /// A timestamp in two halves, the upper first.
    #[inline]
    fn count_at(&self, at: usize) -> u64 {
        let upper = u64::from(self.feed.u32_at(self.order, at));
        upper << 32 | u64::from(self.feed.u32_at(self.order, at + 4))
    }
}

impl PacketSource for PcapngReader {
    #[inline]
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, SourceError> {
        let Some(found) = self.advance()? else { return Ok(None) };
        let Found { ts, orig_len, link, interface, .. } = found;
        let number = self.feed.count(ts);
        let data = self.feed.window.take(found.block).get(found.data).unwrap_or_default();
        Ok(Some(Packet { number, ts, orig_len, link, interface, data }))
    }

    fn interfaces(&self) -> &[super::Interface] {
        &self.feed.interfaces
    }

    fn drops(&mut self) -> Option<Drops> {
        self.all_drops()
    }

    fn remarks(&self) -> &[String] {
        &self.feed.remarks
    }
}
