//! Any text, and any segment.

use proptest::prelude::*;

use super::*;

fn script_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "tcp",
        "udp",
        "10.0.0.1:1",
        "10.0.0.2:2",
        "[",
        "]",
        "::1",
        ":80",
        ">",
        "<",
        " ",
        " ",
        " ",
        "\n",
        "\n",
        "0",
        "1.5",
        "+.1",
        "-9",
        "S",
        ".",
        "P.",
        "0:0(0)",
        "1:5(4)",
        "ack 1",
        "win 5",
        "mss 1460",
        ",",
        "sack 1:2",
        "raw ff",
        "\"ab",
        "\"",
        "\\x",
        "#",
        "both=CLOSED",
        "event=",
        "end",
        "a=b",
        "dup",
        "snap 3",
        "vlan 9",
        "icmp",
        "udp(9)",
        "link raw",
        "isn",
        "orig 7",
        "é",
        "\u{0}",
        "4294967295",
        "99999999999999999999",
        "TS val 1 ecr 2",
        "unreachable port",
        "FO",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_panics(text in prop_oneof![any::<String>(), script_text(), script_text().prop_map(|t| format!("{TCP}{UDP}{t}"))]) {
        if let Ok(script) = Script::parse(&text) {
            let mut buffer = Vec::new();
            for i in 0..script.steps.len() {
                prop_assert!(script.build(i, &mut buffer).is_some(), "{}", text);
            }
        }
    }

    #[test]
    fn building_then_reading_is_identity(
        isn: (u32, u32), seq: u32, ack: u32, len in 0u32..2000, window: u16, bits in 0u16..512, id: u16, ttl: u8,
        six: bool, ts: (u32, u32), shift: (u32, u32),
    ) {
        let flags = TcpFlags(bits);
        let (a, b) = if six { ("[2001:db8::1]:7", "[2001:db8::2]:9") } else { ("10.0.0.1:7", "10.0.0.2:9") };
        let letters = if bits == 0 { "-".into() } else { flags.letters() };
        let ack_words = if flags.has(TcpFlags::ACK) { format!("ack {ack}") } else { String::new() };
        let urgent = if flags.has(TcpFlags::URG) { "urg 3" } else { "" };
        let id_words = if six { String::new() } else { format!("ipid {id}") };
        let text = format!(
            "tcp {a} > {b}\nisn orig {} resp {}\n0 < {letters} {seq}:{}({len}) {ack_words} win {window} {urgent} \
             <nop,nop,TS val {} ecr {}> ttl {ttl} {id_words}",
            isn.0, isn.1, seq.wrapping_add(len), ts.0, ts.1,
        );
        let mut script = parsed(&text);
        script.shift_isn(PerSide::new(shift.0, shift.1));
        let raw_seq = isn.1.wrapping_add(shift.1).wrapping_add(seq);
        let raw_ack = if flags.has(TcpFlags::ACK) { isn.0.wrapping_add(shift.0).wrapping_add(ack) } else { 0 };
        let expected = format!(
            "{} {raw_seq}+{len} ack {raw_ack} win {window} urg {} [nop,nop,ts={}/{}] id {:?} ttl {ttl} ecn 0 vlans []",
            flags.letters(), if urgent.is_empty() { 0 } else { 3 }, ts.0, ts.1, (!six).then_some(id),
        );
        let (frame, _) = frame(&script, 0);
        prop_assert_eq!(fields(&frame), expected);
        prop_assert_eq!(checksum(&frame), "right");
    }
}
