//! Several sources as one, filtered ones, and files that grow.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::build::{Builder, everything};
use super::*;
use crate::model::{LinkType, Packet, Timestamp};
use crate::source::bytes::Order;
use crate::source::write::{FileSink, PacketSink, Rotation, WriteOptions};

fn open(octets: Vec<u8>) -> CaptureFile {
    CaptureFile::from_reader("test", Box::new(std::io::Cursor::new(octets)), None).unwrap()
}

fn capture(link: u32, seconds: &[u32], text: &[u8]) -> Vec<u8> {
    let mut b = Builder::new(Order::Little);
    b.pcap(0xa1b2_c3d4, (2, 4), link);
    for &second in seconds {
        b.record((second, 0), (text.len() as u32, 99), 0, text);
    }
    b.octets
}

#[test]
fn files_are_merged_by_time_and_numbered_over_all() {
    let mut cut = capture(101, &[1, 4, 9], b"b");
    cut.truncate(cut.len() - 1);
    let files = vec![open(capture(1, &[2, 4, 6], b"a")), open(cut), open(everything(Order::Big).0.octets)];
    let mut merged = Merged::new(files);
    let mut seen = Vec::new();
    let fault = loop {
        match merged.next_packet() {
            Ok(Some(p)) => seen.push((p.number, p.ts.nanos() / 1_000_000_000, p.interface, p.data.to_vec())),
            Ok(None) => panic!("the fault is not told"),
            Err(fault) => break fault,
        }
    };
    assert!(merged.next_packet().unwrap().is_none());
    let names: Vec<u8> = seen.iter().map(|(_, _, _, data)| data[0]).collect();
    assert_eq!(names, *b"baabaerofte");
    assert!(seen.iter().zip(1..).all(|(row, number)| row.0 == number));
    assert_eq!(fault.packet, Some(3));
    assert!(fault.to_string().contains("cut short"));
    let interfaces: Vec<u32> = seen.iter().map(|row| row.2).collect();
    assert_eq!(interfaces, [1, 0, 0, 1, 0, 2, 3, 2, 4, 4, 4]);
    let links: Vec<u16> = merged.interfaces().iter().map(|i| i.link.0).collect();
    assert_eq!(links, [1, 101, 1, 101, 113]);
}

#[test]
fn filtered_packets_keep_their_numbers() {
    let mut b = Builder::new(Order::Little);
    b.pcap(0xa1b2_c3d4, (2, 4), 1);
    for length in [60, 200, 61, 300] {
        b.record((0, 0), (60, length), 0, &[0; 60]);
    }
    let mut filtered = Filtered::new(open(b.octets.clone()), "greater 100").unwrap();
    let mut numbers = Vec::new();
    while let Some(packet) = filtered.next_packet().unwrap() {
        numbers.push((packet.number, packet.orig_len, packet.data.len()));
    }
    assert_eq!(numbers, [(2, 200, 60), (4, 300, 60)]);
    assert!(Filtered::new(open(b.octets), "tcp prot 80").is_err());
}

#[test]
fn a_growing_file_is_followed_until_told_to_stop() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("growing.pcapng");
    let (whole, rows) = everything(Order::Little);
    std::fs::write(&path, b"").unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let (told, reader_path) = (Arc::clone(&stop), path.clone());
    let (seen, done) = std::sync::mpsc::channel();
    let reader = thread::spawn(move || {
        let mut followed = Followed::open(&reader_path, told).unwrap();
        let mut rows = 0;
        while let Some(packet) = followed.next_packet().unwrap() {
            rows += 1;
            seen.send(packet.data.to_vec()).unwrap();
        }
        (rows, followed.remarks().to_vec())
    });
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    // In pieces that respect no boundary; half a block stays at the end.
    let mut octets = whole.octets.clone();
    octets.extend(&whole.octets[..50]);
    for piece in octets.chunks(37) {
        file.write_all(piece).unwrap();
    }
    for row in &rows {
        assert_eq!(done.recv().unwrap(), row.4);
    }
    stop.store(true, Ordering::Relaxed);
    let (count, remarks) = reader.join().unwrap();
    assert_eq!(count, rows.len());
    assert!(remarks.iter().any(|remark| remark.contains("octets of")), "{remarks:?}");
}

