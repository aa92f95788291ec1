//! `synfin lab`: make traffic on the real kernel, and look at it.

mod record;
mod told;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;

use crate::lab::{
    self, CHAPTERS, LabError, LabInfo, LabOptions, LabOutcome, LabSource, LineOptions, Observer, OfHost,
    Where, catalogue, of_host,
};
use crate::model::Printable;
use crate::source::PacketSource;
use crate::track::TrackerOptions;
use crate::view::Pen;
use crate::view::Style;
use crate::view::calls;
use crate::view::ndjson::Ndjson;

use super::flow::Flow;
use super::look::{Format, LookArgs};
use super::pictures::{Beside, ROOM};
use super::replay::wants_packets;
use super::show;
use told::{FEW_CALLS, head, kernels, over_ipv6, score_line, verdict};

/// Labs: real programs on the real TCP/IP stack, joined by a wire that synfin owns.
///
/// No privilege is needed: the hosts are network namespaces of their own, and nothing
/// outside them is touched. Each lab answers a question, and its claims are checked on
/// the very run it shows.
#[derive(Debug, clap::Args)]
pub struct LabArgs {
    #[command(subcommand)]
    action: LabAction,
}

#[derive(Debug, clap::Subcommand)]
enum LabAction {
    /// Show the labs, as a course
    List,
    /// Run labs and show what happened
    Run(Box<LabRunArgs>),
}

/// Which labs to run, and what to change about them.
#[derive(Debug, clap::Args)]
struct LabRunArgs {
    /// Labs by name, `all`, or a file of your own that ends in .toml
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,

    /// Where the hosts live: in namespaces of their own, or on this machine's loopback
    #[arg(long, value_enum, default_value_t = OnArg::Private)]
    on: OnArg,

    /// Let the hosts speak IPv6; labs about what only IPv4 has refuse
    #[arg(short = '6', long)]
    ipv6: bool,

    /// Save the capture as pcapng; comments tell each packet's fate, call and states. Into a folder
    /// (one that is there, or a name that ends in /): what each host saw, and what entered the wire
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    write: Option<PathBuf>,

    /// Look from the first host (a), the second (b), or the wire itself
    #[arg(long, value_enum, default_value_t = AtArg::A)]
    at: AtArg,

    /// Lose frames: [HOST:]WHAT[:WHICH], as in data:3, client:data:2,4,6 or server:synack
    #[arg(long, value_name = "FRAMES", help_heading = "The wire")]
    drop: Vec<String>,

    /// Deliver frames twice
    #[arg(long, value_name = "FRAMES", help_heading = "The wire")]
    dup: Vec<String>,

    /// Keep a frame back until the next of its direction has passed
    #[arg(long, value_name = "FRAMES", help_heading = "The wire")]
    hold: Vec<String>,

    /// Change the first octet of a frame's payload
    #[arg(long, value_name = "FRAMES", help_heading = "The wire")]
    corrupt: Vec<String>,

    /// Any rule, as in a lab's file: "delay 350 client:data:1", "inject client:data:2 flags=R seq=nxt"
    #[arg(long, value_name = "RULE", help_heading = "The wire")]
    rule: Vec<String>,

    /// How long each frame travels, as in 20ms; client:20ms for those of one host alone, here and below
    #[arg(long, value_name = "TIME", value_parser = |s: &str| of_host(s, lab::duration), help_heading = "The wire")]
    delay: Vec<OfHost<Duration>>,

    /// What each direction carries, as in 10mbit
    #[arg(long, value_name = "RATE", value_parser = |s: &str| of_host(s, lab::rate), help_heading = "The wire")]
    rate: Vec<OfHost<u64>>,

    /// Frames that may wait before a line with a rate
    #[arg(long, value_name = "N", value_parser = |s: &str| of_host(s, str::parse::<usize>), help_heading = "The wire")]
    queue: Vec<OfHost<usize>>,

    /// Share of frames lost by chance, percent
    #[arg(long, value_name = "PERCENT", value_parser = |s: &str| of_host(s, str::parse::<f64>), help_heading = "The wire")]
    loss: Vec<OfHost<f64>>,

