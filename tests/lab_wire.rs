//! The wire of a lab as its user sets it, end to end.
//!
//! A machine that refuses namespaces cannot run labs; the tests then say so and pass.

#[path = "common/labs.rs"]
mod labs;

use labs::{lab, lesson, text};

fn able() -> bool {
    labs::able(&["udp-basic"])
}

#[test]
fn the_user_may_change_the_wire() {
    if !able() {
        return;
    }
    let out = lab(&["tcp-basic", "--drop", "client:data:1", "--delay", "5ms"]);
    let stdout = text(&out.stdout);
    assert!(out.status.success(), "{stdout}{}", text(&out.stderr));
    assert!(stdout.contains("drop client:data:1 (packet 4)"), "{stdout}");

    // As the course has it.
    let given = "tcp-basic --drop data:3 --delay 20ms --rate 10mbit --seed 7";
    let out = lab(&given.split(' ').collect::<Vec<_>>());
    assert!(out.status.success(), "{}{}", text(&out.stdout), text(&out.stderr));

    let never = lab(&["tcp-basic", "--drop", "udp:1"]);
    assert_eq!(never.status.code(), Some(1), "a rule that never fires is an error");
    assert!(text(&never.stdout).contains("never fired"), "{}", text(&never.stdout));
}

#[test]
fn the_wire_makes_segments_that_no_kernel_sent() {
    if !able() {
        return;
    }
    let views = ["--at", "b", "--format", "ndjson"];
    let seen = |rule: &str| {
        let out = lab(&[&["tcp-basic", "--rule", rule][..], &views].concat());
        let all: Vec<serde_json::Value> = text(&out.stdout)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .filter(|record: &serde_json::Value| record["type"] == "tcp")
            .collect();
        assert!(!all.is_empty(), "{rule}: {}", text(&out.stderr));
        all
    };
    // Behind the client's first data its last octet again, as if the client had sent it.
    let all = seen("inject client:data:1 flags=P. seq=nxt-1 ack=nxt data=1");
    let number = |r: &serde_json::Value, name: &str| r[name].as_u64().unwrap();
    let before = all.iter().find(|r| number(r, "len") > 1).expect("the data");
    let made = all.iter().find(|r| number(r, "len") == 1).expect("the octet");
    assert_eq!(made["src"], before["src"]);
    assert_eq!(number(made, "seq"), number(before, "seq") + number(before, "len") - 1);
    // And what looks like an answer of the server's own, which only the client sees.
    let out = lab(&["tcp-basic", "--rule", "answer client:syn flags=R. seq=0 ack=nxt"]);
    let said = text(&out.stderr);
    assert!(said.contains("connect") && said.contains("ECONNREFUSED"), "{said}");
    for (rule, word) in [
        ("inject client:data:1", "inject WHICH FIELD"),
        ("inject client:data:1 flags=Q", "is no flag"),
        ("inject client:data:1 seq=next", "nxt"),
        ("answer client:data:1 colour=red", "fields are"),
        ("inject client:data:99 flags=R", "never fired"),
    ] {
        let out = lab(&["tcp-basic", "--rule", rule]);
        assert_eq!(out.status.code(), Some(1), "{rule}");
        let said = text(&out.stderr) + &text(&out.stdout);
        assert!(said.contains(word), "{rule}: {said}");
    }
}

/// Twenty datagrams of different lengths from the client: what the server saw of them, each with
/// its time and length.
fn twenty(options: &[&str]) -> Vec<(i64, u64)> {
    let dir = tempfile::tempdir().unwrap();
    let sends: String = (1..=20).map(|n| format!("client sendto c server:5000 {n}\n")).collect();
    let sockets = "server socket s udp\nserver bind s 5000\nclient socket c udp\nclient bind c 40000\n";
    let steps = format!("steps = '''\n{sockets}{sends}settle\n'''");
    let path = lesson(dir.path(), &format!("question = 'q?'\nlesson = 'l.'\n{steps}"));
    let given = [&[path.to_str().unwrap(), "--at", "b", "--format", "ndjson"], options].concat();
    let out = lab(&given);
    assert!(out.status.success(), "{options:?}: {}", text(&out.stderr));
    text(&out.stdout)
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|record| record["type"] == "udp")
        .map(|record| (record["ts"].as_i64().unwrap(), record["length"].as_u64().unwrap() - 8))
        .collect()
}

fn lengths(seen: &[(i64, u64)]) -> Vec<u64> {
    seen.iter().map(|&(_, length)| length).collect()
}

