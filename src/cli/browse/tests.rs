use std::path::Path;

use super::disk::Disk;
use super::seen::Frames;
use crate::model::{LinkType, Packet, Protocol, StreamId, Timestamp};
use crate::track::TrackerOptions;
use crate::view::Style;
use crate::view::browse::Feed;

/// Asks until there is an answer; threads are given a minute.
fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let from = std::time::Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(from.elapsed().as_secs() < 60);
        std::thread::yield_now();
    }
}

#[test]
fn a_file_is_listed_and_its_packets_come_when_asked_for() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/retransmission.pkt");
    let mut feed = Disk::start(vec![file], String::new(), TrackerOptions::default(), 100).unwrap();
    let report = until(|| feed.poll());
    assert_eq!(report.conversations.len(), 1);
    let id = report.conversations.get(0).unwrap().id;
    let detail = until(|| feed.details(id));
    assert_eq!((detail.id, detail.rows.len() as u64), (Some(id), report.summary.packets));
    let (link, octets) = feed.frame(1).unwrap();
    assert!(octets.len() >= 40, "{link}: {octets:?}");
    let text = feed.header_text(1, &Style::default()).unwrap();
    assert!(text.contains("Sequence Number"), "{text}");
    // Of a conversation that is not there, nothing: but an answer.
    let none = StreamId { protocol: Protocol::Udp, number: 9 };
    assert!(until(|| feed.details(none)).rows.is_empty());
    assert!(feed.frame(1).is_none());
}

#[test]
fn a_fault_in_the_file_is_told_with_what_came_before() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cut.pcap");
    let mut bytes =
        vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0];
    bytes.extend([1, 0, 0, 0, 0, 0, 0, 0, 60, 0, 0, 0, 60, 0, 0, 0, 9, 9]);
    std::fs::write(&file, bytes).unwrap();
    let mut feed = Disk::start(vec![file], String::new(), TrackerOptions::default(), 100).unwrap();
    let report = until(|| feed.poll());
    assert!(report.summary.fault.unwrap().contains("cut short"));
}

#[test]
fn the_oldest_frames_make_room() {
    let mut frames = Frames::new(10_000);
    let data = [7u8; 3000];
    for number in 1..=20 {
        frames.keep(&Packet {
            number,
            ts: Timestamp(0),
            orig_len: 3000,
            link: LinkType::ETHERNET,
            interface: 0,
            data: &data,
        });
    }
    let kept: Vec<u64> = (1..=20).filter(|&n| frames.get(n).is_some()).collect();
    // Of each frame the first 2048 octets are kept.
    assert_eq!(kept, [17, 18, 19, 20]);
    assert!(frames.get(20).is_some_and(|f| f.data.len() == 2048 && f.orig_len == 3000));
}
