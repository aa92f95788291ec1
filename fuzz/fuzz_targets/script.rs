//! Scenario files: what parses becomes frames, and those go through the whole pipeline.
#![no_main]

use synfin::model::PerSide;
use synfin::source::PacketSource;
use synfin::source::script::Script;
use synfin::track::TrackerOptions;
use synfin_fuzz::Analysis;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(mut script) = Script::parse(text) else { return };
    script.shift_isn(PerSide::new(u32::MAX - 5, 1 << 31));
    let steps = script.steps.len() as u64;
    let mut source = script.into_source();
    let mut analysis = Analysis::new(TrackerOptions::default());
    let mut packets = 0;
    while let Ok(Some(packet)) = source.next_packet() {
        packets += 1;
        analysis.packet(&packet);
    }
    assert!(packets <= steps);
    analysis.finish();
});
