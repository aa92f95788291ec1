//! Reports made by hand, for the golden tests of the views.

use crate::decode::OptionBytes;
use crate::model::{Endpoint, PerSide, Protocol, SeqNum, Side, StreamId, TcpFlags, TcpState, Timestamp};
use crate::report::{Conversation, Detail, Report, Row, RowKind, TcpFacts, TcpSideFacts, Traffic, UdpFacts};
use crate::track::{Analysis, Confidence, Event, EventKind, Evidence, Handshake, Labels, Teardown};

use super::services::Services;

/// A list of services that is the same on every machine.
pub fn services() -> Services {
    Services::parse("http 80/tcp\nhttps 443/tcp\ndomain 53/udp\necho 7/udp\n")
}

fn end(addr: &str, port: u16) -> Endpoint {
    Endpoint { addr: addr.parse().unwrap(), port }
}

const fn id(protocol: Protocol, number: u32) -> StreamId {
    StreamId { protocol, number }
}

const fn traffic(packets: u64, bytes: u64, payload: u64) -> Traffic {
    Traffic { packets, bytes, payload, header_bytes: packets * 20 }
}

/// Start of every sample: 2026-11-21T12:00:00Z.
const START: Timestamp = Timestamp(1_795_262_400_000_000_000);
const ISN: PerSide<SeqNum> = PerSide::new(SeqNum(1_000_000), SeqNum(4_294_967_000));

fn facts(handshake: Handshake, teardown: Teardown, conn_state: &'static str, history: &str) -> TcpFacts {
    let side = |isn| TcpSideFacts {
        isn: Some(isn),
        base: Some(isn),
        mss: Some(1460),
        window_scale: Some(7),
        sack_permitted: true,
        ..TcpSideFacts::default()
    };
    TcpFacts {
        roles_known: handshake != Handshake::Midstream,
        handshake,
        handshake_retries: 0,
        teardown,
        states: PerSide::new(None, None),
        conn_state,
        history: history.into(),
        completeness: 31,
        initial_rtt: (handshake == Handshake::Complete).then_some(10_100_000),
        syn_rtt: (handshake == Handshake::Complete).then_some(10_000_000),
        sides: PerSide([side(ISN.0[0]), side(ISN.0[1])]),
    }
}

fn tcp(number: u32, ends: [Endpoint; 2], traffic: [Traffic; 2], span: i64, facts: TcpFacts) -> Conversation {
    Conversation {
        id: id(Protocol::Tcp, number),
        endpoints: PerSide(ends),
        first_sender: Side::Orig,
        first_frame: u64::from(number) * 100 + 1,
        first: START,
        last: START.plus(span),
        traffic: PerSide(traffic),
        tcp: Some(Box::new(facts)),
        udp: None,
    }
}

