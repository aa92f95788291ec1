//! Every view over one report, as people see it at 80, 120 and 200 columns.

use super::connections::Connections;
use super::csv::Csv;
use super::events::Events;
use super::explain::Explain;
use super::handshake::Handshakes;
use super::json::Json;
use super::markdown::Markdown;
use super::overhead::OverheadTable;
use super::segments::Segments;
use super::teardown::Teardowns;
use super::{Numbers, Pen, Style, View, sample};
use crate::model::StreamId;
use crate::report::Conversation;

fn rendered(view: &dyn View, style: Style) -> String {
    let mut out = Vec::new();
    view.render(&sample::report(), &style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn text_views() -> Vec<(&'static str, Box<dyn View>)> {
    let services: &'static _ = Box::leak(Box::new(sample::services()));
    let pen = Pen::Text;
    vec![
        ("connections", Box::new(Connections { services, pen })),
        ("handshake", Box::new(Handshakes { services, pen })),
        ("teardown", Box::new(Teardowns { services, pen })),
        ("segments", Box::new(Segments { services, pen })),
        ("overhead", Box::new(OverheadTable { pen })),
        ("events", Box::new(Events { pen })),
        ("explain", Box::new(Explain { services, pen })),
    ]
}

#[test]
fn text_views_look_right_at_every_width() {
    for (name, view) in text_views() {
        for width in [80, 120, 200] {
            for ascii in [false, true] {
                let style = Style { width, ascii, ..Style::default() };
                let text = rendered(view.as_ref(), style);
                let charset = if ascii { "ascii" } else { "utf8" };
                assert!(!ascii || text.is_ascii(), "{name} {width}");
                for line in text.lines() {
                    let columns = unicode_width::UnicodeWidthStr::width(line);
                    assert!(columns <= width, "{name} at {width}: {columns} columns: {line}");
                    assert_eq!(line, line.trim_end(), "{name}: no spaces at the end");
                }
                insta::assert_snapshot!(format!("{name}-{width}-{charset}"), text);
            }
        }
    }
}

#[test]
fn sequence_numbers_are_the_ones_asked_for() {
    let services: &'static _ = Box::leak(Box::new(sample::services()));
    let view = Handshakes { services, pen: Pen::Text };
    for (name, numbers) in [("absolute", Numbers::Absolute), ("relative", Numbers::Relative)] {
        let text = rendered(&view, Style { width: 120, numbers, ..Style::default() });
        insta::assert_snapshot!(format!("handshake-{name}"), text);
    }
}

#[test]
fn a_cut_table_says_how_many_more() {
    let services: &'static _ = Box::leak(Box::new(sample::services()));
    let mut report = sample::report();
    report.conversations_left_out = 398_995;
    let mut out = Vec::new();
    let style = Style { limit: Some(3), ..Style::default() };
    Connections { services, pen: Pen::Text }.render(&report, &style, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("… 399,000 more: --limit all\n"), "{text}");
    assert!(text.contains("tcp:2") && !text.contains("tcp:3"), "{text}");
}

#[test]
fn colour_only_where_it_is_asked_for() {
    for (name, view) in text_views() {
        let plain = rendered(view.as_ref(), Style::default());
        let colored = rendered(view.as_ref(), Style { color: true, ..Style::default() });
        assert!(!plain.contains('\x1b'), "{name}");
        assert!(colored.contains('\x1b'), "{name}");
        assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain, "{name}");
    }
}

#[test]
fn records_and_documents_look_right() {
    let services: &'static _ = Box::leak(Box::new(sample::services()));
    let views: [(&str, Box<dyn View>); 6] = [
        ("connections.csv", Box::new(Csv::Connections)),
        ("segments.csv", Box::new(Csv::Segments)),
        ("events.csv", Box::new(Csv::Events)),
        ("overhead.csv", Box::new(Csv::Overhead)),
        ("report.json", Box::new(Json::default())),
        ("report.md", Box::new(Markdown { services })),
    ];
    for (name, view) in views {
        let text = rendered(view.as_ref(), Style { width: 200, ..Style::default() });
        assert!(!text.contains('\x1b') && !text.contains('\u{202e}'), "{name} lets a stranger command");
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn the_document_is_json() {
    let text = rendered(&Json::default(), Style::default());
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["streams"].as_array().unwrap().len(), 8);
    assert_eq!(value["summary"]["origins"][0], "evil\x1b[2J\u{202e}.pcap");
    assert_eq!(value["details"][0]["rows"][1]["opts"], "mss=1460,sackOK,ts=1000/0,nop,ws=7");
}

#[test]
fn an_empty_report_is_no_trouble() {
    for (name, view) in text_views() {
        let mut out = Vec::new();
        view.render(&crate::report::Report::default(), &Style::default(), &mut out).unwrap();
        assert!(out.len() < 200, "{name}");
    }
}

#[test]
fn a_long_list_has_every_row_on_lines_of_one_width() {
    let services: &'static _ = Box::leak(Box::new(sample::services()));
    let mut report = sample::report();
    let first = report.conversations.get(0).unwrap();
    report.conversations = (0..20_000)
        .map(|number| Conversation { id: StreamId { number, ..first.id }, ..first.clone() })
        .collect();
    let mut out = Vec::new();
    let style = Style { limit: None, width: 150, ..Style::default() };
    Connections { services, pen: Pen::Text }.render(&report, &style, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("tcp:")).collect();
    assert_eq!(rows.len(), 20_000);
    assert!(rows.iter().all(|row| row.chars().count() == rows[0].chars().count()));
    assert!(rows[19_999].starts_with("tcp:19999  10.0.0.1:40000  →  192.0.2.1:80 http"));
}

#[test]
fn a_lesson_is_told_in_words() {
    let report = super::fixture::lesson(0, [4_294_967_000, 200]).report();
    let style = Style { width: 100, ..Style::default() };
    let mut out = Vec::new();
    Explain { services: &sample::services(), pen: Pen::Text }.render(&report, &style, &mut out).unwrap();
    Events { pen: Pen::Text }.render(&report, &style, &mut out).unwrap();
    Events { pen: Pen::Markdown }.render(&report, &style, &mut out).unwrap();
    insta::assert_snapshot!("lesson-told", String::from_utf8(out).unwrap());
}
