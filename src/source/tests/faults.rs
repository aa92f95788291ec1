//! What is wrong with a file, and where: the table.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::build::Builder;
use super::*;
use crate::source::bytes::Order;

fn pcap(edit: impl FnOnce(&mut Builder)) -> Vec<u8> {
    let mut b = Builder::new(Order::Little);
    b.pcap(0xa1b2_c3d4, (2, 4), 1);
    edit(&mut b);
    b.octets
}

fn pcapng(edit: impl FnOnce(&mut Builder)) -> Vec<u8> {
    let mut b = Builder::new(Order::Big);
    b.section();
    b.interface(1, 0, None, 0);
    edit(&mut b);
    b.octets
}

/// A pcapng whose last block's two lengths are `first` and `second`.
fn lengths(first: u32, second: u32) -> Vec<u8> {
    let mut octets = pcapng(|b| b.enhanced(0, 0, 8, b"12345678", ""));
    let end = octets.len();
    octets[end - 36..end - 32].copy_from_slice(&first.to_be_bytes());
    octets[end - 4..].copy_from_slice(&second.to_be_bytes());
    octets
}

#[test]
fn every_fault_is_named_with_its_place() {
    let header = |magic, version, network| {
        let mut b = Builder::new(Order::Big);
        b.pcap(magic, version, network);
        b.octets
    };
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (vec![], "test: the file is empty"),
        (
            b"#!/bin/sh\n".to_vec(),
            "test: byte 0: not a capture file: it starts with 23 21 2f 62 69 6e 2f 73 (\"#!/bin/s\")",
        ),
        (vec![0xff; 200], "test: byte 0: not a capture file: it starts with ff ff"),
        (
            pcap(|_| ())[..23].to_vec(),
            "test: byte 0: cut short: the file header needs 24 octets and 23 are left",
        ),
        (header(0xa1b2_c3d4, (3, 0), 1), "test: byte 4: not supported: pcap version 3.0"),
        (
            header(0xa1b2_c3d4, (2, 4), 0x0011_0001),
            "test: byte 20: not supported: a link type field of 0x00110001",
        ),
        (
            pcap(|b| b.record((0, 0), (262_145, 262_145), 0, b"")),
            "test: packet 1: byte 24: damaged: a captured length of 262145 octets (262144 at most)",
        ),
        (
            pcap(|b| b.record((0, 0), (0xffff_ffff, 60), 0, b"")),
            "test: packet 1: byte 24: damaged: a captured length of 4294967295",
        ),
        (
            pcapng(|b| b.enhanced(3, 0, 1, b"x", "")),
            "test: packet 1: byte 72: damaged: interface 3 of a section that describes 1",
        ),
        (lengths(0xffff_fffc, 40), "test: packet 1: byte 72: damaged: a block length of 4294967292 octets"),
        (lengths(8, 40), "test: packet 1: byte 72: damaged: a block length of 8 octets"),
        (lengths(39, 40), "test: packet 1: byte 72: damaged: a block length of 39 octets"),
        (lengths(28, 40), "test: packet 1: byte 72: damaged: a block length of 28 octets (32 to"),
        (lengths(40, 44), "test: packet 1: byte 72: damaged: a block of 40 octets whose end says 44"),
        (lengths(36, 36), "test: packet 1: byte 72: damaged: a block of 36 octets whose end says"),
        (
            pcapng(|b| {
                b.block(6, |b| {
                    for v in [0, 0, 0, 64, 64] {
                        b.u32(v);
                    }
                })
            }),
            "test: packet 1: byte 72: damaged: a captured length of 64 octets in a block of 32",
        ),
        (
            pcapng(|b| {
                b.block(5, |b| {
                    for v in [7, 0, 0] {
                        b.u32(v);
                    }
                })
            }),
            "test: packet 1: byte 72: damaged: interface 7",
        ),
        (
            pcapng(|b| {
                b.block(0x0a0d_0d0a, |b| {
                    for v in [0x0102_0304, 0, 0, 0] {
                        b.u32(v);
                    }
                })
            }),
            "test: packet 1: byte 80: damaged: a byte-order magic of 0x04030201",
        ),
        (
            pcapng(|b| {
                b.block(0x0a0d_0d0a, |b| {
                    for v in [0x1a2b_3c4d, 0x0002_0000, 0, 0] {
                        b.u32(v);
                    }
                })
            }),
            "test: packet 1: byte 84: not supported: pcapng version 2.0",
        ),
        (b"snoop\0\0\0\0\0\0\x02\0\0\0\x63".to_vec(), "test: byte 12: not supported: snoop datalink type 99"),
        (b"snoop\0\0\0\0\0\0\x09\0\0\0\x04".to_vec(), "test: byte 8: not supported: snoop version 9"),
    ];
    for (octets, expected) in cases {
        let (_, fault) = read_all(&octets);
        let fault = fault.map_or("no fault".to_owned(), |fault| fault.to_string());
        assert!(fault.starts_with(expected), "expected {expected}\n     got {fault}");
    }
}

