use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::*;
use crate::model::{LinkType, Timestamp};
use crate::source::{CaptureFile, PacketSource, SourceErrorKind};

fn interface(link: LinkType, ts_digits: u8) -> Interface {
    Interface { name: Some("lo".to_owned()), link, snaplen: 0, ts_digits }
}

fn packet(number: u64, ts: i64, data: &[u8]) -> Packet<'_> {
    let orig_len = u32::try_from(data.len()).unwrap();
    Packet { number, ts: Timestamp(ts), orig_len, link: LinkType::ETHERNET, interface: 0, data }
}

fn read(path: &Path) -> Vec<(i64, Vec<u8>)> {
    let mut file = CaptureFile::open(path).unwrap();
    let mut all = Vec::new();
    while let Some(packet) = file.next_packet().unwrap() {
        all.push((packet.ts.nanos(), packet.data.to_owned()));
    }
    all
}

#[test]
fn what_is_written_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    for (name, digits, unit) in [("a.pcapng", 9, 1), ("a", 6, 1), ("a.pcap", 9, 1), ("b.pcap", 6, 1000)] {
        let path = directory.path().join(name);
        let mut sink = FileSink::create(&path, WriteOptions::default()).unwrap();
        sink.describe(&[interface(LinkType::ETHERNET, digits)]).unwrap();
        let mut expected = Vec::new();
        for length in 0..70u8 {
            let data = vec![length; usize::from(length)];
            let ts = 1_700_000_000_123_456_789 + i64::from(length);
            sink.write(&packet(1 + u64::from(length), ts, &data), Some("a comment")).unwrap();
            expected.push((ts / unit * unit, data));
        }
        let written = sink.finish(Some(Drops { received: 70, kernel: 3, interface: 2 })).unwrap();
        assert_eq!((written.packets, written.bytes), (70, fs::metadata(&path).unwrap().len()));
        assert_eq!(read(&path), expected, "{name}");
    }
    let mut file = CaptureFile::open(&directory.path().join("a.pcapng")).unwrap();
    assert!(file.next_packet().unwrap().is_some());
    assert_eq!(file.comment().as_deref(), Some("a comment"));
    assert_eq!(file.interfaces(), [interface(LinkType::ETHERNET, 9)]);
    while file.next_packet().unwrap().is_some() {}
    assert_eq!(file.drops(), Some(Drops { received: 70, kernel: 3, interface: 2 }));
}

#[test]
fn a_packet_waits_for_its_interface() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.pcapng");
    let mut sink = FileSink::create(&path, WriteOptions::default()).unwrap();
    let known = [interface(LinkType::ETHERNET, 9), interface(LinkType::RAW, 9)];
    let raw = Packet { interface: 1, link: LinkType::RAW, ..packet(2, 2, b"raw") };
    sink.write(&packet(1, 1, b"ethernet"), None).unwrap();
    sink.describe(&known[..1]).unwrap();
    sink.write(&raw, None).unwrap();
    sink.describe(&known).unwrap();
    sink.write(&Packet { interface: 2, ..raw }, None).unwrap();
    sink.finish(None).unwrap();
    let mut file = CaptureFile::open(&path).unwrap();
    let mut seen = Vec::new();
    while let Some(packet) = file.next_packet().unwrap() {
        seen.push((packet.interface, packet.link));
    }
    assert_eq!(seen, [(0, LinkType::ETHERNET), (1, LinkType::RAW), (2, LinkType::RAW)]);
    assert_eq!(file.interfaces()[..2], known);
}

#[test]
fn what_a_format_cannot_hold_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let raw = Packet { link: LinkType::RAW, ..packet(2, 0, b"") };
    let cases = [
        ("a.pcap", raw, "packet 2 is raw (write .pcapng instead)"),
        ("b.pcap", packet(2, -1, b""), "the time -0.000000001"),
        ("c.pcap", packet(2, i64::MAX, b""), "cannot hold"),
        ("d.pcapng", packet(2, -1, b""), "cannot hold"),
    ];
    for (name, second, expected) in cases {
        let mut sink = FileSink::create(&directory.path().join(name), WriteOptions::default()).unwrap();
        sink.describe(&[interface(LinkType::ETHERNET, 9)]).unwrap();
        sink.write(&packet(1, 0, b"first"), None).unwrap();
        let fault = sink.write(&second, None).unwrap_err().to_string();
        assert!(fault.contains(expected), "{fault}");
        sink.finish(None).unwrap();
        assert_eq!(read(&directory.path().join(name)).len(), 1);
    }
}

