//! Programs in a real terminal, driven key by key through tmux.

// Each test uses its part of this.
#![allow(dead_code)]

use std::process::Command;
use std::time::{Duration, Instant};

/// A machine that does nothing else needs a hundredth of it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A tmux server of our own, with one window in each session.
pub struct Tmux {
    socket: String,
}

impl Tmux {
    /// `None`, and why, where there is no tmux.
    pub fn start(test: &str) -> Option<Self> {
        let socket = format!("synfin-{test}-{}", std::process::id());
        match Command::new("tmux").arg("-V").output() {
            Ok(out) if out.status.success() => Some(Self { socket }),
            _ => {
                println!("{test}: SKIPPED, tmux is not installed");
                None
            }
        }
    }

    pub fn tmux(&self, args: &[&str]) -> (bool, String) {
        let out = Command::new("tmux")
            .args(["-L", &self.socket, "-f", "/dev/null"])
            .args(args)
            .env_remove("TMUX")
            .env_remove("NO_COLOR")
            .output()
            .unwrap();
        (out.status.success(), String::from_utf8_lossy(&out.stdout).into_owned())
    }

    /// A session of 80 columns and 24 lines that runs `synfin` with `args`.
    pub fn run(&self, name: &str, args: &[&str]) {
        self.run_program(name, &[&[env!("CARGO_BIN_EXE_synfin")], args].concat());
    }

    /// The same with any program.
    pub fn run_program(&self, name: &str, words: &[&str]) {
        let mut line = vec!["new-session", "-d", "-s", name, "-x", "80", "-y", "24"];
        line.extend(words);
        let (fine, said) = self.tmux(&line);
        assert!(fine, "{said}");
    }

    pub fn keys(&self, name: &str, keys: &[&str]) {
        let mut line = vec!["send-keys", "-t", name];
        line.extend(keys);
        assert!(self.tmux(&line).0, "{keys:?}");
    }

    pub fn screen(&self, name: &str) -> String {
        self.tmux(&["capture-pane", "-p", "-t", name]).1
    }

    /// Waits for what the screen must come to show; that screen.
    pub fn sees(&self, name: &str, what: &str, shown: impl Fn(&str) -> bool) -> String {
        let from = Instant::now();
        loop {
            let screen = self.screen(name);
            if shown(&screen) {
                return screen;
            }
            assert!(from.elapsed() < PATIENCE, "{what} is not to be seen:\n{screen}");
        }
    }

    pub fn ends(&self, name: &str) {
        let from = Instant::now();
        while self.tmux(&["has-session", "-t", name]).0 {
            assert!(from.elapsed() < PATIENCE, "{name} goes on:\n{}", self.screen(name));
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}