    /// What chance follows from: the same seed loses the same frames
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "The wire")]
    seed: u64,

    #[command(flatten)]
    look: LookArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OnArg {
    /// Namespaces of their own
    Private,
    /// The same, joined by veth pairs even where TUN devices may be had
    Veth,
    /// This machine's loopback
    Lo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum AtArg {
    /// The first host: what it sent, and what reached it
    A,
    /// The second host
    B,
    /// The wire: every frame as it was sent, whatever became of it
    Wire,
}

impl LabRunArgs {
    fn options(&self) -> LabOptions {
        let mut rules = self.rule.clone();
        for (act, frames) in
            [("drop", &self.drop), ("dup", &self.dup), ("hold", &self.hold), ("corrupt", &self.corrupt)]
        {
            rules.extend(frames.iter().map(|f| format!("{act} {f}")));
        }
        LabOptions {
            on: match self.on {
                OnArg::Private => Where::Private,
                OnArg::Veth => Where::Veth,
                OnArg::Lo => Where::Lo,
            },
            ipv6: self.ipv6,
            rules,
            line: LineOptions {
                delay: self.delay.clone(),
                rate: self.rate.clone(),
                queue: self.queue.clone(),
                loss: self.loss.clone(),
            },
            seed: self.seed,
            at: match self.at {
                AtArg::A => Observer::Host(0),
                AtArg::B => Observer::Host(1),
                AtArg::Wire => Observer::Wire,
            },
            ..LabOptions::default()
        }
    }
}

/// Runs the command.
///
/// # Errors
/// Those of the output and of writing files; a lab that fails is said and ends in status 1.
pub fn run(args: LabArgs) -> anyhow::Result<ExitCode> {
    let mut out = anstream::stdout().lock();
    match args.action {
        LabAction::List => {
            list(&mut out)?;
            Ok(ExitCode::SUCCESS)
        }
        LabAction::Run(args) => {
            drop(out);
            run_labs(&args)
        }
    }
}

/// The packets that the observer saw, through the same layers and views as any capture.
fn show_packets(outcome: &LabOutcome, at: Observer, look: &LookArgs, style: &Style) -> anyhow::Result<()> {
    let mut source = LabSource::new(outcome, at);
    let mut flow = Flow::new(TrackerOptions::default());
    flow.front.keep = look.packet;
    flow.front.room = if look.format == Format::Html { ROOM } else { 0 };
    if look.format == Format::Ndjson {
        let mut records = Ndjson::new(io::stdout().lock(), wants_packets(look));
        flow.run(&mut source, &mut records)?;
        flow.finish(&mut records);
        return Ok(records.finish()?);
    }
    let mut recorder = show::recorder(look);
    flow.run(&mut source, &mut recorder)?;
    flow.finish(&mut recorder);
    recorder.frames(&flow.front.totals);
    recorder.source(source.interfaces(), source.remarks(), None);
    let mut report = recorder.finish();
    report.summary.origins = vec![format!("lab {}", outcome.name)];
    let frames = std::mem::take(&mut flow.front.first);
    let lab = (look.format == Format::Json).then(|| record::record(outcome));
    let beside = Beside { frames, lab, ..Beside::lab(outcome, at) };
    show::show(&report, look, style, flow.front.kept.as_ref(), &beside)?;
    if look.format == Format::Text && look.views.is_empty() && outcome.calls.len() <= FEW_CALLS {
        println!("\nCalls of the programs");
        calls::write(
            beside.calls.as_deref().unwrap_or_default(),
            Pen::Text,
            style,
            &mut io::stdout().lock(),
        )?;
    }
    if look.format == Format::Text {
        println!();
    }
    Ok(())
}

fn list(out: &mut dyn Write) -> io::Result<()> {
    let width = catalogue().iter().map(|l| l.name.len()).max().unwrap_or(0);
    for chapter in CHAPTERS {
        writeln!(out, "{chapter}")?;
        for lab in catalogue().iter().filter(|l| l.group == chapter) {
            writeln!(out, "  {:width$}  {}", lab.name, lab.question)?;
        }
        writeln!(out)?;
    }
    writeln!(out, "Run one with: synfin lab run NAME; all of them, for a score, with: synfin lab run all")
}

fn run_labs(args: &LabRunArgs) -> anyhow::Result<ExitCode> {
    let style = args.look.style()?;
    let options = args.options();
    let all = args.names.iter().any(|n| n == "all");
    // Asked for all, those that only IPv4 makes sense for are named, not run.
    let apart = |l: &LabInfo| options.ipv6 && l.only_ipv4.is_some();
    let names: Vec<&str> = if all {
        catalogue().iter().filter(|l| !apart(l)).map(|l| l.name.as_str()).collect()
    } else {
        args.names.iter().map(String::as_str).collect()
    };
    if args.write.is_some() && names.len() > 1 {
        anyhow::bail!("-w saves one lab; name just one");
    }
    let (mut failed, mut left_out) = (Vec::new(), Vec::new());
    for name in &names {
        match lab::run(name, &options) {
            Ok(outcome) => {
                let fine = outcome.rules.iter().all(|r| r.fired > 0)
                    && (outcome.passed() || options.alters_the_wire());
                if !fine {
                    failed.push(*name);
                }
                if let Some(path) = &args.write {
                    save(&outcome, options.at, path)?;
                }
                if all {
                    score_line(&mut anstream::stdout().lock(), &outcome)?;
                } else {
                    head(&mut *around(&args.look), &outcome)?;
                    show_packets(&outcome, options.at, &args.look, &style)?;
                    if args.look.views.is_empty() {
                        kernels(&mut *around(&args.look), &outcome, &style)?;
                    }
                    verdict(&mut *around(&args.look), &outcome, options.alters_the_wire())?;
                }
            }
            // Of all labs, one that needs what this kernel lacks is left out.
            Err(e) if all && e.lacking => left_out.push((*name, e)),
            Err(e) => {
                failed.push(*name);
                complain(name, &e);
                if e.environment && !all && options.on != Where::Lo {
                    instead(name, options.ipv6, &args.look, &style)?;
                }
            }
        }
    }
    if all {
        let mut out = anstream::stdout().lock();
        let ran = names.len() - left_out.len();
        writeln!(out, "\n{} of {ran} labs passed", ran - failed.len())?;
        for (name, e) in &left_out {
            writeln!(out, "· {name} was left out: {}", Printable(&e.to_string()))?;
        }
        for lab in catalogue().iter().filter(|l| apart(l)) {
            let why = lab.only_ipv4.as_deref().unwrap_or_default();
            writeln!(out, "· {} was left out, over IPv4 alone: {}", lab.name, Printable(why))?;
        }
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where no lab can run: the capture of it that comes along.
fn instead(name: &str, ipv6: bool, look: &LookArgs, style: &Style) -> anyhow::Result<()> {
    let Some(outcome) = lab::bundled(name)? else { return Ok(()) };
    let version = if ipv6 && !over_ipv6(&outcome) { ", over IPv4," } else { "" };
    anstream::eprintln!(
        "synfin: showing the capture of {}{version} that comes with synfin instead; nothing was run or checked here",
        Printable(name)
    );
    head(&mut *around(look), &outcome)?;
    show_packets(&outcome, outcome.at, look, style)
}

/// Where the words around the packets go: not into a picture or a document.
fn around(look: &LookArgs) -> Box<dyn Write> {
    match look.format {
        Format::Text => Box::new(anstream::stdout().lock()),
        _ => Box::new(anstream::stderr().lock()),
    }
}

fn complain(name: &str, e: &LabError) {
    let text = e.to_string();
    anstream::eprintln!("synfin: lab {}: {}", Printable(name), Printable(&text));
}

/// Into a folder: every observer's capture, each in a file with its name.
fn save(outcome: &LabOutcome, at: Observer, path: &Path) -> anyhow::Result<()> {
    let folder = path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
    if !folder {
        return save_one(outcome, at, path);
    }
    let name = path.display().to_string();
    fs::create_dir_all(path).with_context(|| Printable(&name).to_string())?;
    save_one(outcome, Observer::Wire, &path.join("wire.pcapng"))?;
    // A host has the name that its lab's author gave it.
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' };
    outcome.hosts.iter().enumerate().try_for_each(|(i, host)| {
        let name: String = host.name.chars().map(plain).collect();
        save_one(outcome, Observer::Host(i), &path.join(format!("{}-{name}.pcapng", i + 1)))
    })
}

fn save_one(outcome: &LabOutcome, at: Observer, path: &Path) -> anyhow::Result<()> {
    let name = path.display().to_string();
    let file = File::create(path).with_context(|| Printable(&name).to_string())?;
    let mut out = BufWriter::new(file);
    outcome.save(at, &mut out).with_context(|| Printable(&name).to_string())
}
