//! Classic pcap (draft-ietf-opsawg-pcap): a header of 24 octets, then packets, each
//! behind a record header of 16.

use super::bytes::Order;
use super::feed::{Feed, largest};
use super::{Interface, PacketSource, SourceError, SourceErrorKind};
use crate::model::{LinkType, Packet, Timestamp};

/// What a magic number says about the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Variant {
    /// Nanoseconds in a unit of the fraction.
    unit: u32,
    /// Octets of the file header.
    file_header: usize,
    /// Octets of a record header.
    record_header: usize,
}

/// The reserved bits of the link type field.
const RESERVED: u32 = 0x03ff_0000;

const MICRO: Variant = Variant { unit: 1000, file_header: 24, record_header: 16 };
const NANO: Variant = Variant { unit: 1, ..MICRO };

impl Variant {
    const fn of(magic: u32) -> Option<Self> {
        match magic {
            0xa1b2_c3d4 => Some(MICRO),
            0xa1b2_3c4d => Some(NANO),
            // Kuznetzov's: the record header goes on with the interface, the
            // protocol and the packet type.
            0xa1b2_cd34 => Some(Variant { record_header: 24, ..MICRO }),
            // Ixia's lcap: the file header goes on with the octets of all packets.
            0x1c00_01ab => Some(Variant { file_header: 28, ..MICRO }),
            0x1c00_01ac => Some(Variant { file_header: 28, ..NANO }),
            _ => None,
        }
    }
}

/// The order of the two lengths in a record header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    /// Versions before 2.3, and DG/UX.
    OriginalFirst,
    /// Version 2.3: writers differed; the smaller is the captured one.
    Either,
}

/// Does a file that starts with `head` look like classic pcap?
pub(crate) fn is_pcap(head: &[u8]) -> bool {
    head.len() >= 4 && (recognise(head).is_some())
}

fn recognise(head: &[u8]) -> Option<(Order, Variant)> {
    [Order::Little, Order::Big]
        .into_iter()
        .find_map(|order| Variant::of(order.u32(head, 0)).map(|variant| (order, variant)))
}

/// A reader of classic pcap files.
pub struct PcapReader {
    feed: Feed,
    order: Order,
    unit: u32,
    record_header: usize,
    lengths: Lengths,
    link: LinkType,
    largest: u32,
}

impl PcapReader {
    /// Reads the file header.
    pub(crate) fn new(mut feed: Feed) -> Result<Self, SourceError> {
        feed.need("the file header", 4)?;
        let Some((order, variant)) = recognise(feed.window.ahead()) else {
            return Err(feed.damaged(0, "the magic number is not of pcap".to_owned()));
        };
        feed.need("the file header", variant.file_header)?;
        let head = feed.window.take(variant.file_header);
        let version = (order.u16(head, 4), order.u16(head, 6));
        let (snaplen, network) = (order.u32(head, 16), order.u32(head, 20));
        let lengths = match version {
            (2, 0..=2) | (543, 0) => Lengths::OriginalFirst,
            (2, 3) => Lengths::Either,
            (2, minor) => {
                if minor > 4 {
                    feed.remark(format!("pcap version 2.{minor} is not known; read as 2.4"));
                }
                Lengths::CapturedFirst
            }
            (major, minor) => {
                let text = format!("pcap version {major}.{minor} (synfin reads 2.0 to 2.4)");
                return Err(feed.fault(4, SourceErrorKind::Unsupported(text)));
            }
        };
        if network & RESERVED != 0 {
            let text = format!("a link type field of {network:#010x}, whose reserved bits are set");
            return Err(feed.fault(20, SourceErrorKind::Unsupported(text)));
        }
        let link = link_type(network);
        let ts_digits = if variant.unit == 1 { 9 } else { 6 };
        feed.add_interface(0, Interface { name: None, link, snaplen, ts_digits })?;
        Ok(Self {
            feed,
            order,
            unit: variant.unit,
            record_header: variant.record_header,
            lengths,
            link,
            largest: largest(link),
        })
    }

    #[cold]
    fn too_large(&mut self, captured: u32) -> SourceError {
        let at = self.feed.window.offset();
        let most = self.largest;
        self.feed.damaged(at, format!("a captured length of {captured} octets ({most} at most)"))
    }
}

impl PacketSource for PcapReader {
    #[inline]
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, SourceError> {
        let header = self.record_header;
        if !self.feed.need_or_end("the packet's header", header)? {
            return Ok(None);
        }
        let head = self.feed.window.ahead();
        let order = self.order;
        // A fraction of more than a second is damage. Its product wraps in 32 bits, so
        // that the time is the one Wireshark shows.
        let nanos = order.u32(head, 4).wrapping_mul(self.unit).cast_signed();
        let ts = Timestamp::new(i64::from(order.u32(head, 0)), i64::from(nanos));
        let (first, second) = (order.u32(head, 8), order.u32(head, 12));
        let (captured, orig_len) = match self.lengths {
            Lengths::CapturedFirst => (first, second),
            Lengths::OriginalFirst => (second, first),
            Lengths::Either => (first.min(second), first.max(second)),
        };
        if captured > self.largest {
            return Err(self.too_large(captured));
        }
        let whole = header + captured as usize;
        self.feed.need("the packet", whole)?;
        let number = self.feed.count(ts);
        // More captured than there was makes no sense: as Wireshark, believe the original length.
        let keep = header + captured.min(orig_len) as usize;
        let data = self.feed.window.take(whole).get(header..keep).unwrap_or_default();
        Ok(Some(Packet { number, ts, orig_len, link: self.link, interface: 0, data }))
    }

    fn interfaces(&self) -> &[Interface] {
        &self.feed.interfaces
    }

    fn remarks(&self) -> &[String] {
        &self.feed.remarks
    }
}

/// The link type in a `network` field. Its upper bits say whether frames carry a
/// checksum; the numbers of raw IP and RFC 1483 differed between systems once.
pub(crate) const fn link_type(network: u32) -> LinkType {
    match (network & 0xffff) as u16 {
        11 | 13 => LinkType::ATM_RFC1483,
        12 | 14 => LinkType::RAW,
        number => LinkType(number),
    }
}
