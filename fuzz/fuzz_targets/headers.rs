//! The field tree of one frame: every octet of every layer in its place.
#![no_main]

use synfin::decode::headers::headers;
use synfin::model::LinkType;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&[hi, lo, snap], frame)) = data.split_first_chunk::<3>() else { return };
    let link = if hi < 200 { u16::from(lo) } else { u16::from_be_bytes([hi, lo]) };
    let wire = frame.len() as u32 + u32::from(snap) * 16;
    let tree = headers(LinkType(link), frame, wire);
    assert!(format!("{tree:?}").len() < 4_000_000, "the tree grows with the frame, not with its claims");
});
