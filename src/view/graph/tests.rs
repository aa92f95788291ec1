use super::*;
use crate::model::{Protocol, StreamId};
use crate::report::Conversation;
use crate::view::fixture::{START, Talk, lesson};

const ISNS: [u32; 2] = [100, 200];

fn text(talk: &Talk, kind: Graph, style: Style) -> String {
    let mut out = Vec::new();
    render_text(kind, &talk.report(), &style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn golden_text() {
    let talk = lesson(0, ISNS);
    for kind in Graph::ALL {
        for (width, ascii) in [(80, false), (80, true), (120, false)] {
            let style = Style { width, ascii, ..Style::default() };
            let drawn = text(&talk, kind, style);
            assert!(drawn.lines().all(|l| l.chars().count() <= width), "{kind:?} at {width}:\n{drawn}");
            assert!(!ascii || drawn.is_ascii(), "{kind:?}:\n{drawn}");
            insta::assert_snapshot!(
                format!("{}-{width}{}", kind.name(), if ascii { "-ascii" } else { "" }),
                drawn
            );
        }
    }
}

#[test]
fn golden_svg_and_xplot() {
    let talk = lesson(0, ISNS);
    let conversation = talk.conversation();
    for kind in Graph::ALL {
        let svg = render_svg(kind, &talk.detail, &conversation, &[]);
        insta::assert_snapshot!(format!("{}-svg", kind.name()), svg.replace("><", ">\n<"));
        let files = xplot(kind, &talk.detail, &conversation, &[]);
        let joined: Vec<String> = files.into_iter().map(|f| format!("== {}\n{}", f.name, f.text)).collect();
        insta::assert_snapshot!(format!("{}-xplot", kind.name()), joined.join("\n"));
    }
}

#[test]
fn a_wrap_does_not_show() {
    let (plain, wrapped) = (lesson(0, ISNS), lesson(0, [u32::MAX - 5_000, u32::MAX - 300]));
    for kind in Graph::ALL {
        assert_eq!(text(&plain, kind, Style::default()), text(&wrapped, kind, Style::default()), "{kind:?}");
    }
}

#[test]
fn what_cannot_be_drawn_is_said() {
    use Side::{Orig as O, Resp as R};
    let mut silent = Talk::new(0, ISNS);
    let mut one = Talk::new(0, ISNS);
    one.seg(0, O, "S", 0, 0, 0);
    let mut udp = lesson(0, ISNS).report();
    let id = StreamId { protocol: Protocol::Udp, number: 0 };
    udp.conversations = udp.conversations.iter().map(|c| Conversation { tcp: None, id, ..c }).collect();
    udp.details.iter_mut().for_each(|d| d.id = Some(id));
    let mut ping = Talk::new(0, ISNS);
    ping.seg(0, O, "S", 0, 0, 0).seg(10, R, "S.", 0, 0, 1);
    let cases = [
        (
            silent.seg(0, R, ".", 1, 0, 1).report(),
            Graph::TimeSequence,
            "The originator sent no octet, SYN or FIN.",
        ),
        (one.report(), Graph::TimeSequence, "sent one segment with octets, SYN or FIN only: frame 1"),
        (one.report(), Graph::Throughput, "The originator sent one packet: a rate needs two."),
        (one.report(), Graph::Rtt, "No round trip can be measured"),
        (ping.report(), Graph::Rtt, "One sample only: frame 1 was acknowledged after 10 µs."),
        (udp, Graph::Flight, "UDP has no sequence numbers"),
    ];
    for (report, kind, words) in cases {
        let mut out = Vec::new();
        let style = Style { width: 1000, ..Style::default() };
        render_text(kind, &report, &style, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains(words), "{kind:?}: {words}\n{out}");
    }
}

#[test]
fn the_kernels_window_stands_beside_the_estimate() {
    let talk = lesson(0, ISNS);
    let points: Vec<_> = (0..8).map(|i| (START.plus(i * 10_000_000), 10_000 + 1000 * i as u64)).collect();
    let extra = [Extra { side: Side::Orig, points: &points }];
    let svg = render_svg(Graph::Flight, &talk.detail, &talk.conversation(), &extra);
    assert!(svg.contains("by TCP_INFO") && svg.contains("estimated from packets"));
    assert!(!render_svg(Graph::Flight, &talk.detail, &talk.conversation(), &[]).contains("TCP_INFO"));
}

#[test]
fn hostile_numbers_and_times_draw() {
    use Side::{Orig as O, Resp as R};
    let mut talk = Talk::new(0, [0, u32::MAX]);
    let odd = [0, 1, u32::MAX, 1 << 31, (1 << 31) - 1, 0x4000_0000, 12345];
    for (i, &seq) in odd.iter().cycle().take(200).enumerate() {
        let side = if i % 3 == 0 { R } else { O };
        let len = odd[(i * 5) % odd.len()];
        let flags = ["S", "R", "F.", "P.", "R.", "SF", "."][i % 7];
        talk.full(1, side, flags, seq, len, odd[(i * 3) % 7], i as u16, &[(seq, len), (len, seq)]);
    }
    let mut conversation = talk.conversation();
    for first in [START.nanos(), i64::MIN, i64::MAX, 0] {
        conversation.first = Timestamp(first);
        for (i, row) in talk.detail.rows.iter_mut().enumerate() {
            row.ts = Timestamp([i64::MIN, i64::MAX, 0, first][i % 4]);
        }
        for kind in Graph::ALL {
            let _ = render_svg(kind, &talk.detail, &conversation, &[]);
            let _ = xplot(kind, &talk.detail, &conversation, &[]);
            let style = Style { width: 1, ..Style::default() };
            render_one(kind, &talk.detail, &conversation, &[], &style, &mut Vec::new()).unwrap();
        }
    }
}

#[test]
fn what_was_left_out_is_said() {
    let mut talk = lesson(0, ISNS);
    talk.detail.left_out = 1234;
    talk.detail.left_out_at = 9;
    let drawn = text(&talk, Graph::TimeSequence, Style::default());
    assert!(drawn.contains("1234 packets between 21.2 ms and 21.4 ms were not kept"), "{drawn}");
}
