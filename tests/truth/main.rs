//! The analysis beside the truth: labs by chance on the real kernel, each packet's
//! verdicts compared with the wire's log and the kernel's own account; tshark's labels,
//! where it is installed, by the same measure.
//!
//! `SYNFIN_TRUTH=FIRST-LAST` runs these seeds instead of a few; `SYNFIN_TRUTH_SHOW=KIND`
//! prints each answer that is wrong or missing; `SYNFIN_TRUTH_TABLE=FILE` takes the table,
//! `SYNFIN_TRUTH_KEEP=FOLDER` the labs, their captures and each packet's truth beside what was
//! said; with `SYNFIN_TRUTH_AGAIN=1` besides, the runs kept there are scored again, not made anew.
//! `SYNFIN_TRUTH_SIX=1` runs them over IPv6, which has no IP IDs.
//! Labs need a network namespace of their own: without root, or where the machine has none, the test
//! says so and passes. Where one lab can run, all can, but for a few on a machine that is busy.

mod account;
mod certain;
mod dump;
mod ends;
mod fields;
mod floors;
mod knowable;
mod part;
mod rules;
mod score;
mod store;
mod tally;
mod tshark;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use synfin::lab::{LabOptions, LabOutcome, Observer, run};

use score::Score;
use store::Stored;

#[derive(Default)]
struct Total {
    runs: u64,
    packets: u64,
    failed: Vec<String>,
    synfin: tally::Tally,
    tshark: tally::Tally,
    judged: bool,
    wrong_certain: Vec<String>,
    others: BTreeMap<&'static str, Vec<String>>,
    /// Segments sent again by the wire's log and by the kernels' counters.
    resent: (i64, i64),
    timeouts: (i64, i64),
    probes: (i64, i64),
    /// Segments sent again whose cause nobody knows.
    unknown: i64,
    /// Hosts whose counters refute the account.
    refuted: Vec<String>,
    left_out: BTreeMap<&'static str, u64>,
}

impl Total {
    /// Adds what was sent again, by the wire's account and by the counters of each kernel.
    fn count(&mut self, name: &str, run: &LabOutcome, segments: &[Option<account::Segment>]) {
        use account::Cause;
        for (host, counters) in run.counters.iter().enumerate() {
            let own = || segments.iter().flatten().filter(move |s| s.from == host && s.resent);
            let of = |c: Cause| own().filter(|s| s.cause == Some(c)).count() as i64;
            let counter = |name: &str| counters.get(name).copied().unwrap_or(0);
            let resent = (own().count() as i64, counter("Tcp.RetransSegs"));
            let timeouts = (of(Cause::Timeout), counter("TcpExt.TCPTimeouts"));
            let probes = (of(Cause::Probe), counter("TcpExt.TCPLossProbes"));
            // One timeout sends one segment that counts as its own, one probe is one segment; the
            // counters have those with new data and of SYNs besides.
            if resent.0 != resent.1 || timeouts.0 > timeouts.1 || probes.0 > probes.1 {
                self.refuted.push(format!(
                    "{name}, host {host}: sent again {resent:?}, timeouts {timeouts:?}, probes {probes:?}"
                ));
            }
            for (sum, one) in
                [(&mut self.resent, resent), (&mut self.timeouts, timeouts), (&mut self.probes, probes)]
            {
                *sum = (sum.0 + one.0, sum.1 + one.1);
            }
            self.unknown += of(Cause::Unknown);
        }
    }
}

impl Total {
    /// What must be so of any labs; and with `all`, that there was something to ask.
    fn hold(&self, ipv6: bool, all: bool) {
        let wrong = &self.wrong_certain;
        assert!(wrong.is_empty(), "{} wrong certain:\n{}", wrong.len(), wrong.join("\n"));
        let (failed, most) = (self.failed.len() as u64, 1 + (self.runs + self.failed.len() as u64) / 50);
        assert!(self.runs > 0 && failed <= most, "{failed} labs failed:\n{}", self.failed.join("\n"));
        assert!(self.refuted.is_empty(), "the counters refute the account:\n{}", self.refuted.join("\n"));
        let below = floors::below(&self.synfin, ipv6, all);
        assert!(below.is_empty(), "too few are right:\n{}", below.join("\n"));
    }
}

