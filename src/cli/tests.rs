//! The captures of this repository through all layers to the views.

use std::path::Path;

use super::flow::Flow;
use crate::report::{Recorder, RecorderOptions, Report};
use crate::source::CaptureFile;
use crate::track::TrackerOptions;
use crate::view::events::Events;
use crate::view::explain::Explain;
use crate::view::services::Services;
use crate::view::{Pen, Style, View};

/// What the whole pipeline makes of a file.
fn report(path: &Path) -> Report {
    let mut source = CaptureFile::open(path).unwrap();
    let mut flow = Flow::new(TrackerOptions::default());
    let mut recorder = Recorder::new(RecorderOptions::default());
    flow.run(&mut source, &mut recorder).unwrap();
    flow.finish(&mut recorder);
    recorder.finish()
}

#[test]
fn the_stories_of_the_captures() {
    let mut files: Vec<_> =
        std::fs::read_dir("captures").unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "pkt"));
    files.sort();
    let style = Style { width: 100, ..Style::default() };
    let mut out = Vec::new();
    for path in files {
        let report = report(&path);
        out.extend(format!("==== {}\n", path.file_name().unwrap().to_string_lossy()).into_bytes());
        Explain { services: &Services::default(), pen: Pen::Text }.render(&report, &style, &mut out).unwrap();
        out.push(b'\n');
        Events { pen: Pen::Text }.render(&report, &style, &mut out).unwrap();
        for detail in &report.details {
            let told = report.events.iter().filter(|e| Some(e.stream) == detail.id).count();
            assert_eq!(detail.events.len(), told, "a detail has all events of its conversation");
        }
    }
    insta::assert_snapshot!("stories", String::from_utf8(out).unwrap());
}
