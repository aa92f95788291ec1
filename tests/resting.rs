//! Connections that rest between their packets are what they would be without: each scenario and each
//! lab's capture, all at once, so that no connection has two packets in a row.

mod common;

use std::fmt::Write;
use std::path::Path;

use synfin::decode::{Decoder, IcmpMessage, Record, TcpSegment, UdpDatagram};
use synfin::model::StreamId;
use synfin::source::script::Script;
use synfin::source::{CaptureFile, PacketSource};
use synfin::track::{
    Event, SeenDatagram, SeenSegment, Sink, TcpConversation, Tracker, TrackerOptions, UdpConversation,
};

/// Everything that is told, down to what each connection remembers.
#[derive(Default)]
struct Told(String);

impl Told {
    fn line(&mut self, what: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{what}").unwrap();
    }
}

impl Sink for Told {
    fn tcp(&mut self, segment: &TcpSegment, seen: &SeenSegment, _: &TcpConversation) {
        self.line(format_args!("{} {seen:?}", segment.ip.frame));
    }

    fn udp(&mut self, datagram: &UdpDatagram, seen: &SeenDatagram, _: &UdpConversation) {
        self.line(format_args!("{} {seen:?}", datagram.ip.frame));
    }

    fn icmp(&mut self, message: &IcmpMessage, quoted: Option<StreamId>) {
        self.line(format_args!("{} {quoted:?}", message.ip.frame));
    }

    fn event(&mut self, event: &Event) {
        self.line(format_args!("{event:?}"));
    }

    fn tcp_ended(&mut self, conversation: &TcpConversation) {
        self.line(format_args!("{conversation:?}"));
    }
}

fn records(mut source: impl PacketSource, number: usize) -> Vec<Record> {
    let (mut decoder, mut records) = (Decoder::default(), Vec::new());
    while let Some(packet) = source.next_packet().unwrap() {
        decoder.decode(&packet, &mut records);
    }
    for record in &mut records {
        let ip = match record {
            Record::Tcp(s) => &mut s.ip,
            Record::Udp(d) => &mut d.ip,
            Record::Icmp(m) => &mut m.ip,
        };
        // Of a network of its own.
        ip.realm = number as u32 + 1;
    }
    records
}

/// The records of all sources, one of each in turn, in frames of their own.
fn together() -> Vec<Record> {
    let mut all: Vec<Vec<Record>> = common::scenarios()
        .into_iter()
        .enumerate()
        .map(|(i, (_, text))| records(Script::parse(&text).unwrap().into_source(), i))
        .collect();
    let labs = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/labs");
    let files = std::fs::read_dir(labs).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "gz")).collect();
    files.sort();
    for path in files {
        let number = all.len();
        all.push(records(CaptureFile::open(&path).unwrap(), number));
    }
    let longest = all.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest).flat_map(|at| all.iter().filter_map(move |records| records.get(at).cloned())).collect()
}

/// What is told where so many connections may be awake.
fn told(records: &[Record], awake: usize, max_conversations: usize, linger: usize) -> String {
    let mut tracker = Tracker::new(TrackerOptions { keep_apart: true, max_conversations, linger, awake });
    let mut told = Told::default();
    for record in records {
        tracker.push(record, &mut told);
    }
    tracker.finish(&mut told);
    told.0
}

#[test]
fn who_rests_tells_in_nothing() {
    let records = together();
    assert!(records.len() > 5_000, "{} records", records.len());
    // Those that must leave for want of room, too, are the same.
    for (max, linger) in [(4_000, 1_024), (4_096, 0), (40, 7)] {
        let all = told(&records, usize::MAX, max, linger);
        for awake in [1, 3, 50] {
            let some = told(&records, awake, max, linger);
            let other = all.lines().zip(some.lines()).find(|(a, b)| a != b);
            assert!(all == some, "{awake} awake of {max}, {linger} linger: {other:#?}");
        }
    }
}
