//! A capture in words: each packet, what is so of it, what was said.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use synfin::lab::{LabOutcome, Observer};

use crate::account::Segment;
use crate::fields::{fields, isns, relative};
use crate::score::{self, Score};

/// The capture at `host` in words.
pub fn dump(run: &LabOutcome, host: usize, segments: &[Option<Segment>], score: &Score) -> String {
    let said = score::analyse(run, Observer::Host(host));
    let mut notes: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for e in &said.events {
        let of = e.evidence.original.map_or(String::new(), |n| format!(" of {n}"));
        let by = e.evidence.witness.map_or(String::new(), |n| format!(" by {n}"));
        let line = format!("{} {}{of}{by}", e.kind.name(), e.confidence.name());
        notes.entry(e.packet).or_default().push(line);
    }
    let (view, capture) = (score::view(run, host, segments), run.capture(Observer::Host(host)));
    let mut out = String::new();
    let isn = isns(run);
    let begin = capture.first().map_or(0, |c| c.ts.0);
    for (i, (c, p)) in capture.iter().zip(&view).enumerate() {
        let number = i as u64 + 1;
        let Some(p) = p else { continue };
        let s = p.segment;
        let Some(f) = fields(c.bytes) else { continue };
        let other = isn.get(&(1 - s.from)).copied().unwrap_or(0);
        let rel = |n: u32| relative(n, other);
        let arrow = if p.sent { "->" } else { "  <-" };
        let _ = write!(
            out,
            "{number:4} {:9.3} {arrow:4} w{:<3} {}-{} ack {} win {} id {:x} fl {:x}",
            (c.ts.0 - begin) as f64 / 1e6,
            c.frame,
            s.seq,
            s.end,
            rel(f.ack),
            s.window,
            f.id,
            s.flags
        );
        if let Some((value, echo)) = f.stamps {
            let _ = write!(out, " ts {}/{}", value % 100_000, echo % 100_000);
        }
        for (l, r) in f.sack {
            let _ = write!(out, " sack {}-{}", rel(l), rel(r));
        }
        let fate = &run.frames[c.frame].fate;
        if !fate.is_empty() {
            let _ = write!(out, " {fate:?}");
        }
        for (so, word) in [(s.resent, "RESENT"), (p.copy, "COPY"), (p.overtaken, "OVERTAKEN")] {
            if so {
                let _ = write!(out, " {word}");
            }
        }
        if s.resent {
            let _ = write!(out, " needed {:?} {:?}", s.needed, s.cause);
        }
        out.push('\n');
        for note in notes.get(&number).into_iter().flatten() {
            let _ = writeln!(out, "          said: {note}");
        }
        let mark = format!("packet {number} ");
        for (kind, what) in score.others.iter().filter(|(_, what)| what.starts_with(&mark)) {
            let _ = writeln!(out, "          *** {kind}: {what}");
        }
    }
    out
}
