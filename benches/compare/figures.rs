//! What is no comparison with another program: other formats beside their reader alone,
//! records a second, and how soon the program is there.

use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use synfin::source::{CaptureFile, PacketSource as _};

use crate::measure::{Run, median, run};
use crate::peers::PEERS;
use crate::{Args, captures, write};

/// The first word that makes this program read a capture and do nothing with it.
pub const READ: &str = "--read";

/// What synfin's time divided by its reader's must be at most.
const READER_GOAL: f64 = 1.3;
/// Records of segments in a second, at least.
const NDJSON_GOAL: f64 = 1.5e6;
/// Milliseconds to the end of `--help`, and of a lab, at most.
const HELP_GOAL: f64 = 5.0;
const LAB_GOAL: f64 = 300.0;

/// Reads every packet of a capture.
pub fn read(path: &str) -> Result<(), Box<dyn Error>> {
    let mut file = CaptureFile::open(Path::new(path))?;
    while let Some(packet) = file.next_packet()? {
        black_box(packet.data.first());
    }
    Ok(())
}

/// The tables, and whether every goal was met.
pub fn tables(args: &Args) -> Result<(String, bool), Box<dyn Error>> {
    let mut text = write::heading(args)?;
    let mut met = true;
    let pcap = captures::usual(&args.dir, "short", args.scale)?;
    writeln!(
        text,
        "`short` in other formats, beside synfin's own reader that does nothing with the packets, and beside\n\
         capinfos (`-c`), which reads and counts:\n"
    )?;
    writeln!(
        text,
        "| format | size, MB | synfin replay, s | reader alone, s | ratio (range) | goal | | synfin ÷ capinfos (range) |"
    )?;
    writeln!(text, "|---|--:|--:|--:|--:|--:|---|--:|")?;
    let pcapng = saved(args, &pcap)?;
    for (name, file) in [
        ("pcap", pcap.clone()),
        ("pcapng", pcapng.clone()),
        ("pcapng.gz", packed(&["gzip", "-kf", "-6"], &pcapng, "gz")?),
        ("pcapng.zst", packed(&["zstd", "-qkf"], &pcapng, "zst")?),
    ] {
        let path = file.to_string_lossy().into_owned();
        let ours = [&args.synfin, "replay", &path].map(String::from).to_vec();
        let this = std::env::current_exe()?.to_string_lossy().into_owned();
        let reader = [&this, READ, &path].map(String::from).to_vec();
        let pairs = alternate(&ours, &reader, args.pairs)?;
        let ratio = |(a, b): &(Run, Run)| a.wall.as_secs_f64() / b.wall.as_secs_f64();
        let ratios: Vec<f64> = pairs.iter().map(ratio).collect();
        let middle = median(ratios.iter().copied());
        // The file was read just now: it is there, as far as memory goes.
        let beside = PEERS.iter().find(|peer| peer.name == "capinfos" && peer.version().is_some());
        let beside = match beside {
            Some(capinfos) => {
                let counted = alternate(&ours, &capinfos.words(&path), args.pairs);
                let ratios = |pairs: Vec<_>| range(&pairs.iter().map(ratio).collect::<Vec<_>>(), 2);
                counted.map_or_else(|_| "cannot read it".into(), ratios)
            }
            None => "not installed".into(),
        };
        let goal = name != "pcap";
        met &= !goal || middle <= READER_GOAL;
        writeln!(
            text,
            "| {name} | {:.0} | {:.3} | {:.3} | {} | {} | {} | {beside} |",
            std::fs::metadata(&file)?.len() as f64 / 1e6,
            median(pairs.iter().map(|p| p.0.wall.as_secs_f64())),
            median(pairs.iter().map(|p| p.1.wall.as_secs_f64())),
            range(&ratios, 2),
            if goal { format!("≤ {READER_GOAL}") } else { String::new() },
            if goal { verdict(middle <= READER_GOAL) } else { "" },
        )?;
    }
    writeln!(text, "\n| what | figure (range) | goal | |\n|---|--:|--:|---|")?;
    let path = pcap.to_string_lossy();
    let records = captures::SHORT_PACKETS * args.scale;
    let seconds = times(&[&args.synfin, "replay", &path, "--format", "ndjson"], args.pairs)?;
    let rate = |s: f64| records / s / 1e6;
    let ok = records / median(seconds.iter().copied()) >= NDJSON_GOAL;
    met &= ok;
    writeln!(
        text,
        "| NDJSON of every segment, M records a second | {} | ≥ {} | {} |",
        range(&seconds.iter().map(|&s| rate(s)).collect::<Vec<_>>(), 2),
        NDJSON_GOAL / 1e6,
        verdict(ok)
    )?;
    for (what, words, goal) in [
        ("`synfin --help`, ms", &["--help"][..], HELP_GOAL),
        ("`synfin lab run tcp-basic`, ms", &["lab", "run", "tcp-basic"], LAB_GOAL),
    ] {
        let words: Vec<&str> = std::iter::once(args.synfin.as_str()).chain(words.iter().copied()).collect();
        let millis: Vec<f64> = times(&words, 3 * args.pairs)?.iter().map(|s| s * 1e3).collect();
        let ok = median(millis.iter().copied()) <= goal;
        met &= ok;
        writeln!(text, "| {what} | {} | ≤ {goal} | {} |", range(&millis, 1), verdict(ok))?;
    }
    Ok((text, met))
}

fn verdict(ok: bool) -> &'static str {
    if ok { "met" } else { "**missed**" }
}

/// The median, and from the least to the most.
fn range(values: &[f64], digits: usize) -> String {
    let (low, high) = values.iter().fold((f64::MAX, 0.0f64), |(l, h), &v| (l.min(v), h.max(v)));
    format!("{:.digits$} ({low:.digits$}–{high:.digits$})", median(values.iter().copied()))
}

/// Seconds of each run; one more runs first, for the caches.
fn times(words: &[&str], runs: usize) -> Result<Vec<f64>, Box<dyn Error>> {
    let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
    run(&words)?;
    Ok((0..runs).map(|_| run(&words).map(|r| r.wall.as_secs_f64())).collect::<Result<_, _>>()?)
}

/// Pairs of runs; who goes first changes.
fn alternate(a: &[String], b: &[String], pairs: usize) -> Result<Vec<(Run, Run)>, Box<dyn Error>> {
    run(a)?;
    run(b)?;
    let mut all = Vec::new();
    for i in 0..pairs {
        all.push(if i % 2 == 0 {
            (run(a)?, run(b)?)
        } else {
            let second = run(b)?;
            (run(a)?, second)
        });
    }
    Ok(all)
}

/// The capture as synfin saves it in pcapng.
fn saved(args: &Args, pcap: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let path = pcap.with_extension("pcapng");
    if !path.exists() {
        let status = Command::new(&args.synfin)
            .args(["replay", "--limit", "1", "-w"])
            .args([&path, pcap])
            .stdout(Stdio::null())
            .status()?;
        if !status.success() {
            return Err(format!("replay -w {}: {status}", path.display()).into());
        }
    }
    Ok(path)
}

fn packed(words: &[&str], file: &Path, extension: &str) -> Result<PathBuf, Box<dyn Error>> {
    let path = PathBuf::from(format!("{}.{extension}", file.display()));
    if !path.exists() {
        let status = Command::new(words[0]).args(&words[1..]).arg(file).status()?;
        if !status.success() {
            return Err(format!("{}: {status}", words[0]).into());
        }
    }
    Ok(path)
}
