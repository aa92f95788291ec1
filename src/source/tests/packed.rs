//! Compressed files, in each compression, several members, twice, cut and damaged.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use lz4_flex::frame::{BlockMode, FrameEncoder, FrameInfo};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::build::Builder;
use super::*;
use crate::source::bytes::Order;

fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

fn zstd(octets: &[u8]) -> Vec<u8> {
    compress_to_vec(octets, CompressionLevel::Fastest)
}

fn lz4(octets: &[u8]) -> Vec<u8> {
    lz4_with(octets, FrameInfo::new())
}

fn lz4_with(octets: &[u8], info: FrameInfo) -> Vec<u8> {
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

/// A capture whose packets do not compress to nothing.
fn capture() -> (Vec<u8>, Vec<Row>) {
    let mut b = Builder::new(Order::Little);
    b.pcap(0xa1b2_c3d4, (2, 4), 1);
    let (mut rows, mut seed) = (Vec::new(), 1u32);
    for n in 0..400 {
        let octet = |_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 28) as u8
        };
        let data: Vec<u8> = (0..700).map(octet).collect();
        b.record((n, 0), (700, 700), 0, &data);
        rows.push((i64::from(n) * 1_000_000_000, 700, 1, 0, data));
    }
    (b.octets, rows)
}

#[test]
fn compressions_are_taken_off_by_their_magic() {
    let (octets, rows) = capture();
    let (first, second) = octets.split_at(100_001);
    let skippable = [&0x184d_2a53u32.to_le_bytes()[..], &5u32.to_le_bytes()[..], b"12345"].concat();
    let checked = FrameInfo::new().block_checksums(true).content_checksum(true).block_mode(BlockMode::Linked);
    let forms = [
        ("gzip", gzip(&octets)),
        ("zstd", zstd(&octets)),
        ("lz4", lz4(&octets)),
        ("lz4 with checksums", lz4_with(&octets, checked)),
        ("gzip members", [gzip(first), gzip(second)].concat()),
        ("zstd frames", [&skippable[..], &zstd(first), &skippable, &zstd(second)].concat()),
        ("lz4 frames", [lz4(first), lz4(second)].concat()),
        ("zstd in gzip", gzip(&zstd(&octets))),
    ];
    for (name, packed) in forms {
        let (found, fault) = read_all(&packed);
        assert!(fault.is_none(), "{name}: {fault:?}");
        assert!(found == rows, "{name}");
    }
    let (_, fault) = read_all(&gzip(&gzip(&gzip(&octets))));
    assert!(fault.unwrap().to_string().contains("compressed more than 2 times"));
}

#[test]
fn a_cut_in_compressed_data_is_told_after_what_came_before() {
    let (octets, rows) = capture();
    for (name, packed) in [("gzip", gzip(&octets)), ("zstd", zstd(&octets)), ("lz4", lz4(&octets))] {
        for cut in (5..packed.len()).step_by(packed.len() / 150).chain(packed.len() - 9..packed.len()) {
            let (found, fault) = read_all(&packed[..cut]);
            assert!(found == rows[..found.len()], "{name} cut at {cut}");
            let fault = fault.unwrap_or_else(|| panic!("{name} cut at {cut} of {}", packed.len()));
            assert!(fault.to_string().contains(name), "{name} cut at {cut}: {fault}");
        }
    }
}

#[test]
fn a_wrong_checksum_is_told() {
    let (octets, _) = capture();
    for (name, mut packed) in [("gzip", gzip(&octets)), ("zstd", zstd(&octets))] {
        let crc = packed.len() - if name == "gzip" { 8 } else { 4 };
        packed[crc] ^= 1;
        let (_, fault) = read_all(&packed);
        assert!(fault.is_some_and(|fault| fault.to_string().contains(name)), "{name}");
    }
}
