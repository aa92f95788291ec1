//! Labs end to end: the real program, on the real kernel.
//!
//! A machine that refuses namespaces cannot run them; the tests then say so and pass.

#[path = "common/labs.rs"]
mod labs;

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::unistd::geteuid;

use labs::{LESSON, lab, lesson, text};

fn able() -> bool {
    labs::able(&["udp-basic"])
}

#[test]
fn a_picture_of_a_lab_is_only_the_picture() {
    if !able() {
        return;
    }
    for (format, begins, ends) in
        [("svg", "<svg", "</svg>"), ("html", "<!DOCTYPE", "</html>"), ("json", "{", "}")]
    {
        let out = lab(&["tcp-basic", "--view", "ladder", "--format", format]);
        let shown = text(&out.stdout);
        assert!(shown.starts_with(begins) && shown.trim_end().ends_with(ends), "{format}: {shown}");
        assert!(text(&out.stderr).contains("✓ three segments open the connection"), "{}", text(&out.stderr));
    }
}

#[test]
fn the_kernels_congestion_window_stands_in_the_graph() {
    if !able() {
        return;
    }
    let out = lab(&["slow-start", "--view", "graph", "--graph", "flight"]);
    let shown = text(&out.stdout);
    assert!(shown.contains("congestion window"), "{shown}");
}

#[test]
fn a_lab_shows_its_evidence() {
    if !able() {
        return;
    }
    let out = lab(&["tcp-basic"]);
    let stdout = text(&out.stdout);
    assert!(out.status.success(), "{stdout}{}", text(&out.stderr));
    for shown in [
        "✓ three segments open the connection",
        "Calls of the programs",
        "send(c, 6)                   = 6",
        "client's kernel, port 40000: SYN-SENT, ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2,\nTIME-WAIT",
        "Tcp.ActiveOpens 1",
    ] {
        assert!(stdout.contains(shown), "{shown}: {stdout}");
    }
    assert!(!stdout.contains('✗'), "{stdout}");

    // What was never on its way to the observer was not lost on the way.
    let chat = text(&lab(&["chat"]).stdout);
    assert!(chat.contains("not seen here") && !chat.contains("lost on the way"), "{chat}");
}

#[test]
fn nobody_may_run_labs_too() {
    if !able() || !geteuid().is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("synfin");
    fs::copy(env!("CARGO_BIN_EXE_synfin"), &copy).unwrap();
    fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    // Some machines let root make namespaces and nobody else, and a chroot lets nobody.
    let probe = Command::new("unshare").args(["--user", "--net", "true"]).uid(65534).gid(65534).status();
    if !probe.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: an ordinary user may make no namespace here (it takes `unshare`, too)");
        return;
    }
    for args in [&["all"][..], &["ipv6-basic", "neighbours", "path-mtu-v6", "tcp-basic", "-6"]] {
        let out = Command::new(&copy).args(["lab", "run"]).args(args).uid(65534).gid(65534).output().unwrap();
        assert!(out.status.success(), "{args:?}: {}{}", text(&out.stdout), text(&out.stderr));
    }
}

#[test]
fn json_has_the_whole_account() {
    if !able() {
        return;
    }
    let report: serde_json::Value =
        serde_json::from_slice(&lab(&["tcp-basic", "--format", "json"]).stdout).unwrap();
    let lab = &report["lab"];
    assert_eq!(lab["counters"]["client"]["Tcp.ActiveOpens"], 1, "{lab}");
    assert_eq!(lab["passed"], true);
    let all = |key: &str| lab[key].as_array().unwrap().clone();
    let sent = all("calls").into_iter().find(|c| c["call"] == "send(c, 6)").unwrap();
    assert_eq!((&sent["returned"], &sent["carried_by"]), (&"= 6".into(), &serde_json::json!([4])));
    let last = all("states").into_iter().rfind(|s| s["host"] == "client").unwrap();
    assert_eq!((&last["state"], &last["port"]), (&"TIME-WAIT".into(), &40_000.into()));
    assert!(all("states").iter().any(|s| s["tcp_info"]["snd_cwnd"] == 10), "{lab}");
    assert!(all("claims").iter().all(|c| c["held"] == true), "{lab}");
}