/// A report with every kind of outcome, details of four conversations and all the
/// remarks there can be, some of them hostile.
pub fn report() -> Report {
    let (a, b) = (end("10.0.0.1", 40000), end("192.0.2.1", 80));
    let (six_a, six_b) =
        (end("2001:db8:1:2:3:4:5:6", 51000), end("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", 443));
    let closed = Teardown::Closed { first: Side::Orig, three_segments: false, acknowledged: true };
    let reset = Teardown::Reset { by: Side::Resp, state: Some(TcpState::Established), frame: 140 };
    let refused = Teardown::Reset { by: Side::Resp, state: Some(TcpState::Closed), frame: 202 };
    let half = Teardown::Closed { first: Side::Orig, three_segments: false, acknowledged: false };
    let mut resent = facts(Handshake::Complete, half, "SF", "ShADFadf");
    resent.sides[Side::Orig].retransmitted_segments = 214;
    resent.sides[Side::Resp].retransmitted_segments = 1;
    let conversations = vec![
        tcp(
            0,
            [a, b],
            [traffic(6, 401, 5), traffic(5, 346, 5)],
            1_036_300_000,
            facts(Handshake::Complete, closed, "SF", "ShADadFf"),
        ),
        tcp(
            1,
            [six_a, six_b],
            [traffic(20, 1_500_000, 1_499_000), traffic(1_200_000, 1_800_000_000, 1_700_000_000)],
            754_000_000_000,
            facts(Handshake::Complete, reset, "RSTR", "ShADadr"),
        ),
        tcp(2, [a, end("192.0.2.1", 81)], [traffic(1, 74, 0), traffic(1, 54, 0)], 10_000_000, {
            facts(Handshake::Refused, refused, "REJ", "Sr")
        }),
        tcp(
            3,
            [a, b],
            [traffic(3, 222, 0), Traffic::default()],
            3_000_000_000,
            TcpFacts { handshake_retries: 2, ..facts(Handshake::Unanswered, Teardown::Open, "S0", "S") },
        ),
        tcp(
            4,
            [b, a],
            [traffic(400, 400_000, 380_000), traffic(300, 20_000, 0)],
            60_000_000_000,
            facts(Handshake::Midstream, Teardown::HalfClosed { by: Side::Resp }, "OTH", "^dAF"),
        ),
        tcp(5, [a, b], [traffic(900, 1_200_000, 1_100_000), traffic(700, 50_000, 1)], 2_000_000_000, resent),
        udp(0, end("192.0.2.1", 53), [traffic(1, 70, 28), traffic(1, 180, 138)], UdpFacts::default()),
        udp(
            1,
            end("192.0.2.1", 9999),
            [traffic(2, 94, 10), Traffic::default()],
            UdpFacts { icmp_errors: 2, first_icmp: Some((4, 3, 3)), ..UdpFacts::default() },
        ),
    ];
    let mut report = Report {
        conversations: conversations.into_iter().collect(),
        details: vec![
            closed_detail(),
            refused_detail(),
            unanswered_detail(),
            half_closed_detail(),
            udp_detail(),
        ],
        conversations_left_out: 0,
        events: vec![
            event(9, EventKind::Fin, Evidence::default(), Labels::NONE),
            event(
                6,
                EventKind::FastRetransmit,
                Evidence {
                    original: Some(4),
                    ip_id: Some((4, 6)),
                    elapsed: Some(11_000_000),
                    ..Evidence::default()
                },
                Labels::RETRANSMISSION,
            ),
        ]
        .into_iter()
        .collect(),
        ..Report::default()
    };
    let summary = &mut report.summary;
    summary.origins = vec!["evil\x1b[2J\u{202e}.pcap".into()];
    (summary.packets, summary.bytes) = (1_203_541, 1_803_271_341);
    (summary.first, summary.last) = (Some(START), Some(START.plus(754_000_000_000)));
    (summary.tcp_segments, summary.udp_datagrams, summary.icmp_messages) = (1_203_530, 4, 2);
    (summary.other_packets, summary.tcp_streams, summary.udp_streams) = (5, 6, 2);
    summary.problems = vec![("TCP option length impossible", 3, 17, 54)];
    summary.drops = Some(crate::source::Drops { received: 1_203_541, kernel: 12, interface: 0 });
    summary.fault = Some("x.pcap: packet 1203542: cut short\x07".into());
    summary.remarks = vec!["2 packets went back in time".into()];
    overhead(&mut report);
    report
}

fn overhead(report: &mut Report) {
    let o = &mut report.overhead;
    for (octets, times) in [(20, 2), (32, 1_203_520), (40, 6), (44, 2)] {
        o.tcp_headers.0[octets / 4] = times;
        o.tcp_header_bytes += octets as u64 * times;
    }
    (o.tcp_payload, o.udp_headers, o.udp_payload) = (1_701_499_006, 4, 176);
    for (kind, segments, octets) in [
        (1, 1_203_528, 2_407_050),
        (2, 8, 32),
        (3, 8, 24),
        (4, 8, 16),
        (5, 2, 20),
        (8, 1_203_528, 12_035_280),
        (35, 1, 7),
    ] {
        o.options.by_kind[kind] = (segments, octets);
    }
}

