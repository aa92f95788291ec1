//! Packets as octets of a capture file.

use crate::model::{LinkType, Packet, Timestamp};

use super::super::{Drops, Interface};

/// The comment of a packet without a time in a block that must have one.
const NO_TIME: &str = "no time was recorded for this packet";

/// A capture format that synfin writes, always little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Pcap,
    Pcapng,
}

/// What wrote the file, as its section header says.
const APPLICATION: &str = concat!("synfin ", env!("CARGO_PKG_VERSION"));
/// The snaplen of a file whose interfaces have no limit.
const NO_LIMIT: u32 = 262_144;

/// Begins a classic pcap file.
pub(super) fn pcap_header(out: &mut Vec<u8>, link: LinkType, snaplen: u32, nanos: bool) {
    let magic: u32 = if nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
    out.extend(magic.to_le_bytes());
    out.extend([2, 0, 4, 0]);
    out.extend([0; 8]);
    out.extend(if snaplen == 0 { NO_LIMIT } else { snaplen }.to_le_bytes());
    out.extend(u32::from(link.0).to_le_bytes());
}

/// A classic pcap record; `None` where its time does not fit (1970 to 2106).
pub(super) fn pcap_packet(out: &mut Vec<u8>, packet: &Packet<'_>, nanos: bool) -> Option<()> {
    // Classic pcap has no way to say that there is no time; 1970 is the habit.
    let ts = if packet.ts == Timestamp::NONE { 0 } else { packet.ts.nanos() };
    let seconds = u32::try_from(ts.div_euclid(1_000_000_000)).ok()?;
    let fraction = u32::try_from(ts.rem_euclid(1_000_000_000)).ok()?;
    let fraction = if nanos { fraction } else { fraction / 1000 };
    out.extend(seconds.to_le_bytes());
    out.extend(fraction.to_le_bytes());
    out.extend(length(packet.data).to_le_bytes());
    out.extend(packet.orig_len.to_le_bytes());
    out.extend_from_slice(packet.data);
    Some(())
}

/// Begins a pcapng section.
pub(super) fn section(out: &mut Vec<u8>) {
    block(out, 0x0a0d_0d0a, |out| {
        out.extend(0x1a2b_3c4du32.to_le_bytes());
        out.extend([1, 0, 0, 0]);
        // The section's length is not known.
        out.extend([0xff; 8]);
        option(out, 4, APPLICATION.as_bytes());
        option(out, 0, &[]);
    });
}

/// Describes an interface, whose times are in nanoseconds.
pub(super) fn interface(out: &mut Vec<u8>, interface: &Interface) {
    block(out, 1, |out| {
        out.extend(interface.link.0.to_le_bytes());
        out.extend([0; 2]);
        out.extend(interface.snaplen.to_le_bytes());
        if let Some(name) = &interface.name {
            texts(out, 2, name);
        }
        option(out, 9, &[9]);
        option(out, 0, &[]);
    });
}

/// A pcapng packet; `None` where its time does not fit (before 1970).
pub(super) fn packet(out: &mut Vec<u8>, id: u32, packet: &Packet<'_>, comment: Option<&str>) -> Option<()> {
    if packet.ts == Timestamp::NONE {
        if id == 0 && packet.data.len() == packet.orig_len as usize {
            // The simple packet block: the one that has no time. It has no comment either,
            // and a comment can be made again.
            block(out, 3, |out| {
                out.extend(packet.orig_len.to_le_bytes());
                out.extend_from_slice(packet.data);
                pad(out, packet.data.len());
            });
            return Some(());
        }
        // Any other block has a time: 1970 is the habit, and the comment says what it means.
        let comment = comment.map_or(NO_TIME.to_owned(), |comment| format!("{NO_TIME}\n{comment}"));
        return self::packet(out, id, &Packet { ts: Timestamp(0), ..*packet }, Some(&comment));
    }
    let [upper, lower] = halves(packet.ts)?;
    block(out, 6, |out| {
        for field in [id, upper, lower, length(packet.data), packet.orig_len] {
            out.extend(field.to_le_bytes());
        }
        out.extend_from_slice(packet.data);
        pad(out, packet.data.len());
        if let Some(comment) = comment {
            texts(out, 1, comment);
            option(out, 0, &[]);
        }
    });
    Some(())
}

/// Statistics of interface `id` at `ts`.
pub(super) fn statistics(out: &mut Vec<u8>, id: u32, ts: Timestamp, drops: Drops) {
    let [upper, lower] = halves(ts).unwrap_or([0, 0]);
    block(out, 5, |out| {
        for field in [id, upper, lower] {
            out.extend(field.to_le_bytes());
        }
        for (code, count) in [(4, drops.received), (5, drops.interface), (7, drops.kernel)] {
            option(out, code, &count.to_le_bytes());
        }
        option(out, 0, &[]);
    });
}

/// A time as the two halves of its nanoseconds.
fn halves(ts: Timestamp) -> Option<[u32; 2]> {
    let count = u64::try_from(ts.nanos()).ok()?;
    Some([(count >> 32) as u32, (count & 0xffff_ffff) as u32])
}

/// Octets of a packet, which are far fewer than 2^32.
fn length(data: &[u8]) -> u32 {
    u32::try_from(data.len()).unwrap_or(u32::MAX)
}

/// A block: type, length, body, length.
fn block(out: &mut Vec<u8>, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend(kind.to_le_bytes());
    out.extend([0; 4]);
    body(out);
    let length = u32::try_from(out.len() - start + 4).unwrap_or(u32::MAX).to_le_bytes();
    out.extend(length);
    if let Some(first) = out.get_mut(start + 4..start + 8) {
        first.copy_from_slice(&length);
    }
}

/// An option: code, length, value, padding.
fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    out.extend(code.to_le_bytes());
    out.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend(value);
    pad(out, value.len());
}

/// A text as one option, or as several where one has no room for it.
fn texts(out: &mut Vec<u8>, code: u16, mut text: &str) {
    loop {
        let mut end = text.len().min(usize::from(u16::MAX));
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let (first, rest) = text.split_at(end);
        option(out, code, first.as_bytes());
        text = rest;
        if text.is_empty() {
            break;
        }
    }
}

fn pad(out: &mut Vec<u8>, length: usize) {
    out.resize(out.len() + (length.next_multiple_of(4) - length), 0);
}
