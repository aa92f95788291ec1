//! Damaged captures: every capture cut short and with bits flipped, through the whole
//! pipeline. Nothing may panic, take much longer than the whole file, or much memory.
//!
//! Reads `captures/`, and with `SYNFIN_CAPTURES=DIR` what lies there too. `SYNFIN_FLIPS`
//! is the number of damaged copies of each file (50), `SYNFIN_HOSTILE_LARGEST` the size of
//! the largest file to damage (200000 octets). Of every 20th copy all that can be shown is
//! shown (`SYNFIN_SHOWN`), in every view and format.

mod slow;

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use synfin::decode::Decoder;
use synfin::decode::headers::headers;
use synfin::report::{Recorder, RecorderOptions, Selection};
use synfin::source::{CaptureFile, PacketSource};
use synfin::track::{Sink, TcpConversation, Tracker, TrackerOptions};
use synfin::view::connections::Connections;
use synfin::view::csv::Csv;
use synfin::view::events::Events;
use synfin::view::explain::Explain;
use synfin::view::graph::{self, Graph};
use synfin::view::handshake::Handshakes;
use synfin::view::header::HeaderDiagram;
use synfin::view::html::{HtmlView, Limits, NoPictures};
use synfin::view::json::Json;
use synfin::view::ladder::{Ladder, Options};
use synfin::view::markdown::Markdown;
use synfin::view::ndjson::Ndjson;
use synfin::view::overhead::OverheadTable;
use synfin::view::segments::Segments;
use synfin::view::teardown::Teardowns;
use synfin::view::{Pen, Style, View};

/// Evenly spaced places to cut at.
const CUTS: usize = 200;
/// What the process may take in all.
const MEMORY: i64 = 256 << 20;

#[derive(Default)]
struct Count(u64);

impl Sink for Count {
    fn tcp_ended(&mut self, _: &TcpConversation) {
        self.0 += 1;
    }
}

/// Reads, decodes and tracks; packets and connections.
fn analyse(octets: &[u8]) -> (u64, u64) {
    let Ok(mut source) = CaptureFile::from_reader("damaged", Box::new(Cursor::new(octets.to_vec())), None)
    else {
        return (0, 0);
    };
    let mut decoder = Decoder::default();
    let mut tracker = Tracker::new(TrackerOptions::default());
    let (mut records, mut count, mut packets) = (Vec::new(), Count::default(), 0);
    while let Ok(Some(packet)) = source.next_packet() {
        packets += 1;
        records.clear();
        let _ = decoder.decode(&packet, &mut records);
        for record in &records {
            tracker.push(record, &mut count);
        }
    }
    tracker.finish(&mut count);
    (packets, count.0)
}

/// Shows all that can be shown of a capture; octets.
fn show(octets: &[u8]) -> usize {
    let Ok(mut source) = CaptureFile::from_reader("damaged", Box::new(Cursor::new(octets.to_vec())), None)
    else {
        return 0;
    };
    let (mut decoder, mut tracker) = (Decoder::default(), Tracker::new(TrackerOptions::default()));
    let options = RecorderOptions {
        limit: Some(300),
        select: Selection::First(3),
        rows: 2_000,
        events: Some(1_000),
        only: None,
        list_events: true,
        entries: false,
    };
    let (mut recorder, mut lines) = (Recorder::new(options), Ndjson::new(std::io::sink(), true));
    let (mut records, mut shown) = (Vec::new(), 0);
    let style = Style { limit: Some(300), ..Style::default() };
    while let Ok(Some(packet)) = source.next_packet() {
        records.clear();
        let _ = decoder.decode(&packet, &mut records);
        for record in &records {
            tracker.push(record, &mut (&mut recorder, &mut lines));
        }
        if packet.number <= 3 {
            let tree = headers(packet.link, packet.data, packet.orig_len);
            let mut text = Vec::new();
            HeaderDiagram.render_text(&tree, &style, &mut text).unwrap();
            shown += text.len() + HeaderDiagram.render_svg(&tree).len();
        }
    }
    tracker.finish(&mut (&mut recorder, &mut lines));
    let drops = source.drops();
    recorder.source(source.interfaces(), source.remarks(), drops);
    let report = recorder.finish();
    let (text, markdown) = (Pen::Text, Pen::Markdown);
    let views: [&dyn View; 16] = [
        &Connections::default(),
        &Handshakes::default(),
        &Teardowns::default(),
        &Segments::default(),
        &OverheadTable { pen: text },
        &Events::default(),
        &Events { pen: markdown },
        &Explain::default(),
        &Explain { pen: markdown, ..Explain::default() },
        &Markdown::default(),
        &HtmlView { pictures: NoPictures, limits: Limits::default() },
        &Json::default(),
        &Csv::Connections,
        &Csv::Segments,
        &Csv::Events,
        &Csv::Overhead,
    ];
    for view in views {
        let mut out = Vec::new();
        view.render(&report, &style, &mut out).unwrap();
        shown += String::from_utf8(out).expect("UTF-8").len();
    }
    for (detail, conversation) in report.in_detail() {
        let options = Options { limit: style.limit, ..Options::default() };
        let ladder = Ladder::new(&conversation, detail, &options);
        let mut out = Vec::new();
        ladder.text(&style, &mut out).unwrap();
        shown += out.len() + ladder.svg().len() + ladder.markdown().len();
        for kind in Graph::ALL {
            let mut out = Vec::new();
            graph::render_one(kind, detail, &conversation, &[], &style, &mut out).unwrap();
            shown += out.len() + graph::render_svg(kind, detail, &conversation, &[]).len();
            shown +=
                graph::xplot(kind, detail, &conversation, &[]).iter().map(|f| f.text.len()).sum::<usize>();
        }
    }
    shown
}

