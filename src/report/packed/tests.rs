use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::model::{Endpoint, PerSide, Protocol, SeqNum, Side, StreamId, TcpState, Timestamp};
use crate::report::{Conversations, Events};
use crate::track::{CONN_STATES, Confidence, Event, EventKind, Evidence, Handshake, Labels, Teardown};

fn tcp(c: &mut Conversation) -> &mut TcpFacts {
    c.tcp.get_or_insert_with(|| {
        Box::new(TcpFacts {
            roles_known: true,
            handshake: Handshake::Complete,
            handshake_retries: 0,
            teardown: Teardown::Open,
            states: PerSide::new(None, None),
            conn_state: "S1",
            history: "ShADad".into(),
            completeness: 15,
            initial_rtt: None,
            syn_rtt: None,
            sides: PerSide::default(),
        })
    })
}

fn plain() -> Conversation {
    let end = |last, port| Endpoint { addr: IpAddr::from([10, 0, 0, last]), port };
    Conversation {
        id: StreamId { protocol: Protocol::Tcp, number: 3 },
        endpoints: PerSide::new(end(1, 40_000), end(2, 80)),
        first_sender: Side::Orig,
        first_frame: 1,
        first: Timestamp(1_700_000_000_000_000_000),
        last: Timestamp(1_700_000_000_500_000_000),
        traffic: PerSide::default(),
        tcp: None,
        udp: None,
    }
}

/// What comes back.
fn again(c: &Conversation) -> Conversation {
    // Something of another conversation stands behind it, as in a chunk.
    let mut octets = Vec::new();
    let mut packer = Packer::default();
    packer.pack(c, &mut octets);
    packer.pack(&plain(), &mut octets);
    let (entry, mut listed) = (Entry::from(c), Vec::new());
    packer.pack(&entry, &mut listed);
    assert_eq!(unpack(&listed).map(|(e, _)| e), Some(entry));
    unpack(&octets).unwrap().0
}

#[test]
fn every_word_comes_back() {
    let mut teardowns = vec![Teardown::Open];
    for side in Side::BOTH {
        teardowns.push(Teardown::HalfClosed { by: side });
        teardowns.push(Teardown::Reset { by: side, state: None, frame: 9 });
        for state in TcpState::ALL {
            teardowns.push(Teardown::Reset { by: side, state: Some(state), frame: u64::MAX });
        }
        for flags in 0..4 {
            let (three_segments, acknowledged) = (flags & 1 != 0, flags & 2 != 0);
            teardowns.push(Teardown::Closed { first: side, three_segments, acknowledged });
            teardowns.push(Teardown::Simultaneous { first: side, acknowledged });
        }
    }
    let most = teardowns.len();
    for i in 0..most {
        let mut c = plain();
        c.id.protocol = [Protocol::Tcp, Protocol::Udp][i % 2];
        c.first_sender = Side::BOTH[i % 2];
        let facts = tcp(&mut c);
        facts.teardown = teardowns[i];
        facts.handshake = Handshake::ALL[i % 7];
        facts.conn_state = CONN_STATES[i % 13];
        facts.states = PerSide::new(Some(TcpState::ALL[i % 11]), None);
        facts.history = "ShADadFfRrTtWw^Gg".repeat(3)[..i].into();
        assert_eq!(again(&c), c);
    }
    let mut c = plain();
    c.udp = Some(UdpFacts { icmp_errors: 2, first_icmp: Some((4, 3, 255)), icmp_only: true, lite: true });
    c.endpoints.0[0].addr = "2001:db8::ff".parse().unwrap();
    c.endpoints.0[1].addr = "::".parse().unwrap();
    assert_eq!(again(&c), c);
}

