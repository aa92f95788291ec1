//! The program from end to end: what people type, what it prints, and how it ends.

mod faults;
mod files;
mod output;
mod readme;

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::str::{contains, is_empty};
use serde_json::Value;
use tempfile::TempDir;

fn synfin() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_synfin"));
    command.env_remove("COLUMNS").env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

fn bundled(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name)
}

/// A classic pcap of a bundled scenario, as octets.
fn pcap(name: &str) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("a.pcap");
    synfin().arg("replay").arg(bundled(name)).arg("-w").arg(&file).assert().success();
    fs::read(file).unwrap()
}

/// Standard output of a command that must succeed.
fn output(command: &mut Command) -> String {
    let out = command.assert().success().get_output().stdout.clone();
    String::from_utf8(out).unwrap()
}

/// The records of a capture, each a line.
fn records(command: &mut Command) -> Vec<Value> {
    let text = output(command.args(["--format", "ndjson"]));
    text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
}

#[test]
fn every_command_explains_itself() {
    let cases: [(&[&str], &str); 10] = [
        (&["--help"], "replay"),
        (&["replay", "--help"], "--view"),
        (&["capture", "--help"], "--interface"),
        (&["lab", "--help"], "list"),
        (&["lab", "run", "--help"], "--on"),
        (&["interfaces", "--help"], "Usage"),
        (&["doctor", "--help"], "Usage"),
        (&["serve", "--help"], "chat"),
        (&["talk", "--help"], "Usage"),
        (&["completions", "--help"], "bash"),
    ];
    for (args, word) in cases {
        synfin().args(args).assert().code(0).stdout(contains(word)).stderr(is_empty());
    }
    synfin().arg("--version").assert().code(0).stdout(contains(env!("CARGO_PKG_VERSION")));
}