/// Runs the lab of a seed, or reads back the run that is kept of it.
fn obtain(seed: u64, dir: &Path, ipv6: bool, again: bool) -> Result<Stored, String> {
    let kept = dir.join(format!("{seed}.json"));
    if again {
        return store::load(&kept).ok_or_else(|| format!("seed {seed}: no run of it is kept"));
    }
    let path = dir.join(format!("{seed}.toml"));
    std::fs::write(&path, rules::lab(seed)).unwrap();
    let options = LabOptions { seed, ipv6, ..LabOptions::default() };
    let run = run(path.to_str().unwrap(), &options).map_err(|e| format!("seed {seed}: {e}"))?;
    let labels =
        |host| tshark::labels(&run, Observer::Host(host), &dir.join(format!("{seed}-{host}.pcapng")));
    let stored = Stored { tshark: [labels(0), labels(1)], run };
    store::save(&kept, &stored);
    Ok(stored)
}

fn one(seed: u64, dir: &Path, ipv6: bool, again: bool, total: &Mutex<Total>) {
    let Stored { run: outcome, tshark } = match obtain(seed, dir, ipv6, again) {
        Ok(stored) => stored,
        Err(said) => return total.lock().unwrap().failed.push(said),
    };
    add(&format!("seed {seed}"), &seed.to_string(), &outcome, &tshark, dir, true, total);
}

/// Scores both ends' captures of a run. `alone`: the hosts did nothing else, so that their counters count it.
fn add(
    name: &str,
    file: &str,
    outcome: &LabOutcome,
    tshark: &[Option<tshark::Labels>; 2],
    dir: &Path,
    alone: bool,
    total: &Mutex<Total>,
) {
    let segments = account::segments(outcome);
    let mut scores: Vec<(usize, Score)> = Vec::new();
    let judged = tshark.iter().any(Option::is_some);
    for (host, labels) in tshark.iter().enumerate() {
        let score = score::score(outcome, host, &segments, labels.as_ref());
        if std::env::var_os("SYNFIN_TRUTH_KEEP").is_some() {
            let text = dump::dump(outcome, host, &segments, &score);
            std::fs::write(dir.join(format!("{file}-{host}.txt")), text).unwrap();
        }
        scores.push((host, score));
    }
    let mut t = total.lock().unwrap();
    t.runs += 1;
    t.judged |= judged;
    t.packets += outcome.frames.len() as u64;
    if alone {
        t.count(name, outcome, &segments);
    }
    for (host, score) in scores {
        t.synfin.join(&score.synfin);
        t.tshark.join(&score.tshark);
        for (why, n) in score.left_out {
            *t.left_out.entry(why).or_default() += n;
        }
        let place = format!("{name} at host {host}");
        t.wrong_certain.extend(score.wrong_certain.iter().map(|w| format!("{place}, {w}")));
        for (kind, what) in score.others {
            t.others.entry(kind).or_default().push(format!("{place}, {what}"));
        }
    }
}

fn seeds(least: u64) -> std::ops::RangeInclusive<u64> {
    let wanted = std::env::var("SYNFIN_TRUTH").unwrap_or_default();
    let read = |s: &str| s.parse().ok();
    match wanted.split_once('-') {
        Some((a, b)) => read(a).unwrap_or(1)..=read(b).unwrap_or(1),
        None => 1..=read(&wanted).unwrap_or(least),
    }
}

#[test]
fn no_certain_verdict_is_wrong() {
    hold(std::env::var_os("SYNFIN_TRUTH_SIX").is_some(), seeds(40));
}

#[test]
fn none_is_wrong_over_ipv6_either() {
    if std::env::var_os("SYNFIN_TRUTH").is_none() {
        hold(true, seeds(24));
    }
}

/// Labs can run here; says why not, if they cannot. What is no fault of the machine is a fault.
fn able(ipv6: bool) -> bool {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: labs side by side need root");
        return false;
    }
    match run("tcp-basic", &LabOptions { ipv6, ..LabOptions::default() }) {
        Ok(_) => true,
        Err(e) if e.environment => {
            eprintln!("skipped, no labs here: {e}");
            false
        }
        Err(e) => panic!("{e}"),
    }
}

