//! IEEE 802.11 data frames, and the headers that captures put before them.

use crate::model::Proto;

use super::ethernet;
use super::octets::Octets;
use super::problem::Problem;
use super::walk::Walk;

/// Radiotap: a little-endian length, then the frame; a flag tells of a check sequence.
pub(super) fn radiotap(w: &mut Walk<'_>, o: Octets<'_>) {
    let (Some(len), Some(present)) = (o.array(2), o.array::<4>(4)) else { return w.short(&o) };
    let len = usize::from(u16::from_le_bytes(len));
    if len < 8 {
        return w.problem(Problem::BadLink, o.at + 2);
    }
    w.path.push(Proto::Radiotap);
    ieee802_11(w, o.skip(len), radiotap_fcs(&o, u32::from_le_bytes(present)));
}

/// The flags field (bit 1) follows the present words and, if there, the 8-octet TSFT.
fn radiotap_fcs(o: &Octets<'_>, present: u32) -> bool {
    let (mut at, mut word) = (8, present);
    while word & 0x8000_0000 != 0 {
        let Some(next) = o.array::<4>(at) else { return false };
        word = u32::from_le_bytes(next);
        at += 4;
    }
    if present & 1 != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    present & 2 != 0 && o.u8(at).is_some_and(|flags| flags & 0x10 != 0)
}

/// The Prism monitoring header: 144 octets, or its own length in its second word.
pub(super) fn prism(w: &mut Walk<'_>, o: Octets<'_>) {
    let Some(len) = o.array::<4>(4) else { return w.short(&o) };
    let len = u32::from_le_bytes(len).min(u32::from_be_bytes(len)) as usize;
    ieee802_11(w, o.skip(if len == 0 { 144 } else { len }), false);
}

/// The AVS header: its length in its second word, big-endian.
pub(super) fn avs(w: &mut Walk<'_>, o: Octets<'_>) {
    match o.u32(4) {
        Some(len) => ieee802_11(w, o.skip(len as usize), false),
        None => w.short(&o),
    }
}

/// A data frame's header, then LLC; encrypted frames and others have nothing for us.
pub(super) fn ieee802_11(w: &mut Walk<'_>, o: Octets<'_>, fcs: bool) {
    let o = if fcs { o.limit(o.len.saturating_sub(4)) } else { o };
    w.path.push(Proto::Wlan);
    let (Some(kind), Some(flags)) = (o.u8(0), o.u8(1)) else { return w.short(&o) };
    let (is_data, has_qos, no_data) = (kind & 0x0c == 0x08, kind & 0x80 != 0, kind & 0x40 != 0);
    let encrypted = flags & 0x40 != 0;
    if !is_data || no_data || encrypted {
        return;
    }
    let mut len = if flags & 0x03 == 0x03 { 30 } else { 24 };
    let mut aggregate = false;
    if has_qos {
        aggregate = o.u8(len).is_some_and(|qos| qos & 0x80 != 0);
        len += 2;
        if flags & 0x80 != 0 {
            len += 4;
        }
    }
    // Fragments after the first have no LLC header.
    if o.array::<2>(22).is_some_and(|seq| u16::from_le_bytes(seq) & 0x0f != 0) {
        return;
    }
    let body = o.skip(len);
    if aggregate { subframes(w, body) } else { ethernet::llc(w, body) }
}

/// An A-MSDU: subframes of destination, source, length, LLC, each padded to four.
fn subframes(w: &mut Walk<'_>, o: Octets<'_>) {
    let mut o = o;
    let path = w.path;
    while let Some(len) = o.u16(12) {
        let len = usize::from(len);
        w.path = path;
        ethernet::llc(w, o.skip(14).limit(len));
        o = o.skip((14 + len).next_multiple_of(4));
    }
}
