//! The program from end to end: what people type, what it prints, and how it ends.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use assert_cmd::Command;
use predicates::prelude::*;
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
fn files_are_known_by_their_content() {
    let folder = TempDir::new().unwrap();
    let plain = pcap("teardown-4.pkt");
    let gz = folder.path().join("no-extension");
    let mut encoder =
        flate2::write::GzEncoder::new(fs::File::create(&gz).unwrap(), flate2::Compression::fast());
    encoder.write_all(&plain).unwrap();
    encoder.finish().unwrap();
    let zst = folder.path().join("trace.txt");
    fs::write(
        &zst,
        ruzstd::encoding::compress_to_vec(&plain[..], ruzstd::encoding::CompressionLevel::Fastest),
    )
    .unwrap();
    let pcap_file = folder.path().join("trace.pcap");
    fs::write(&pcap_file, &plain).unwrap();
    let pcapng = folder.path().join("trace.pcapng");
    synfin().arg("replay").arg(&pcap_file).arg("-w").arg(&pcapng).assert().success();

    let expected = records(synfin().arg("replay").arg(&pcap_file));
    assert_eq!(expected.iter().filter(|r| r["type"] == "tcp").count(), 11);
    for path in [gz, zst, pcapng, bundled("teardown-4.pkt")] {
        assert_eq!(records(synfin().arg("replay").arg(&path)), expected, "{}", path.display());
    }
    for words in [&["-"][..], &["-r", "-"]] {
        let mut command = synfin();
        command.arg("replay").args(words).write_stdin(plain.clone());
        assert_eq!(records(&mut command), expected, "{words:?}");
    }
    assert_eq!(records(synfin().arg("replay").arg("-r").arg(&pcap_file)), expected);
}

#[test]
fn several_files_are_one_capture_in_time_order() {
    let whole = records(synfin().arg("replay").arg(bundled("half-close.pkt")).arg(bundled("udp-basic.pkt")));
    let turned = records(synfin().arg("replay").arg(bundled("udp-basic.pkt")).arg(bundled("half-close.pkt")));
    for all in [&whole, &turned] {
        let packets: Vec<&Value> = all.iter().filter(|r| r["type"] == "tcp" || r["type"] == "udp").collect();
        assert_eq!(packets.len(), 14);
        let times: Vec<i64> = packets.iter().map(|r| r["ts"].as_i64().unwrap()).collect();
        assert!(times.is_sorted(), "{times:?}");
        let frames: Vec<u64> = packets.iter().map(|r| r["frame"].as_u64().unwrap()).collect();
        assert_eq!(frames, (1..=14).collect::<Vec<u64>>());
    }
}

/// `connections` times the same scenario, each from another port, cut where it is not whole.
fn crowd(name: &str, connections: u16) -> Vec<u8> {
    let one = pcap(name);
    let (header, records) = one.split_at(24);
    let mut all = header.to_vec();
    for port in 20_000..20_000 + connections {
        let mut rest = records;
        while let Some((head, _)) = rest.split_at_checked(16) {
            let len = u32::from_le_bytes(head[8..12].try_into().unwrap()) as usize;
            let (record, next) = rest.split_at(16 + len);
            let mut record = record.to_vec();
            // Ethernet, IPv4 without options: whichever port is the server's stays.
            let (from, to) = (16 + 14 + 20, 16 + 14 + 22);
            let at = if record[from..to] == [0, 80] { to } else { from };
            record[at..at + 2].copy_from_slice(&port.to_be_bytes());
            all.extend(record);
            rest = next;
        }
    }
    all
}

