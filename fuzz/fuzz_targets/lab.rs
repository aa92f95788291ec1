//! Lab files: read, never run.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(e) = synfin::lab::validate("fuzz", text) {
        assert!(!e.to_string().is_empty());
    }
});