#[test]
fn each_option_does_to_the_frames_what_it_says() {
    if !able() {
        return;
    }
    let all: Vec<u64> = (1..=20).collect();
    assert_eq!(lengths(&twenty(&[])), all);
    let without: Vec<u64> = all.iter().copied().filter(|&n| n != 5).collect();
    assert_eq!(lengths(&twenty(&["--drop", "client:udp:5"])), without);
    let mut twice = all.clone();
    twice.insert(4, 4);
    assert_eq!(lengths(&twenty(&["--dup", "client:udp:4"])), twice);
    let mut turned = all.clone();
    turned.swap(2, 3);
    assert_eq!(lengths(&twenty(&["--hold", "client:udp:3"])), turned);
    // A line with room for five lets the first go and keeps five; the rest finds no room.
    let kept = lengths(&twenty(&["--rate", "client:8kbit", "--queue", "5"]));
    assert!((5..=7).contains(&kept.len()), "{kept:?}");
    assert_eq!(kept, all[..kept.len()]);
    // The other host's line is another.
    assert_eq!(lengths(&twenty(&["--rate", "server:8kbit", "--queue", "server:5"])), all);
    // Each frame takes as long as its octets do.
    let slow = twenty(&["--rate", "100kbit"]);
    let took = slow[19].0 - slow[0].0;
    let octets: i64 = (2..=20).map(|n| n + 28).sum();
    assert!(took >= octets * 8 * 10_000 * 9 / 10, "{took} ns for {octets} octets");
}

#[test]
fn chance_follows_from_the_seed() {
    if !able() {
        return;
    }
    let left = |seed: &str| lengths(&twenty(&["--loss", "40", "--seed", seed]));
    let (once, again, other) = (left("7"), left("7"), left("8"));
    assert_eq!(once, again);
    assert_ne!(once, other);
    assert!((4..20).contains(&once.len()), "{once:?}");
    assert_eq!(twenty(&["--loss", "server:100"]).len(), 20);
    assert_eq!(twenty(&["--loss", "client:100"]).len(), 0);
}

#[test]
fn what_cannot_be_set_is_refused() {
    if !able() {
        return;
    }
    let cases: [(&[&str], i32, &str); 5] = [
        (&["--queue", "5"], 1, "give --rate too"),
        (&["--delay", "nobody:5ms"], 1, "no host \"nobody\""),
        (&["--rate", "client:fast"], 2, "say 64kbit"),
        (&["--queue", "client:"], 2, "invalid"),
        (&["--loss", "much"], 2, "invalid"),
    ];
    for (options, status, says) in cases {
        let out = lab(&[&["tcp-basic"], options].concat());
        assert_eq!(out.status.code(), Some(status), "{options:?}");
        assert!(text(&out.stderr).contains(says), "{options:?}: {}", text(&out.stderr));
    }
}

#[test]
fn both_kinds_of_wire_tell_the_same() {
    if !able() {
        return;
    }
    // All but times and what kernels choose: sequence numbers are relative here.
    let told = |name: &str, on: &str| {
        let out = lab(&[name, "--on", on, "--format", "json"]);
        assert!(out.status.success(), "{name}: {}{}", text(&out.stdout), text(&out.stderr));
        let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        let kept =
            ["a", "ap", "b", "bp", "handshake", "teardown", "history", "payload", "packets", "conn_state"];
        let streams = report["streams"].as_array().unwrap();
        assert!(!streams.is_empty());
        streams.iter().map(|s| kept.map(|key| s[key].clone()).to_vec()).collect::<Vec<_>>()
    };
    for name in ["tcp-basic", "fast-retransmit", "udp-corrupt", "multicast"] {
        assert_eq!(told(name, "private"), told(name, "veth"), "{name}");
    }
}

#[test]
fn calls_stand_beside_the_segments_that_carried_their_octets() {
    if !able() {
        return;
    }
    // Several sends in one segment, one in three, and one recv of what two brought.
    let cases: [(&str, &[(&str, &str)]); 3] = [
        (
            "nagle",
            &[
                ("send(c, 1)", "packet 4"),
                ("send(c, 1)", "packet 6"),
                ("send(c, 1)", "packet 6"),
                ("send(c, 1)", "packet 6"),
                ("recv(s, 100)", "packets 4 and 6"),
            ],
        ),
        ("segmentation", &[("send(c, 4000)", "packets 4, 5 and 6"), ("recv(s)", "packets 4, 5 and 6")]),
        ("udp-basic", &[("sendto(c, 6", "packet 1"), ("sendto(s, 6", "packet 2")]),
    ];
    for (name, calls) in cases {
        let out = labs::synfin()
            .env("COLUMNS", "160")
            .args(["lab", "run", name, "--view", "calls"])
            .output()
            .unwrap();
        let stdout = text(&out.stdout);
        let mut lines = stdout.lines();
        for (call, packets) in calls {
            let said =
                lines.find(|line| line.contains(call)).unwrap_or_else(|| panic!("no {call}: {stdout}"));
            assert!(said.trim_end().ends_with(packets), "{call} beside {packets}: {said}");
        }
    }
}