/// Runs the labs of these seeds and scores what is said of them.
fn hold(ipv6: bool, seeds: std::ops::RangeInclusive<u64>) {
    let again = std::env::var_os("SYNFIN_TRUTH_AGAIN").is_some();
    if !again && !able(ipv6) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("SYNFIN_TRUTH_KEEP").map(std::path::PathBuf::from);
    let dir = kept.as_deref().unwrap_or(scratch.path());
    let total = Mutex::new(Total::default());
    let next = AtomicU64::new(*seeds.start());
    std::thread::scope(|scope| {
        // They mostly wait for the kernels' timers.
        for _ in 0..16 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if !seeds.contains(&seed) {
                        return;
                    }
                    one(seed, dir, ipv6, again, &total);
                }
            });
        }
    });
    let t = total.into_inner().unwrap();
    t.show();
    t.hold(ipv6, std::env::var_os("SYNFIN_TRUTH").is_none());
}

impl Total {
    /// Prints what there is to see, and writes the table where it is wanted.
    fn show(&self) {
        let mut table = tally::table(&self.synfin, self.judged.then_some(&self.tshark));
        table.push('\n');
        table.push_str(&tally::certainty(&self.synfin));
        println!(
            "{} labs, {} packets sent; {} labs did not come to their end\n\n{table}",
            self.runs,
            self.packets,
            self.failed.len()
        );
        println!(
            "account, by the wire and by the counters: sent again {:?}, timeouts {:?}, loss probes {:?}; \
             cause unknown {}",
            self.resent, self.timeouts, self.probes, self.unknown
        );
        for line in &self.refuted {
            println!("counters: {line}");
        }
        for (why, n) in &self.left_out {
            println!("not asked: {n} times, {why}");
        }
        for line in &self.failed {
            println!("failed: {line}");
        }
        let show = std::env::var("SYNFIN_TRUTH_SHOW").unwrap_or_default();
        for (kind, lines) in &self.others {
            let most = if !show.is_empty() && kind.contains(&show) { usize::MAX } else { 4 };
            println!("{kind}: {} differ", lines.len());
            lines.iter().take(most).for_each(|l| println!("  {l}"));
        }
        if let Some(file) = std::env::var_os("SYNFIN_TRUTH_TABLE") {
            std::fs::write(file, &table).unwrap();
        }
    }
}

/// Each connection of each lab of the course that two kernels had with each other.
#[test]
fn what_is_said_of_the_labs_of_the_course_is_true() {
    for ipv6 in [false, true] {
        if !able(ipv6) {
            return;
        }
        let kept = std::env::var_os("SYNFIN_TRUTH_KEEP").map(std::path::PathBuf::from);
        let scratch = tempfile::tempdir().unwrap();
        let dir = kept.as_deref().unwrap_or(scratch.path());
        let total = Mutex::new(Total::default());
        let labs: Vec<_> =
            synfin::lab::catalogue().iter().filter(|l| !(ipv6 && l.only_ipv4.is_some())).collect();
        let next = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while let Some(lab) = labs.get(next.fetch_add(1, Ordering::Relaxed)) {
                        course(&lab.name, ipv6, dir, &total);
                    }
                });
            }
        });
        let t = total.into_inner().unwrap();
        t.show();
        assert!(t.runs >= 40, "{} connections", t.runs);
        t.hold(ipv6, false);
    }
}

fn course(name: &str, ipv6: bool, dir: &Path, total: &Mutex<Total>) {
    let run = match run(name, &LabOptions { ipv6, ..LabOptions::default() }) {
        Ok(run) => run,
        Err(e) if e.lacking => return eprintln!("SKIPPED {name}: {e}"),
        Err(e) => return total.lock().unwrap().failed.push(format!("{name}: {e}")),
    };
    let (parts, left_out) = part::connections(&run);
    for (why, n) in left_out {
        *total.lock().unwrap().left_out.entry(why).or_default() += n;
    }
    for (i, part) in parts.iter().enumerate() {
        let file = format!("{name}-{i}{}", if ipv6 { "-6" } else { "" });
        let labels =
            |host| tshark::labels(part, Observer::Host(host), &dir.join(format!("{file}-{host}.pcapng")));
        add(&part.name, &file, part, &[labels(0), labels(1)], dir, parts.len() == 1, total);
    }
}