#[test]
fn what_cannot_be_opened_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let denied = directory.path().join("denied");
    fs::write(&denied, "x").unwrap();
    fs::set_permissions(&denied, fs::Permissions::from_mode(0o000)).unwrap();
    let cases = [
        (directory.path().to_owned(), "it is a directory"),
        (directory.path().join("none"), "No such file or directory"),
        (denied, "Permission denied"),
    ];
    for (path, expected) in cases {
        if expected == "Permission denied" && fs::read(&path).is_ok() {
            eprintln!("skipped: this user may read every file");
            continue;
        }
        let fault = CaptureFile::open(&path).err().unwrap().to_string();
        assert!(fault.contains(expected), "{fault}");
    }
}

#[test]
fn odd_files_are_read_as_others_read_them() {
    // More captured than there was: the original length counts.
    let (rows, fault) = read_all(&pcap(|b| b.record((1, 2), (8, 5), 0, b"12345678")));
    assert!(fault.is_none());
    assert_eq!(rows, [(1_000_002_000, 5, 1, 0, b"12345".to_vec())]);
    // Old versions wrote the original length first; 2.3 either way.
    for (version, captured, original) in [((2, 2), 9, 4), ((2, 3), 9, 4), ((2, 3), 4, 9), ((543, 0), 9, 4)] {
        let mut b = Builder::new(Order::Big);
        b.pcap(0xa1b2_c3d4, version, 12);
        b.record((0, 0), (captured, original), 0, b"four");
        assert_eq!(read_all(&b.octets).0, [(0, 9, 101, 0, b"four".to_vec())], "{version:?}");
    }
    // Whether frames carry a checksum is said in the upper bits of the link type.
    let mut b = Builder::new(Order::Little);
    b.pcap(0xa1b2_c3d4, (2, 4), 0x2400_0001);
    b.record((0, 0), (1, 1), 0, b"x");
    assert_eq!(read_all(&b.octets).0, [(0, 1, 1, 0, b"x".to_vec())]);
    // Ixia's files say how long all packets are together.
    let mut b = Builder::new(Order::Little);
    b.pcap(0x1c00_01ac, (2, 4), 1);
    b.u32(17);
    b.record((0, 7), (1, 1), 0, b"x");
    assert_eq!(read_all(&b.octets).0, [(7, 1, 1, 0, b"x".to_vec())]);
}

#[test]
fn snoop_and_erf_are_read() {
    let mut b = Builder::new(Order::Big);
    b.octets.extend(b"snoop\0\0\0");
    b.u32(2);
    b.u32(4);
    for (orig_len, padding) in [(4, 0), (1500, 4)] {
        for value in [orig_len, 4, 28 + padding, 9, 100, 7] {
            b.u32(value);
        }
        b.octets.extend([1, 2, 3, 4]);
        b.octets.resize(b.octets.len() + padding as usize, 0);
    }
    let ts = 100_000_007_000;
    let mut expected = vec![(ts, 4, 1, 0, vec![1, 2, 3, 4]), (ts, 1500, 1, 0, vec![1, 2, 3, 4])];
    assert_eq!(read_all(&b.octets).0, expected);
    // A record that is shorter than its packet.
    b.octets[24..28].copy_from_slice(&27u32.to_be_bytes());
    let fault = read_all(&b.octets).1.unwrap().to_string();
    assert!(fault.contains("a record length of 27 octets for a packet of 4"), "{fault}");

    // ERF: Ethernet behind an extension header and two octets of its own, a pad record,
    // and HDLC.
    let record = |kind: u8, extension: &[u8], frame: &[u8], wire: u16| {
        let mut record = vec![0, 0, 0, 0x80, 100, 0, 0, 0, kind, 4, 0, 0, 0, 0];
        record.extend(wire.to_be_bytes());
        record.extend(extension);
        record.extend(frame);
        let length = u16::try_from(record.len()).unwrap().to_be_bytes();
        record[10..12].copy_from_slice(&length);
        record
    };
    let ethernet = record(0x82, &[0; 8], &[0; 32], 60);
    let hdlc = record(1, &[], &[5; 24], 20);
    let octets = [&ethernet[..], &record(48, &[], &[0; 8], 0), &hdlc].concat();
    expected =
        vec![(100_500_000_000, 86, 197, 0, ethernet), (100_500_000_000, 36, 197, 0, hdlc[..36].to_vec())];
    let (rows, fault) = read_all(&octets);
    assert!(fault.is_none(), "{fault:?}");
    assert_eq!(rows, expected);
    let (rows, fault) = read_all(&octets[..octets.len() - 1]);
    assert_eq!(rows.len(), 1);
    assert_eq!(fault.unwrap().packet, Some(2));
}