#[test]
fn one_thread_and_two_say_the_same() {
    let folder = TempDir::new().unwrap();
    let mut crowd = crowd("retransmission.pkt", 400);
    let whole = folder.path().join("whole.pcap");
    fs::write(&whole, &crowd).unwrap();
    crowd.truncate(crowd.len() - 7);
    let cut = folder.path().join("cut.pcap");
    fs::write(&cut, crowd).unwrap();
    let ways: [&[&str]; 8] = [
        &["--limit", "all"],
        &["--format", "ndjson"],
        &["--format", "json", "--limit", "all"],
        &["--format", "csv", "--limit", "all"],
        &["--view", "ladder", "--stream", "7"],
        &["--view", "explain", "--limit", "30"],
        &["--format", "ndjson", "--linger", "3", "--max-connections", "10"],
        &["--count", "1111", "--view", "connections"],
    ];
    for file in [&whole, &cut] {
        for way in ways {
            let run = |threads: &str| {
                synfin().arg("replay").arg(file).args(way).args(["--threads", threads]).output().unwrap()
            };
            let (one, two) = (run("1"), run("2"));
            assert!(one.stdout.len() > 500, "{way:?}: {one:?}");
            assert_eq!((one.status, one.stdout, one.stderr), (two.status, two.stdout, two.stderr), "{way:?}");
        }
    }
}

