//! What a fault says, and its exit status.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command as Process, Stdio};

use predicates::prelude::*;
use predicates::str::{contains, is_empty};
use tempfile::TempDir;

use crate::*;

#[test]
fn a_wrong_command_line_is_status_2() {
    let cases: [(&[&str], &str); 9] = [
        (&[], "Usage"),
        (&["replay"], "FILE"),
        (&["replay", "x", "--view", "colours"], "connections"),
        (&["replay", "x", "--format", "pdf"], "ndjson"),
        (&["replay", "x", "--stream", "sctp:1"], "udp:0"),
        (&["replay", "x", "--limit", "few"], "--limit"),
        (&["replay", "x", "-S", "--relative"], "cannot be used with"),
        (&["capture", "--for", "soon"], "--for"),
        (&["frobnicate"], "frobnicate"),
    ];
    for (args, word) in cases {
        synfin().args(args).assert().code(2).stdout(is_empty()).stderr(contains(word));
    }
}

#[test]
fn a_fault_is_said_on_stderr_and_is_status_1() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, octets: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, octets).unwrap();
        path
    };
    let good = pcap("teardown-4.pkt");
    let mut long = good.clone();
    // The first packet claims 4 GiB.
    long[32..36].fill(0xff);
    let cases: [(PathBuf, &str); 9] = [
        (file("empty.pcap", b""), "empty"),
        (file("short.pcap", &good[..23]), "short.pcap"),
        (file("magic.pcap", &[0x13; 100]), "not a capture file"),
        (file("cut.pcap", &good[..good.len() - 5]), "cut.pcap"),
        (file("long.pcap", &long), "long.pcap"),
        (file("broken.pcap.gz", &[0x1f, 0x8b, 8, 0, 1, 2, 3]), "broken.pcap.gz"),
        (file("broken.pkt", b"tcp 10.0.0.1:1 > 10.0.0.2:2\n0 > Q 0:0(0)\n"), "line 2"),
        (folder.path().to_owned(), "directory"),
        (folder.path().join("none.pcap"), "No such file"),
    ];
    for (path, word) in &cases {
        synfin()
            .arg("replay")
            .arg(path)
            .args(["--format", "ndjson"])
            .assert()
            .code(1)
            .stderr(contains(*word).and(predicate::str::starts_with("synfin: ")));
    }
    synfin()
        .arg("replay")
        .arg(bundled("handshake.pkt"))
        .args(["tcp", "prot", "80"])
        .assert()
        .code(1)
        .stderr(contains("bad filter"));
}

#[test]
fn what_was_read_before_a_fault_is_still_shown() {
    let good = pcap("teardown-4.pkt");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("cut.pcap");
    fs::write(&path, &good[..good.len() - 5]).unwrap();
    let out = synfin().arg("replay").arg(&path).assert().code(1);
    out.stdout(contains("10 TCP segments in 1 connection").and(contains("Handshake of tcp:0")));
}

#[test]
fn a_pcap_may_end_anywhere() {
    let good = pcap("handshake.pkt");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("cut.pcap");
    // Where the file header, each packet's header and each packet's octets begin and end.
    let mut whole = vec![24];
    while let Some(header) = good.get(whole[whole.len() - 1]..).filter(|rest| rest.len() >= 16) {
        let len = u32::from_le_bytes(header[8..12].try_into().unwrap());
        whole.push(whole[whole.len() - 1] + 16 + len as usize);
    }
    assert_eq!((whole.len(), whole[3]), (4, good.len()));
    // Every octet is tried in the reader's own tests; these go through the program.
    for end in [1, 23, 24, 25, 39, 40, 41, whole[1] - 1, whole[1], whole[1] + 1, whole[2], good.len() - 1] {
        fs::write(&path, &good[..end]).unwrap();
        let complete = whole.contains(&end);
        let assert = synfin().arg("replay").arg(&path).assert().code(if complete { 0 } else { 1 });
        if end >= 24 {
            let packets = whole.iter().filter(|w| **w <= end).count() - 1;
            assert.stdout(contains(format!("{packets} packet")));
        }
    }
}

#[test]
fn a_file_that_may_not_be_read_is_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("secret.pcap");
    fs::write(&path, pcap("handshake.pkt")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let denied =
        |stderr: &str| assert!(stderr.contains("secret.pcap") && stderr.contains("ermission"), "{stderr}");
    if !nix::unistd::geteuid().is_root() {
        let out = synfin().arg("replay").arg(&path).assert().code(1);
        return denied(&String::from_utf8_lossy(&out.get_output().stderr));
    }
    // Root may read everything: become somebody who may not.
    let program = folder.path().join("synfin");
    fs::copy(env!("CARGO_BIN_EXE_synfin"), &program).unwrap();
    let run = Process::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&program)
        .arg("replay")
        .arg(&path)
        .output();
    match run {
        Ok(run) => {
            assert_eq!(run.status.code(), Some(1), "{run:?}");
            denied(&String::from_utf8_lossy(&run.stderr));
        }
        Err(e) => println!("no permission: skipped, root needs setpriv to give it up: {e}"),
    }
}

#[test]
fn a_full_disk_is_a_fault() {
    synfin()
        .arg("replay")
        .arg(bundled("handshake.pkt"))
        .args(["-w", "/dev/full"])
        .assert()
        .code(1)
        .stderr(contains("/dev/full").and(contains("full")));
}

#[test]
fn a_file_is_not_written_over_itself() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.pcap");
    let octets = pcap("handshake.pkt");
    fs::write(&path, &octets).unwrap();
    synfin().arg("replay").arg(&path).arg("-w").arg(&path).assert().code(1).stderr(contains("a.pcap"));
    assert_eq!(fs::read(&path).unwrap(), octets);
}

#[test]
fn a_closed_pipe_ends_quietly() {
    for format in ["text", "ndjson", "json", "csv", "html"] {
        let mut child = Process::new(env!("CARGO_BIN_EXE_synfin"))
            .arg("replay")
            .args(vec![bundled("teardown-4.pkt"); 40])
            .args(["--view", "segments", "--limit", "all", "--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = [0];
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut first).unwrap();
        drop(out);
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{format}: {ended:?}");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{format}");
    }
}

#[test]
fn labs_are_listed_and_an_unknown_one_is_a_fault() {
    synfin().args(["lab", "list"]).assert().code(0).stdout(contains("tcp-basic").and(contains("udp-basic")));
    synfin().args(["lab", "run", "no-such-lab"]).assert().code(1).stderr(contains("no-such-lab"));
}
