//! `synfin replay`: captures from files.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use anyhow::bail;

use crate::source::write::PacketSink;
use crate::source::{CaptureFile, Filtered, Followed, Merged, PacketSource, SourceError};
use crate::track::TrackerOptions;
use crate::view::ndjson::Ndjson;

use super::flow::{Destination, Flow};
use super::look::{Format, LookArgs, ViewName};
use super::noted::Noted;
use super::pictures::{Beside, ROOM};
use super::progress::ProgressLine;
use super::save::{self, SaveArgs};
use super::{complain, far, show};

/// Show what happened in capture files
///
/// Files are recognised by their content: pcap, pcapng, snoop, ERF, .pkt scripts, and all
/// of these in gzip, zstd or lz4; `-` is standard input. Several files are read as one, in
/// time order. Words after the files are a filter in libpcap's language, as tcpdump takes it.
#[derive(Debug, clap::Args)]
pub(super) struct ReplayArgs {
    /// Files, then a filter: trace.pcap tcp port 80
    #[arg(value_name = "FILE… [FILTER…]", required_unless_present = "read")]
    words: Vec<String>,

    /// A file to read, as tcpdump's -r; more may follow
    #[arg(short = 'r', long = "read", value_name = "FILE")]
    read: Vec<PathBuf>,

    /// Stop after so many packets
    #[arg(short = 'c', long = "count", value_name = "N")]
    count: Option<u64>,

    /// Threads that read and track; the output is the same with any number [default: as many as pay]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    /// Go on as the file grows, until Ctrl-C; NDJSON records come as soon as their packets do
    #[arg(long)]
    follow: bool,

    /// A capture of the same packets at their other end: ladders show how long each travelled
    #[arg(long, value_name = "FILE")]
    far: Option<PathBuf>,

    /// The same, and on to the next files of a rotating set (-C, -G, -W): those beside the
    /// file whose names differ from its own in numbers only
    #[arg(long, conflicts_with = "follow")]
    follow_set: bool,

    #[command(flatten)]
    track: TrackArgs,

    #[command(flatten)]
    save: SaveArgs,

    #[command(flatten)]
    look: LookArgs,
}

/// How conversations are told apart and kept.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Tracking")]
pub(super) struct TrackArgs {
    /// Keep equal addresses and ports in different VLANs or tunnels apart (Wireshark merges them)
    #[arg(long)]
    keep_apart: bool,

    /// Conversations followed at once, from 4096 on a quarter of them in each of four parts by
    /// their endpoints; beyond it the least valuable leave, and it is said how many
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    max_connections: usize,

    /// Finished connections kept, so that a late segment finds its own
    #[arg(long, value_name = "N", default_value_t = 1024)]
    linger: usize,
}

impl TrackArgs {
    pub fn options(&self) -> TrackerOptions {
        TrackerOptions {
            keep_apart: self.keep_apart,
            max_conversations: self.max_connections.max(1),
            linger: self.linger,
            ..TrackerOptions::default()
        }
    }
}

/// Splits words into files and a filter: the leading ones that name files, and the rest.
pub(super) fn split(words: &[String], have_file: bool) -> (Vec<PathBuf>, String) {
    let is_file = |w: &str| w == "-" || Path::new(w).exists();
    let mut files = words.iter().take_while(|w| is_file(w)).count();
    if files == 0 && !have_file {
        // The first word must be a file: let opening it say what is wrong.
        files = words.len().min(1);
    }
    (words.iter().take(files).map(PathBuf::from).collect(), words.get(files..).unwrap_or_default().join(" "))
}

/// Runs the command.
pub(super) fn run(args: ReplayArgs) -> anyhow::Result<ExitCode> {
    let style = args.look.style()?;
    let (mut files, filter) = split(&args.words, !args.read.is_empty());
    files.extend(args.read.iter().cloned());
    let follow = match (args.follow, args.follow_set) {
        (_, true) => Follow::Set,
        (true, _) => Follow::File,
        _ => Follow::No,
    };
    if follow != Follow::No && files.len() > 1 {
        bail!("--follow and --follow-set read one file");
    }
    if args.far.is_some() && args.look.format == Format::Ndjson {
        bail!("--far is for ladders and reports, not for records");
    }
    let inputs: Vec<PathBuf> = files.iter().filter(|f| f.as_os_str() != "-").cloned().collect();

    let mut flow = Flow::new(args.track.options());
    flow.front.count = args.count;
    flow.front.keep = args.look.packet;
    flow.front.room = if args.look.format == Format::Html { ROOM } else { 0 };
    flow.front.progress = ProgressLine::new(args.look.format == Format::Ndjson, &flow.conversations);
    let threads = args.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let mut saved = args.save.open(&inputs, None, || true)?;
    let origins: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();

    if args.look.format == Format::Ndjson {
        let packets = wants_packets(&args.look);
        let mut out = Ndjson::new(std::io::stdout().lock(), packets);
        let mut threads = threads;
        if follow != Follow::No {
            // Whoever follows waits for each packet.
            (out, threads, flow.together) = (out.promptly(), 1, 1);
        }
        let end = open(&files, &filter, follow)
            .and_then(|mut source| pull(&mut flow, &mut *source, &mut out, &mut saved, threads));
        flow.front.progress = None;
        flow.finish(&mut out);
        out.finish()?;
        return Ok(ended(end, &flow));
    }

    let mut recorder = show::recorder(&args.look);
    let end = match open(&files, &filter, follow) {
        Err(e) => return Ok(ended(Err(e), &flow)),
        Ok(mut source) => {
            let end = pull(&mut flow, &mut *source, &mut recorder, &mut saved, threads);
            let drops = source.drops();
            recorder.source(source.interfaces(), source.remarks(), drops);
            end
        }
    };
    flow.front.progress = None;
    flow.finish(&mut recorder);
    recorder.frames(&flow.front.totals);
    let mut report = recorder.finish();
    report.summary.origins = origins;
    report.summary.fault = end.as_ref().err().map(ToString::to_string);
    let mut beside = Beside { frames: std::mem::take(&mut flow.front.first), ..Beside::default() };
    if let Some(path) = &args.far {
        let told = far::transit(path, &report)?;
        beside.transit = told.0;
        report.summary.remarks.push(told.1);
    }
    show::show(&report, &args.look, &style, flow.front.kept.as_ref(), &beside)?;
    Ok(ended(end, &flow))
}

