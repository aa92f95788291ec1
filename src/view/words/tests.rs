use super::*;
use crate::model::{Protocol, StreamId, Timestamp};
use crate::track::Evidence;

fn event(kind: EventKind, confidence: Confidence, evidence: Evidence, labels: Labels) -> Event {
    let stream = StreamId { protocol: Protocol::Tcp, number: 3 };
    Event { packet: 9, ts: Timestamp(0), stream, side: Side::Orig, kind, confidence, evidence, labels }
}

fn known() -> Known {
    let end = |last, port| Endpoint { addr: [10, 0, 0, last].into(), port };
    Known {
        ends: PerSide::new(end(1, 40_000), end(2, 80)),
        roles_known: true,
        bases: PerSide::new(Some(SeqNum(4_294_967_290)), Some(SeqNum(7))),
    }
}

#[test]
fn an_event_is_a_sentence() {
    use Confidence::{Certain, Likely};
    use EventKind as K;
    let repair = Evidence {
        original: Some(4),
        seq: Some(1994),
        len: Some(1000),
        duplicate_acks: Some(3),
        elapsed: Some(21_000_000),
        rtt: Some(20_000_000),
        ..Evidence::default()
    };
    let error = Evidence { count: Some(3 << 8 | 3), ..Evidence::default() };
    let probe = Evidence { original: Some(7), elapsed: Some(200_000_000), ..Evidence::default() };
    let cases = [
        (
            event(K::FastRetransmit, Certain, repair, Labels::OUT_OF_ORDER),
            "sends 1,000 octets at seq 2,000 again: lost, and asked for by duplicate acknowledgments \
             (first in packet 4, 21.000 ms before; 3 duplicate acknowledgments; round trip 20.000 ms). \
             Wireshark calls it out of order",
        ),
        (
            event(K::WindowProbe, Certain, probe, Labels::KEEP_ALIVE),
            "probes the closed window (200.000 ms after packet 7 closed it). Wireshark calls it keep alive",
        ),
        (event(K::IcmpError, Certain, error, Labels::NONE), "ICMP error: port unreachable"),
        (
            event(K::Aborted, Likely, Evidence::default(), Labels::NONE),
            "aborts the connection with a reset, likely",
        ),
    ];
    for (event, expected) in cases {
        assert_eq!(sentence(&event, Some(&known())), expected);
    }
}

/// Every kind has words of its own, whatever evidence there is.
#[test]
fn no_kind_is_without_words() {
    let full = Evidence {
        original: Some(1),
        witness: Some(2),
        seq: Some(3),
        len: Some(4),
        ip_id: Some((5, 6)),
        tsval: Some((7, 8)),
        ttl: Some((64, 57)),
        sack: Some((9, 10)),
        duplicate_acks: Some(11),
        elapsed: Some(12),
        rtt: Some(13),
        count: Some(14),
    };
    let mut seen = std::collections::BTreeSet::new();
    for &kind in EventKind::ALL {
        for evidence in [Evidence::default(), full] {
            for known in [None, Some(known())] {
                let event = event(kind, Confidence::Undetermined, evidence, Labels(u32::MAX));
                let text = sentence(&event, known.as_ref());
                assert!(text.contains("undetermined") && !text.contains("()"), "{text}");
            }
        }
        let event = event(kind, Confidence::Certain, Evidence::default(), Labels::NONE);
        assert!(seen.insert(what(&event, None)), "{kind:?}");
    }
}

#[test]
fn long_lists_of_packets_say_how_many_more() {
    let numbers: Vec<u64> = (1..=20).collect();
    let cases = [
        (0, ""),
        (1, "packet 1"),
        (2, "packets 1 and 2"),
        (3, "packets 1, 2 and 3"),
        (20, "packets 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 8 more"),
    ];
    for (n, text) in cases {
        assert_eq!(packets(&numbers[..n]), text);
    }
}