#[test]
fn a_full_disk_is_told_at_once() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        eprintln!("skipped: there is no /dev/full here");
        return;
    }
    let mut sink = FileSink::create(full, WriteOptions::default()).unwrap();
    sink.describe(&[interface(LinkType::ETHERNET, 9)]).unwrap();
    let fault = sink.write(&packet(1, 1_700_000_000_000_000_000, b"x"), None).unwrap_err();
    assert!(fault.to_string().starts_with("/dev/full: "), "{fault}");
    assert!(fault.to_string().contains("the disk is full"), "{fault}");
    let SourceErrorKind::Io(e) = &fault.kind else { panic!("{fault:?}") };
    assert_eq!(e.kind(), ErrorKind::StorageFull);
    assert!(sink.finish(None).is_err());

    let sink = FileSink::create(full, WriteOptions::default()).unwrap();
    let mut behind = Background::new(sink, 1 << 20, Overflow::Wait).unwrap();
    behind.describe(&[interface(LinkType::ETHERNET, 9)]).unwrap();
    // Either the next write tells it or, at the latest, the end.
    let written = behind.write(&packet(1, 1_700_000_000_000_000_000, b"x"), None);
    let fault = written.and_then(|()| behind.finish(None)).unwrap_err();
    assert!(fault.to_string().contains("the disk is full"), "{fault}");
}

#[test]
fn an_input_is_never_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let (input, link) = (directory.path().join("in"), directory.path().join("link"));
    fs::write(&input, "precious").unwrap();
    fs::hard_link(&input, &link).unwrap();
    let options = WriteOptions { inputs: vec![input.clone()], ..WriteOptions::default() };
    for path in [&input, &link] {
        let fault = FileSink::create(path, options.clone()).err().unwrap().to_string();
        assert!(fault.contains("it is being read"), "{fault}");
    }
    assert_eq!(fs::read(&input).unwrap(), b"precious");
}

#[test]
fn only_a_file_that_was_made_changes_hands() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: only root can give a file away");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("precious"), "x").unwrap();
    fs::hard_link(at("precious"), at("hard")).unwrap();
    std::os::unix::fs::symlink(at("precious"), at("soft")).unwrap();
    std::os::unix::fs::symlink(at("nothing"), at("dangling")).unwrap();
    for (name, expected) in [("new", 65_534), ("precious", 0), ("hard", 0), ("soft", 0), ("dangling", 0)] {
        let options = WriteOptions { owner: Some((65_534, 65_534)), ..WriteOptions::default() };
        let mut sink = FileSink::create(&at(name), options).unwrap();
        sink.finish(None).unwrap();
        assert_eq!(fs::metadata(at(name)).unwrap().uid(), expected, "{name}");
    }
}

