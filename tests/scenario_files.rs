//! The scenarios that come with synfin are scripts that parse, and what they expect is
//! in words that the analysis has.

mod common;

use synfin::source::script::Script;
use synfin::track::{EventKind, Labels};

#[test]
fn every_scenario_parses_and_expects_what_exists() {
    for (name, text) in common::scenarios() {
        let script = Script::parse(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
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
}
