//! The blocks of pcapng: their frame (type, length, the length again) and those that
//! hold no packet.

use super::super::pcap::link_type;
use super::super::{Drops, Interface, SourceError, SourceErrorKind};
use super::*;

/// Octets of a block that synfin reads, apart from packets, at most.
const LARGEST_BLOCK: u32 = 16 << 20;
/// Octets of options beside a packet at most.
const LARGEST_OPTIONS: u32 = 1 << 20;

/// The kinds of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    Section,
    Interface,
    Enhanced,
    Simple,
    Obsolete,
    Statistics,
    /// No packet, but a record that Wireshark gives a frame number.
    Record,
    Other,
}

/// The start of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockHead {
    pub(super) block: Block,
    /// Octets into the file.
    pub(super) at: u64,
    /// Octets of the whole block, both lengths included.
    pub(super) length: u32,
}

impl PcapngReader {
    /// Reads the type and length of the block ahead, of which 12 octets are there. The
    /// type of a section header reads alike in both byte orders; its length only
    /// after the order is known.
    #[inline]
    pub(super) fn head(&mut self) -> Result<BlockHead, SourceError> {
        let at = self.feed.window.offset();
        let block = match self.feed.u32_at(self.order, 0) {
            6 => Block::Enhanced,
            3 => Block::Simple,
            2 => Block::Obsolete,
            1 => Block::Interface,
            5 => Block::Statistics,
            // Custom blocks and the systemd journal's.
            0x0000_0bad | 0x4000_0bad | 9 => Block::Record,
            0x0a0d_0d0a => {
                self.byte_order(at)?;
                Block::Section
            }
            _ => Block::Other,
        };
        let length = self.feed.u32_at(self.order, 4);
        if length < 12 || !length.is_multiple_of(4) {
            return Err(self.feed.damaged(
                at,
                format!("a block length of {length} octets (a multiple of 4 from 12 on is possible)"),
            ));
        }
        Ok(BlockHead { block, at, length })
    }

    fn byte_order(&mut self, at: u64) -> Result<(), SourceError> {
        let magic = self.feed.u32_at(Order::Little, 8);
        self.order = match magic {
            0x1a2b_3c4d => Order::Little,
            0x4d3c_2b1a => Order::Big,
            _ => return Err(self.feed.damaged(at + 8, format!("a byte-order magic of {magic:#010x}"))),
        };
        Ok(())
    }

    /// Makes a block available in whole: `least` octets long, of a length that can be
    /// believed, and with the same length at both ends.
    #[inline]
    pub(super) fn whole(&mut self, head: BlockHead, least: u32) -> Result<(), SourceError> {
        let packet = matches!(head.block, Block::Enhanced | Block::Simple | Block::Obsolete);
        if head.length < least || head.length > LARGEST_OPTIONS {
            self.believable(head, least, packet)?;
        }
        let what = if packet { "the packet's block" } else { "the block" };
        self.feed.need(what, head.length as usize)?;
        let again = self.feed.u32_at(self.order, head.length as usize - 4);
        if again != head.length {
            return Err(self.mismatch(head, again));
        }
        Ok(())
    }

    #[cold]
    fn believable(&mut self, head: BlockHead, least: u32, packet: bool) -> Result<(), SourceError> {
        let most = match packet {
            true => self.ports.iter().map(|p| p.largest).max().unwrap_or(0) + LARGEST_OPTIONS,
            false => LARGEST_BLOCK,
        };
        if head.length < least || head.length > most {
            let length = head.length;
            let text = format!("a block length of {length} octets ({least} to {most} are possible)");
            return Err(self.feed.damaged(head.at, text));
        }
        Ok(())
    }

    #[cold]
    fn mismatch(&mut self, head: BlockHead, again: u32) -> SourceError {
        let length = head.length;
        self.feed.damaged(head.at, format!("a block of {length} octets whose end says {again}"))
    }

