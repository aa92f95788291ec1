//! synfin and another program by turns on the same file. What the machine does meanwhile
//! hits both of a pair, so the ratio within a pair says more than the times.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use crate::measure::{Run, median, run};
use crate::peers::{Goal, PEERS, Peer};
use crate::{Args, captures, write};

/// The memory that synfin may need on `short`, octets.
const MEMORY_GOAL: u64 = 200_000_000;

/// The tables for all kinds, and whether every goal was met.
pub fn tables(args: &Args) -> Result<(String, bool), Box<dyn Error>> {
    let wanted = |p: &&Peer| args.peers.as_ref().is_none_or(|l| l.iter().any(|n| n == p.name));
    let (mut text, mut met) = (write::heading(args)?, true);
    let mut peers = Vec::new();
    for peer in PEERS.iter().filter(wanted) {
        match peer.version() {
            Some(version) => {
                writeln!(text, "- {}: {version}", peer.name)?;
                peers.push(peer);
            }
            None => writeln!(text, "- {}: not installed, left out", peer.name)?,
        }
    }
    for kind in &args.kinds {
        let file = captures::usual(&args.dir, kind, args.scale)?;
        met &= table(args, kind, &file, &peers, &mut text)?;
    }
    Ok((text, met))
}

fn synfin(args: &Args, file: &str) -> Vec<String> {
    [&args.synfin, "replay", file, "--view", "connections", "--limit", "all"].map(String::from).to_vec()
}

fn table(
    args: &Args,
    kind: &str,
    file: &Path,
    peers: &[&Peer],
    text: &mut String,
) -> Result<bool, Box<dyn Error>> {
    let size = std::fs::metadata(file)?.len();
    let file = file.to_string_lossy();
    let ours = synfin(args, &file);
    run(&ours)?; // fills the page cache
    let mut rows = Vec::new();
    let (mut all, mut met) = (Vec::new(), true);
    for peer in peers {
        let words = peer.words(&file);
        if !peer.slow {
            run(&words)?;
        }
        let count = if peer.slow { args.slow_pairs } else { args.pairs };
        let mut pairs: Vec<(Run, Run)> = Vec::new();
        for i in 0..count {
            eprintln!("{kind}: synfin and {}, pair {} of {count}", peer.name, i + 1);
            // Who goes first changes, so that neither always follows the other.
            pairs.push(if i % 2 == 0 {
                (run(&ours)?, run(&words)?)
            } else {
                let theirs = run(&words)?;
                (run(&ours)?, theirs)
            });
        }
        all.extend(pairs.iter().map(|p| p.0));
        if !peer.slow {
            rows.push(few(args, peer.name, &file, &words)?);
        }
        let goal = peer.goals.iter().find(|(k, _)| *k == kind).map(|(_, g)| *g);
        rows.push(row(peer.name, &pairs, goal, &mut met));
    }
    if all.is_empty() {
        for _ in 0..args.pairs {
            all.push(run(&ours)?);
        }
    }
    writeln!(text, "\n### {kind} ({:.0} MB)\n", size as f64 / 1e6)?;
    writeln!(text, "| program | time, s | processor, s | memory, MB | synfin ÷ it (range) | goal | |")?;
    writeln!(text, "|---|--:|--:|--:|--:|--:|---|")?;
    let memory = all.iter().map(|r| r.memory).max().unwrap_or(0);
    let ok = kind != "short" || memory <= MEMORY_GOAL;
    met &= ok;
    let goal = if kind == "short" { "≤ 200 MB" } else { "" };
    writeln!(
        text,
        "| synfin | {:.3} | {:.3} | {:.1} | | {goal} | {} |",
        median(all.iter().map(|r| r.wall.as_secs_f64())),
        median(all.iter().map(|r| r.cpu.as_secs_f64())),
        memory as f64 / 1e6,
        if kind == "short" { verdict(ok) } else { "" },
    )?;
    rows.iter().for_each(|r| text.push_str(r));
    Ok(met)
}

/// The same beside the usual call, which lists the first 1,000 connections.
fn few(args: &Args, name: &str, file: &str, words: &[String]) -> Result<String, Box<dyn Error>> {
    let ours = [&args.synfin, "replay", file].map(String::from).to_vec();
    let pairs = (0..args.pairs).map(|_| Ok((run(&ours)?, run(words)?)));
    let pairs = pairs.collect::<io::Result<Vec<_>>>()?;
    let ours = median(pairs.iter().map(|p| p.0.wall.as_secs_f64()));
    Ok(row(&format!("{name}, beside 1,000 rows ({ours:.3} s)"), &pairs, None, &mut true))
}

fn row(name: &str, pairs: &[(Run, Run)], goal: Option<Goal>, met: &mut bool) -> String {
    let ratios = || pairs.iter().map(|(a, b)| a.wall.as_secs_f64() / b.wall.as_secs_f64());
    let middle = median(ratios());
    let (low, high) = ratios().fold((f64::MAX, 0.0f64), |(l, h), r| (l.min(r), h.max(r)));
    let ok = goal.is_none_or(|g| middle <= g.0);
    *met &= ok;
    format!(
        "| {name} | {:.3} | {:.3} | {:.1} | {} ({}–{}) | {} | {} |\n",
        median(pairs.iter().map(|p| p.1.wall.as_secs_f64())),
        median(pairs.iter().map(|p| p.1.cpu.as_secs_f64())),
        pairs.iter().map(|p| p.1.memory).max().unwrap_or(0) as f64 / 1e6,
        ratio(middle),
        ratio(low),
        ratio(high),
        goal.map_or_else(String::new, |g| format!("≤ {}", ratio(g.0))),
        if goal.is_some() { verdict(ok) } else { "" },
    )
}

fn verdict(ok: bool) -> &'static str {
    if ok { "met" } else { "**missed**" }
}

/// `1.23`, or `1/45` where synfin is much the faster.
fn ratio(value: f64) -> String {
    if value > 0.0 && value < 0.2 { format!("1/{:.0}", 1.0 / value) } else { format!("{value:.2}") }
}
