//! Compressed captures: the input behind each magic number as it is, and the input packed
//! properly (also twice) so that what is inside gets read.
#![no_main]

use std::io::Write;

fn pack(data: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(data).and_then(|()| out.finish()).unwrap_or_default()
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&how, rest)) = data.split_first() else { return };
    let magic: &[u8] = match how % 5 {
        0 => &[0x1f, 0x8b, 8],
        1 => &[0x28, 0xb5, 0x2f, 0xfd],
        2 => &[0x04, 0x22, 0x4d, 0x18],
        3 => return synfin_fuzz::read(&pack(rest), |_| {}),
        _ => return synfin_fuzz::read(&pack(&pack(rest)), |_| {}),
    };
    synfin_fuzz::read(&[magic, rest].concat(), |_| {});
});