#[test]
fn who_follows_gets_each_record_at_once() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("grows.pcap");
    fs::write(&file, pcap("handshake.pkt")).unwrap();
    let mut child = Process::new(env!("CARGO_BIN_EXE_synfin"))
        .args(["replay", "--follow", "--format", "ndjson"])
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The file may still grow, so that only records which do not wait for more come through.
    let types: Vec<String> = (0..3)
        .map(|_| {
            let record: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            record["type"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(types, ["event", "tcp", "tcp"]);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn what_is_saved_is_what_was_read() {
    let folder = TempDir::new().unwrap();
    for name in ["handshake.pkt", "udp-unreachable.pkt", "simultaneous-close.pkt"] {
        let expected = records(synfin().arg("replay").arg(bundled(name)));
        for saved in ["a.pcap", "a.pcapng"] {
            let path = folder.path().join(saved);
            let said = contains("saved to");
            synfin().arg("replay").arg(bundled(name)).arg("-w").arg(&path).assert().success().stderr(said);
            assert_eq!(records(synfin().arg("replay").arg(&path)), expected, "{name} → {saved}");
        }
    }
}

#[test]
fn filters_counts_and_streams_select() {
    let both = [bundled("teardown-4.pkt"), bundled("udp-basic.pkt")];
    let count = |words: &[&str], kind: &str| {
        let found = records(synfin().arg("replay").args(&both).args(words));
        found.iter().filter(|r| r["type"] == kind).count()
    };
    assert_eq!((count(&[], "tcp"), count(&[], "udp")), (11, 2));
    assert_eq!((count(&["udp", "port", "7"], "tcp"), count(&["udp", "port", "7"], "udp")), (0, 2));
    assert_eq!(count(&["tcp", "and", "src", "host", "192.0.2.1"], "tcp"), 5);
    assert_eq!(count(&["-c", "4"], "tcp") + count(&["-c", "4"], "udp"), 4);
    // Options may stand behind the filter, as with tcpdump.
    assert_eq!(count(&["udp", "port", "7", "-c", "1", "-n"], "udp"), 1);
    let text = output(synfin().arg("replay").args(&both).args(["--stream", "udp:0", "--view", "segments"]));
    assert!(text.contains("udp:0") && !text.contains("tcp:0"), "{text}");
}

/// The same packets at both ends: 10 ms on the way, one lost, and the server's clock is ahead.
#[test]
fn a_second_capture_tells_how_long_packets_travel() {
    let folder = TempDir::new().unwrap();
    let client = folder.path().join("client.pkt");
    let server = folder.path().join("server.pkt");
    fs::write(
        &client,
        "tcp 10.0.0.1:40000 > 192.0.2.1:80
0      > S  0:0(0) ipid 1
+.020  < S. 0:0(0) ack 1 ipid 101
+.001  > .  1:1(0) ack 1 ipid 2
+.001  > P. 1:101(100) ack 1 ipid 3
+.300  > P. 1:101(100) ack 1 ipid 4
+.020  < .  1:1(0) ack 101 ipid 102
",
    )
    .unwrap();
    fs::write(
        &server,
        "tcp 10.0.0.1:40000 > 192.0.2.1:80
5.010  > S  0:0(0) ipid 1
+0     < S. 0:0(0) ack 1 ipid 101
+.021  > .  1:1(0) ack 1 ipid 2
+.301  > P. 1:101(100) ack 1 ipid 4
+0     < .  1:1(0) ack 101 ipid 102
",
    )
    .unwrap();
    for (near, far, lost) in [(&client, &server, true), (&server, &client, false)] {
        let ladder = ["--view", "ladder", "--stream", "0"];
        let mut command = synfin();
        let text = output(command.arg("replay").arg(near).arg("--far").arg(far).args(ladder));
        assert_eq!(text.matches("10.0 ms on the way").count(), 5, "{text}");
        assert_eq!(text.contains('×'), lost, "{text}");
        let mut command = synfin();
        let svg = output(command.arg("replay").arg(near).arg("--far").arg(far).args(["--format", "svg"]));
        assert_eq!(svg.matches("10.0 ms on the way").count(), 5, "{svg}");
    }
    let mut command = synfin();
    let table = output(command.arg("replay").arg(&client).arg("--far").arg(&server));
    let told = "5 of 6 packets of tcp:0 were seen there, 1 lost on the way, round trip 20.000 ms at least";
    assert!(table.split_whitespace().collect::<Vec<_>>().join(" ").contains(told), "{table}");
    synfin().arg("replay").arg(&client).args(["--far", "no-such-file"]).assert().code(1);
}

#[test]
fn every_view_and_format_speaks() {
    for view in ["connections", "handshake", "teardown", "segments", "ladder", "overhead", "graph", "events"]
    {
        let text = output(synfin().arg("replay").arg(bundled("teardown-4.pkt")).args(["--view", view]));
        assert!(!text.trim().is_empty() || view == "events", "{view} says nothing");
    }
    let packet = ["--view", "headers", "--packet", "1"];
    let text = output(synfin().arg("replay").arg(bundled("handshake.pkt")).args(packet));
    assert!(text.contains("Sequence"), "{text}");
    for (format, begins) in
        [("json", "{"), ("ndjson", "{\"type\""), ("csv", "type,"), ("html", "<!DOCTYPE html>"), ("svg", "<")]
    {
        let text = output(synfin().arg("replay").arg(bundled("teardown-4.pkt")).args(["--format", format]));
        assert!(text.starts_with(begins), "{format}: {}", &text[..text.len().min(80)]);
    }
    let document = output(synfin().arg("replay").arg(bundled("teardown-4.pkt")).args(["--format", "json"]));
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["streams"][0]["conn_state"], "SF");
}

#[test]
fn sequence_numbers_are_raw_relative_or_both() {
    let say = |word: &str| {
        let mut command = synfin();
        command
            .env("COLUMNS", "160")
            .arg("replay")
            .arg(bundled("handshake.pkt"))
            .args(["--view", "handshake"]);
        if !word.is_empty() {
            command.arg(word);
        }
        output(&mut command)
    };
    let (absolute, relative, both) = (say("--absolute"), say("--relative"), say(""));
    // The script's initial sequence numbers are 100 and 200.
    assert!(absolute.contains(" 201 ") && !relative.contains(" 201 "), "{absolute}\n{relative}");
    assert!(both.contains("201"), "{both}");
}

#[test]
fn tables_keep_to_their_columns() {
    for columns in [80usize, 100, 200] {
        for name in ["teardown-4.pkt", "half-close.pkt", "udp-unreachable.pkt", "retransmission.pkt"] {
            for view in ["", "segments", "ladder", "overhead"] {
                for ascii in [false, true] {
                    let mut command = synfin();
                    command.env("COLUMNS", columns.to_string()).arg("replay").arg(name);
                    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("captures"));
                    if !view.is_empty() {
                        command.args(["--view", view]);
                    }
                    if ascii {
                        command.arg("--ascii");
                    }
                    for line in output(&mut command).lines() {
                        let width = line.chars().count();
                        assert!(width <= columns, "{name} --view {view}: {width} > {columns}: {line}");
                        assert!(!ascii || line.is_ascii(), "{name} --view {view} --ascii: {line}");
                    }
                }
            }
        }
    }
}

#[test]
fn colour_is_for_terminals_and_for_who_asks() {
    let text = |args: &[&str], no_color: bool| {
        let mut command = synfin();
        if no_color {
            command.env("NO_COLOR", "1");
        }
        output(command.arg("replay").arg(bundled("teardown-4.pkt")).args(args))
    };
    assert!(!text(&[], false).contains('\u{1b}'));
    assert!(!text(&[], true).contains('\u{1b}'));
    assert!(!text(&["--color", "never"], false).contains('\u{1b}'));
    assert!(text(&["--color", "always"], false).contains('\u{1b}'));
}

#[test]
fn a_strangers_name_commands_no_terminal() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("evil\u{1b}[2J\u{9b}31m.pcap");
    fs::write(&path, pcap("handshake.pkt")).unwrap();
    let text = output(synfin().arg("replay").arg(&path));
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    fs::write(&path, b"").unwrap();
    let out = synfin().arg("replay").arg(&path).assert().code(1);
    let said = String::from_utf8_lossy(&out.get_output().stderr).into_owned();
    assert!(said.chars().all(|c| c == '\n' || !c.is_control()), "{said:?}");
}

