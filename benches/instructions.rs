//! How many instructions the hot path takes, counted by valgrind: the same on every
//! machine with the same compiler, so a regression is a number.
//!
//! `cargo run --release --example drift` runs this and compares with `instructions.json`.

#![allow(dead_code, reason = "of the generator only a part is used here")]
#![allow(missing_docs, reason = "gungraun's macros make public items without them")]
#![allow(clippy::disallowed_methods, reason = "gungraun's main ends with process::exit")]

#[path = "generate/endpoint.rs"]
mod endpoint;
#[path = "generate/frame.rs"]
mod frame;
#[path = "generate/random.rs"]
mod random;
#[path = "generate/short.rs"]
mod short;
#[path = "generate/transfer.rs"]
mod transfer;
#[path = "generate/truth.rs"]
mod truth;

use std::hint::black_box;
use std::path::{Path, PathBuf};

use gungraun::{library_benchmark, library_benchmark_group, main};
use synfin::decode::{Decoder, Record, TcpSegment};
use synfin::model::{LinkType, Packet, Timestamp};
use synfin::source::{CaptureFile, PacketSource};
use synfin::track::{SeenSegment, Sink, TcpConversation, Tracker, TrackerOptions};

use crate::frame::Capture;
use crate::transfer::{Plan, Simulation};
use crate::truth::Truth;

/// Packets that each benchmark handles.
const PACKETS: usize = 20_000;

/// A generated capture as the octets of its file.
fn capture(kind: &str) -> Vec<u8> {
    let mut file = Vec::new();
    let mut out = Capture::new(&mut file).expect("memory takes everything");
    let done = match kind {
        "short" => short::short(&mut out, PACKETS as u64 / 10, 500, 1),
        _ => {
            let plan = Plan {
                seed: 1,
                bytes: 22_000_000,
                live: 8,
                loss: 0.005,
                reorder: 0.0002,
                bulk: kind == "bulk",
            };
            let mut truth = Truth::new(None).expect("no file");
            Simulation::new(plan, &mut out, &mut truth).run()
        }
    };
    done.and_then(|()| out.finish().map(drop)).expect("memory takes everything");
    file
}

/// The frames of a generated capture, without a reader.
fn frames(kind: &str) -> Vec<(Timestamp, Vec<u8>)> {
    let file = capture(kind);
    let mut rest = &file[24..];
    let mut frames = Vec::new();
    while let Some((header, after)) = rest.split_first_chunk::<16>() {
        let word = |i: usize| u32::from_le_bytes([header[i], header[i + 1], header[i + 2], header[i + 3]]);
        let ts = Timestamp::new(i64::from(word(0)), i64::from(word(4)) * 1000);
        let (frame, after) = after.split_at(word(8) as usize);
        frames.push((ts, frame.to_vec()));
        rest = after;
    }
    assert!(frames.len() >= PACKETS, "{kind} has {} packets", frames.len());
    frames.truncate(PACKETS);
    frames
}

/// The decoder's records of a generated capture.
fn records(kind: &str) -> Vec<Record> {
    let mut decoder = Decoder::default();
    let mut records = Vec::new();
    for (number, (ts, data)) in (1..).zip(&frames(kind)) {
        decoder.decode(&packet(number, *ts, data), &mut records);
    }
    records
}

fn packet(number: u64, ts: Timestamp, data: &[u8]) -> Packet<'_> {
    Packet { number, ts, orig_len: data.len() as u32, link: LinkType::ETHERNET, interface: 0, data }
}

/// The same frames as pcapng: a section, an interface, enhanced packet blocks.
fn pcapng(kind: &str) -> Vec<u8> {
    let mut file = Vec::new();
    let mut block = |kind: u32, words: &[u32], data: &[u8]| {
        let padding = data.len().next_multiple_of(4) - data.len();
        let total = (12 + 4 * words.len() + data.len() + padding) as u32;
        file.extend(kind.to_le_bytes());
        file.extend(total.to_le_bytes());
        words.iter().for_each(|w| file.extend(w.to_le_bytes()));
        file.extend(data);
        file.extend(vec![0; padding]);
        file.extend(total.to_le_bytes());
    };
    block(0x0a0d_0d0a, &[0x1a2b_3c4d, 1, u32::MAX, u32::MAX], &[]);
    block(1, &[1, 262_144], &[]);
    for (ts, data) in frames(kind) {
        let micros = (ts.0 / 1000) as u64;
        let len = data.len() as u32;
        block(6, &[0, (micros >> 32) as u32, micros as u32, len, len], &data);
    }
    file
}

/// Puts a capture into a file: what the kernel copies from there does not count, and what
/// a reader in memory copies would hide all else.
fn on_disk(name: &str, file: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, file).expect("the build directory takes a file");
    path
}

#[library_benchmark]
#[bench::pcap_short(on_disk("short.pcap", &capture("short")))]
#[bench::pcap_mixed(on_disk("mixed.pcap", &capture("mixed")))]
#[bench::pcapng_short(on_disk("short.pcapng", &pcapng("short")))]
fn read(file: PathBuf) -> usize {
    let mut source = CaptureFile::open(&file).expect("a capture");
    let mut octets = 0;
    while let Some(packet) = source.next_packet().expect("a whole capture") {
        octets += black_box(packet).data.len();
    }
    octets
}

#[library_benchmark]
#[bench::short(frames("short"))]
#[bench::mixed(frames("mixed"))]
#[bench::bulk(frames("bulk"))]
fn decode(frames: Vec<(Timestamp, Vec<u8>)>) -> usize {
    let mut decoder = Decoder::default();
    let mut records: Vec<Record> = Vec::with_capacity(4);
    let mut count = 0;
    for (number, (ts, data)) in (1..).zip(&frames) {
        records.clear();
        black_box(decoder.decode(&packet(number, *ts, data), &mut records));
        count += records.len();
    }
    std::mem::forget(frames); // freeing them is none of the decoder's work
    count
}

/// Counts what it is told.
#[derive(Default)]
struct Count(u64);

impl Sink for Count {
    fn tcp(&mut self, _: &TcpSegment, seen: &SeenSegment, _: &TcpConversation) {
        self.0 += u64::from(black_box(seen).dir);
    }

    fn tcp_ended(&mut self, conversation: &TcpConversation) {
        black_box(conversation);
    }
}

#[library_benchmark]
#[bench::short(records("short"))]
#[bench::mixed(records("mixed"))]
#[bench::bulk(records("bulk"))]
fn track(records: Vec<Record>) -> u64 {
    let mut tracker = Tracker::new(TrackerOptions::default());
    let mut count = Count::default();
    for record in &records {
        tracker.push(record, &mut count);
    }
    tracker.finish(&mut count);
    std::mem::forget(records);
    count.0
}

library_benchmark_group!(name = hot, benchmarks = [read, decode, track]);

main!(library_benchmark_groups = hot);
