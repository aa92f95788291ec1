//! The highest rate that a live capture bears without losing a packet: synfin beside tcpdump
//! and dumpcap, on loopback and on a veth pair, in a network namespace of its own.
//!
//! ```text
//! cargo run --release --example live                     needs root
//! cargo run --release --example live -- --seconds 2 --dir target/tmp/captures
//! ```
//!
//! Frames of the captures `short` and `bulk` are sent by a raw socket at a rate that grows
//! until the program loses some, then by halves between the two. With `--rate N` all programs
//! get that rate by turns, `--rounds` times: the processor time of each, and what it lost. Each
//! time round the frames are of other connections: none is a repetition.

use std::error::Error;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pnet::datalink::{self, Channel, Config, DataLinkSender};
use synfin::source::{CaptureFile, PacketSource as _};

/// Frames that are sent over and over.
const FRAMES: usize = 100_000;
/// The first rate, frames a second, and how often the interval is halved.
const FIRST: f64 = 50_000.0;
const HALVINGS: u32 = 4;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A program that captures from an interface into nothing.
struct Catcher {
    name: &'static str,
    words: Vec<String>,
}

/// What one run showed.
struct Trial {
    sent: u64,
    seconds: f64,
    received: u64,
    dropped: u64,
    /// Processor seconds of the program.
    processor: f64,
}

impl Trial {
    fn lossless(&self) -> bool {
        self.dropped == 0 && self.received >= self.sent
    }

    fn rate(&self) -> f64 {
        self.sent as f64 / self.seconds
    }
}

fn frames(dir: &Path, kind: &str) -> Outcome<Vec<Vec<u8>>> {
    let path = dir.join(format!("{kind}.pcap"));
    let mut file = CaptureFile::open(&path).map_err(|e| {
        format!("{e}\nmake it: cargo run --release --example generate -- {kind} -o {}", path.display())
    })?;
    let mut frames = Vec::with_capacity(FRAMES);
    while let Some(packet) = file.next_packet()? {
        frames.push(packet.data.to_vec());
        if frames.len() == FRAMES {
            break;
        }
    }
    Ok(frames)
}

fn ip(words: &str) -> Outcome<()> {
    let status = Command::new("ip").args(words.split(' ')).status()?;
    if status.success() { Ok(()) } else { Err(format!("ip {words}: {status}").into()) }
}

fn sender(interface: &str) -> Outcome<Box<dyn DataLinkSender>> {
    let found = datalink::interfaces().into_iter().find(|i| i.name == interface);
    let found = found.ok_or_else(|| format!("there is no {interface}"))?;
    match datalink::channel(&found, Config::default())? {
        Channel::Ethernet(to, _) => Ok(to),
        _ => Err("no Ethernet".into()),
    }
}

/// Has a frame pass between two other addresses: the lower one a step up, the other a step down,
/// so that all checksums stay as they are. Their first halves are to differ by more than there are rounds.
fn elsewhere(frame: &mut [u8]) {
    const IPV4: [u8; 2] = [8, 0];
    let Some([_, _, rest @ ..]) = frame.get_mut(10..) else { return };
    let Some((IPV4, ip)) = rest.split_first_chunk_mut().map(|(kind, ip)| (*kind, ip)) else { return };
    let word = |at: usize| Some(u16::from_be_bytes([*ip.get(at)?, *ip.get(at + 1)?]));
    let (Some(src), Some(dst)) = (word(12), word(16)) else { return };
    let step = if src < dst { 1 } else { u16::MAX };
    for (at, moved) in [(12, src.wrapping_add(step)), (16, dst.wrapping_sub(step))] {
        ip[at..at + 2].copy_from_slice(&moved.to_be_bytes());
    }
}

