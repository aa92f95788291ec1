//! Round trip: what a reader yields is written as pcapng and read again, the same.
#![no_main]

use std::io::Cursor;

use synfin::model::{LinkType, Timestamp};
use synfin::source::write::{FileSink, PacketSink, WriteOptions};
use synfin::source::{CaptureFile, PacketSource};

type Seen = (Timestamp, u32, LinkType, Vec<u8>, u32);

fn all(source: &mut CaptureFile) -> Vec<Seen> {
    let mut seen = Vec::new();
    while let Ok(Some(p)) = source.next_packet() {
        seen.push((p.ts, p.orig_len, p.link, p.data.to_vec(), p.interface));
    }
    seen
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let open = || CaptureFile::from_reader("fuzz", Box::new(Cursor::new(data.to_vec())), None);
    let Ok(mut source) = open() else { return };
    let mut before = all(&mut source);
    if before.iter().any(|p| p.0 < Timestamp(0) && p.0 != Timestamp(i64::MIN)) {
        return; // a time before 1970: the format cannot hold it, and the writer says so
    }

    let folder =
        if std::path::Path::new("/dev/shm").is_dir() { "/dev/shm".into() } else { std::env::temp_dir() };
    let folder = tempfile::tempdir_in(folder).expect("a directory");
    let path = folder.path().join("out.pcapng");
    let mut sink = FileSink::create(&path, WriteOptions::default()).expect("a file");
    let mut source = open().expect("it opened before");
    sink.describe(source.interfaces()).expect("room");
    while let Ok(Some(packet)) = source.next_packet() {
        sink.write(&packet, Some("round\ntrip \u{202e}")).expect("room");
        sink.describe(source.interfaces()).expect("room");
    }
    let written = sink.finish(None).expect("room");
    assert_eq!(written.packets, before.len() as u64);
    let after = all(&mut CaptureFile::open(&path).expect("what synfin wrote it reads"));
    // Only a whole packet of the first interface can be written without a time.
    for (ts, orig_len, _, data, interface) in &mut before {
        if *ts == Timestamp::NONE && (*interface > 0 || data.len() != *orig_len as usize) {
            *ts = Timestamp(0);
        }
    }
    let told = |(ts, orig_len, link, data, _): Seen| (ts, orig_len, link, data);
    assert!(before.into_iter().map(told).eq(after.into_iter().map(told)));
});
