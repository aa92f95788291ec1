//! Any octets as a capture file, through the whole pipeline.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| synfin_fuzz::analyse(data, Default::default()));
