//! Views and formats, widths and colours.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::*;

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

/// Who leaves first when room is short is who has ended, and a reset beyond what was sent has ended nobody yet.
#[test]
fn a_reset_that_may_be_forged_does_not_make_its_connection_leave() {
    let others: String = (1..4)
        .map(|n| {
            let port = 40_000 + n;
            format!(
                "tcp other{n} 10.0.0.1:{port} > 10.0.0.2:80\n+.01 > S 0:0(0) <mss 1460>\n\
                 +.01 < R. 0:0(0) ack 1\n"
            )
        })
        .collect();
    let text = format!(
        "tcp long 10.0.0.1:40000 > 10.0.0.2:80\n0 > S 0:0(0) <mss 1460>\n+.01 < S. 0:0(0) ack 1 <mss 1460>\n\
         +.01 > . 1:1(0) ack 1\n+.01 > R 1004:1004(0)\n{others}\
         +.5 long > P. 1:4(3) ack 1\n+.01 long < . 1:1(0) ack 4\n"
    );
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("reset.pkt");
    fs::write(&path, text).unwrap();
    let table = output(synfin().arg("replay").arg(&path).args(["--linger", "0", "--format", "csv"]));
    let rows: Vec<&str> = table.lines().skip(1).collect();
    assert_eq!(rows.len(), 4, "{table}");
    assert!(rows[0].contains(",open,S1,"), "{table}");
}

/// Wireshark counts on from a reset's number; what that makes of the segments behind it is not drawn.
#[test]
fn nothing_is_drawn_as_sent_again_for_the_number_of_a_forged_reset() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/reset-ignored.pkt");
    for stream in ["0", "1", "3"] {
        let text = output(synfin().arg("replay").arg(&script).args(["--view", "ladder", "--stream", stream]));
        assert!(!text.contains("retransmission") && !text.contains("out of order"), "{text}");
        assert!(text.contains("reset ignored"), "{text}");
        let svg = ["--view", "ladder", "--format", "svg", "--stream", stream];
        let picture = output(synfin().arg("replay").arg(&script).args(svg));
        assert!(!picture.contains("data-again=\"yes\""), "{picture}");
    }
    let records = output(synfin().arg("replay").arg(&script).args(["--format", "ndjson"]));
    assert!(records.contains("\"retransmission\""), "Wireshark's labels stay in the records");
}
