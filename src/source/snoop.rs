//! snoop (RFC 1761): big-endian, records with their own lengths and the drops so far.

use super::bytes::Order;
use super::feed::{Feed, largest};
use super::{Drops, Interface, PacketSource, SourceError, SourceErrorKind};
use crate::model::{LinkType, Packet, Timestamp};

/// The identification pattern of every snoop file.
pub(crate) const MAGIC: [u8; 8] = *b"snoop\0\0\0";

/// Octets of the file header and of a record's header.
const FILE_HEADER: usize = 16;
const RECORD_HEADER: usize = 24;

/// A reader of snoop files.
pub struct SnoopReader {
    feed: Feed,
    link: LinkType,
    packets: u64,
    dropped: u32,
}

impl SnoopReader {
    /// Reads the file header.
    pub(crate) fn new(mut feed: Feed) -> Result<Self, SourceError> {
        feed.need("the file header", FILE_HEADER)?;
        let (version, datalink) = (feed.u32_at(Order::Big, 8), feed.u32_at(Order::Big, 12));
        if version != 2 {
            let text = format!("snoop version {version} (synfin reads 2)");
            return Err(feed.fault(8, SourceErrorKind::Unsupported(text)));
        }
        // RFC 1761 section 3, and the types that Solaris added since.
        let link = match datalink {
            0 | 4 => LinkType::ETHERNET,
            2 => LinkType::TOKEN_RING,
            8 => LinkType::FDDI,
            18 => LinkType(123),
            26 => LinkType(226),
            27 => LinkType::IPOIB,
            _ => {
                let text = format!("snoop datalink type {datalink}");
                return Err(feed.fault(12, SourceErrorKind::Unsupported(text)));
            }
        };
        feed.add_interface(0, Interface { name: None, link, snaplen: 0, ts_digits: 6 })?;
        feed.window.take(FILE_HEADER);
        Ok(Self { feed, link, packets: 0, dropped: 0 })
    }
}

impl PacketSource for SnoopReader {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, SourceError> {
        if !self.feed.need_or_end("the packet's header", RECORD_HEADER)? {
            return Ok(None);
        }
        let at = self.feed.window.offset();
        let field = |index: usize| self.feed.u32_at(Order::Big, index * 4);
        let (orig_len, captured, record, dropped) = (field(0), field(1), field(2), field(3));
        let ts = Timestamp::new(i64::from(field(4)), i64::from(field(5)) * 1000);
        let most = largest(self.link);
        if captured > most {
            let text = format!("a captured length of {captured} octets ({most} at most)");
            return Err(self.feed.damaged(at, text));
        }
        let end = RECORD_HEADER + captured as usize;
        // Padding may follow the packet; 64 KiB of it is no snoop file.
        if (record as usize) < end || record as usize - end > 1 << 16 {
            let text = format!("a record length of {record} octets for a packet of {captured}");
            return Err(self.feed.damaged(at, text));
        }
        self.feed.need("the packet", record as usize)?;
        self.packets += 1;
        self.dropped = dropped;
        let number = self.feed.count(ts);
        let keep = RECORD_HEADER + captured.min(orig_len) as usize;
        let data = self.feed.window.take(record as usize).get(RECORD_HEADER..keep).unwrap_or_default();
        Ok(Some(Packet { number, ts, orig_len, link: self.link, interface: 0, data }))
    }

    fn interfaces(&self) -> &[Interface] {
        &self.feed.interfaces
    }

    fn drops(&mut self) -> Option<Drops> {
        let (received, kernel) = (self.packets, u64::from(self.dropped));
        Some(Drops { received, kernel, interface: 0 })
    }

    fn remarks(&self) -> &[String] {
        &self.feed.remarks
    }
}
