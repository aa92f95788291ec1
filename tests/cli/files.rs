//! What is read and what is saved.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command as Process, Stdio};

use predicates::str::contains;
use serde_json::Value;
use tempfile::TempDir;

use crate::*;

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

/// `times` times the same scenarios, each time from other ports: a packet of each time, then
/// the next of each, in groups of `together` times.
fn crowd(names: &[&str], times: u16, together: u16) -> Vec<u8> {
    let captures: Vec<Vec<u8>> = names.iter().map(|name| pcap(name)).collect();
    let mut records: Vec<&[u8]> = Vec::new();
    for capture in &captures {
        let mut rest = &capture[24..];
        while let Some((head, _)) = rest.split_at_checked(16) {
            let len = u32::from_le_bytes(head[8..12].try_into().unwrap()) as usize;
            let (record, next) = rest.split_at(16 + len);
            records.push(record);
            rest = next;
        }
    }
    let mut all = captures[0][..24].to_vec();
    for group in 0..times / together {
        for record in &records {
            for port in 0..together {
                let port = 20_000 + group * together + port;
                let mut record = record.to_vec();
                // Ethernet, IPv4 without options: whichever port is the server's stays.
                let (from, to) = (16 + 14 + 20, 16 + 14 + 22);
                let at = if u16::from_be_bytes([record[from], record[from + 1]]) < 1024 { to } else { from };
                if record[16 + 14 + 9] != 1 {
                    record[at..at + 2].copy_from_slice(&port.to_be_bytes());
                }
                all.extend(record);
            }
        }
    }
    all
}

#[test]
fn any_number_of_threads_says_the_same() {
    let folder = TempDir::new().unwrap();
    let mut crowd = crowd(&["retransmission.pkt", "udp-unreachable.pkt", "reset.pkt"], 600, 20);
    let whole = folder.path().join("whole.pcap");
    fs::write(&whole, &crowd).unwrap();
    crowd.truncate(crowd.len() - 7);
    let cut = folder.path().join("cut.pcap");
    fs::write(&cut, crowd).unwrap();
    let ways: [&[&str]; 14] = [
        &["--limit", "all"],
        &["--format", "ndjson"],
        &["--format", "json", "--limit", "all"],
        &["--format", "csv", "--limit", "all"],
        &["--view", "ladder", "--stream", "7"],
        &["--view", "explain", "--limit", "30"],
        &["--format", "ndjson", "--linger", "3", "--max-connections", "10"],
        &["--count", "1111", "--view", "connections"],
        &["--view", "events", "--limit", "700"],
        &["--view", "handshake", "--view", "teardown", "--limit", "9"],
        &["--count", "40"],
        &["--keep-apart", "--limit", "all"],
        // Each of the four parts has room for 1,024.
        &["--max-connections", "4096", "--linger", "1", "--limit", "all"],
        &["--format", "html", "--limit", "3"],
    ];
    for file in [&whole, &cut] {
        for way in ways {
            let run = |threads: &str| {
                synfin().arg("replay").arg(file).args(way).args(["--threads", threads]).output().unwrap()
            };
            let one = run("1");
            assert!(one.stdout.len() > 500, "{way:?}: {one:?}");
            for threads in ["2", "3", "9"] {
                assert!(run(threads) == one, "{threads} threads, {way:?}");
            }
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
