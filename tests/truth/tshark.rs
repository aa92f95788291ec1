//! What tshark says of the same captures.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::Command;

use synfin::lab::{LabOutcome, Observer};

pub const FIELDS: [&str; 7] = [
    "retransmission",
    "fast_retransmission",
    "spurious_retransmission",
    "out_of_order",
    "keep_alive",
    "zero_window_probe",
    "zero_window",
];

/// Its labels by packet number.
pub type Labels = BTreeMap<u64, Vec<&'static str>>;

/// Its labels; `None` where it is not installed.
pub fn labels(run: &LabOutcome, at: Observer, scratch: &Path) -> Option<Labels> {
    let mut file = File::create(scratch).unwrap();
    run.save(at, &mut file).unwrap();
    let mut command = Command::new("tshark");
    command.arg("-r").arg(scratch).args(["-T", "fields", "-e", "frame.number"]);
    for field in FIELDS {
        command.args(["-e", &format!("tcp.analysis.{field}")]);
    }
    let out = command.output().ok()?;
    assert!(out.status.success(), "tshark: {}", String::from_utf8_lossy(&out.stderr));
    let mut all = BTreeMap::new();
    for line in String::from_utf8_lossy(&out.stdout).lines() {
        let mut cells = line.split('\t');
        let Some(number) = cells.next().and_then(|n| n.parse().ok()) else { continue };
        let set = FIELDS.iter().zip(cells).filter(|(_, c)| !c.is_empty()).map(|(f, _)| *f).collect();
        all.insert(number, set);
    }
    Some(all)
}
