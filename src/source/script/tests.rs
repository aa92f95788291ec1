mod random;

use std::net::IpAddr;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};

use super::*;
use crate::model::{Side, TcpFlags, TcpState, Timestamp};

const TCP: &str = "tcp 10.0.0.1:40000 > 192.0.2.1:80\n";
const UDP: &str = "udp 10.0.0.1:40000 > 192.0.2.1:53\n";

fn parsed(text: &str) -> Script {
    Script::parse(text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn frame(script: &Script, index: usize) -> (Vec<u8>, u32) {
    let mut frame = Vec::new();
    let wire = script.build(index, &mut frame).expect("a step");
    (frame, wire)
}

/// The fields of a frame as one line, read back by etherparse.
fn fields(frame: &[u8]) -> String {
    let sliced = SlicedPacket::from_ethernet(frame).expect("a frame that etherparse accepts");
    let (id, ttl, ecn) = match sliced.net.as_ref().expect("an IP header") {
        NetSlice::Ipv4(ip) => {
            assert_eq!(ip.header().header_checksum(), ip.header().to_header().calc_header_checksum());
            (Some(ip.header().identification()), ip.header().ttl(), ip.header().ecn().value())
        }
        NetSlice::Ipv6(ip) => (None, ip.header().hop_limit(), ip.header().traffic_class() & 3),
        NetSlice::Arp(_) => panic!("no ARP here"),
    };
    let vlans: Vec<u16> = sliced.vlan_ids().iter().map(|v| v.value()).collect();
    let above = match sliced.transport.expect("a transport header") {
        TransportSlice::Tcp(t) => {
            let flags = TcpFlags(u16::from(frame[frame.len() - t.slice().len() + 13])).with(if t.ns() {
                TcpFlags::AE
            } else {
                TcpFlags::default()
            });
            format!(
                "{} {}+{} ack {} win {} urg {} [{}]",
                flags.letters(),
                t.sequence_number(),
                t.payload().len(),
                t.acknowledgment_number(),
                t.window_size(),
                t.urgent_pointer(),
                crate::decode::OptionField(t.options()),
            )
        }
        TransportSlice::Udp(u) => format!("udp {} {:?}", u.length(), String::from_utf8_lossy(u.payload())),
        TransportSlice::Icmpv4(i) => {
            format!("icmp {} {} quotes {}", i.type_u8(), i.code_u8(), i.payload().len())
        }
        TransportSlice::Icmpv6(i) => {
            format!("icmp6 {} {} quotes {}", i.type_u8(), i.code_u8(), i.payload().len())
        }
        TransportSlice::Igmp(_) => panic!("no IGMP here"),
    };
    format!("{above} id {id:?} ttl {ttl} ecn {ecn} vlans {vlans:?}")
}

#[test]
fn good_lines_become_the_packets_they_say() {
    let six = "tcp [2001:db8::1]:40000 > [2001:db8::2]:80\n";
    let cases: [(&str, &str, &str); 15] = [
        (
            TCP,
            "0 > S 0:0(0) win 65535 <mss 1460,sackOK,TS val 7 ecr 0,nop,wscale 7>",
            "S 1000000+0 ack 0 win 65535 urg 0 [mss=1460,sackOK,ts=7/0,nop,ws=7] id Some(1) ttl 64 ecn 0 vlans []",
        ),
        (
            TCP,
            "1.5 < S. 0:0(0) ack 1 win 5 <mss 1460,sackOK>",
            "S. 5000000+0 ack 1000001 win 5 urg 0 [mss=1460,sackOK,eol] id Some(1) ttl 64 ecn 0 vlans []",
        ),
        (
            TCP,
            "0 > P.UEWe 1:4(3) ack 9 urg 2 \"a\\x42\\n\" ipid 7 ttl 9 ecn ce vlan 5 vlan 6",
            "P.UEWe 1000001+3 ack 5000009 win 65535 urg 2 [] id Some(7) ttl 9 ecn 3 vlans [5, 6]",
        ),
        (
            TCP,
            "0 > - 3:3(0) rawack 17",
            "none 1000003+0 ack 17 win 65535 urg 0 [] id Some(1) ttl 64 ecn 0 vlans []",
        ),
        (
            TCP,
            "0 < . 1:1(0) ack 1 <nop,nop,sack 1:11 20:30>",
            ". 5000001+0 ack 1000001 win 65535 urg 0 [nop,nop,sack=1000001-1000011|1000020-1000030] \
             id Some(1) ttl 64 ecn 0 vlans []",
        ),
        (
            TCP,
            "0 > S <FO 0a0b,mptcp 00010203,kind 77 ff,nop,eol>",
            "S 1000000+0 ack 0 win 65535 urg 0 [34:0a0b,30:00010203,77:ff,nop,eol] id Some(1) ttl 64 ecn 0 vlans []",
        ),
        (TCP, "0 > S <raw 4d01>", "S 1000000+0 ack 0 win 65535 urg 0 [bad] id Some(1) ttl 64 ecn 0 vlans []"),
        (
            TCP,
            "isn orig 4294967295 resp 0x4d\n0 > . 1:1(0) ack 0",
            ". 0+0 ack 77 win 65535 urg 0 [] id Some(1) ttl 64 ecn 0 vlans []",
        ),
        (TCP, "0 > S win 9\n0 > .", "error: line 3, column 6: expected 'ack N': the flags have '.'"),
        (
            TCP,
            "0 > S win 9\n0 > P. 1:3(2) ack 1\n0 > F. ack 1",
            "F. 1000003+0 ack 5000001 win 9 urg 0 [] id Some(3) ttl 64 ecn 0 vlans []",
        ),
        (six, "0 > S win 1 ecn ect0", "S 1000000+0 ack 0 win 1 urg 0 [] id None ttl 64 ecn 2 vlans []"),
        (UDP, "0 > udp(5) \"hello\"", "udp 13 \"hello\" id Some(1) ttl 64 ecn 0 vlans []"),
        (UDP, "0 > udp(3)\n0 > udp(3)", "udp 11 \"abc\" id Some(2) ttl 64 ecn 0 vlans []"),
        (UDP, "0 > udp(3)\n0 < icmp unreachable port", "icmp 3 3 quotes 31 id Some(1) ttl 64 ecn 0 vlans []"),
        (
            six,
            "0 > S\n0 < icmp too-big 1280 from 2001:db8::9",
            "icmp6 2 0 quotes 60 id None ttl 64 ecn 0 vlans []",
        ),
    ];
    for (head, line, expected) in cases {
        let got = match Script::parse(&format!("{head}{line}")) {
            Ok(script) => fields(&frame(&script, script.steps.len() - 1).0),
            Err(e) => format!("error: {e}"),
        };
        assert_eq!(got, expected, "{line}");
    }
}

#[test]
fn bad_lines_say_where_and_what() {
    let cases: [(&str, &str, &str); 36] = [
        ("", "", "line 1, column 1: the script ends without a segment"),
        (
            "",
            "0 > S",
            "line 1, column 3: expected a line 'tcp A:PORT > B:PORT' or 'udp …' before this one, found '>'",
        ),
        (
            "",
            "tcp 10.0.0.1 > 10.0.0.2:80",
            "line 1, column 5: expected an endpoint (10.0.0.1:80 or [2001:db8::1]:80), found '10.0.0.1'",
        ),
        (
            "",
            "tcp 10.0.0.1:99999 > 10.0.0.2:80",
            "line 1, column 5: expected an endpoint (10.0.0.1:80 or [2001:db8::1]:80), found '10.0.0.1:99999'",
        ),
        ("", "tcp 10.0.0.1:1 10.0.0.2:80", "line 1, column 16: expected '>', found '10.0.0.2:80'"),
        ("", "tcp 10.0.0.1:1 > [::1]:80", "line 1, column 18: one end is IPv4 and the other IPv6"),
        ("", "tcp [::1:1 > [::1]:80", "line 1, column 12: expected ']', found '>'"),
        ("", "hello", "line 1, column 1: expected a time, or tcp, udp, link, isn or end, found 'hello'"),
        (
            TCP,
            "0 S",
            "line 2, column 3: expected a direction (> or <), dup, or the label of a connection, found 'S'",
        ),
        (
            TCP,
            "0",
            "line 2, column 2: expected a direction (> or <), dup, or the label of a connection, found the end of the line",
        ),
        (
            TCP,
            "0 > X",
            "line 2, column 5: expected flags (letters of SFRP.UEWe, or - for none) or icmp, found 'X'",
        ),
        (
            TCP,
            "0 > SS",
            "line 2, column 5: expected flags (letters of SFRP.UEWe, or - for none) or icmp, found 'SS'",
        ),
        (TCP, "0 > S 0:1(0)", "line 2, column 7: 0:1 spans 1 octets, not 0"),
        (TCP, "0 > S 0:0", "line 2, column 10: expected '(', found the end of the line"),
        (TCP, "0 > . 1:1(0)", "line 2, column 13: expected 'ack N': the flags have '.'"),
        (
            TCP,
            "0 > S 0:0(0) ack 1",
            "line 2, column 14: 'ack N' without '.' in the flags (the bare field is 'rawack N')",
        ),
        (TCP, "0 > P", "line 2, column 6: expected SEQ:END(LEN): this side has sent nothing to go on from"),
        (
            TCP,
            "0 > S win 65536",
            "line 2, column 11: expected the window (a number from 0 to 65535), found '65536'",
        ),
        (TCP, "0 > S win 1 win 2", "line 2, column 13: this is given twice"),
        (TCP, "0 > S <mss>", "line 2, column 11: expected the MSS (a number from 0 to 65535), found '>'"),
        (
            TCP,
            "0 > S <mss 1",
            "line 2, column 13: expected ',' or '>' behind an option, found the end of the line",
        ),
        (
            TCP,
            "0 > S <foo>",
            "line 2, column 8: expected an option (mss, wscale, sackOK, sack, TS, nop, eol, md5, FO, mptcp, kind or raw), found 'foo'",
        ),
        (
            TCP,
            "0 > S <md5,md5,md5>",
            "line 2, column 16: options of 54 octets, where a TCP header has room for 40",
        ),
        (TCP, "0 > S <FO 123>", "line 2, column 11: expected pairs of hex digits, found '123'"),
        (
            TCP,
            "0 > S # retransmision!",
            "line 2, column 9: expected a state (orig=, resp=, both=), an event=KIND [CONFIDENCE] or a label, found 'retransmision!' (a remark goes behind a second #)",
        ),
        (
            TCP,
            "0 > S # fast_retransmission, orig=OPEN",
            "line 2, column 30: expected a state (LISTEN, SYN-SENT, SYN-RECEIVED, ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2, CLOSE-WAIT, CLOSING, LAST-ACK, TIME-WAIT, CLOSED, or ? for unknown), found 'OPEN'",
        ),
        (TCP, "0 > S # both=CLOSED, orig=CLOSED", "line 2, column 22: the state of orig is given twice"),
        (
            TCP,
            "0 > P. 1:3(2) ack 1 \"abc\"",
            "line 2, column 21: the text has 3 octets and the packet 2 of payload",
        ),
        (TCP, "0 > P. 1:3(2) ack 1 \"ab", "line 2, column 21: this text has no closing quote"),
        (
            TCP,
            "0 > P. 1:65501(65500) ack 1",
            "line 2, column 5: 65500 octets of payload do not fit into one IP packet",
        ),
        (
            TCP,
            "1 > S\n0 > S",
            "line 3, column 1: this time is before that of the last packet (to go back, write -SECONDS)",
        ),
        (
            TCP,
            "+.1234567890 > S",
            "line 2, column 1: expected a time in seconds with at most nine decimals (1.5, +.010, -.002), found '+.1234567890'",
        ),
        (TCP, "0 dup", "line 2, column 3: there is no frame before this one"),
        (
            TCP,
            "0 < icmp unreachable port",
            "line 2, column 5: the other side has sent nothing that an ICMP error could quote",
        ),
        (UDP, "0 > S", "line 2, column 5: expected udp(LEN) or icmp, found 'S'"),
        (TCP, "0 > S\nend conn_state=S0\n0 > S", "line 4, column 1: end lines stand behind all packets"),
    ];
    for (head, line, expected) in cases {
        let got = Script::parse(&format!("{head}{line}")).map(|_| "no error".to_owned());
        assert_eq!(got.unwrap_or_else(|e| e.to_string()), expected, "{line}");
    }
}

#[test]
fn times_add_up_and_a_frame_can_be_captured_twice() {
    let script =
        parsed(&format!("{TCP}0.5 > S\n+.010 > S\n-0.000000001 dup snap 20 # retransmission\n.6 dup wire 9"));
    let times: Vec<i64> = script.steps.iter().map(|s| s.ts.nanos()).collect();
    assert_eq!(times, [500_000_000, 510_000_000, 509_999_999, 600_000_000]);
    let frames: Vec<_> = (0..4).map(|i| frame(&script, i)).collect();
    assert_ne!(frames[0].0, frames[1].0, "another IP ID");
    assert_eq!(frames[2], (frames[1].0[..20].to_vec(), 54));
    assert_eq!(frames[3], (frames[1].0.clone(), 9));
    assert_eq!(script.steps[2].expect.labels, ["retransmission"]);
    assert!(script.steps[3].expect.labels.is_empty());
}

#[test]
fn labels_choose_connections_and_ends_belong_to_them() {
    let script = parsed(
        "tcp a 10.0.0.1:1 > 10.0.0.2:2\ntcp b 10.0.0.3:3 > 10.0.0.2:2\n0 a > S\n0 > S\n0 a < R. 0:0(0) ack 1\n\
         tcp a 10.0.0.1:1 > 10.0.0.2:2\n0 > S\nend conn_state=REJ handshake=refused\nend b conn_state=S0",
    );
    let owners: Vec<usize> = script.steps.iter().map(|s| s.connection).collect();
    assert_eq!(owners, [0, 1, 0, 0]);
    assert_eq!(script.steps[1].isn, PerSide::new(SeqNum(11_000_000), SeqNum(15_000_000)));
    assert_eq!(script.ends[0].connection, 0);
    assert_eq!(script.ends[0].pairs[1], ("handshake".into(), "refused".into()));
    assert_eq!((script.ends[1].connection, script.ends[1].line), (1, 9));
}

#[test]
fn expectations_are_read_in_full() {
    let script = parsed(&format!(
        "{TCP}# a remark\n0 > S # orig=SYN-SENT, resp=?, event=opening certain,event=midstream, tfo_syn # why\n0 > S ## none"
    ));
    let expect = &script.steps[0].expect;
    assert_eq!(expect.states[Side::Orig], Some(Some(TcpState::SynSent)));
    assert_eq!(expect.states[Side::Resp], Some(None));
    assert_eq!(expect.labels, ["tfo_syn"]);
    let events: Vec<_> = expect.events.iter().map(|e| (e.kind.as_str(), e.confidence.as_deref())).collect();
    assert_eq!(events, [("opening", Some("certain")), ("midstream", None)]);
    assert_eq!(script.steps[1].expect, Expectations::default());
}

#[test]
fn checksums_are_as_the_line_says() {
    for head in ["10.0.0.1:1 > 10.0.0.2:2", "[2001:db8::1]:1 > [2001:db8::2]:2"] {
        let text = format!(
            "tcp {head}\n0 > P. 1:4(3) ack 1\n0 > P. 1:4(3) ack 1 badcsum\n0 > P. 1:4(3) ack 1 offload\n\
             udp {head}\n0 > udp(3)\n0 > udp(3) badcsum\n0 > udp(3) offload\n0 > udp(3) nocsum"
        );
        let script = parsed(&text);
        let verdicts: Vec<&str> = (0..7).map(|i| checksum(&frame(&script, i).0)).collect();
        assert_eq!(verdicts, ["right", "bad", "offloaded", "right", "bad", "offloaded", "none"]);
    }
}

fn checksum(frame: &[u8]) -> &'static str {
    let sliced = SlicedPacket::from_ethernet(frame).unwrap();
    let addr: (IpAddr, IpAddr) = match sliced.net.as_ref().unwrap() {
        NetSlice::Ipv4(ip) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        NetSlice::Ipv6(ip) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        NetSlice::Arp(_) => panic!("no ARP here"),
    };
    let (field, protocol, whole) = match sliced.transport.unwrap() {
        TransportSlice::Tcp(t) => (t.checksum(), 6u8, t.slice().to_vec()),
        TransportSlice::Udp(u) => (u.checksum(), 17, u.slice().to_vec()),
        _ => panic!("neither TCP nor UDP"),
    };
    let mut pseudo = match addr {
        (IpAddr::V4(s), IpAddr::V4(d)) => [s.octets(), d.octets()].concat(),
        (IpAddr::V6(s), IpAddr::V6(d)) => [s.octets(), d.octets()].concat(),
        _ => panic!("two families"),
    };
    pseudo.extend([0, protocol, (whole.len() >> 8) as u8, whole.len() as u8]);
    let sum = |octets: &[u8]| {
        let mut sum: u32 =
            octets.chunks(2).map(|p| u32::from(p[0]) << 8 | u32::from(*p.get(1).unwrap_or(&0))).sum();
        while sum > 0xffff {
            sum = (sum >> 16) + (sum & 0xffff);
        }
        sum as u16
    };
    // Only UDP reads 0 as no checksum (RFC 768); for TCP it is a sum like any other.
    if field == 0 && protocol == 17 {
        "none"
    } else if sum(&[pseudo.clone(), whole].concat()) == 0xffff {
        "right"
    } else if field == sum(&pseudo) {
        "offloaded"
    } else {
        "bad"
    }
}

#[test]
fn a_source_yields_the_script_and_names_its_faults() {
    let mut source = open(format!("{TCP}0 > S 0:0(0) snap 30\n").as_bytes(), "x.pkt").unwrap();
    let packet = source.next_packet().unwrap().unwrap();
    assert_eq!((packet.number, packet.ts, packet.orig_len, packet.data.len()), (1, Timestamp(0), 54, 30));
    assert!(source.next_packet().unwrap().is_none());
    assert!(source.next_packet().unwrap().is_none());
    assert_eq!(source.interfaces()[0].link, LinkType::ETHERNET);
    let error = |octets: &[u8]| open(octets, "x.pkt").unwrap_err().to_string();
    assert_eq!(
        error(b"tcp\n"),
        "x.pkt: line 1, column 4: expected an endpoint (10.0.0.1:80 or [2001:db8::1]:80), found the end of the line"
    );
    assert_eq!(error(b"# a\n\xff"), "x.pkt: line 2: a script is UTF-8, and byte 4 is not");
}

#[test]
fn scripts_are_told_from_other_files() {
    for (start, expected) in [
        (&b"# lesson\n\n tcp 10.0"[..], true),
        (b"udp 1.2.3.4:5", true),
        (b"\xef\xbb\xbflink raw", true),
        (b"#!/bin/sh\n# only remarks", false),
        (b"tcpdump says", false),
        (b"", false),
        (b"\xd4\xc3\xb2\xa1\x02\x00", false),
        (b"\x0a\x0d\x0d\x0a", false),
    ] {
        assert_eq!(is_script(start), expected, "{start:02x?}");
    }
}
