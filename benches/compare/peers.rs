//! The programs that synfin is compared with, and what it has to reach.

use std::process::{Command, Stdio};

/// A program to run beside synfin.
pub struct Peer {
    /// How `--peers` calls it.
    pub name: &'static str,
    /// The command, with `FILE` for the capture.
    pub command: &'static [&'static str],
    /// What to call it with for its version.
    version: &'static str,
    /// Takes so long that a few pairs have to do.
    pub slow: bool,
    /// Analyses only TCP connections and keeps them all: its memory is worth a look.
    pub goals: &'static [(&'static str, Goal)],
}

/// What synfin's time divided by the peer's must be at most.
#[derive(Debug, Clone, Copy)]
pub struct Goal(pub f64);

/// All of them; the fast ones first.
pub const PEERS: &[Peer] = &[
    Peer {
        name: "capinfos",
        command: &["capinfos", "-c", "FILE"],
        version: "--version",
        slow: false,
        goals: &[("short", Goal(1.5)), ("mixed", Goal(1.2)), ("bulk", Goal(1.2))],
    },
    Peer {
        name: "tcpdump",
        command: &["tcpdump", "-r", "FILE", "-w", "/dev/null"],
        version: "--version",
        slow: false,
        goals: &[],
    },
    Peer {
        name: "tcptrace",
        command: &["tcptrace", "-n", "-l", "-r", "FILE"],
        version: "-v",
        slow: true,
        goals: &[("short", Goal(1.0 / 20.0)), ("bulk", Goal(1.0 / 3.0))],
    },
    Peer {
        name: "tshark",
        command: &["tshark", "-r", "FILE", "-n", "-q", "-z", "conv,tcp"],
        version: "--version",
        slow: true,
        goals: &[("short", Goal(1.0 / 60.0)), ("mixed", Goal(1.0 / 60.0))],
    },
];

impl Peer {
    /// The first line that it says about its version; `None` where it is not installed.
    pub fn version(&self) -> Option<String> {
        let output = Command::new(self.command[0]).arg(self.version).stdin(Stdio::null()).output().ok()?;
        let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
        let text = String::from_utf8_lossy(&text);
        let line = text.lines().find(|l| l.chars().any(|c| c.is_ascii_digit())).unwrap_or(self.name);
        Some(line.trim().to_owned())
    }

    /// The command for a capture.
    pub fn words(&self, file: &str) -> Vec<String> {
        self.command.iter().map(|w| if *w == "FILE" { file } else { w }.to_owned()).collect()
    }
}