/// Packet records, unless only conversations or events were asked for.
pub(super) fn wants_packets(look: &LookArgs) -> bool {
    look.views.is_empty()
        || look
            .views
            .iter()
            .any(|v| !matches!(v, ViewName::Connections | ViewName::Events | ViewName::Explain))
}

/// Reads `source` to its end; saves what passes where that was asked for.
fn pull(
    flow: &mut Flow,
    source: &mut (dyn PacketSource + Send),
    to: &mut impl Destination,
    saved: &mut Option<impl PacketSink>,
    threads: usize,
) -> Result<(), SourceError> {
    let Some(sink) = saved else {
        if threads < 2 {
            return flow.run(source, to);
        }
        return match flow.run_on_shards(source, to, threads) {
            Some(end) => end,
            None => flow.run_on_two(source, to),
        };
    };
    let mut failure = None;
    let mut known = 0;
    // What a packet tells is known once it was tracked: it is saved after that.
    let mut to = Noted::new(to);
    let end = loop {
        let interfaces = source.interfaces();
        if interfaces.len() > known {
            known = interfaces.len();
            if let Err(e) = sink.describe(interfaces) {
                break Err(e);
            }
        }
        match source.next_packet() {
            Ok(Some(packet)) => {
                let more = flow.packet(&packet, &mut to);
                if let Err(e) = sink.write(&packet, to.take().as_deref()) {
                    failure = Some(e);
                }
                if failure.is_some() || !more || sink.is_full() {
                    break Ok(());
                }
            }
            Ok(None) => break Ok(()),
            Err(e) => break Err(e),
        }
    };
    let _ = sink.describe(source.interfaces());
    let written = sink.finish(source.drops());
    match (failure, written) {
        (Some(e), _) | (None, Err(e)) => Err(e),
        (None, Ok(written)) => {
            save::told(&written);
            end
        }
    }
}

/// Says what ended the reading, if it was not the end; the exit status.
fn ended(end: Result<(), SourceError>, flow: &Flow) -> ExitCode {
    if flow.evicted() > 0 {
        complain(&format!(
            "{} conversations had to leave before they were finished: more than --max-connections at once",
            flow.evicted()
        ));
    }
    match end {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            complain(&e.to_string());
            ExitCode::FAILURE
        }
    }
}

/// What comes after the end of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follow {
    No,
    /// What is written to it later.
    File,
    /// That, and the files of its set that are written after it.
    Set,
}

/// The files as one source, in time order.
pub(super) fn open(
    files: &[PathBuf],
    filter: &str,
    follow: Follow,
) -> Result<Box<dyn PacketSource + Send>, SourceError> {
    let source: Box<dyn PacketSource + Send> = match files {
        [one] if follow == Follow::File && one.as_os_str() != "-" => {
            Box::new(Followed::open(one, stop_flag())?)
        }
        [one] if follow == Follow::Set => Box::new(Followed::open_set(one, stop_flag())?),
        [one] => Box::new(CaptureFile::open(one)?),
        many => {
            let open = |f: &PathBuf| CaptureFile::open(f);
            Box::new(Merged::new(many.iter().map(open).collect::<Result<Vec<_>, _>>()?))
        }
    };
    if filter.is_empty() {
        return Ok(source);
    }
    Ok(Box::new(Filtered::new(source, filter)?))
}

/// A flag that SIGINT, SIGTERM and SIGHUP set.
pub(super) fn stop_flag() -> Arc<AtomicBool> {
    let stop = Arc::<AtomicBool>::default();
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        // Without the handler the signal ends the program, as it does anyway.
        let _ = signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop));
        let _ = signal_hook::flag::register(signal, Arc::clone(&stop));
    }
    stop
}