/// Sends frames at `rate` a second, or as fast as it goes.
fn send(to: &mut dyn DataLinkSender, frames: &mut [Vec<u8>], rate: f64, time: Duration) -> (u64, f64) {
    let begin = Instant::now();
    let mut sent = 0u64;
    loop {
        let elapsed = begin.elapsed();
        if elapsed >= time {
            // The next to send begins with the first frame, and all of them are of one round.
            let next = sent as usize % frames.len();
            if next > 0 {
                frames[next..].iter_mut().for_each(|frame| elsewhere(frame));
            }
            return (sent, elapsed.as_secs_f64());
        }
        let due = (elapsed.as_secs_f64() * rate) as u64;
        for _ in 0..due.saturating_sub(sent).min(64) {
            let next = sent as usize % frames.len();
            if matches!(to.send_to(&frames[next], None), Some(Ok(()))) {
                sent += 1;
                elsewhere(&mut frames[next]);
            }
        }
    }
}

/// Numbers of the line that has `word`.
fn numbers(text: &str, word: &str) -> Vec<u64> {
    let line = text.lines().find(|l| l.contains(word)).unwrap_or_default();
    // What a program quotes is a name, and may hold digits.
    let line: String = line.split('\'').step_by(2).collect();
    line.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect()
}

/// Received and dropped, as the program says at its end.
fn tally(name: &str, text: &str) -> Outcome<(u64, u64)> {
    let first = |word: &str, nth: usize| numbers(text, word).get(nth).copied();
    let found = match name {
        _ if name.starts_with("synfin") => first("packets captured", 0).zip(first("packets captured", 2)),
        "tcpdump" => first("packets captured", 0).zip(first("dropped by kernel", 0)),
        _ => first("received/dropped", 0).zip(first("received/dropped", 1)),
    };
    found.ok_or_else(|| format!("{name} does not say what it dropped: {text}").into())
}

/// Nothing says when a program has taken in what the kernel holds for it.
#[allow(clippy::disallowed_methods, reason = "a benchmark may wait; no test depends on it")]
fn wait(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

fn start(catcher: &Catcher, interface: &str) -> Outcome<Child> {
    let words = catcher.words.iter().map(|w| if w == "IFACE" { interface } else { w });
    let words: Vec<&str> = words.collect();
    let mut child =
        Command::new(words[0]).args(&words[1..]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    // It says so once the device is open.
    let stderr = child.stderr.as_mut().ok_or("no standard error")?;
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).to_lowercase().contains(interface) {
        let mut one = [0];
        if stderr.read(&mut one)? == 0 {
            return Err(String::from_utf8_lossy(&said).into());
        }
        said.push(one[0]);
    }
    wait(300);
    Ok(child)
}

fn trial(
    catcher: &Catcher,
    (from, at): (&str, &str),
    frames: &mut [Vec<u8>],
    rate: f64,
    time: Duration,
) -> Outcome<Trial> {
    let mut to = sender(from)?;
    let before = processor()?;
    let mut child = start(catcher, at)?;
    let (sent, seconds) = send(&mut *to, frames, rate, time);
    wait(1500);
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT)?;
    let mut text = String::new();
    child.stderr.take().ok_or("no standard error")?.read_to_string(&mut text)?;
    child.wait()?;
    let (received, dropped) = tally(catcher.name, &text)?;
    Ok(Trial { sent, seconds, received, dropped, processor: processor()? - before })
}

/// Processor seconds of the programs that have ended so far.
fn processor() -> Outcome<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let times = [usage.user_time(), usage.system_time()];
    Ok(times.iter().map(|t| t.tv_sec() as f64 + t.tv_usec() as f64 / 1e6).sum())
}

/// All programs by turns at one rate: processor time a packet, and losses.
fn by_turns(
    catchers: &[Catcher],
    (wire, kind): (&str, &str),
    path: (&str, &str),
    frames: &mut [Vec<u8>],
    rate: f64,
    rounds: u32,
    time: Duration,
) -> Outcome<()> {
    let mut best = vec![(f64::MAX, 0, 0, 0); catchers.len()];
    for _ in 0..rounds {
        for (catcher, (least, sent, lost, lossless)) in catchers.iter().zip(&mut best) {
            let run = trial(catcher, path, frames, rate, time)?;
            *least = least.min(run.processor * 1e9 / run.received.max(1) as f64);
            *sent += run.sent;
            *lost += run.dropped;
            *lossless += u32::from(run.lossless());
        }
    }
    for (catcher, (least, sent, lost, lossless)) in catchers.iter().zip(best) {
        let name = catcher.name;
        println!("| {wire} | {kind} | {name} | {least:.0} | {sent} | {lost} | {lossless} of {rounds} |");
    }
    Ok(())
}

