//! Classic pcap: the first octet picks the magic number, the rest is the file behind it.
#![no_main]

const MAGICS: [u32; 5] = [0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34, 0xd4c3_b2a1, 0x4d3c_b2a1];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&pick, rest)) = data.split_first() else { return };
    let mut file = MAGICS[usize::from(pick) % MAGICS.len()].to_le_bytes().to_vec();
    file.extend(rest);
    synfin_fuzz::read(&file, |_| {});
});
