//! snoop with its magic in place, and whatever else is recognised without one (ERF).
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut file = b"snoop\0\0\0".to_vec();
    file.extend(data);
    synfin_fuzz::read(&file, |_| {});
    synfin_fuzz::read(data, |_| {});
});