#[test]
fn sets_rotate_as_tcpdump_does() {
    let second = 1_000_000_000;
    let size = Rotation { bytes: Some(400), ..Rotation::default() };
    let cases = [
        (size, "a", 12, vec!["a", "a1", "a2"], 12),
        (Rotation { files: Some(2), ..size }, "b", 12, vec!["b0", "b1"], 7),
        (Rotation { seconds: Some(3), ..Rotation::default() }, "c%s", 7, vec!["c100", "c103", "c106"], 7),
        (Rotation { seconds: Some(3), files: Some(2), bytes: None }, "d%s", 9, vec!["d100", "d103"], 6),
    ];
    for (rotation, base, packets, names, kept) in cases {
        let directory = tempfile::tempdir().unwrap();
        let options = WriteOptions { rotation, ..WriteOptions::default() };
        let mut sink = FileSink::create(&directory.path().join(base), options).unwrap();
        sink.describe(&[interface(LinkType::ETHERNET, 9)]).unwrap();
        for number in 0..packets {
            let ts = (100 + i64::try_from(number).unwrap()) * second;
            sink.write(&packet(number + 1, ts, &[0; 40]), None).unwrap();
        }
        assert_eq!(sink.is_full(), base == "d%s");
        let written = sink.finish(None).unwrap();
        let paths: Vec<_> = names.iter().map(|name| directory.path().join(name)).collect();
        assert_eq!(written.files, paths);
        assert_eq!(paths.iter().map(|path| read(path).len()).sum::<usize>(), kept, "{base}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), names.len());
    }
}

#[test]
fn a_queue_without_room_counts_what_it_loses() {
    /// A sink that never gets done with a packet until it is told to.
    struct Slow(std::sync::mpsc::Receiver<()>);
    impl PacketSink for Slow {
        fn describe(&mut self, _: &[Interface]) -> Result<(), SourceError> {
            Ok(())
        }
        fn write(&mut self, _: &Packet<'_>, _: Option<&str>) -> Result<(), SourceError> {
            let _ = self.0.recv();
            Ok(())
        }
        fn flush(&mut self) -> Result<(), SourceError> {
            Ok(())
        }
        fn finish(&mut self, _: Option<Drops>) -> Result<Written, SourceError> {
            Ok(Written::default())
        }
    }
    let (go, wait) = std::sync::mpsc::channel();
    let mut behind = Background::new(Slow(wait), 10_000, Overflow::Lose).unwrap();
    for number in 1..=1000 {
        behind.write(&packet(number, 0, &[0; 936]), None).unwrap();
    }
    // Ten packets are queued, and as many may have been taken.
    let lost = behind.lost();
    assert!((980..=990).contains(&lost), "{lost}");
    drop(go);
    assert_eq!(behind.finish(None).unwrap().lost, lost);
}

#[test]
fn a_disk_that_fails_while_nothing_comes_raises_the_alarm() {
    /// A sink whose disk fails once it is asked for.
    struct Failing;
    impl PacketSink for Failing {
        fn describe(&mut self, _: &[Interface]) -> Result<(), SourceError> {
            Ok(())
        }
        fn write(&mut self, _: &Packet<'_>, _: Option<&str>) -> Result<(), SourceError> {
            Ok(())
        }
        fn flush(&mut self) -> Result<(), SourceError> {
            Err(output::fault(Path::new("x"), ErrorKind::StorageFull.into()))
        }
        fn finish(&mut self, _: Option<Drops>) -> Result<Written, SourceError> {
            Ok(Written::default())
        }
    }
    let alarm = std::sync::Arc::<std::sync::atomic::AtomicBool>::default();
    let mut behind = Background::new(Failing, 1 << 20, Overflow::Lose).unwrap();
    behind.alarm(std::sync::Arc::clone(&alarm));
    behind.write(&packet(1, 0, b"x"), None).unwrap();
    while !alarm.load(std::sync::atomic::Ordering::Relaxed) {
        std::thread::yield_now();
    }
    assert!(behind.finish(None).unwrap_err().to_string().contains("the disk is full"));
}

#[test]
fn a_packet_without_a_time_gets_none_where_it_can_be_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.pcapng");
    let mut sink = FileSink::create(&path, WriteOptions::default()).unwrap();
    sink.describe(&[interface(LinkType::ETHERNET, 9), interface(LinkType::ETHERNET, 9)]).unwrap();
    let untimed = |data| Packet { ts: Timestamp::NONE, ..packet(1, 0, data) };
    let cases = [
        (untimed(b"whole"), Timestamp::NONE, None),
        (
            Packet { orig_len: 9, ..untimed(b"cut") },
            Timestamp(0),
            Some("no time was recorded for this packet\nx"),
        ),
        (
            Packet { interface: 1, ..untimed(b"second") },
            Timestamp(0),
            Some("no time was recorded for this packet\nx"),
        ),
    ];
    for (packet, ..) in &cases {
        sink.write(packet, Some("x")).unwrap();
    }
    sink.finish(None).unwrap();
    let mut file = CaptureFile::open(&path).unwrap();
    for (written, ts, comment) in cases {
        let read = file.next_packet().unwrap().unwrap();
        assert_eq!((read.ts, read.orig_len, read.data), (ts, written.orig_len, written.data));
        assert_eq!(file.comment().as_deref(), comment);
    }
}

#[test]
fn what_is_written_reaches_the_disk_although_nothing_else_comes() {
    /// A sink that tells when it is to be on the disk.
    struct Synced(std::sync::mpsc::Sender<u32>, u32);
    impl PacketSink for Synced {
        fn describe(&mut self, _: &[Interface]) -> Result<(), SourceError> {
            Ok(())
        }
        fn write(&mut self, _: &Packet<'_>, _: Option<&str>) -> Result<(), SourceError> {
            self.1 += 1;
            Ok(())
        }
        fn flush(&mut self) -> Result<(), SourceError> {
            Ok(())
        }
        fn sync(&mut self) -> Result<(), SourceError> {
            self.0.send(self.1).unwrap();
            Ok(())
        }
        fn finish(&mut self, _: Option<Drops>) -> Result<Written, SourceError> {
            Ok(Written::default())
        }
    }
    let (tell, told) = std::sync::mpsc::channel();
    let mut behind = Background::new(Synced(tell, 0), 1 << 20, Overflow::Lose).unwrap();
    for round in 1..=2 {
        behind.write(&packet(round, 0, b"x"), None).unwrap();
        assert_eq!(u64::from(told.recv().unwrap()), round);
    }
    behind.finish(None).unwrap();
    assert!(told.recv().is_err(), "nothing was written that was not on the disk");
}
