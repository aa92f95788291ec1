//! IP fragments made up of few identifications and offsets, so that they meet.
#![no_main]

use arbitrary::Arbitrary;
use synfin::decode::Decoder;
use synfin::model::LinkType;

#[derive(Arbitrary, Debug)]
struct Fragment {
    v6: bool,
    id: u8,
    source: bool,
    /// In units of 8 octets.
    offset: u16,
    more: bool,
    /// Octets of payload.
    len: u16,
    snap: u8,
    fill: u8,
}

fn frame(f: &Fragment) -> Vec<u8> {
    let len = usize::from(f.len % 2048);
    let offset = (f.offset % 8192) << 3;
    let mut out = Vec::new();
    if f.v6 {
        out.extend([0x60, 0, 0, 0]);
        out.extend((len as u16 + 8).to_be_bytes());
        out.extend([44, 64]);
        out.extend([u8::from(f.source); 16]);
        out.extend([9; 16]);
        out.extend([6, 0]);
        out.extend((offset | u16::from(f.more)).to_be_bytes());
        out.extend([0, 0, 0, f.id % 4]);
    } else {
        out.extend([0x45, 0]);
        out.extend((len as u16 + 20).to_be_bytes());
        out.extend([0, f.id % 4]);
        out.extend((offset >> 3 | u16::from(f.more) << 13).to_be_bytes());
        out.extend([64, 17, 0, 0, 10, 0, 0, u8::from(f.source), 10, 0, 0, 9]);
    }
    out.extend(std::iter::repeat_n(f.fill, len));
    out.truncate(out.len().saturating_sub(usize::from(f.snap % 64)));
    out
}

libfuzzer_sys::fuzz_target!(|fragments: Vec<Fragment>| {
    let mut decoder = Decoder::default();
    let mut records = Vec::new();
    for (number, fragment) in (1..).zip(&fragments) {
        records.clear();
        let octets = frame(fragment);
        let mut packet = synfin_fuzz::frame(number, LinkType::RAW, &octets);
        packet.orig_len += u32::from(fragment.snap % 64);
        let _ = decoder.decode(&packet, &mut records);
        records.iter().for_each(synfin_fuzz::check);
    }
});
