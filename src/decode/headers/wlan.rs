//! IEEE 802.11, and radiotap before it.

use super::builder::{Next, Walk};
use super::links::little;
use crate::decode::Problem;

/// Little-endian: its length, which fields are there, and these.
pub(super) fn radiotap(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("Radiotap", "radiotap.org", Some(2));
    h.num("Version", 8);
    h.num("Pad", 8);
    let len = little(&mut h, "Length", 16).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    if len < 8 {
        h.problem(Some(Problem::BadLink));
        w.done(h);
        return Next::Payload;
    }
    let present = little(&mut h, "Present", 32).unwrap_or(0);
    h.show(format!("0x{present:08x}"));
    h.mean("which fields follow, little-endian");
    let mut more = present;
    while more & 0x8000_0000 != 0 && h.len() + 4 <= len {
        let Some(next) = little(&mut h, "Present, continued", 32) else { break };
        h.show(format!("0x{next:08x}"));
        more = next;
    }
    if present & 1 != 0 {
        let gap = h.len().next_multiple_of(8) - h.len();
        h.octets("Alignment", gap);
        little(&mut h, "TSFT", 64);
        h.mean("microseconds by the radio's clock");
    }
    let mut fcs = false;
    if present & 2 != 0 {
        let flags = h.hex("Flags", 8);
        fcs = flags.is_some_and(|f| f & 0x10 != 0);
        h.mean(if fcs { "the frame ends in its check sequence" } else { "no check sequence at the end" });
    }
    h.octets("Other Fields", len.saturating_sub(h.len()));
    w.done(h);
    ieee802_11(w, fcs)
}

/// A frame of any kind; what a data frame carries in the clear is read on.
pub(super) fn ieee802_11(w: &mut Walk<'_>, fcs: bool) -> Next {
    if fcs {
        w.narrow(w.limit.saturating_sub(w.at).saturating_sub(4), "Frame check sequence");
    }
    let mut h = w.head("IEEE 802.11", "IEEE 802.11", Some(2));
    // The bits of an octet stand from the least significant on; here as they lie.
    let subtype = h.num("Subtype", 4).unwrap_or(0);
    let kind = h.means("Type", 2, |n| {
        let text = match n {
            0 => "management",
            1 => "control",
            2 => "data",
            _ => "extension",
        };
        text.to_owned()
    });
    h.num("Version", 2);
    for (name, set) in [("+HTC/Order", "an HT control field follows"), ("Protected", "encrypted")] {
        h.flag(name, set);
    }
    let flags = w.peek(1).unwrap_or(0);
    h.flag("More Data", "more is waiting");
    h.flag("Power Management", "the sender will sleep");
    h.flag("Retry", "sent again");
    h.flag("More Fragments", "pieces follow");
    h.flag("From DS", "from the access point");
    h.flag("To DS", "to the access point");
    little(&mut h, "Duration/ID", 16);
    h.mac("Address 1");
    // A control frame has one address, or two.
    if kind == Some(1) {
        if !matches!(subtype, 12 | 13) {
            h.mac("Address 2");
        }
        w.done(h);
        return Next::Payload;
    }
    h.mac("Address 2");
    h.mac("Address 3");
    let sequence = little(&mut h, "Sequence Control", 16).unwrap_or(0);
    h.mean(format!("sequence number {}, fragment {}", sequence >> 4, sequence & 0xf));
    if kind == Some(2) && flags & 3 == 3 {
        h.mac("Address 4");
    }
    let mut aggregate = false;
    if kind == Some(2) && subtype & 8 != 0 {
        aggregate = little(&mut h, "QoS Control", 16).is_some_and(|n| n & 0x80 != 0);
        h.mean(if aggregate { "several frames in one (A-MSDU)" } else { "one frame" });
        if flags & 0x80 != 0 {
            h.octets("HT Control", 4);
        }
    }
    w.done(h);
    // Without data, encrypted, or a later fragment: nothing that could be read.
    if kind != Some(2) || subtype & 4 != 0 || flags & 0x40 != 0 || sequence & 0xf != 0 {
        return Next::Payload;
    }
    if aggregate {
        let mut h = w.head("A-MSDU subframe", "IEEE 802.11", Some(2));
        h.mac("Destination Address");
        h.mac("Source Address");
        let len = h.means("Length", 16, |_| "octets of LLC and data".to_owned());
        w.done(h);
        let len = len.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        w.narrow(len, "Further subframes");
    }
    Next::Llc
}
