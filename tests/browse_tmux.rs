//! The browser in a real terminal: driven through tmux, key by key, over a file and over a
//! chat that is going on. Without tmux, or without the right to capture, it says SKIPPED.

#[path = "common/tmux.rs"]
mod tmux;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tmux::{PATIENCE, Tmux};

const PROGRAM: &str = env!("CARGO_BIN_EXE_synfin");
fn has(words: &'static [&'static str]) -> impl Fn(&str) -> bool {
    move |screen| words.iter().all(|w| screen.contains(w))
}

#[test]
fn a_file_is_browsed() {
    let Some(tmux) = Tmux::start("file") else { return };
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/chat-lo.pcapng");
    let name = "file";
    tmux.run(name, &["browse", file]);
    tmux.sees(name, "both connections and the packets", has(&["2 tcp:0: 26 packets", "tcp:1"]));
    // The cursor goes down, and the packets are those of the other connection.
    tmux.keys(name, &["j"]);
    tmux.sees(name, "the other connection", has(&["2 tcp:1: 22 packets"]));
    tmux.keys(name, &["?"]);
    tmux.sees(name, "help", has(&["Keys"]));
    tmux.keys(name, &["q"]);
    tmux.sees(name, "the panes again", |s| s.contains("tcp:0") && !s.contains("Keys"));
    // Into the packets, and to the end of them.
    tmux.keys(name, &["Enter", "G"]);
    tmux.sees(name, "the last packets", has(&["fin", "closed"]));
    tmux.keys(name, &["/"]);
    tmux.keys(name, &["-l", "83:103"]);
    tmux.keys(name, &["Enter"]);
    tmux.sees(name, "what was searched for", |s| s.contains("83:103") && !s.contains("not found"));
    // A filter that no connection passes, and back.
    tmux.keys(name, &["1", "&"]);
    tmux.keys(name, &["-l", "nobody"]);
    tmux.keys(name, &["Enter"]);
    tmux.sees(name, "an empty list", has(&["0 of 2 connections"]));
    tmux.keys(name, &["&", "C-u", "Enter"]);
    tmux.sees(name, "all of them", has(&["2 of 2 connections", "tcp:0", "tcp:1"]));
    // Other sizes, too small ones among them.
    for (width, height) in [("200", "50"), ("20", "5"), ("1", "1"), ("80", "24")] {
        assert!(tmux.tmux(&["resize-window", "-t", name, "-x", width, "-y", height]).0);
        tmux.keys(name, &["j", "k"]);
    }
    tmux.sees(name, "both connections at 80×24", has(&["tcp:0", "tcp:1"]));
    tmux.keys(name, &["4", "z", "t"]);
    tmux.sees(name, "a graph over the whole screen", has(&["Round-trip"]));
    tmux.keys(name, &["q"]);
    tmux.ends(name);
}

/// A terminal window that is closed takes the browser along.
#[test]
fn it_ends_with_its_terminal() {
    let Some(tmux) = Tmux::start("gone") else { return };
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/chat-lo.pcapng");
    tmux.run("gone", &["browse", file]);
    tmux.sees("gone", "the connections", has(&["tcp:1"]));
    let (_, pid) = tmux.tmux(&["list-panes", "-t", "gone", "-F", "#{pane_pid}"]);
    let process = format!("/proc/{}/stat", pid.trim());
    assert!(std::fs::read_to_string(&process).unwrap().contains("synfin"));
    assert!(tmux.tmux(&["kill-server"]).0);
    let from = Instant::now();
    // Gone, or a zombie that waits for whoever reaps here.
    while std::fs::read_to_string(&process).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(from.elapsed() < PATIENCE, "it goes on without a terminal");
    }
}

/// A program that runs beside, and ends with the test.
struct Beside(Child);

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_chat_is_browsed_while_it_goes_on() {
    let Some(tmux) = Tmux::start("chat") else { return };
    let tried = Command::new(PROGRAM).args(["capture", "-i", "lo", "--for", "1ms", "-q"]).output().unwrap();
    if !tried.status.success() {
        let said = String::from_utf8_lossy(&tried.stderr);
        println!("chat: SKIPPED, this user may not capture on lo: {}", said.lines().next().unwrap_or(""));
        return;
    }
    let mut server = Command::new(PROGRAM)
        .args(["serve", "chat", "--bind", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .map(Beside)
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.split_whitespace().find_map(|w| w.strip_prefix("127.0.0.1:")).unwrap().to_owned();
    tmux.run("browse", &["browse", "-i", "lo", "tcp", "port", &port]);
    tmux.sees("browse", "that it is live", has(&["live"]));
    let at = format!("127.0.0.1:{port}");
    for (name, said) in [("ann", "Did you see the handshake?"), ("bob", "And the FIN?")] {
        tmux.run(name, &["talk", "tcp", &at]);
        tmux.sees(name, "the question", has(&["your name?"]));
        tmux.keys(name, &["-l", name]);
        tmux.keys(name, &["Enter"]);
        tmux.sees(name, "the greeting", |s| s.contains(&format!("hello {name}")));
        tmux.keys(name, &["-l", said]);
        tmux.keys(name, &["Enter"]);
    }
    tmux.sees("ann", "what Bob said", has(&["bob: And the FIN?"]));
    tmux.sees("browse", "both connections", has(&["tcp:0", "tcp:1"]));
    // Ann's packets, the newest of them followed.
    tmux.keys("browse", &["g", "Enter", "F"]);
    tmux.keys("ann", &["-l", "exit"]);
    tmux.keys("ann", &["Enter"]);
    tmux.ends("ann");
    tmux.sees("browse", "that Ann closed", has(&["closed"]));
    tmux.keys("browse", &["q"]);
    tmux.ends("browse");
    tmux.keys("bob", &["-l", "exit"]);
    tmux.keys("bob", &["Enter"]);
    tmux.ends("bob");
}