#[test]
fn following_ends_when_the_file_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.pcap");
    std::fs::write(&path, capture(1, &[1, 2], b"x")).unwrap();
    let mut followed = Followed::open(&path, Arc::default()).unwrap();
    assert!(followed.next_packet().unwrap().is_some());
    std::fs::rename(&path, directory.path().join("b.pcap")).unwrap();
    std::fs::write(&path, b"").unwrap();
    assert!(followed.next_packet().unwrap().is_some());
    assert!(followed.next_packet().unwrap().is_none());
}

#[test]
fn a_rotating_set_is_followed_file_after_file() {
    for (base, rotation) in [
        ("a.pcapng", Rotation { bytes: Some(300), ..Rotation::default() }),
        ("b", Rotation { bytes: Some(300), files: Some(100), ..Rotation::default() }),
        ("c-%s", Rotation { seconds: Some(2), ..Rotation::default() }),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let options = WriteOptions { rotation, ..WriteOptions::default() };
        let mut sink = FileSink::create(&directory.path().join(base), options).unwrap();
        let link = LinkType::ETHERNET;
        sink.describe(&[Interface { name: None, link, snaplen: 0, ts_digits: 9 }]).unwrap();
        let mut write = |number: u64| {
            let ts = Timestamp::new(100 + number.cast_signed(), 0);
            let packet = Packet { number, ts, orig_len: 8, link, interface: 0, data: &number.to_le_bytes() };
            sink.write(&packet, None).unwrap();
            sink.flush().unwrap();
        };
        write(1);
        let mut names = std::fs::read_dir(directory.path()).unwrap();
        let first = names.next().unwrap().unwrap().path();
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let (seen, done) = std::sync::mpsc::channel();
        let reader = thread::spawn(move || {
            let mut followed = Followed::open_set(&first, told).unwrap();
            while let Some(packet) = followed.next_packet().unwrap() {
                seen.send((packet.number, packet.data.to_vec(), packet.interface)).unwrap();
            }
            followed.interfaces().len()
        });
        let mut files = 0;
        for number in 1..=20u64 {
            if number > 1 {
                write(number);
            }
            let (seen, data, interface) = done.recv().unwrap();
            assert_eq!((seen, data), (number, number.to_le_bytes().to_vec()), "{base}");
            files = interface + 1;
        }
        stop.store(true, Ordering::Relaxed);
        assert_eq!(reader.join().unwrap(), files as usize);
        assert!(files > 3, "{base}: {files}");
    }
}

#[test]
fn a_stream_is_followed_to_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fifo");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    let writer = path.clone();
    let writer = thread::spawn(move || std::fs::write(writer, capture(1, &[1, 2, 3], b"x")).unwrap());
    let (rows, fault) = drain(Followed::open(&path, Arc::default()).unwrap());
    assert_eq!(rows.len(), 3);
    assert!(fault.is_none());
    writer.join().unwrap();
}

#[test]
fn a_fifo_whose_reader_leaves_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fifo");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    let reader = path.clone();
    let reader = thread::spawn(move || {
        let mut file = CaptureFile::open(&reader).unwrap();
        assert!(file.next_packet().unwrap().is_some());
    });
    // Opening waits for nobody: who wants to, tries again.
    let mut sink = loop {
        match FileSink::create(&path, WriteOptions::default()) {
            Err(e) if e.to_string().contains("nobody has opened it for reading") => thread::yield_now(),
            opened => break opened.unwrap(),
        }
    };
    let link = LinkType::ETHERNET;
    sink.describe(&[Interface { name: None, link, snaplen: 0, ts_digits: 9 }]).unwrap();
    let packet = Packet { number: 1, ts: Timestamp(0), orig_len: 1, link, interface: 0, data: b"x" };
    sink.write(&packet, None).unwrap();
    sink.flush().unwrap();
    reader.join().unwrap();
    let fault = sink.write(&packet, None).and_then(|()| sink.flush()).unwrap_err();
    assert!(fault.to_string().contains("nobody reads it any more"), "{fault}");
}
