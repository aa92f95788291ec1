//! Writes pictures and pages for the browser test (`tests/browser/`) to the directory
//! that `SYNFIN_PAGES` names.

use std::path::PathBuf;
use std::{env, fs};

use super::fixture::{Talk, lesson};
use super::graph::{Graph, render_svg};
use super::header::HeaderDiagram;
use super::html::{Drawn, Limits, render_html};
use super::ladder::{Ladder, Options, scenarios};
use crate::decode::headers::{HeaderTree, headers};
use crate::model::LinkType;
use crate::model::Side::{Orig, Resp};
use crate::report::{Detail, Report};

/// `flights` flights of ten segments each, a tenth of them with a loss.
pub(crate) fn long(flights: u32) -> Talk {
    let mut t = Talk::new(0, [4_294_000_000, 7]);
    t.seg(0, Orig, "S", 0, 0, 0).seg(9_000, Resp, "S.", 0, 0, 1).seg(9_000, Orig, ".", 1, 0, 1);
    for f in 0..flights {
        let base = 1 + f * 14_600;
        let lost = (f % 10 == 3).then_some(4);
        for i in (0..10).filter(|i| Some(*i) != lost) {
            t.seg(90, Orig, "P.", base + i * 1460, 1460, 1);
        }
        t.seg(9_000, Resp, ".", 1, 0, base + lost.unwrap_or(10) * 1460);
        if let Some(i) = lost {
            t.seg(300, Orig, "P.", base + i * 1460, 1460, 1).seg(9_000, Resp, ".", 1, 0, base + 14_600);
        }
    }
    t
}

#[test]
#[ignore = "writes files for the browser test"]
fn write_pages() {
    let Some(dir) = env::var_os("SYNFIN_PAGES").map(PathBuf::from) else { return };
    fs::create_dir_all(&dir).unwrap();
    // How many segments each ladder stands for, counted from the packets, not from the picture.
    let mut segments = Vec::new();
    let mut ladder = |name: String, drawn: &Ladder, packets: usize| {
        fs::write(dir.join(&name), drawn.svg()).unwrap();
        segments.push(format!("\"{name}\": {packets}"));
    };
    for (name, script, options) in scenarios() {
        let packets = script.detail.rows.len();
        ladder(format!("ladder-{name}.svg"), &script.ladder(&options), packets);
        let whole = Options { fold: false, limit: None, ..options };
        ladder(format!("ladder-{name}-whole.svg"), &script.ladder(&whole), packets);
    }
    for (name, talk, least) in [("small", lesson(0, [100, 200]), 20), ("large", long(4_600), 50_000)] {
        assert!(talk.detail.rows.len() >= least, "{name}: {} segments", talk.detail.rows.len());
        let drawn = Ladder::new(&talk.conversation(), &talk.detail, &Options::default());
        ladder(format!("{name}-ladder.svg"), &drawn, talk.detail.rows.len());
        for kind in Graph::ALL {
            let svg = render_svg(kind, &talk.detail, &talk.conversation(), &[]);
            fs::write(dir.join(format!("{name}-{}.svg", kind.name())), svg).unwrap();
        }
        let html = render_html(&talk.report(), &pictures(), &Limits::default());
        fs::write(dir.join(format!("{name}.html")), html).unwrap();
    }
    fs::write(dir.join("segments.json"), format!("{{{}}}\n", segments.join(", "))).unwrap();
    for (name, tree) in [("syn", syn(1)), ("none", Some(headers(LinkType::ETHERNET, &[], 60)))] {
        fs::write(dir.join(format!("header-{name}.svg")), HeaderDiagram.render_svg(&tree.unwrap())).unwrap();
    }
    fs::write(dir.join("many.html"), render_html(&many(), &pictures(), &Limits::default())).unwrap();
    fs::write(dir.join("hostile.html"), render_html(&hostile(), &pictures(), &Limits::default())).unwrap();
}

/// What stands for the octets of every frame: a SYN with options.
fn syn(_: u64) -> Option<HeaderTree> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    frame.extend([0x45, 0, 0, 52, 0, 1, 0x40, 0, 64, 6, 0x26, 0xbd, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend([0x9c, 0x40, 0, 80, 0, 0, 0, 100, 0, 0, 0, 0, 0x80, 2, 0xff, 0xff, 0, 0, 0, 0]);
    frame.extend([2, 4, 5, 0xb4, 1, 3, 3, 7, 4, 2, 1, 1]);
    Some(headers(LinkType::ETHERNET, &frame, frame.len() as u32))
}

fn pictures() -> Drawn<'static> {
    Drawn {
        story: Some(&|_, _| Some("It began with frame 1.\n\nNothing else is known.".into())),
        headers: Some(&syn),
        ..Drawn::default()
    }
}

/// More conversations, and more of them in detail, than a page holds.
fn many() -> Report {
    let talk = long(300);
    let mut report = talk.report();
    let (detail, conversation) =
        (report.details.first().cloned().unwrap(), report.conversations.get(0).unwrap());
    for number in 1..5_000 {
        let mut c = conversation.clone();
        c.id.number = number;
        if number < 40 {
            report.details.push(Detail { id: Some(c.id), ..detail.clone() });
        }
        report.conversations.push(&c);
    }
    report
}

/// Strangers' text wherever there can be some.
fn hostile() -> Report {
    let text =
        "</title></script><script>document.title='owned'</script><img src=x onerror=alert(1)>\u{202e}\x1b[2J";
    let mut report = lesson(0, [100, 200]).report();
    report.summary.origins = vec![text.into(), text.into()];
    report.summary.remarks = vec![text.into()];
    report.summary.fault = Some(text.into());
    report
}
