//! Writes pictures and pages for the browser test (`tests/browser/`) to the directory
//! that `SYNFIN_PAGES` names.

use std::path::PathBuf;
use std::{env, fs};

use super::fixture::{Talk, lesson};
use super::graph::{Graph, render_svg};
use super::html::{Limits, NoPictures, render_html};
use crate::model::Side::{Orig, Resp};

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
    for (name, talk) in [("small", lesson(0, [100, 200])), ("large", long(4_500))] {
        for kind in Graph::ALL {
            let svg = render_svg(kind, &talk.detail, &talk.conversation(), &[]);
            fs::write(dir.join(format!("{name}-{}.svg", kind.name())), svg).unwrap();
        }
        let html = render_html(&talk.report(), &NoPictures, &Limits::default());
        fs::write(dir.join(format!("{name}.html")), html).unwrap();
    }
}
