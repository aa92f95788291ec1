//! One frame of any link type: the first two octets are its number, the third says how
//! much of the frame was captured.
#![no_main]

use synfin::decode::Decoder;
use synfin::model::LinkType;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&[hi, lo, snap], frame)) = data.split_first_chunk::<3>() else { return };
    // Most numbers are of no link type: keep to small ones most of the time.
    let link = if hi < 200 { u16::from(lo) } else { u16::from_be_bytes([hi, lo]) };
    let mut packet = synfin_fuzz::frame(1, LinkType(link), frame);
    packet.orig_len += u32::from(snap) * 16;
    let mut records = Vec::new();
    let problems = Decoder::default().decode(&packet, &mut records);
    assert!(problems.iter().count() <= 32);
    assert!(records.len() <= frame.len(), "a record takes at least an octet");
    records.iter().for_each(synfin_fuzz::check);
});
