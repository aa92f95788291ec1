use super::scenarios::{A, B, Script, lab, long, loopback, scenarios, whole};
use super::*;
use crate::model::{Protocol, TcpFlags as F};
use crate::report::RowKind;
use crate::track::{Confidence, EventKind, Evidence};

fn text(ladder: &Ladder, style: &Style) -> String {
    let mut out = Vec::new();
    ladder.text(style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn in_text() {
    let usual = Style::default();
    let styles =
        [("80", usual), ("200", Style { width: 200, ..usual }), ("ascii", Style { ascii: true, ..usual })];
    for (name, script, options) in scenarios() {
        let ladder = script.ladder(&options);
        for (style_name, style) in styles {
            let text = text(&ladder, &style);
            let widest = text.lines().map(crate::view::drawing::columns).max().unwrap_or(0);
            assert!(widest <= style.width, "{name} at {style_name}: {widest} columns");
            assert!(!style.ascii || text.is_ascii(), "{name} in ASCII: {text}");
            insta::assert_snapshot!(format!("{name}_{style_name}"), text);
        }
    }
}

#[test]
fn in_svg() {
    for (name, script, options) in scenarios() {
        let ladder = script.ladder(&options);
        let svg = ladder.svg();
        assert_eq!(svg.matches("class=\"segment\"").count(), ladder.arrows(), "{name}");
        assert_eq!(svg.matches("data-lost").count() - 4, ladder_lost(&ladder), "{name}");
        crate::view::drawing::assert_well_formed(&svg);
        insta::assert_snapshot!(format!("{name}_svg"), svg);
    }
}

fn ladder_lost(ladder: &Ladder) -> usize {
    let lost = |i: &&layout::Item| matches!(&i.what, layout::What::Arrow(a) if a.lost);
    ladder.layout.items.iter().filter(lost).count()
}

#[test]
fn in_documents() {
    for (name, script, options) in scenarios() {
        if matches!(name, "loss" | "udp") {
            insta::assert_snapshot!(format!("{name}_md"), script.ladder(&options).markdown());
        }
    }
}

#[test]
fn folding_keeps_what_matters() {
    let script = long();
    let all = script.detail.rows.len();
    let folded = script.ladder(&Options::default());
    assert!(folded.arrows() < 40, "{}", folded.arrows());
    let hidden: u64 = folded
        .layout
        .items
        .iter()
        .filter_map(|i| if let layout::What::Fold(f) = &i.what { Some(f) } else { None })
        .map(|f| f.packets.0.iter().sum::<u64>())
        .sum();
    assert_eq!(folded.arrows() + hidden as usize, all, "every packet is drawn or counted");
    assert_eq!(ladder_lost(&folded), 1);
    assert_eq!(folded.layout.ties.len(), 1);
    let whole = script.ladder(&Options { fold: false, limit: None, ..Options::default() });
    assert_eq!(whole.arrows(), all);
    let few = script.ladder(&Options { fold: false, limit: Some(9), ..Options::default() });
    assert_eq!(few.arrows(), 9);
}

#[test]
fn packets_that_were_not_kept_are_counted() {
    let mut script = whole();
    script.detail.left_out = 1234;
    script.detail.left_out_at = 5;
    let text = text(&script.ladder(&Options::default()), &Style::default());
    assert!(text.contains("1234 more not kept"), "{text}");
}

#[test]
fn strangers_text_stays_text() {
    let (script, mut options) = lab();
    let hostile = "</text><script>alert(1)</script>\u{1b}[2J\u{202e}|`x`#;";
    options.names = PerSide::new(Some(hostile.into()), Some(hostile.into()));
    if let Some(lane) = options.lane.as_mut() {
        lane.calls[0].text = hostile.into();
    }
    let ladder = script.ladder(&options);
    let svg = ladder.svg();
    crate::view::drawing::assert_well_formed(&svg);
    assert!(!svg.contains("<script") && !svg.contains('\u{1b}') && !svg.contains('\u{202e}'));
    let text = text(&ladder, &Style::default());
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
    let markdown = ladder.markdown();
    assert!(!markdown.contains("<script") && !markdown.contains('\u{1b}'));
}

#[test]
fn sides_not_addresses_choose_the_line() {
    let ladder = loopback().ladder(&Options::default());
    let text = text(&ladder, &Style::default());
    assert!(text.contains("→") && text.contains("←"), "{text}");
}

#[test]
fn a_conversation_without_packets_draws() {
    for script in [Script::tcp(), Script::new(Protocol::Udp, "[::1]:1", "[::1]:2")] {
        let ladder = script.ladder(&Options::default());
        assert_eq!(ladder.arrows(), 0);
        assert!(ladder.svg().contains("</svg>"));
        assert!(!text(&ladder, &Style::default()).is_empty());
    }
}

proptest::proptest! {
    #[test]
    fn any_report_draws(
        packets in proptest::collection::vec(
            (proptest::num::i64::ANY, 0u8..5, proptest::num::u32::ANY, proptest::num::u32::ANY, proptest::num::u64::ANY),
            0..60,
        ),
        left_out_at in 0usize..80,
        width in 0usize..220,
    ) {
        let mut s = Script::tcp();
        let mut options = Options::default();
        for (n, (time, kind, a, b, c)) in packets.into_iter().enumerate() {
            let side = if a % 2 == 0 { A } else { B };
            let icmp = RowKind::Icmp { version: 4, icmp_type: kind, code: kind };
            let frame = match kind {
                0 => s.push(0, side, 8, b, RowKind::Udp { length: 0, checksum: 0 }),
                1 => s.push(0, side, 8, b, icmp),
                _ => s.seg(0, side, F((b & 0xfff) as u16), a.wrapping_mul(b) % 1000, b, a % 1000),
            };
            if let Some(row) = s.detail.rows.last_mut() {
                // Clocks step back, stand still and leap.
                row.ts = if n % 3 == 0 { Timestamp(time) } else { Timestamp(time % 1_000_000_000) };
                options.transit.arrivals.insert(frame, Timestamp(time.wrapping_add(i64::from(a))));
            }
            let kind = EventKind::ALL[a as usize % EventKind::ALL.len()];
            let evidence = Evidence { original: Some(c % 70), elapsed: Some(time), ..Evidence::default() };
            s.event(kind, Confidence::Likely, evidence);
        }
        s.detail.left_out = 3;
        s.detail.left_out_at = left_out_at;
        let ladder = s.ladder(&options);
        let svg = ladder.svg();
        crate::view::drawing::assert_well_formed(&svg);
        proptest::prop_assert_eq!(svg.matches("class=\"segment\"").count(), ladder.arrows());
        proptest::prop_assert!(!svg.contains("NaN") && !svg.contains("inf\""));
        let style = Style { width, ..Style::default() };
        text(&ladder, &style);
        let markdown = ladder.markdown();
        proptest::prop_assert!(markdown.contains("mermaid"));
    }
}
