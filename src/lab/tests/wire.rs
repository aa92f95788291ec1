//! What rules take, and what the wire makes of packets.

use super::*;

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
        let seen = n.look(peek(s), false);
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
    for over in [|s| s, six] {
        let mut wrap = Wrap::after(3000);
        let mut out = craft::segment(&over(segment(bits::SYN, 12345, 0, b"")));
        wrap.shift(true, &mut out);
        assert_eq!(Peek::ip(&out).unwrap().tcp().unwrap().seq, 0_u32.wrapping_sub(3000));
        assert!(checks_out(&out));
        // The answer acknowledges the shifted number, and the host is given its own back.
        let back = segment(bits::SYN | bits::ACK, 1, 0_u32.wrapping_sub(2999), b"");
        let mut back = craft::segment(&over(back));
        wrap.shift(false, &mut back);
        assert_eq!(Peek::ip(&back).unwrap().tcp().unwrap().ack, 12346);
        assert!(checks_out(&back));
    }
}

#[test]
fn what_a_router_says_of_a_packet_that_is_too_big_quotes_it() {
    let about = craft::segment(&segment(bits::ACK, 1, 1, &[0; 2000]));
    let router = IpAddr::from([10, 9, 0, 254]);
    let icmp = craft::too_big(router, A, 1000, &about);
    let p = Peek::ip(&icmp).unwrap();
    assert_eq!((p.src, p.dst, p.upper), (router, A, Upper::Icmp { kind: 3, code: 4 }));
    assert_eq!(icmp[26..28], 1000_u16.to_be_bytes());
    assert_eq!(icmp[28..56], about[..28]);

    // RFC 4443 section 3.2: as much of it as leaves the message within 1280 octets.
    let about = craft::segment(&six(segment(bits::ACK, 1, 1, &[0; 2000])));
    let icmp = craft::too_big(B6, A6, 1400, &about);
    let p = Peek::ip(&icmp).unwrap();
    assert_eq!((p.src, p.dst, p.upper), (B6, A6, Upper::Icmp { kind: 2, code: 0 }));
    assert_eq!((icmp.len(), &icmp[44..48]), (1280, &1400_u32.to_be_bytes()[..]));
    assert_eq!(icmp[48..], about[..1232]);
    assert!(checks_out(&icmp));
    let seen = Seen { peek: Some(p), resent: false, probe: false, dup_ack: false };
    for (word, so) in
        [("icmp", true), ("toobig", true), ("icmp=2", true), ("icmp=3", false), ("unreachable", false)]
    {
        assert_eq!(Which::parse(word, &hosts()).unwrap().is(None, &seen), so, "{word}");
    }
}