fn udp(number: u32, resp: Endpoint, [orig, back]: [Traffic; 2], facts: UdpFacts) -> Conversation {
    Conversation {
        id: id(Protocol::Udp, number),
        endpoints: PerSide::new(end("10.0.0.1", 35000), resp),
        first_sender: Side::Orig,
        first_frame: 1,
        first: START,
        last: START.plus(12_345_000),
        traffic: PerSide::new(orig, back),
        tcp: None,
        udp: Some(facts),
    }
}

fn event(packet: u64, kind: EventKind, evidence: Evidence, labels: Labels) -> Event {
    Event {
        packet,
        ts: START.plus(1_000_000_000),
        stream: id(Protocol::Tcp, 0),
        side: Side::Orig,
        kind,
        confidence: Confidence::Certain,
        evidence,
        labels,
    }
}

/// `(frame, microseconds, side, flags, seq, len, ack, window, options, states)`
type Typed<'a> = (u64, i64, Side, &'a str, u32, u32, Option<u32>, u16, &'static [u8], [Option<TcpState>; 2]);

fn row(t: Typed<'_>) -> Row {
    let (frame, micros, side, letters, rel_seq, len, rel_ack, window, options, states) = t;
    let flags = letters.chars().filter_map(TcpFlags::from_letter).fold(TcpFlags::default(), |a, f| a | f);
    Row {
        frame,
        ts: START.plus(micros * 1000),
        side,
        wire: 14 + 20 + 20 + options.len() as u32 + len,
        ip_header_len: 20,
        ip_id: Some(frame as u16),
        ttl: 64,
        header_len: 20 + options.len() as u8,
        len,
        kind: RowKind::Tcp {
            flags,
            seq: ISN[side].plus(rel_seq),
            ack: rel_ack.map_or(SeqNum(0), |ack| ISN[side.other()].plus(ack)),
            rel_seq,
            rel_ack,
            window,
            scaled_window: (!flags.has(TcpFlags::SYN)).then_some(u32::from(window) << 7),
            options: OptionBytes::new(options),
            checksum_offloaded: false,
            states: PerSide(states),
            analysis: Analysis::default(),
        },
    }
}

const SYN_OPTIONS: &[u8] = &[2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 3, 232, 0, 0, 0, 0, 1, 3, 3, 7];
const ACK_OPTIONS: &[u8] = &[1, 1, 8, 10, 0, 0, 3, 242, 0, 0, 27, 88];

fn closed_detail() -> Detail {
    use Side::{Orig as O, Resp as R};
    use TcpState::*;
    let both = [Some(Established), Some(Established)];
    let typed: [Typed<'_>; 11] = [
        (1, 0, O, "S", 0, 0, None, 64240, SYN_OPTIONS, [Some(SynSent), None]),
        (2, 10_000, R, "S.", 0, 0, Some(1), 65160, SYN_OPTIONS, [Some(SynSent), Some(SynReceived)]),
        (3, 10_100, O, ".", 1, 0, Some(1), 502, ACK_OPTIONS, both),
        (4, 10_200, O, "P.", 1, 5, Some(1), 502, ACK_OPTIONS, both),
        (5, 20_200, R, ".", 1, 0, Some(6), 510, ACK_OPTIONS, both),
        (6, 21_200, R, "P.", 1, 5, Some(6), 510, ACK_OPTIONS, both),
        (7, 21_300, O, ".", 6, 0, Some(6), 502, ACK_OPTIONS, both),
        (8, 1_021_300, O, "F.", 6, 0, Some(6), 502, ACK_OPTIONS, [Some(FinWait1), Some(Established)]),
        (9, 1_031_300, R, ".", 6, 0, Some(7), 510, ACK_OPTIONS, [Some(FinWait2), Some(CloseWait)]),
        (10, 1_036_200, R, "F.", 6, 0, Some(7), 510, ACK_OPTIONS, [Some(FinWait2), Some(LastAck)]),
        (11, 1_036_300, O, ".", 7, 0, Some(7), 502, ACK_OPTIONS, [Some(TimeWait), Some(Closed)]),
    ];
    let mut rows: Vec<Row> = typed.into_iter().map(row).collect();
    if let RowKind::Tcp { analysis, .. } = &mut rows[5].kind {
        analysis.labels = Labels::RETRANSMISSION;
    }
    Detail { id: Some(id(Protocol::Tcp, 0)), rows, left_out: 1200, left_out_at: 7, events: vec![] }
}

