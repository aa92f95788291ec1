use super::*;
use crate::report::Report;
use crate::view::fixture::lesson;
use crate::view::pages::long;

struct Told;

impl Pictures for Told {
    fn story(&self, _: &Detail, _: &Conversation) -> Option<String> {
        Some("It began with frame 1.\n\nPacket loss: frame 19 repeats packet 6; frame 999 is not here. <b>&amp;".into())
    }

    fn ladder_svg(&self, _: &Detail, _: &Conversation, id: &str) -> Option<String> {
        Some(format!(
            "<?xml version=\"1.0\"?><svg id=\"{id}\" viewBox=\"0 0 10 10\" role=\"img\"><title>Ladder</title><style>.x{{fill:red}}</style></svg>"
        ))
    }

    fn headers_svg(&self, _: &Detail, _: &Conversation, _: &str) -> Vec<(String, String)> {
        vec![(
            "Frame 1 <i>".into(),
            "<svg viewBox=\"0 0 10 10\" role=\"img\"><title>TCP</title></svg>".into(),
        )]
    }
}

fn broken(html: &str) -> String {
    html.replace("><", ">\n<")
}

#[test]
fn golden_report() {
    let html = render_html(&lesson(0, [100, 200]).report(), &Told, &Limits::default());
    // Styles and script have files of their own.
    let html = html.replace(SCRIPT, "…").replace(STYLE, "…").replace(graph::SVG_STYLE, "…");
    let html = html.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    let from = html.find("script-src").unwrap();
    let to = html[from..].find(';').unwrap() + from;
    let html = format!("{}script-src …{}", &html[..from], &html[to..]);
    let from = html.find("style-src").unwrap();
    let to = html[from..].find(" &#39;").or_else(|| html[from..].find(';')).unwrap() + from;
    insta::assert_snapshot!(broken(&format!("{}style-src …{}", &html[..from], &html[to..])));
}

#[test]
fn the_policy_names_each_style_and_nothing_else() {
    let html = render_html(&lesson(0, [1, 2]).report(), &Told, &Limits::default());
    let own = format!("{STYLE}{}", graph::SVG_STYLE);
    for text in [own.as_str(), ".x{fill:red}", SCRIPT] {
        let digest = sha256::digest(text);
        assert!(
            html.contains(&format!("'sha256-{digest}'")) || html.contains(&format!("sha256-{digest}")),
            "{text}"
        );
    }
    assert_eq!(html.matches("sha256-").count(), 3);
    assert!(html.contains("default-src 'none'"));
    for word in
        ["unsafe-inline", " style=\"", " onclick", "src=", "http://", "https://", "@import", "url(http"]
    {
        let html = html.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        let html = html.replace("\"http://www.w3.org/2000/svg\"", "");
        assert!(!html.contains(word), "{word}");
    }
}

#[test]
fn stories_link_to_the_packets_that_are_there() {
    let html = render_html(&lesson(0, [1, 2]).report(), &Told, &Limits::default());
    for wanted in [
        "frame <a href=\"#tcp-0-p1\">1</a>",
        "packet <a href=\"#tcp-0-p6\">6</a>",
        "frame 999 is not here. &lt;b&gt;&amp;amp;",
        "id=\"tcp-0-p19\"",
        "Frame 1 &lt;i&gt;",
    ] {
        assert!(html.contains(wanted), "{wanted}");
    }
}

#[test]
fn strangers_text_stays_text() {
    let hostile = "</script><script>alert(1)</script>\u{202e}\x1b[2J\" onload=\"x'--><style>*{}</style>";
    let mut report = lesson(0, [1, 2]).report();
    report.summary.origins = vec![hostile.into()];
    report.summary.remarks = vec![hostile.into()];
    report.summary.fault = Some(hostile.into());
    report.summary.interfaces = vec![crate::source::Interface {
        name: Some(hostile.into()),
        link: crate::model::LinkType::ETHERNET,
        snaplen: 0,
        ts_digits: 6,
    }];
    struct Hostile;
    impl Pictures for Hostile {
        fn story(&self, _: &Detail, _: &Conversation) -> Option<String> {
            Some("</p><script>frame 1 </style>\u{202e}".into())
        }
    }
    let html = render_html(&report, &Hostile, &Limits::default());
    assert_eq!(html.matches("<script").count(), 1);
    assert_eq!(html.matches("<style").count(), 1);
    assert!(!html.contains('\u{202e}') && !html.contains('\x1b') && !html.contains("onload=\"x"));
    assert!(html.contains("&lt;script&gt;alert(1)"));
    assert_eq!(html.matches("sha256-").count(), 2);
}

#[test]
fn fifty_thousand_segments_stay_below_ten_megabytes() {
    let talk = long(4_200);
    assert!(talk.detail.rows.len() >= 46_000);
    let mut report = talk.report();
    // The same conversation many times over: the budget must hold all the same.
    let (detail, conversation) = (report.details[0].clone(), report.conversations.get(0).unwrap());
    for n in 1..12 {
        let (mut d, mut c) = (detail.clone(), conversation.clone());
        c.id.number = n;
        d.id = Some(c.id);
        report.details.push(d);
        report.conversations.push(&c);
    }
    for n in 12..30_000 {
        let mut c = conversation.clone();
        c.id.number = n;
        report.conversations.push(&c);
    }
    let html = render_html(&report, &NoPictures, &Limits::default());
    assert!(html.len() < 10_000_000, "{} octets", html.len());
    assert!(html.contains("The first 1,500 of 30,000 are listed"));
    assert!(html.contains("packets are not in this table"));
    assert!(html.matches("<").count() - html.matches("</").count() < 70_000);
}

#[test]
fn an_empty_report_says_so() {
    let html = render_html(&Report::default(), &NoPictures, &Limits::default());
    assert!(html.contains("There is no TCP or UDP conversation.") && html.contains("<dd>nothing</dd>"));
}
