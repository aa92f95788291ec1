//! Tests of the parts that need no kernel.

use std::net::Ipv4Addr;

use super::catalogue::{CHAPTERS, SCRIPTS, catalogue};
use super::craft::{self, RawSegment};
use super::notice::{Notice, Wrap};
use super::outcome::{Delivery, Fate, LabFrame, LabHost, LabOutcome, Observer};
use super::peek::{Peek, Upper, bits};
use super::rules::{Rule, Seen, Which};
use super::script::{Script, Step, Token, duration, rate};
use super::source::LabSource;
use crate::model::{LinkType, Timestamp};
use crate::source::PacketSource;

const A: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const B: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);

fn hosts() -> Vec<String> {
    vec!["client".into(), "server".into()]
}

fn segment(flags: u8, seq: u32, ack: u32, payload: &[u8]) -> RawSegment {
    RawSegment {
        src: A,
        dst: B,
        src_port: 40000,
        dst_port: 80,
        seq,
        ack,
        flags,
        window: 1000,
        options: Vec::new(),
        payload: payload.to_vec(),
    }
}

fn peek(s: &RawSegment) -> Option<Peek> {
    Peek::ipv4(&craft::segment(s))
}

fn seen(s: &RawSegment) -> Seen {
    Notice::default().look(peek(s))
}

/// The checksum of an IPv4 packet's transport header is right.
fn checks_out(packet: &[u8]) -> bool {
    let Some(etherparse::SlicedPacket { net: Some(net), transport, .. }) =
        etherparse::SlicedPacket::from_ip(packet).ok()
    else {
        return false;
    };
    let etherparse::NetSlice::Ipv4(ip) = net else { return false };
    match transport {
        Some(etherparse::TransportSlice::Tcp(t)) => {
            t.calc_checksum_ipv4(ip.header().source(), ip.header().destination()) == Ok(t.checksum())
        }
        _ => false,
    }
}

