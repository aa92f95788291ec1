//! What a run leaves behind: captures at each place, the saved file, its shape.

use super::super::outcome::{Delivery, Fate, LabFrame, LabHost, LabOutcome, Observer};
use super::super::source::LabSource;
use super::{A, B, craft, segment};
use crate::lab::peek::bits;
use crate::model::{LinkType, Timestamp};
use crate::source::PacketSource;

/// Three frames: delivered, dropped, and delivered with a changed octet.
fn outcome() -> LabOutcome {
    let frame = |ts, from, fate: &[Fate], deliveries: Vec<Delivery>| LabFrame {
        ts: Timestamp(ts),
        orig_len: 2,
        bytes: vec![ts as u8, 0],
        from: Some(from),
        fate: fate.to_vec(),
        deliveries,
    };
    let to = |ts, to, altered: Option<Vec<u8>>| Delivery { ts: Timestamp(ts), to, altered };
    LabOutcome {
        name: "test".into(),
        group: String::new(),
        question: String::new(),
        lesson: String::new(),
        medium: String::new(),
        hosts: vec![LabHost { name: "a".into(), addr: A }, LabHost { name: "b".into(), addr: B }],
        link: LinkType::RAW,
        at: Observer::Host(0),
        frames: vec![
            frame(10, 0, &[], vec![to(50, 1, None)]),
            frame(20, 0, &[Fate::Dropped], vec![]),
            frame(
                30,
                1,
                &[Fate::Altered, Fate::Duplicated(1)],
                vec![to(40, 0, Some(vec![7])), to(60, 0, None)],
            ),
        ],
        calls: Vec::new(),
        states: Vec::new(),
        counters: Vec::new(),
        expectations: Vec::new(),
        rules: Vec::new(),
        notes: Vec::new(),
        table: None,
    }
}

#[test]
fn each_observer_sees_its_own_capture() {
    let o = outcome();
    let seen = |at| o.capture(at).iter().map(|c| (c.ts.0, c.bytes.to_vec(), c.frame)).collect::<Vec<_>>();
    let wire = [(10, vec![10, 0], 0), (20, vec![20, 0], 1), (30, vec![30, 0], 2)];
    assert_eq!(seen(Observer::Wire), wire);
    let a = [(10, vec![10, 0], 0), (20, vec![20, 0], 1), (40, vec![7], 2), (60, vec![30, 0], 2)];
    assert_eq!(seen(Observer::Host(0)), a, "what it sent, lost or not, and what reached it");
    assert_eq!(seen(Observer::Host(1)), [(30, vec![30, 0], 2), (50, vec![10, 0], 0)]);
    assert_eq!(o.numbers(Observer::Host(1)), [Some(2), None, Some(1)]);

    let mut source = LabSource::new(&o, Observer::Host(0));
    let mut numbers = Vec::new();
    while let Some(p) = source.next_packet().unwrap() {
        assert_eq!(p.link, LinkType::RAW);
        numbers.push((p.number, p.ts.0));
    }
    assert_eq!(numbers, [(1, 10), (2, 20), (3, 40), (4, 60)]);
}

#[test]
fn a_saved_lab_reads_back_as_pcapng() {
    let o = outcome();
    let mut bytes = Vec::new();
    o.save(Observer::Host(0), &mut bytes).unwrap();
    let mut packets = Vec::new();
    let mut rest = bytes.as_slice();
    while let Ok((left, block)) = pcap_parser::parse_block_le(rest) {
        if let pcap_parser::Block::EnhancedPacket(p) = block {
            let ts = (u64::from(p.ts_high) << 32) | u64::from(p.ts_low);
            let comments = p.options.iter().filter(|o| o.code.0 == 1).count();
            packets.push((ts, p.data[..p.caplen as usize].to_vec(), comments));
        }
        rest = left;
    }
    assert!(rest.is_empty());
    let expected = [(10, vec![10, 0], 0), (20, vec![20, 0], 1), (40, vec![7], 1), (60, vec![30, 0], 1)];
    assert_eq!(packets, expected);
    assert_eq!(o.comment(1), "wire: dropped by a rule");
}

#[test]
fn runs_that_differ_by_nature_alone_have_one_shape() {
    // A SYN, its answer, data: with other initial numbers, another port of the client, other times.
    let run = |isn: u32, port: u16, at: i64, len: usize| {
        let mut s = [
            segment(bits::SYN, isn, 0, b""),
            segment(bits::SYN | bits::ACK, !isn, isn.wrapping_add(1), b""),
            segment(bits::ACK, isn.wrapping_add(1), (!isn).wrapping_add(1), &vec![0; len]),
        ];
        for (i, s) in s.iter_mut().enumerate() {
            s.src_port = port;
            if i == 1 {
                (s.src, s.dst, s.src_port, s.dst_port) = (B, A, 80, port);
            }
        }
        let mut o = outcome();
        for ((f, s), from) in o.frames.iter_mut().zip(&s).zip([0, 1, 0]) {
            (f.bytes, f.from, f.ts) = (craft::segment(s), Some(from), Timestamp(at));
        }
        o
    };
    let one = run(7, 40000, 5, 10);
    assert_eq!(one.shape(), run(u32::MAX, 51234, 6, 10).shape());
    assert_ne!(one.shape(), run(7, 40000, 5, 11).shape(), "a length");
    let mut other = one.clone();
    other.frames[1].fate = Vec::new();
    assert_ne!(one.shape(), other.shape(), "what became of a frame");
    other = one.clone();
    other.frames.swap(0, 2);
    assert_ne!(one.shape(), other.shape(), "the order");
}