/// The highest rate without a loss: the fastest lossless trial.
fn highest(
    catcher: &Catcher,
    path: (&str, &str),
    frames: &mut [Vec<u8>],
    time: Duration,
) -> Outcome<(f64, bool)> {
    let (mut best, mut rate) = (0.0f64, FIRST);
    let lost = loop {
        let run = trial(catcher, path, frames, rate, time)?;
        if !run.lossless() {
            break rate.min(run.rate() * 1.02);
        }
        best = best.max(run.rate());
        if run.rate() < 0.9 * rate {
            return Ok((best, true)); // the sender can no more
        }
        rate *= 2.0;
    };
    let mut high = lost;
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(best, high);
        let run = trial(catcher, path, frames, middle, time)?;
        if run.lossless() {
            best = best.max(run.rate());
        } else {
            high = middle;
        }
    }
    Ok((best, false))
}

fn run() -> Outcome<()> {
    let mut time = Duration::from_secs(2);
    let mut dir = PathBuf::from("target/tmp/captures");
    let (mut fixed, mut rounds) = (None, 5);
    let mut words = std::env::args().skip(1);
    while let (Some(word), value) = (words.next(), words.next()) {
        let value = value.ok_or_else(|| format!("{word}: its value is missing"))?;
        match word.as_str() {
            "--seconds" => time = Duration::from_secs_f64(value.parse()?),
            "--dir" => dir = value.into(),
            "--rate" => fixed = Some(value.parse::<f64>()?),
            "--rounds" => rounds = value.parse()?,
            _ => return Err(format!("{word}: unknown").into()),
        }
    }
    let synfin = std::env::current_exe()?.with_file_name("../synfin").to_string_lossy().into_owned();
    unshare(CloneFlags::CLONE_NEWNET).map_err(|e| format!("a network namespace: {e} (root?)"))?;
    ip("link set lo up")?;
    ip("link add here type veth peer name there")?;
    ip("link set here up")?;
    ip("link set there up")?;
    let command = |words: &str| words.split(' ').map(String::from).collect::<Vec<_>>();
    let catchers = [
        Catcher {
            name: "synfin",
            words: [vec![synfin.clone()], command("capture -i IFACE -Z root")].concat(),
        },
        Catcher {
            name: "synfin -w",
            words: [vec![synfin], command("capture -i IFACE -Z root -w /dev/null")].concat(),
        },
        Catcher { name: "tcpdump", words: command("tcpdump -i IFACE -B 32768 -w /dev/null") },
        Catcher { name: "dumpcap", words: command("dumpcap -i IFACE -B 32 -w /dev/null") },
    ];
    match fixed {
        Some(_) => {
            println!(
                "| wire | frames | program | processor, ns a packet | sent | dropped | runs without a loss |"
            );
            println!("|---|---|---|--:|--:|--:|--:|");
        }
        None => {
            println!("| wire | frames | program | highest rate without a loss, frames a second | Mbit/s |");
            println!("|---|---|---|--:|--:|");
        }
    }
    for (wire, path) in [("veth", ("here", "there")), ("lo", ("lo", "lo"))] {
        for kind in ["short", "bulk"] {
            let mut frames = frames(&dir, kind)?;
            if let Some(rate) = fixed {
                by_turns(&catchers, (wire, kind), path, &mut frames, rate, rounds, time)?;
                continue;
            }
            let mean = frames.iter().map(Vec::len).sum::<usize>() as f64 / frames.len() as f64;
            for catcher in &catchers {
                if Command::new(&catcher.words[0])
                    .arg("--version")
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status()
                    .is_err()
                {
                    eprintln!("{}: not installed, left out", catcher.name);
                    continue;
                }
                let (rate, all) = highest(catcher, path, &mut frames, time)?;
                println!(
                    "| {wire} | {kind}, {mean:.0} octets | {} | {}{:.0} | {:.0} |",
                    catcher.name,
                    if all { "≥ " } else { "" },
                    rate,
                    rate * mean * 8.0 / 1e6,
                );
            }
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("live: {e}");
            ExitCode::FAILURE
        }
    }
}