#[test]
fn the_catalogue_is_sound() {
    assert_eq!(catalogue().len(), SCRIPTS.len() + 1, "every lab parses, and compare comes on top");
    for (name, text) in SCRIPTS {
        let script = Script::parse(name, text).unwrap_or_else(|e| panic!("{e}"));
        assert!(CHAPTERS.contains(&script.group.as_str()), "{name}: {}", script.group);
        assert!(script.question.ends_with('?'), "{name}");
        assert!(script.lesson.ends_with('.'), "{name}");
        assert!(!script.expect.is_empty() || script.steps.contains("=>"), "{name} claims nothing");
        let steps = script.steps().unwrap_or_else(|e| panic!("{e}"));
        assert!(!steps.is_empty(), "{name}");
        for rule in &script.rules {
            Rule::parse(rule, &script.hosts).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}

#[test]
fn captures_of_the_labs_come_along() {
    assert!(super::bundled::without().is_empty(), "{:?}", super::bundled::without());
    for (name, _) in SCRIPTS {
        let o = super::bundled(name).unwrap_or_else(|e| panic!("{e}")).unwrap_or_else(|| panic!("{name}"));
        assert!(!o.frames.is_empty(), "{name}");
        assert_eq!(o.capture(Observer::Host(0)).len(), o.frames.len(), "{name}");
    }
    assert!(super::bundled("no such lab").is_ok_and(|o| o.is_none()));
}

#[test]
fn headers_are_read_as_they_were_made() {
    let mut s = segment(bits::SYN, 7, 0, b"");
    // MSS 1460, SACK permitted, timestamps, a no-operation, window scale 7.
    s.options = vec![2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];
    let p = peek(&s).unwrap();
    let t = *p.tcp().unwrap();
    assert_eq!((p.src, p.dst, p.total_len), (A, B, 60));
    assert_eq!((t.src_port, t.dst_port, t.seq, t.header, t.payload), (40000, 80, 7, 40, 0));
    assert_eq!((t.mss, t.wscale, t.timestamps, t.sack_permitted), (Some(1460), Some(7), true, true));
    assert_eq!((t.letters().as_str(), t.end()), ("S", 8));

    s = segment(bits::ACK, 1, 1000, b"");
    s.options = [&[1, 1, 5, 18][..], &2000_u32.to_be_bytes(), &3000_u32.to_be_bytes(), &[0; 8]].concat();
    let t = *peek(&s).unwrap().tcp().unwrap();
    assert_eq!((t.sack_blocks, t.sack_first, t.header), (2, Some((2000, 3000)), 40));
    assert!(!t.dsack(), "a block above the acknowledgment number is a plain SACK");
    s.ack = 5000;
    assert!(peek(&s).unwrap().tcp().unwrap().dsack(), "one below it reports a duplicate");
}

#[test]
fn no_octets_make_the_look_at_headers_fail() {
    let whole = craft::segment(&segment(bits::ACK, 1, 1, b"Hello!"));
    for n in 0..whole.len() {
        let _ = Peek::ipv4(&whole[..n]);
        for value in [0, 0xff] {
            let mut changed = whole.clone();
            changed[n] = value;
            let _ = Peek::ipv4(&changed);
            craft::finish_checksum(&mut changed);
            craft::mend_tcp_checksum(&mut changed);
            let _ = super::summary(LinkType::RAW, &changed);
        }
    }
}

#[test]
fn crafted_segments_have_right_checksums_and_unfinished_ones_are_finished() {
    let mut packet = craft::segment(&segment(bits::ACK | bits::PSH, 1, 1, b"odd"));
    assert!(checks_out(&packet));
    // What a host leaves to its network card: the folded sum of the pseudo header.
    let len = u32::try_from(packet.len() - 20).unwrap();
    let sum: u32 = [A, B]
        .iter()
        .flat_map(|a| {
            [
                u16::from_be_bytes([a.octets()[0], a.octets()[1]]),
                u16::from_be_bytes([a.octets()[2], a.octets()[3]]),
            ]
        })
        .map(u32::from)
        .sum::<u32>()
        + 6
        + len;
    let partial = u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    packet[36..38].copy_from_slice(&partial.to_be_bytes());
    assert!(!checks_out(&packet));
    craft::finish_checksum(&mut packet);
    assert!(checks_out(&packet));
    // A wrong one is not made right.
    packet[36] ^= 1;
    let wrong = packet.clone();
    craft::finish_checksum(&mut packet);
    assert_eq!(packet, wrong);
}

#[test]
fn frames_are_told_apart() {
    let cases: &[(&str, RawSegment, bool)] = &[
        ("any", segment(bits::SYN, 1, 0, b""), true),
        ("syn", segment(bits::SYN, 1, 0, b""), true),
        ("syn", segment(bits::SYN | bits::ACK, 1, 0, b""), false),
        ("synack", segment(bits::SYN | bits::ACK, 1, 0, b""), true),
        ("data", segment(bits::ACK, 1, 1, b"x"), true),
        ("data", segment(bits::ACK, 1, 1, b""), false),
        ("ack", segment(bits::ACK, 1, 1, b""), true),
        ("ack", segment(bits::ACK | bits::FIN, 1, 1, b""), false),
        ("data+len=6", segment(bits::ACK, 1, 1, b"Hello!"), true),
        ("data+len>6", segment(bits::ACK, 1, 1, b"Hello!"), false),
        ("flags=P.", segment(bits::ACK | bits::PSH, 1, 1, b"x"), true),
        ("flags=.P", segment(bits::ACK | bits::PSH, 1, 1, b"x"), true),
        ("flags=none", segment(0, 1, 1, b"x"), true),
        ("port=80", segment(0, 1, 1, b"x"), true),
        ("port=81", segment(0, 1, 1, b"x"), false),
        ("header=20", segment(0, 1, 1, b"x"), true),
        ("win=1000", segment(0, 1, 1, b"x"), true),
        ("udp", segment(0, 1, 1, b"x"), false),
    ];
    for (what, s, expected) in cases {
        let which = Which::parse(what, &hosts()).unwrap();
        assert_eq!(which.is(Some(0), &seen(s)), *expected, "{what} {s:?}");
    }
    let from_server = Which::parse("server:data", &hosts()).unwrap();
    assert!(!from_server.is(Some(0), &seen(&segment(bits::ACK, 1, 1, b"x"))));
    assert!(from_server.is(Some(1), &seen(&segment(bits::ACK, 1, 1, b"x"))));
}

#[test]
fn rules_take_the_occurrences_they_name() {
    let cases = [
        ("drop client:data", vec![1]),
        ("drop client:data:2", vec![2]),
        ("drop client:data:2,4", vec![2, 4]),
        ("drop data:2-3", vec![2, 3]),
        ("drop data:4-", vec![4, 5]),
        ("drop data:all", vec![1, 2, 3, 4, 5]),
        ("drop server:data:all", vec![]),
    ];
    let s = seen(&segment(bits::ACK, 1, 1, b"x"));
    for (text, expected) in cases {
        let mut rule = Rule::parse(text, &hosts()).unwrap();
        let taken: Vec<u32> =
            (1..=5).map(|n| (n, rule.takes(Some(0), &s))).filter(|t| t.1).map(|t| t.0).collect();
        assert_eq!(taken, expected, "{text}");
    }
}

#[test]
fn what_is_no_rule_is_refused_with_words() {
    for text in [
        "",
        "drop",
        "lose data:1",
        "drop client:nonsense",
        "drop data:x",
        "drop a:b:c:d",
        "delay data:1",
        "dup x data",
        "corrupt 1 data",
        "drop len5",
        "drop header=300",
    ] {
        let e = Rule::parse(text, &hosts()).unwrap_err();
        assert!(!e.is_empty(), "{text}");
    }
}

#[test]
fn the_wire_notices_what_came_before() {
    let mut n = Notice::default();
    let mut look = |s: &RawSegment| {
        let seen = n.look(peek(s));
        (seen.resent, seen.probe, seen.dup_ack)
    };
    let plain = (false, false, false);
    assert_eq!(look(&segment(bits::SYN, 99, 0, b"")), plain);
    assert_eq!(look(&segment(bits::SYN, 99, 0, b"")), (true, false, false), "the same SYN again");
    assert_eq!(look(&segment(bits::ACK, 100, 500, b"")), plain);
    assert_eq!(look(&segment(bits::ACK, 100, 500, b"abc")), plain);
    assert_eq!(look(&segment(bits::ACK, 100, 500, b"abc")), (true, false, false));
    assert_eq!(look(&segment(bits::ACK, 103, 500, b"")), (false, false, true));
    assert_eq!(look(&segment(bits::ACK, 102, 500, b"")), (false, true, false), "a keepalive");
    assert_eq!(look(&segment(bits::ACK, 103, 600, b"")), plain, "new data acknowledged");
    assert_eq!(look(&segment(bits::SYN, 7000, 0, b"")), plain, "the same two ports begin anew");
    assert_eq!(look(&segment(bits::ACK, 7001, 0, b"x")), plain);
}

#[test]
fn sequence_numbers_wrap_where_they_are_told_to() {
    let mut wrap = Wrap::after(3000);
    let mut out = craft::segment(&segment(bits::SYN, 12345, 0, b""));
    wrap.shift(true, &mut out);
    assert_eq!(Peek::ipv4(&out).unwrap().tcp().unwrap().seq, 0_u32.wrapping_sub(3000));
    assert!(checks_out(&out));
    // The answer acknowledges the shifted number, and the host is given its own back.
    let mut back = craft::segment(&segment(bits::SYN | bits::ACK, 1, 0_u32.wrapping_sub(2999), b""));
    wrap.shift(false, &mut back);
    assert_eq!(Peek::ipv4(&back).unwrap().tcp().unwrap().ack, 12346);
    assert!(checks_out(&back));
}

#[test]
fn an_icmp_complaint_quotes_the_packet() {
    let about = craft::segment(&segment(bits::ACK, 1, 1, &[0; 2000]));
    let router = Ipv4Addr::new(10, 9, 0, 254);
    let icmp = craft::fragmentation_needed(router, A, 1000, &about);
    let p = Peek::ipv4(&icmp).unwrap();
    assert_eq!((p.src, p.dst, p.upper), (router, A, Upper::Icmp { kind: 3, code: 4 }));
    assert_eq!(icmp[26..28], 1000_u16.to_be_bytes());
    assert_eq!(icmp[28..56], about[..28]);
}

#[test]
fn steps_are_split_into_words() {
    let steps = |text: &str| {
        let toml = format!("question = \"q?\"\nlesson = \"l.\"\nsteps = '''\n{text}\n'''");
        Script::parse("test", &toml).unwrap().steps()
    };
    let word = |s: &str| Token::Word(s.into());
    let parsed = steps("# nothing\n\nclient send c \"a # b\\n\\\"\" => 6  # six\nsettle").unwrap();
    assert_eq!(
        parsed,
        [
            Step {
                line: 3,
                words: vec![word("client"), word("send"), word("c"), Token::Text("a # b\n\"".into())],
                wants: Some(word("6")),
                text: "client send c \"a # b\\n\\\"\" => 6".into(),
            },
            Step { line: 4, words: vec![word("settle")], wants: None, text: "settle".into() },
        ]
    );
    for bad in ["a \"b", "a =>", "a => b c"] {
        assert!(steps(bad).is_err(), "{bad}");
    }
}

#[test]
fn rates_and_times_are_read() {
    let rates = [
        ("", Some(0)),
        ("10mbit", Some(10_000_000)),
        ("64kbit", Some(64_000)),
        ("1gbit", Some(1_000_000_000)),
    ];
    for (text, expected) in rates {
        assert_eq!(rate(text).ok(), expected, "{text}");
    }
    for text in ["ten", "0mbit", "-1mbit", "99999999999999999999gbit"] {
        assert_eq!(rate(text).ok(), None, "{text}");
    }
    let times = [
        ("20ms", Some(20_000)),
        ("1.5s", Some(1_500_000)),
        ("300us", Some(300)),
        ("7", Some(7000)),
        ("x", None),
        ("-1s", None),
        ("9999s", None),
    ];
    for (text, micros) in times {
        assert_eq!(duration(text).ok().map(|d| d.as_micros()), micros, "{text}");
    }
}

#[test]
fn a_lab_file_that_makes_no_sense_is_refused() {
    for text in [
        "",
        "question = 1",
        "question = 'q?'\nlesson = 'l.'\nunknown = 1",
        "question = 'q?'\nlesson = 'l.'\nhosts = ['alone']",
        "question = 'q?'\nlesson = 'l.'\n[wire]\nmtu = 60",
        "question = 'q?'\nlesson = 'l.'\n[sysctl.nobody]\ntcp_sack = 0",
    ] {
        assert!(Script::parse("test", text).is_err(), "{text}");
    }
}

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
