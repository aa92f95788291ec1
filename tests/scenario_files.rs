//! The scenarios that come with synfin are scripts that parse, and what they expect is
//! in words that the analysis has.

use std::path::Path;

use synfin::source::script::Script;
use synfin::track::{EventKind, Labels};

#[test]
fn every_scenario_parses_and_expects_what_exists() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "pkt") {
            continue;
        }
        let name = path.display();
        let script =
            Script::parse(&std::fs::read_to_string(&path).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"));
        seen += 1;
        for step in &script.steps {
            for label in &step.expect.labels {
                let known = Labels::ALL.iter().any(|(_, text)| text == label);
                assert!(known, "{name}: line {}: {label} is no label", step.line);
            }
            for event in &step.expect.events {
                let known = EventKind::ALL.iter().any(|kind| kind.name() == event.kind);
                assert!(known, "{name}: line {}: {} is no event", step.line, event.kind);
            }
        }
    }
    assert!(seen >= 11, "only {seen} scenarios found");
}
