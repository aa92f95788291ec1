//! Tests of the parts that need no kernel.

mod outcome;
mod wire;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::catalogue::{CHAPTERS, SCRIPTS, catalogue};
use super::craft::{self, RawSegment};
use super::notice::{Notice, Wrap};
use super::outcome::Observer;
use super::peek::{Peek, Upper, bits};
use super::rules::{Rule, Seen, Which};
use super::script::{Script, Step, Token, duration, rate};
use crate::model::LinkType;

const A: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 0, 1));
const B: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 0, 2));
const A6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 1));
const B6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 2));

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
    Peek::ip(&craft::segment(s))
}

/// The same over IPv6.
fn six(s: RawSegment) -> RawSegment {
    RawSegment { src: A6, dst: B6, ..s }
}

fn seen(s: &RawSegment) -> Seen {
    Notice::default().look(peek(s), false)
}

/// The checksum of an IP packet's transport header is right.
fn checks_out(packet: &[u8]) -> bool {
    let Some(etherparse::SlicedPacket { net: Some(net), transport, .. }) =
        etherparse::SlicedPacket::from_ip(packet).ok()
    else {
        return false;
    };
    let checksum = match (net, &transport) {
        (etherparse::NetSlice::Ipv4(ip), Some(etherparse::TransportSlice::Tcp(t))) => {
            t.calc_checksum_ipv4(ip.header().source(), ip.header().destination()).ok().zip(Some(t.checksum()))
        }
        (etherparse::NetSlice::Ipv6(ip), Some(etherparse::TransportSlice::Tcp(t))) => {
            t.calc_checksum_ipv6(ip.header().source(), ip.header().destination()).ok().zip(Some(t.checksum()))
        }
        (etherparse::NetSlice::Ipv6(ip), Some(etherparse::TransportSlice::Icmpv6(i))) => {
            return i.is_checksum_valid(ip.header().source(), ip.header().destination());
        }
        _ => None,
    };
    checksum.is_some_and(|(right, own)| right == own)
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
        for ipv6 in [script.over_ipv6(), true] {
            let mut script = script.clone();
            if script.settle_ip(ipv6).is_err() {
                assert!(script.only_ipv4().is_some(), "{name} says why it is not over IPv6");
                continue;
            }
            for rule in &script.rules {
                Rule::parse(rule, &script.hosts).unwrap_or_else(|e| panic!("{name}: {e}"));
            }
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

    let over = peek(&six(s.clone())).unwrap();
    assert_eq!((over.src, over.dst, over.total_len, over.ip_header), (A6, B6, 80, 40));
    assert_eq!(over.tcp(), peek(&s).unwrap().tcp(), "TCP is the same over either");
}

#[test]
fn extension_headers_are_passed() {
    let whole = craft::segment(&six(segment(bits::SYN, 7, 0, b"")));
    let (header, tcp) = whole.split_at(40);
    // Hop-by-hop options of 16 octets, then a fragment header at its beginning, then TCP.
    let with = |fragment: [u8; 8], next: u8| {
        let mut b = [header, &[44, 1], &[0; 14], &fragment, tcp].concat();
        b[6] = next;
        b[5] += 24;
        Peek::ip(&b).unwrap()
    };
    let first = with([6, 0, 0, 1, 0, 0, 0, 9], 0);
    assert_eq!((first.ip_header, first.frag_offset, first.more_fragments), (64, 0, true));
    assert_eq!((first.total_len, first.tcp().unwrap().seq), (84, 7));
    let later = with([6, 0, 0, 8, 0, 0, 0, 9], 0);
    assert_eq!((later.frag_offset, later.more_fragments, later.upper), (8, false, Upper::Other(6)));
    assert_eq!(with([6, 0, 0, 1, 0, 0, 0, 9], 59).upper, Upper::Other(59), "no next header");
}

#[test]
fn no_octets_make_the_look_at_headers_fail() {
    let four = segment(bits::ACK, 1, 1, b"Hello!");
    for whole in [craft::segment(&four), craft::segment(&six(four.clone()))] {
        for n in 0..whole.len() {
            let _ = Peek::ip(&whole[..n]);
            for value in [0, 43, 44, 60, 0xff] {
                let mut changed = whole.clone();
                changed[n] = value;
                let _ = Peek::ip(&changed);
                craft::finish_checksum(&mut changed);
                craft::mend_tcp_checksum(&mut changed);
                let _ = super::summary(LinkType::RAW, &changed);
            }
        }
    }
}

#[test]
fn crafted_segments_have_right_checksums_and_unfinished_ones_are_finished() {
    let four = segment(bits::ACK | bits::PSH, 1, 1, b"odd");
    for (s, header) in [(four.clone(), 20), (six(four), 40)] {
        let mut packet = craft::segment(&s);
        assert!(checks_out(&packet));
        // What a host leaves to its network card: the folded sum of the pseudo header.
        let octets = |a: IpAddr| match a {
            IpAddr::V4(a) => a.octets().to_vec(),
            IpAddr::V6(a) => a.octets().to_vec(),
        };
        let addresses = [octets(s.src), octets(s.dst)].concat();
        let words = addresses.chunks(2).map(|w| u32::from(u16::from_be_bytes([w[0], w[1]])));
        let sum = words.sum::<u32>() + 6 + u32::try_from(packet.len() - header).unwrap();
        let partial = u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
        packet[header + 16..header + 18].copy_from_slice(&partial.to_be_bytes());
        assert!(!checks_out(&packet));
        craft::finish_checksum(&mut packet);
        assert!(checks_out(&packet));
        // A wrong one is not made right.
        packet[header + 16] ^= 1;
        let wrong = packet.clone();
        craft::finish_checksum(&mut packet);
        assert_eq!(packet, wrong);
    }
}

#[test]
fn labs_for_one_version_of_ip_say_why() {
    let parse = |text: &str| Script::parse("test", &format!("question = 'q?'\nlesson = 'l.'\n{text}"));
    let cases = [
        ("ip = 4\nip-because = 'no broadcast'", Some("no broadcast")),
        ("ip = 4", Some("ip = 4")),
        ("[wire]\nmtu = 576", Some("1280")),
        ("steps = 'c sendto s 10.9.0.255:5 \"x\"'", Some("10.9.0.255")),
        ("ip = 6", None),
        ("steps = 'c sendto s server:5 \"1.2\"'", None),
    ];
    for (text, why) in cases {
        let mut script = parse(text).unwrap();
        let said = script.settle_ip(true).map_err(|e| e.to_string());
        match why {
            Some(why) => assert!(said.as_ref().is_err_and(|e| e.contains(why)), "{text}: {said:?}"),
            None => assert!(said.is_ok() && script.over_ipv6(), "{text}: {said:?}"),
        }
    }
    for wrong in ["ip = 5", "ip = 6\n[wire]\nmtu = 1000"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
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
