//! Every fuzz target once over all that is kept for it in `fuzz/kept`: what a fuzzer found once,
//! and a small corpus that reaches what it reaches. The fuzzer needs a nightly compiler; this
//! needs nothing, so it runs with the other tests.

use std::fs;
use std::path::{Path, PathBuf};

// The targets call each of these by the name of a crate that is not here.
extern crate self as libfuzzer_sys;
extern crate self as synfin_fuzz;

#[path = "../fuzz/src/lib.rs"]
mod shared;
pub use shared::*;

/// What libFuzzer makes of it, for one input.
#[macro_export]
macro_rules! fuzz_target {
    (|$input:ident: $kind:ty| $body:expr) => {
        pub fn run(octets: &[u8]) {
            let input = arbitrary::Unstructured::new(octets);
            let Ok($input) = <$kind as arbitrary::Arbitrary>::arbitrary_take_rest(input) else { return };
            $body
        }
    };
}

#[path = "../fuzz/fuzz_targets/compressed.rs"]
#[allow(unused_attributes, reason = "it is the root of a crate to the fuzzer")]
mod compressed;
#[path = "../fuzz/fuzz_targets/decode.rs"]
#[allow(unused_attributes, reason = "it is the root of a crate to the fuzzer")]
mod decode;
#[path = "../fuzz/fuzz_targets/headers.rs"]
#[allow(unused_attributes, reason = "it is the root of a crate to the fuzzer")]
mod headers;
#[path = "../fuzz/fuzz_targets/lab.rs"]
#[allow(unused_attributes, reason = "it is the root of a crate to the fuzzer")]
mod lab;
#[path = "../fuzz/fuzz_targets/options.rs"]
#[allow(unused_attributes, reason = "it is the root of a crate to the fuzzer")]
mod options;
#[path = "../fuzz/fuzz_targets/pcap.rs"]
#[allow(unused_attributes, reason = "it is the root of a crate to the fuzzer")]
mod pcap;
#[path = "../fuzz/fuzz_targets/pcapng.rs"]
#[allow(unused_attributes, reason = "it is the root of a crate to the fuzzer")]
mod pcapng;
#[path = "../fuzz/fuzz_targets/pcapng_writer.rs"]
#[allow(unused_attributes, reason = "it is the root of a crate to the fuzzer")]
mod pcapng_writer;
#[path = "../fuzz/fuzz_targets/reader.rs"]
#[allow(unused_attributes, reason = "it is the root of a crate to the fuzzer")]
mod reader;
#[path = "../fuzz/fuzz_targets/reassembly.rs"]
#[allow(unused_attributes, reason = "it is the root of a crate to the fuzzer")]
mod reassembly;
#[path = "../fuzz/fuzz_targets/script.rs"]
#[allow(unused_attributes, reason = "it is the root of a crate to the fuzzer")]
mod script;
#[path = "../fuzz/fuzz_targets/snoop_erf.rs"]
#[allow(unused_attributes, reason = "it is the root of a crate to the fuzzer")]
mod snoop_erf;
#[path = "../fuzz/fuzz_targets/track_frames.rs"]
#[allow(unused_attributes, reason = "it is the root of a crate to the fuzzer")]
mod track_frames;
#[path = "../fuzz/fuzz_targets/track_segments.rs"]
#[allow(unused_attributes, reason = "it is the root of a crate to the fuzzer")]
mod track_segments;

type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 14] = [
    ("compressed", compressed::run),
    ("decode", decode::run),
    ("headers", headers::run),
    ("lab", lab::run),
    ("options", options::run),
    ("pcap", pcap::run),
    ("pcapng", pcapng::run),
    ("pcapng_writer", pcapng_writer::run),
    ("reader", reader::run),
    ("reassembly", reassembly::run),
    ("script", script::run),
    ("snoop_erf", snoop_erf::run),
    ("track_frames", track_frames::run),
    ("track_segments", track_segments::run),
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_target_bears_all_that_is_kept_for_it() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let there: Vec<_> =
        files(&fuzz.join("fuzz_targets")).iter().map(|f| f.file_stem().unwrap().to_owned()).collect();
    let known: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(known, there, "each target has its line above");
    for (name, run) in TARGETS {
        let kept = files(&fuzz.join("kept").join(name));
        println!("{name}: {} inputs", kept.len());
        assert!(!kept.is_empty(), "{name}: nothing is kept for it");
        for path in kept {
            let octets = fs::read(&path).unwrap();
            let done = std::panic::catch_unwind(|| run(&octets));
            assert!(done.is_ok(), "{}", path.display());
        }
    }
}