fn half_closed_detail() -> Detail {
    use Side::{Orig as O, Resp as R};
    use TcpState::*;
    let closing = [Some(FinWait2), Some(CloseWait)];
    let typed: [Typed<'_>; 8] = [
        (501, 0, O, "S", 0, 0, None, 64240, &[], [Some(SynSent), None]),
        (502, 10_000, R, "S.", 0, 0, Some(1), 65160, &[], [Some(SynSent), Some(SynReceived)]),
        (503, 10_100, O, "P.", 1, 1_099_999, Some(1), 502, &[], [Some(Established), Some(Established)]),
        (504, 20_000, O, "F.", 1_100_000, 0, Some(1), 502, &[], [Some(FinWait1), Some(Established)]),
        (505, 30_000, R, ".", 1, 0, Some(1_100_001), 510, &[], closing),
        (506, 31_000, R, "P.", 1, 1460, Some(1_100_001), 510, &[], closing),
        (507, 31_100, O, ".", 1_100_001, 0, Some(1461), 502, &[], closing),
        (508, 40_000, R, "FP.", 1461, 100, Some(1_100_001), 510, &[], [Some(FinWait2), Some(LastAck)]),
    ];
    let rows = typed.into_iter().map(row).collect();
    Detail { id: Some(id(Protocol::Tcp, 5)), rows, ..Detail::default() }
}

fn refused_detail() -> Detail {
    use TcpState::*;
    let rows = [
        (201, 0, Side::Orig, "S", 0, 0, None, 64240, SYN_OPTIONS, [Some(SynSent), None]),
        (202, 10_000, Side::Resp, "R.", 0, 0, Some(1), 0, &[][..], [Some(Closed), Some(Closed)]),
    ];
    Detail { id: Some(id(Protocol::Tcp, 2)), rows: rows.into_iter().map(row).collect(), ..Detail::default() }
}

fn unanswered_detail() -> Detail {
    let syn = |n: u64, micros| {
        row((
            300 + n,
            micros,
            Side::Orig,
            "S",
            0,
            0,
            None,
            64240,
            SYN_OPTIONS,
            [Some(TcpState::SynSent), None],
        ))
    };
    let mut error = udp_detail().rows.swap_remove(1);
    (error.frame, error.ts) = (304, START.plus(3_010_000_000));
    let rows = vec![syn(1, 0), syn(2, 1_000_000), syn(3, 3_000_000), error];
    Detail { id: Some(id(Protocol::Tcp, 3)), rows, ..Detail::default() }
}

fn udp_detail() -> Detail {
    let plain = |frame, micros: i64, side, len, kind| Row {
        frame,
        ts: START.plus(micros * 1000),
        side,
        wire: 42 + len,
        ip_header_len: 20,
        ip_id: Some(1),
        ttl: 64,
        header_len: 8,
        len,
        kind,
    };
    let rows = vec![
        plain(900, 0, Side::Orig, 5, RowKind::Udp { length: 13, checksum: 0x1a2b }),
        plain(901, 10_000, Side::Resp, 33, RowKind::Icmp { version: 4, icmp_type: 3, code: 3 }),
        plain(902, 1_000_000, Side::Orig, 5, RowKind::Udp { length: 13, checksum: 0 }),
    ];
    Detail { id: Some(id(Protocol::Udp, 1)), rows, ..Detail::default() }
}

/// Rows from a few words each: `> S. 0 1` is a SYN-ACK of the originator with relative
/// seq 0 and ack 1. Frames count from 1.
pub fn typed(script: &str) -> Vec<Row> {
    let one = |(words, frame): (&str, u64)| {
        let words: Vec<&str> = words.split_whitespace().collect();
        let side = if words[0] == ">" { Side::Orig } else { Side::Resp };
        let ack = words.get(3).map(|ack| ack.parse().unwrap());
        row((frame, 0, side, words[1], words[2].parse().unwrap(), 0, ack, 1, &[], [None, None]))
    };
    script.split(',').zip(1..).map(one).collect()
}
