//! Rotating sets, beside tcpdump's, and captures that are read while they grow.

use std::fs::OpenOptions;
use std::io::Write;

use nix::poll::{PollTimeout, poll};

use super::*;

#[test]
fn a_set_of_sizes_is_tcpdumps() {
    inside("sets::a_set_of_sizes_is_tcpdumps", || {
        for rotation in [&["-C", "1"][..], &["-C", "1", "-W", "3"], &["-C", "1", "-W", "12"]] {
            let (ours, theirs) = (folder(), folder());
            let (path, other) = (join(&ours, "a.pcap"), join(&theirs, "a.pcap"));
            let words = |path| [&["-w", text(path), "-c", "3000", "-B", "65536"], rotation].concat();
            let capture = Capture::start(&[&["-i", "lo"][..], &words(&path)].concat());
            let beside = tcpdump("lo", &words(&other), "udp port 7777");
            Sender::new("127.0.0.1", 1400).send(3000);
            let (status, _, said) = capture.end();
            assert_eq!(status.code(), Some(0), "{said}");
            let found = listing(ours.path());
            let all: usize = found.iter().map(|(name, _)| saved(&join(&ours, name)).0.len()).sum();
            match rotation.contains(&"3") {
                false => assert_eq!((found.len(), all), (5, 3000), "{found:?}"),
                true => assert!(found.len() == 3 && all < 3000, "{found:?}"),
            }
            let mut last = found.iter().flat_map(|(name, _)| saved(&join(&ours, name)).0);
            assert!(last.any(|number| number == 2999));
            if let Some((mut child, _errors)) = beside {
                assert!(child.wait().unwrap().success());
                assert_eq!(found, listing(theirs.path()), "{rotation:?}");
            }
        }
    });
}

#[test]
fn a_set_of_times_ends_as_tcpdumps() {
    inside("sets::a_set_of_times_ends_as_tcpdumps", || {
        let (ours, theirs) = (folder(), folder());
        let (path, other) = (join(&ours, "%s.pcap"), join(&theirs, "%s.pcap"));
        let words = |path| ["-w", text(path), "-G", "1", "-W", "2"];
        let mut capture = Capture::start(&[&["-i", "lo"][..], &words(&path)].concat());
        let mut beside = tcpdump("lo", &words(&other), "udp port 7777");
        let mut sender = Sender::new("127.0.0.1", 100);
        loop {
            sender.send(1);
            let ended = capture.child.try_wait().unwrap().is_some();
            if ended && beside.as_mut().is_none_or(|(child, _)| child.try_wait().unwrap().is_some()) {
                break;
            }
            // Only so that there is time between the packets.
            poll(&mut [], PollTimeout::from(5_u8)).unwrap();
        }
        let (status, _, said) = capture.end();
        assert_eq!(status.code(), Some(0), "{said}");
        let found = listing(ours.path());
        assert_eq!(found.len(), 2, "{found:?}");
        let numbers: Vec<u32> = found.iter().flat_map(|(name, _)| saved(&join(&ours, name)).0).collect();
        assert!(numbers.len() > 2 && in_order(&numbers), "{numbers:?}");
        if let Some((mut child, _errors)) = beside {
            assert!(child.wait().unwrap().success());
            assert_eq!(listing(theirs.path()).len(), 2);
        }
    });
}

/// `synfin replay` that follows, and its records.
fn follow(arguments: &[&str]) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = Command::new(&*PROGRAM)
        .arg("replay")
        .args(arguments)
        .args(["--format", "ndjson"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let records = BufReader::new(child.stdout.take().unwrap());
    (child, records)
}

/// Reads records until `count` datagrams have come.
fn datagrams(records: &mut impl BufRead, count: usize) {
    let mut seen = 0;
    while seen < count {
        let mut line = String::new();
        assert!(records.read_line(&mut line).unwrap() > 0, "ended after {seen} of {count}");
        seen += usize::from(line.starts_with("{\"type\":\"udp\""));
    }
}

fn ended(mut child: Child, mut records: impl Read) -> (Option<i32>, String) {
    let mut rest = String::new();
    records.read_to_string(&mut rest).unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code(), said)
}

#[test]
fn a_set_is_followed_while_it_is_captured() {
    inside("sets::a_set_is_followed_while_it_is_captured", || {
        let folder = folder();
        let path = join(&folder, "a.pcapng");
        let capture = Capture::start(&["-i", "lo", "-w", text(&path), "-C", "1", "-B", "65536"]);
        let (child, mut records) = follow(&["--follow-set", text(&path)]);
        let mut sender = Sender::new("127.0.0.1", 1400);
        for _ in 0..3 {
            sender.send(1000);
            datagrams(&mut records, 1000);
        }
        capture.signal(Signal::SIGINT);
        let (status, _, said) = capture.end();
        assert_eq!(status.code(), Some(0), "{said}");
        assert!(listing(folder.path()).len() >= 5);
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
        let (code, said) = ended(child, records);
        assert_eq!(code, Some(0), "{said}");
    });
}

#[test]
fn a_file_that_grows_is_followed_to_its_end_whatever_that_is() {
    // A capture of three datagrams, made without a device.
    let folder = folder();
    let whole = join(&folder, "whole.pcap");
    let script = join(&folder, "three.pkt");
    fs::write(&script, "udp 10.0.0.1:1 > 10.0.0.2:2\n0 > udp(5)\n+.1 > udp(5)\n+.1 > udp(5)\n").unwrap();
    may(&PROGRAM, &["replay", text(&script), "-w", text(&whole)]).unwrap();
    let octets = fs::read(&whole).unwrap();
    type End = fn(&Path, u32);
    let cases: [(&str, End, i32, &str); 4] = [
        (
            "told to stop",
            |_, id| kill(Pid::from_raw(i32::try_from(id).unwrap()), Signal::SIGINT).unwrap(),
            0,
            "",
        ),
        ("removed", |path, _| fs::remove_file(path).unwrap(), 0, ""),
        (
            "replaced",
            |path, _| {
                let new = path.with_extension("new");
                fs::write(&new, b"something else").unwrap();
                fs::rename(&new, path).unwrap();
            },
            0,
            "",
        ),
        (
            "cut back",
            |path, _| OpenOptions::new().write(true).open(path).unwrap().set_len(0).unwrap(),
            1,
            "became shorter",
        ),
    ];
    for (what, end, code, word) in cases {
        let path = join(&folder, "growing.pcap");
        fs::write(&path, b"").unwrap();
        let (child, mut records) = follow(&["--follow", text(&path)]);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        for piece in octets.chunks(7) {
            file.write_all(piece).unwrap();
        }
        datagrams(&mut records, 3);
        end(&path, child.id());
        let (ended, said) = ended(child, records);
        assert_eq!(ended, Some(code), "{what}: {said}");
        assert!(said.contains(word), "{what}: {said}");
    }
}
