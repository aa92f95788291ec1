//! Runs one program and says how long it took and how much memory it needed.
//!
//! The kernel accounts for children that were waited for, all together. So each run has
//! its own helper process (this program again, with `--child`) that has just the one child.

use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

/// The account of one run.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// From the start to the end, by the clock.
    pub wall: Duration,
    /// Processor time of all threads.
    pub cpu: Duration,
    /// Largest resident set, octets.
    pub memory: u64,
}

/// The first word that makes this program the helper.
pub const CHILD: &str = "--child";

/// Runs `words` with its output thrown away.
pub fn run(words: &[String]) -> io::Result<Run> {
    let output = Command::new(std::env::current_exe()?)
        .arg(CHILD)
        .args(words)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace().map(str::parse::<u64>);
    let mut next = || numbers.next().and_then(Result::ok);
    match (output.status.success(), next(), next(), next()) {
        (true, Some(wall), Some(cpu), Some(memory)) => {
            Ok(Run { wall: Duration::from_nanos(wall), cpu: Duration::from_nanos(cpu), memory })
        }
        _ => Err(io::Error::other(format!("{} failed", words.join(" ")))),
    }
}

/// What the helper does: runs the command, prints wall time and processor time
/// (nanoseconds) and memory (octets).
pub fn child(words: &[String]) -> io::Result<()> {
    let (program, args) = words.split_first().ok_or_else(|| io::Error::other("no command"))?;
    let start = Instant::now();
    let status = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    let wall = start.elapsed();
    if !status.success() {
        return Err(io::Error::other(format!("{program}: {status}")));
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let (user, system) = (usage.user_time(), usage.system_time());
    let micros = (user.tv_sec() + system.tv_sec()) * 1_000_000 + user.tv_usec() + system.tv_usec();
    println!("{} {} {}", wall.as_nanos(), micros * 1000, usage.max_rss() * 1024);
    Ok(())
}

/// The middle value; of an even number, the mean of the two in the middle.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    if n == 0 { f64::NAN } else { (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0 }
}