    /// Steps over a block that synfin does not read, whatever its length.
    pub(super) fn pass(&mut self, head: BlockHead) -> Result<(), SourceError> {
        // All but its last length, which is looked at.
        self.feed.skip("the block", head.at, u64::from(head.length), 4)?;
        let again = self.feed.u32_at(self.order, 0);
        if again != head.length {
            return Err(self.mismatch(head, again));
        }
        self.feed.window.take(4);
        Ok(())
    }

    /// Starts a section: its interfaces count from 0 again.
    pub(super) fn section_header(&mut self, head: BlockHead) -> Result<(), SourceError> {
        self.whole(head, 28)?;
        let (major, minor) = self.with_body(head, |body, order| (order.u16(body, 4), order.u16(body, 6)));
        if major != 1 {
            let text = format!("pcapng version {major}.{minor} (synfin reads 1.x)");
            return Err(self.feed.fault(head.at + 12, SourceErrorKind::Unsupported(text)));
        }
        self.dropped = self.all_drops();
        self.earlier += u32::try_from(self.ports.len()).unwrap_or(u32::MAX);
        self.ports.clear();
        self.section += 1;
        let comment = self.with_body(head, |body, order| options(body, 16, order).text(COMMENT));
        if let Some(comment) = comment {
            self.feed.remark(format!("comment of section {}: {comment}", self.section));
        }
        self.feed.window.take(head.length as usize);
        Ok(())
    }

    /// An interface description.
    pub(super) fn interface(&mut self, head: BlockHead) -> Result<(), SourceError> {
        self.whole(head, 20)?;
        let (port, interface) = self.with_body(head, |body, order| {
            let link = link_type(u32::from(order.u16(body, 0)));
            let snaplen = order.u32(body, 4);
            let options = options(body, 8, order);
            let resolution = options.find(9).and_then(|v| v.first().copied()).unwrap_or(6);
            let offset = match options.find(14) {
                Some(v) if v.len() == 8 => order.u64(v, 0).cast_signed(),
                _ => 0,
            };
            let units = Units::new(resolution, offset);
            let port = Port { link, snaplen, largest: largest(link), units, drops: Drops::default() };
            let ts_digits = units.digits();
            (port, Interface { name: options.text(2), link, snaplen, ts_digits })
        });
        self.feed.add_interface(head.at, interface)?;
        self.ports.push(port);
        self.feed.window.take(head.length as usize);
        Ok(())
    }

    /// Interface statistics: what was dropped.
    pub(super) fn statistics(&mut self, head: BlockHead) -> Result<(), SourceError> {
        self.whole(head, 24)?;
        let (id, drops) = self.with_body(head, |body, order| {
            let options = options(body, 12, order);
            let count = |code| options.find(code).filter(|v| v.len() == 8).map_or(0, |v| order.u64(v, 0));
            (order.u32(body, 0), Drops { received: count(4), kernel: count(7), interface: count(5) })
        });
        let Some(port) = self.ports.get_mut(id as usize) else {
            return Err(self.no_port(head, id));
        };
        // They count from the start of the capture: the last block says all.
        port.drops = drops;
        self.dropped.get_or_insert_default();
        self.feed.window.take(head.length as usize);
        Ok(())
    }

    /// What all statistics blocks so far say; `None` when there were none.
    pub(super) fn all_drops(&self) -> Option<Drops> {
        let mut sum = self.dropped?;
        for port in &self.ports {
            sum.received = sum.received.saturating_add(port.drops.received);
            sum.kernel = sum.kernel.saturating_add(port.drops.kernel);
            sum.interface = sum.interface.saturating_add(port.drops.interface);
        }
        Some(sum)
    }

    /// Reads out of a block's body, which [`whole`](Self::whole) made available.
    fn with_body<T>(&self, head: BlockHead, read: impl FnOnce(&[u8], Order) -> T) -> T {
        let body = self.feed.window.ahead().get(8..head.length as usize - 4).unwrap_or_default();
        read(body, self.order)
    }
}

fn options(body: &[u8], at: usize, order: Order) -> Options<'_> {
    Options { octets: body.get(at..).unwrap_or_default(), order }
}