#[test]
fn the_saved_capture_has_the_packets_and_their_story() {
    if !able() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lab.pcapng");
    let out = lab(&["tcp-basic", "-w", path.to_str().unwrap()]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let bytes = fs::read(path).unwrap();
    let mut rest = bytes.as_slice();
    let mut packets = 0;
    let mut comments = String::new();
    while let Ok((left, block)) = pcap_parser::parse_block_le(rest) {
        if let pcap_parser::Block::EnhancedPacket(p) = block {
            packets += 1;
            for o in p.options.iter().filter(|o| o.code.0 == 1) {
                comments.push_str(&String::from_utf8_lossy(&o.value));
                comments.push('\n');
            }
        }
        rest = left;
    }
    assert!(rest.is_empty());
    assert_eq!(packets, 12);
    for story in [
        "sent by client: connect(c, 10.9.0.2:80)",
        "client:40000 TIME-WAIT",
        "server:80 LAST-ACK",
        "client:40000 ESTABLISHED, cwnd 10 ssthresh none rtt ",
    ] {
        assert!(comments.contains(story), "{story} is not in {comments}");
    }
}

#[test]
fn into_a_folder_goes_what_each_host_saw() {
    if !able() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("new/");
    let out = lab(&["udp-loss", "-w", &format!("{}/", folder.display())]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let packets = |name: &str| {
        let mut rest = fs::read(folder.join(name)).unwrap();
        let mut packets = 0;
        while let Ok((left, block)) = pcap_parser::parse_block_le(&rest) {
            packets += usize::from(matches!(block, pcap_parser::Block::EnhancedPacket(_)));
            rest = left.to_vec();
        }
        packets
    };
    let [client, server, wire] = ["1-client.pcapng", "2-server.pcapng", "wire.pcapng"].map(packets);
    assert!(client == wire && server < wire && server > 0, "{client}, {server}, {wire}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
}

#[test]
fn a_lesson_of_ones_own_runs() {
    if !able() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = lesson(dir.path(), LESSON);
    let out = lab(&[path.to_str().unwrap()]);
    let stdout = text(&out.stdout);
    assert!(out.status.success() && stdout.contains("It does."), "{stdout}{}", text(&out.stderr));

    let wrong = lesson(dir.path(), &LESSON.replace("\"one\"\nserver", "\"two\"\nserver"));
    let out = lab(&[wrong.to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(1), "a claim that does not hold fails the lab");
    assert!(text(&out.stdout).contains('✗'));
}

#[test]
fn what_is_wrong_with_a_lab_is_said() {
    const TWO_FRAMINGS: &str = "server socket ls tcp\nserver bind ls 80\nserver listen ls 1\n\
        client socket c tcp\nclient connect c server:80\nserver accept ls s\n\
        server send s \"a\\nhello\"\nclient recv-message c line\n";
    const NO_CONGESTION: &str = "client socket c tcp\nclient set c congestion none-such";
    let steps = |steps| format!("question = 'q?'\nlesson = 'l.'\nsteps = '''\n{steps}\n'''");
    let check = |check| format!("question = 'q?'\nlesson = 'l.'\n[[expect]]\nclaim = 'c'\ncheck = '{check}'");
    let dir = tempfile::tempdir().unwrap();
    let cases = [
        ("question = 1", "lesson.toml"),
        ("question = 'q?'\nlesson = 'l.'\nsteps = 'client jump c'", "no such call"),
        ("question = 'q?'\nlesson = 'l.'\nsteps = 'nobody close c'", "no host \"nobody\""),
        ("question = 'q?'\nlesson = 'l.'\nsteps = 'client close c'", "no socket c"),
        ("question = 'q?'\nlesson = 'l.'\nrules = ['lose it']", "rule \"lose it\""),
        ("question = 'q?'\nlesson = 'l.'\n[[expect]]\nclaim = 'c'\ncheck = 'magic'", "no such check"),
        (&check("counter client TcpExt.NoSuchCounter == 0"), "this kernel counts no TcpExt.NoSuchCounter"),
        (&check("caused c send == 0"), "no program has a socket c"),
        (&check("received c == 0"), "no program has a socket c"),
        (&check("call c send == 0"), "no program has a socket c"),
        (&steps("server socket ls tcp\nserver serve ls chess"), "echo|discard|chat"),
        (&steps("server serve ls chat"), "no socket ls"),
        (&steps("client socket c tcp\nclient send-message c letter \"a\""), "line or by length"),
        (&steps("client socket c tcp\nclient send-message c line \"a\\nb\""), "holds the delimiter"),
        (&steps("client socket c tcp\nclient send-message c line \"a\" cut 9"), "cut AT"),
        (&steps(&format!("{TWO_FRAMINGS}client recv-message c length")), "5 octets are left"),
        ("question = 'q?'\nlesson = 'l.'\n[line.nobody]\ndelay = 1", "no host \"nobody\""),
        (&steps(NO_CONGESTION), "this kernel has none"),
    ];
    for (toml, word) in cases {
        let path = lesson(dir.path(), toml);
        let out = lab(&[path.to_str().unwrap()]);
        let stderr = text(&out.stderr);
        if stderr.contains("unshare") {
            return;
        }
        assert_eq!(out.status.code(), Some(1), "{toml}");
        assert!(stderr.contains(word), "{toml}: {stderr}");
    }
    let out = lab(&["no-such-lab"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("lab list"), "{}", text(&out.stderr));
}
