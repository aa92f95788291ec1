//! pcapng: a section header in either byte order, then any blocks. Where the input says
//! so, block lengths are made to fit, so that the fuzzer gets past them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&how, rest)) = data.split_first() else { return };
    let word = |n: u32| if how & 1 == 0 { n.to_le_bytes() } else { n.to_be_bytes() };
    let mut file = Vec::new();
    for n in
        [0x0a0d_0d0a, 28, 0x1a2b_3c4d, if how & 1 == 0 { 1 } else { 0x0001_0000 }, u32::MAX, u32::MAX, 28]
    {
        file.extend(word(n));
    }
    if how & 2 == 0 {
        file.extend(rest);
    } else {
        let mut rest = rest;
        while let Some((&[kind, len], after)) = rest.split_first_chunk::<2>() {
            let (body, after) = after.split_at(after.len().min(usize::from(len)));
            let padded = body.len().next_multiple_of(4);
            let total = 12 + padded as u32;
            file.extend(word(u32::from(kind)));
            file.extend(word(total));
            file.extend(body);
            file.extend(vec![0; padded - body.len()]);
            file.extend(word(total));
            rest = after;
        }
    }
    synfin_fuzz::read(&file, |_| {});
});
