//! A capture in words: each packet, what is so of it, what was said.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use synfin::lab::{LabOutcome, Observer};

use crate::account::Segment;
use crate::score::{self, Score};

/// ACK, TSval, TSecr and SACK edges of a packet, raw.
struct Fields {
    id: u16,
    ack: u32,
    stamps: Option<(u32, u32)>,
    sack: Vec<(u32, u32)>,
}

fn fields(packet: &[u8]) -> Option<Fields> {
    let be16 = |b: &[u8], at: usize| Some(u16::from_be_bytes(b.get(at..at + 2)?.try_into().ok()?));
    let be32 = |b: &[u8], at: usize| Some(u32::from_be_bytes(b.get(at..at + 4)?.try_into().ok()?));
    let tcp = packet.get(usize::from(packet.first()? & 15) * 4..)?;
    let mut options = tcp.get(20..usize::from(*tcp.get(12)? >> 4) * 4)?;
    let (mut stamps, mut sack) = (None, Vec::new());
    while let Some(&kind) = options.first() {
        let len = if kind < 2 { 1 } else { usize::from(*options.get(1)?) };
        match kind {
            8 => stamps = Some((be32(options, 2)?, be32(options, 6)?)),
            5 => sack.extend(
                (2..len).step_by(8).filter_map(|at| Some((be32(options, at)?, be32(options, at + 4)?))),
            ),
            _ => {}
        }
        options = options.get(len.max(1)..)?;
    }
    Some(Fields { id: be16(packet, 4)?, ack: be32(tcp, 8)?, stamps, sack })
}

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
    let mut isn: BTreeMap<usize, u32> = BTreeMap::new();
    for (f, s) in run.frames.iter().zip(segments) {
        if let (Some(s), Some(seq)) = (s, f.bytes.get(24..28).and_then(|b| b.try_into().ok())) {
            isn.entry(s.from).or_insert_with(|| u32::from_be_bytes(seq));
        }
    }
    let begin = capture.first().map_or(0, |c| c.ts.0);
    for (i, (c, p)) in capture.iter().zip(&view).enumerate() {
        let number = i as u64 + 1;
        let Some(p) = p else { continue };
        let s = p.segment;
        let Some(f) = fields(c.bytes) else { continue };
        let other = isn.get(&(1 - s.from)).copied().unwrap_or(0);
        let rel = |n: u32| i64::from(n.wrapping_sub(other).cast_signed());
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