fn captures() -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    // What a fuzzer once found stays in `fuzz/kept`.
    let mut folders = vec![own.join("captures"), own.join("fuzz/kept/reader")];
    match std::env::var_os("SYNFIN_CAPTURES") {
        Some(dir) => folders.push(dir.into()),
        None => println!("other captures: skipped, SYNFIN_CAPTURES names no directory"),
    }
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            // The kept corpus has names of forty digits, and is run as it is (`tests/kept.rs`).
            let found = path.file_name().is_some_and(|name| name.len() != 40);
            if path.is_dir() {
                folders.push(path);
            } else if found {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn setting(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |v| v.parse().unwrap_or_else(|_| panic!("{name}={v}: not a number")))
}

/// SplitMix64: the same damage every time.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}

/// Processor time of this thread so far: what else the machine does is not in it.
fn processor() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    let (user, system) = (usage.user_time(), usage.system_time());
    Duration::from_micros(
        ((user.tv_sec() + system.tv_sec()) * 1_000_000 + user.tv_usec() + system.tv_usec()) as u64,
    )
}

/// Shows one damaged copy, and sees that it took no more than its share.
fn damaged_shown(path: &Path, octets: &[u8], whole: Duration, what: &str) -> usize {
    let before = processor();
    let result = std::panic::catch_unwind(|| show(octets));
    let took = processor() - before;
    let shown = result.unwrap_or_else(|_| panic!("{} {what}: panic", path.display()));
    let most = whole * 20 + Duration::from_secs(1);
    assert!(took <= most, "{} {what}: shown in {took:?}, the whole file in {whole:?}", path.display());
    shown
}

/// Runs one damaged copy and sees that it took no more than its share.
fn damaged(path: &Path, octets: &[u8], whole: Duration, what: impl Fn() -> String) -> u64 {
    let before = processor();
    let result = std::panic::catch_unwind(|| analyse(octets));
    let took = processor() - before;
    let (packets, _) = result.unwrap_or_else(|_| panic!("{} {}: panic", path.display(), what()));
    assert!(packets <= octets.len() as u64, "{} {}: {packets} packets", path.display(), what());
    // Linear, with much room: a flip can undo what spared the work (a length, a type).
    let most = whole * 20 + Duration::from_millis(100) + Duration::from_micros(octets.len() as u64 / 10);
    assert!(took <= most, "{} {}: {took:?}, the whole file {whole:?}", path.display(), what());
    packets
}

#[test]
fn damaged_captures_do_no_harm() {
    let flips = setting("SYNFIN_FLIPS", 50);
    let largest = setting("SYNFIN_HOSTILE_LARGEST", 200_000);
    let every = setting("SYNFIN_SHOWN", 20).max(1);
    let (mut runs, mut packets, mut files, mut left_out) = (0, 0, 0, 0);
    let (mut views, mut shown) = (0, 0);
    for path in captures() {
        let octets = fs::read(&path).unwrap();
        if octets.len() > largest {
            left_out += 1;
            continue;
        }
        files += 1;
        let before = processor();
        analyse(&octets);
        let whole = processor() - before;
        let before = processor();
        show(&octets);
        let whole_shown = processor() - before;
        for cut in 0..CUTS {
            let end = octets.len() * cut / CUTS;
            packets += damaged(&path, &octets[..end], whole, || format!("cut at {end}"));
        }
        let mut random = Random(octets.len() as u64);
        for flip in 0..if octets.is_empty() { 0 } else { flips } {
            let (at, bit) = (random.below(octets.len()), random.below(8));
            let mut copy = octets.clone();
            copy[at] ^= 1 << bit;
            packets += damaged(&path, &copy, whole, || format!("bit {bit} of octet {at} flipped"));
            if flip % every == 0 {
                views += 1;
                let what = format!("bit {bit} of octet {at} flipped");
                shown += damaged_shown(&path, &copy, whole_shown, &what);
            }
        }
        runs += CUTS + flips;
    }
    let memory = getrusage(UsageWho::RUSAGE_SELF).unwrap().max_rss() * 1024;
    println!(
        "{runs} damaged copies of {files} files with {packets} packets, {left_out} larger ones left out, {} MB at most",
        memory >> 20
    );
    println!("{views} of the copies were shown in every view, {} MB of them", shown >> 20);
    assert!(memory <= MEMORY, "{memory} octets of memory");
}