#[test]
fn a_usual_connection_is_small() {
    let mut c = plain();
    c.traffic = PerSide([Traffic { packets: 6, bytes: 700, payload: 300, header_bytes: 200 }; 2]);
    for side in &mut tcp(&mut c).sides.0 {
        let rtt = RttFacts {
            samples: 1,
            min: 30_000,
            max: 30_000,
            mean: 30_000,
            median: 30_000,
            p95: 30_000,
            jitter: 0,
        };
        *side = TcpSideFacts {
            isn: Some(SeqNum(u32::MAX)),
            base: Some(SeqNum(u32::MAX)),
            rtt,
            ..TcpSideFacts::default()
        };
    }
    let mut octets = Vec::new();
    Packer::default().pack(&c, &mut octets);
    assert!(octets.len() < 200, "{} octets", octets.len());
    octets.clear();
    Packer::default().pack(&Entry::from(&c), &mut octets);
    assert!(octets.len() < 60, "an entry: {} octets", octets.len());
}

#[test]
fn a_list_is_sorted_cut_and_searched() {
    let number = |number| {
        let mut c = plain();
        c.id.number = number;
        tcp(&mut c).history = format!("S{number}");
        c
    };
    let mut list: Conversations = (0..5_000).rev().map(number).collect();
    list.append((5_000..5_003).map(number).collect());
    list.sort();
    assert_eq!(list.len(), 5_003);
    assert!(list.iter().eq((0..5_003).map(number)));
    for n in [0, 7, 4_999, 5_002] {
        assert_eq!(list.find(number(n).id), Some(number(n)));
    }
    assert_eq!(list.find(number(5_003).id), None);
    list.truncate(2);
    assert_eq!((list.get(1), list.get(2)), (Some(number(1)), None));
}

#[test]
fn events_come_back() {
    let event = |i: u64, kind: EventKind| Event {
        packet: i,
        ts: Timestamp(-5),
        stream: StreamId { protocol: Protocol::Udp, number: u32::MAX },
        side: Side::Resp,
        kind,
        confidence: Confidence::ALL[i as usize % 3],
        evidence: Evidence {
            original: i.is_multiple_of(2).then_some(i),
            witness: Some(u64::MAX),
            seq: Some(0),
            ip_id: Some((1, 65_535)),
            tsval: Some((7, u32::MAX)),
            ttl: Some((64, 0)),
            sack: Some((1, 2)),
            elapsed: Some(i64::MIN),
            ..Evidence::default()
        },
        labels: Labels(1 << (i % 20)),
    };
    let many: Vec<Event> =
        (0..20_000).zip(EventKind::ALL.iter().cycle()).map(|(i, &kind)| event(i, kind)).collect();
    let list: Events = many.iter().copied().collect();
    assert_eq!(list.len(), many.len());
    assert!(list.iter().eq(many));
}

proptest! {
    /// Figures of every size, and times that jump about.
    #[test]
    fn every_figure_comes_back(n in prop::array::uniform32(any::<u64>()), shift in prop::array::uniform32(0u32..64)) {
        let mut at = 0;
        let mut next = || {
            at = (at + 1) % 32;
            n[at] >> shift[at]
        };
        let mut c = plain();
        c.id.number = next() as u32;
        (c.first_frame, c.first, c.last) = (next(), Timestamp(next().cast_signed()), Timestamp::NONE);
        for t in &mut c.traffic.0 {
            *t = Traffic { packets: next(), bytes: next(), payload: next(), header_bytes: next() };
        }
        let facts = tcp(&mut c);
        facts.syn_rtt = Some(next().cast_signed());
        facts.initial_rtt = Some(-(next() as u32 as i64));
        for s in &mut facts.sides.0 {
            s.isn = Some(SeqNum(next() as u32));
            s.mss = Some(next() as u16);
            s.window_min = Some(next() as u32);
            s.window_sum = next();
            s.zero_window_time = next().cast_signed();
            s.data_first = Some(Timestamp(next().cast_signed()));
            s.data_last = Some(Timestamp(next().cast_signed()));
            s.rtt = RttFacts { samples: next(), min: next().cast_signed(), ..RttFacts::default() };
        }
        prop_assert_eq!(again(&c), c);
    }
}