#[test]
fn a_cut_table_says_how_many_more() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("many.pkt");
    let mut script = String::new();
    for port in 0..30 {
        script.push_str(&format!("tcp 10.0.0.1:{} > 192.0.2.1:80\n+.1 > S 0:0(0)\n", 40_000 + port));
    }
    fs::write(&path, script).unwrap();
    let cut = output(synfin().arg("replay").arg(&path).args(["--limit", "10", "--view", "connections"]));
    assert!(cut.contains("20 more"), "{cut}");
    assert_eq!(cut.matches("192.0.2.1:80").count(), 10, "{cut}");
    let all = output(synfin().arg("replay").arg(&path).args(["--limit", "all", "--view", "connections"]));
    assert_eq!(all.matches("192.0.2.1:80").count(), 30, "{all}");
}

#[test]
fn labs_are_listed_and_an_unknown_one_is_a_fault() {
    synfin().args(["lab", "list"]).assert().code(0).stdout(contains("tcp-basic").and(contains("udp-basic")));
    synfin().args(["lab", "run", "no-such-lab"]).assert().code(1).stderr(contains("no-such-lab"));
}

/// The sessions in README.md that replay a bundled capture print what the program prints.
/// `SYNFIN_ACCEPT=1` pastes them anew.
#[test]
fn the_readme_shows_real_sessions() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let old = fs::read_to_string(root.join("README.md")).unwrap();
    let (mut new, mut rest, mut sessions) = (String::new(), old.as_str(), 0);
    while let Some((before, after)) = rest.split_once("```console\n") {
        let (session, after) = after.split_once("\n```").unwrap();
        let (typed, _) = session.split_once('\n').unwrap_or((session, ""));
        new.push_str(before);
        new.push_str("```console\n");
        match typed.strip_prefix("$ synfin replay ") {
            Some(words) => {
                let mut command = synfin();
                command.env("COLUMNS", "80").current_dir(root).arg("replay").args(words.split(' '));
                new.push_str(&format!("{typed}\n{}", output(&mut command).trim_end()));
                sessions += 1;
            }
            None => new.push_str(session),
        }
        new.push_str("\n```");
        rest = after;
    }
    new.push_str(rest);
    assert!(sessions >= 3, "only {sessions} sessions found");
    if std::env::var_os("SYNFIN_ACCEPT").is_some_and(|v| v == "1") {
        fs::write(root.join("README.md"), new).unwrap();
        return;
    }
    similar_lines(&old, &new);
}

/// Fails at the first line that differs.
fn similar_lines(old: &str, new: &str) {
    for (number, (old, new)) in old.lines().zip(new.lines()).enumerate() {
        assert_eq!(old, new, "README.md:{}: SYNFIN_ACCEPT=1 pastes the sessions anew", number + 1);
    }
    assert_eq!(
        old.lines().count(),
        new.lines().count(),
        "README.md: SYNFIN_ACCEPT=1 pastes the sessions anew"
    );
}
