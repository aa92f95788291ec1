//! Labs from the outside: the program is run as a user would.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub fn synfin() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_synfin"));
    command.env_remove("COLUMNS").env("NO_COLOR", "1");
    command
}

pub fn lab(args: &[&str]) -> Output {
    synfin().args(["lab", "run"]).args(args).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// This lab can run here; says why not, if it cannot.
pub fn able(args: &[&str]) -> bool {
    let out = lab(args);
    let able = out.status.success();
    if !able {
        eprintln!("SKIPPED, no such labs here: {}", text(&out.stderr));
    }
    able
}

/// A lab file in a directory of its own.
pub fn lesson(dir: &Path, toml: &str) -> PathBuf {
    let path = dir.join("lesson.toml");
    fs::write(&path, toml).unwrap();
    path
}

/// A lab of one's own: one of two datagrams is lost.
pub const LESSON: &str = r#"
question = "Does a lesson of my own run?"
lesson = "It does."
rules = ["drop client:udp:2"]
steps = '''
server socket s udp
server bind s 5000
client socket c udp
client bind c 40000
client sendto c server:5000 "one"
client sendto c server:5000 "two"
settle
server recv s 10         => "one"
server recv-now s 10     => EAGAIN
'''
[[expect]]
claim = "two sent"
check = "count client:udp == 2"
"#;
