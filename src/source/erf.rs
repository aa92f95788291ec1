//! Endace ERF files: records one after another and nothing else. A packet's data is its
//! whole record, header included, as in captures of link type ERF.

use super::bytes::Order;
use super::feed::Feed;
use super::{Interface, PacketSource, SourceError};
use crate::model::{LinkType, Packet, Timestamp};

const HEADER: usize = ErfReader::HEADER;
/// The record type that only fills room.
const PAD: u8 = 48;
/// Records that must make sense for a file to be taken as ERF.
const TRIAL: usize = 8;

/// Does a file that starts with `head` look like ERF? There is no magic number: up to
/// eight records in a row must make sense, and the first must be whole.
pub(crate) fn is_erf(head: &[u8]) -> bool {
    let (mut rest, mut before) = (head, 0);
    for trial in 0..TRIAL {
        if rest.len() < HEADER {
            return trial > 0;
        }
        let ts = Order::Little.u64(rest, 0);
        let kind = kind(rest);
        let length = usize::from(Order::Big.u16(rest, 10));
        let seconds = ts >> 32;
        let apart = seconds.abs_diff(before);
        let sense = (1..=PAD).contains(&kind)
            && length >= HEADER
            && (kind == PAD || usize::from(Order::Big.u16(rest, 14)) > 0 || length == HEADER)
            && (trial == 0 && seconds > 0 || apart < 366 * 86_400);
        if !sense {
            return false;
        }
        let Some(next) = rest.get(length..) else { return trial > 0 };
        (rest, before) = (next, seconds);
    }
    true
}

/// The record type, without the bit that says extension headers follow.
fn kind(record: &[u8]) -> u8 {
    record.get(8).copied().unwrap_or(0) & 0x7f
}

/// Octets from the record's start to the frame: the header, extension headers of 8
/// octets for as long as each says that more follow, and the pseudo header of the type.
fn frame_at(record: &[u8]) -> usize {
    let mut at = HEADER;
    let mut more = record.get(8).is_some_and(|kind| kind & 0x80 != 0);
    while more && at + 8 <= record.len() {
        more = record.get(at).is_some_and(|first| first & 0x80 != 0);
        at += 8;
    }
    let pseudo = match kind(record) {
        // Ethernet and its colour, DSM and hash kinds: offset and pad.
        2 | 11 | 16 | 20 => 2,
        // The multi-channel kinds: a header of 4 octets.
        5..=9 | 12 | 14 | 15 | 17 | 18 => 4,
        _ => 0,
    };
    (at + pseudo).min(record.len())
}

/// A reader of ERF files.
pub struct ErfReader {
    feed: Feed,
}

impl ErfReader {
    /// Octets of a record's header.
    pub(crate) const HEADER: usize = 16;

    pub(crate) fn new(mut feed: Feed) -> Result<Self, SourceError> {
        let interface = Interface { name: None, link: LinkType::ERF, snaplen: 0, ts_digits: 9 };
        feed.add_interface(0, interface)?;
        Ok(Self { feed })
    }
}

impl PacketSource for ErfReader {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, SourceError> {
        let length = loop {
            if !self.feed.need_or_end("the record's header", HEADER)? {
                return Ok(None);
            }
            let length = usize::from(Order::Big.u16(self.feed.window.ahead(), 10));
            if length < HEADER {
                let at = self.feed.window.offset();
                return Err(self.feed.damaged(at, format!("a record length of {length} octets")));
            }
            self.feed.need("the record", length)?;
            if kind(self.feed.window.ahead()) != PAD {
                break length;
            }
            self.feed.window.take(length);
        };
        let head = self.feed.window.ahead();
        // 32 bits of seconds and 32 of their fraction, rounded to the nanosecond.
        let fixed = Order::Little.u64(head, 0);
        let nanos = ((fixed & 0xffff_ffff) * 1_000_000_000 + (1 << 31)) >> 32;
        let ts = Timestamp::new((fixed >> 32).cast_signed(), nanos.cast_signed());
        let number = self.feed.count(ts);
        let record = self.feed.window.take(length);
        let wire = usize::from(Order::Big.u16(record, 14));
        let frame = frame_at(record);
        // Records are padded: the wire length says where the frame ends.
        let data = record.get(..(frame + wire).min(length)).unwrap_or_default();
        let orig_len = u32::try_from(frame + wire).unwrap_or(u32::MAX);
        Ok(Some(Packet { number, ts, orig_len, link: LinkType::ERF, interface: 0, data }))
    }

    fn interfaces(&self) -> &[Interface] {
        &self.feed.interfaces
    }

    fn remarks(&self) -> &[String] {
        &self.feed.remarks
    }
}
