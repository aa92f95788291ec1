//! `synfin capture`: live, with no more privilege than it takes.

use std::io::{BufWriter, StdoutLock, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::lab::duration;
use crate::model::{Printable, Protocol, StreamId};
use crate::source::write::{Background, Overflow, PacketSink};
use crate::source::{Drops, Interface, LiveOptions, LiveSource, PacketSource, SourceError};
use crate::track::{Event, Sink};
use crate::view::events;
use crate::view::ndjson::Ndjson;
use crate::view::services::Services;
use crate::view::words::Known;

use super::confine::{self, Plan, confine};
use super::flow::{Destination, Flow};
use super::look::{Format, LookArgs};
use super::pictures::{Beside, ROOM};
use super::replay::{TrackArgs, stop_flag, wants_packets};
use super::save::{self, SaveArgs};
use super::{complain, show};

/// Capture live, and show what happened when it ends
///
/// It needs the right to open the interface: sudo, or once `sudo setcap
/// cap_net_raw+ep` on the program. Once the interface is open everything
/// else is given up: root, capabilities, new files, the network.
#[derive(Debug, clap::Args)]
pub(super) struct CaptureArgs {
    /// The interface, as `synfin interfaces` lists them; lo is loopback, any is all of them
    #[arg(short = 'i', long = "interface", value_name = "NAME", default_value = "lo")]
    interface: String,

    /// Stop after so many packets
    #[arg(short = 'c', long = "count", value_name = "N")]
    count: Option<u64>,

    /// Stop after so long: 10s, 500ms, 2min
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    for_: Option<Duration>,

    /// Octets kept of each packet at most
    #[arg(short = 's', long = "snaplen", value_name = "OCTETS", default_value_t = 262_144)]
    snaplen: u32,

    /// The kernel's buffer, in KiB
    #[arg(short = 'B', long = "buffer", value_name = "KIB", default_value_t = 32_768)]
    buffer: u32,

    /// See frames that are not for this machine, too
    #[arg(short = 'p', long = "promiscuous")]
    promiscuous: bool,

    /// Become this user once the interface is open (as tcpdump -Z); default: who ran sudo
    #[arg(short = 'Z', long = "user", value_name = "USER")]
    user: Option<String>,

    /// No line for each event while it runs
    #[arg(short = 'q', long)]
    quiet: bool,

    /// Say which privileges are held after each step
    #[arg(short = 'v', long)]
    verbose: bool,

    #[command(flatten)]
    track: TrackArgs,

    #[command(flatten)]
    save: SaveArgs,

    #[command(flatten)]
    look: LookArgs,

    /// A filter in libpcap's language: tcp port 80
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
}

/// Runs the command.
pub(super) fn run(args: CaptureArgs) -> anyhow::Result<ExitCode> {
    let style = args.look.style()?;
    let stop = stop_flag();
    // Read before the right to read files is given up.
    Services::system();
    let filter = args.filter.join(" ");
    let options = LiveOptions {
        snaplen: args.snaplen,
        buffer: args.buffer.saturating_mul(1024),
        promiscuous: args.promiscuous,
        filter: (!filter.is_empty()).then_some(filter),
        duration: args.for_,
        stop,
        ..LiveOptions::new(&args.interface)
    };
    let mut source = match LiveSource::open(&options) {
        Ok(source) => source,
        Err(e) => return Ok(fault(&e)),
    };
    let user = match &args.user {
        Some(name) => Some(confine::user(name).with_context(|| format!("user {name}"))?),
        None => confine::invoker(),
    };
    let owner = user.as_ref().map(|u| (u.uid.as_raw(), u.gid.as_raw()));
    // What a FIFO waits for may never come, and then the end must.
    let ends = args.for_.and_then(|time| Instant::now().checked_add(time));
    let go_on = || !options.stop.load(Ordering::Relaxed) && ends.is_none_or(|end| Instant::now() < end);
    let saved = match args.save.open(&[], owner, go_on) {
        Ok(saved) => saved,
        Err(e) => return Ok(fault(&e)),
    };
    let plan = Plan {
        user,
        output: args.save.file.clone(),
        rotating: args.save.rotation() != Default::default(),
        files_to_read: confine::interface_statistics(&args.interface).into_iter().collect::<Vec<PathBuf>>(),
        read_only: vec![source.descriptor()],
    };
    let held = confine(&plan).context("least privilege")?;
    if args.verbose {
        complain("what is held:");
        anstream::eprintln!("{held}");
    }
    let mut saved = match saved {
        Some(file) => {
            let mut behind = Background::new(file, 256 << 20, Overflow::Lose)?;
            // A disk that fails while nothing comes is told at once, too.
            behind.alarm(options.stop);
            Some(behind)
        }
        None => None,
    };
    if !args.quiet {
        complain(&format!("capturing on {}: Ctrl-C ends it and shows the tables", args.interface));
    }

    let mut flow = Flow::new(args.track.options());
    flow.front.count = args.count;
    flow.front.keep = args.look.packet;
    flow.front.room = if args.look.format == Format::Html { ROOM } else { 0 };
    if args.look.format == Format::Ndjson {
        let mut out = Ndjson::new(std::io::stdout().lock(), wants_packets(&args.look));
        let end = pull(&mut flow, &mut source, &mut out, &mut saved, Ndjson::flush);
        flow.finish(&mut out);
        out.finish()?;
        return Ok(ended(end, &mut source));
    }
    let mut to = Watched {
        recorder: show::recorder(&args.look),
        quiet: args.quiet,
        waiting: Vec::new(),
        lines: BufWriter::new(anstream::stdout().lock()),
    };
    let end = pull(&mut flow, &mut source, &mut to, &mut saved, Watched::flush);
    flow.finish(&mut to);
    to.flush();
    to.recorder.frames(&flow.front.totals);
    let drops = source.drops();
    to.recorder.source(source.interfaces(), source.remarks(), drops);
    let mut report = to.recorder.finish();
    report.summary.origins = vec![args.interface.clone()];
    report.summary.fault = end.as_ref().err().map(ToString::to_string);
    let beside = Beside { frames: std::mem::take(&mut flow.front.first), ..Beside::default() };
    show::show(&report, &args.look, &style, flow.front.kept.as_ref(), &beside)?;
    Ok(ended(end, &mut source))
}

/// Captures until it is told to stop; `idle` runs when nothing more is waiting.
fn pull<D: Destination>(
    flow: &mut Flow,
    source: &mut LiveSource,
    to: &mut D,
    saved: &mut Option<Background>,
    mut idle: impl FnMut(&mut D),
) -> Result<(), SourceError> {
    let mut failure = None;
    if let Some(sink) = saved {
        sink.describe(source.interfaces())?;
    }
    let end = loop {
        match source.next_packet() {
            Ok(Some(packet)) => {
                if let Some(sink) = saved
                    && let Err(e) = sink.write(&packet, None)
                {
                    failure = Some(e);
                }
                let more = flow.packet(&packet, to);
                if failure.is_some() || !more || saved.as_ref().is_some_and(PacketSink::is_full) {
                    break Ok(());
                }
            }
            Ok(None) => break Ok(()),
            Err(e) => break Err(e),
        }
        if source.is_idle() {
            idle(to);
        }
    };
    if let Some(sink) = saved {
        match sink.finish(source.drops()) {
            Ok(written) => save::told(&written),
            Err(e) => failure = failure.or(Some(e)),
        }
    }
    failure.map_or(end, Err)
}

/// Tells the drops, always; then the exit status.
fn ended(end: Result<(), SourceError>, source: &mut LiveSource) -> ExitCode {
    let drops = source.drops();
    complain(&counts(source.interfaces(), source.captured(), drops));
    match end {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => fault(&e),
    }
}

/// tcpdump's three counts, and why the second is twice the first on loopback: there each
/// packet passes the filter when it leaves and when it arrives, and libpcap hands over one.
fn counts(interfaces: &[Interface], captured: u64, drops: Option<Drops>) -> String {
    let plural = if captured == 1 { "" } else { "s" };
    let Some(drops) = drops else {
        return format!("{captured} packet{plural} captured; how many were dropped is not known");
    };
    let loopback = interfaces.iter().any(|i| i.name.as_deref() == Some("lo"));
    let twice = if loopback && drops.received > captured {
        " (on lo the kernel counts each packet twice, leaving and arriving)"
    } else {
        ""
    };
    format!(
        "{captured} packet{plural} captured, {} passed the filter, {} dropped by the kernel, {} by the interface{twice}",
        drops.received, drops.kernel, drops.interface
    )
}

/// Says what is wrong with a source.
pub(super) fn fault(e: &SourceError) -> ExitCode {
    // The text has lines of its own, with the commands that help.
    for (i, line) in e.to_string().lines().enumerate() {
        if i == 0 { complain(line) } else { anstream::eprintln!("  {}", Printable(line.trim())) }
    }
    ExitCode::FAILURE
}

/// A recorder that also says each event of a connection's life as it comes.
struct Watched {
    recorder: crate::report::Recorder,
    quiet: bool,
    /// Events whose conversation is still to come: they precede their packet.
    waiting: Vec<Event>,
    /// Their lines, until nothing more is there to be read.
    lines: BufWriter<anstream::AutoStream<StdoutLock<'static>>>,
}

impl Watched {
    /// Says the events that waited for `stream`, which is known now; others without it.
    fn say(&mut self, stream: Option<StreamId>, known: Option<&Known>) {
        for event in self.waiting.drain(..) {
            let known = known.filter(|_| stream == Some(event.stream));
            // A closed terminal is no reason to stop capturing.
            let _ = writeln!(self.lines, "{}", events::line(&event, known));
        }
    }

    fn flush(&mut self) {
        let _ = self.lines.flush();
    }
}

impl Destination for Watched {
    fn frame(&mut self, _: &crate::model::Packet<'_>) {
        // What is left is about conversations that the packet only quotes.
        self.say(None, None);
    }
}

impl Sink for Watched {
    fn tcp(
        &mut self,
        s: &crate::decode::TcpSegment,
        seen: &crate::track::SeenSegment,
        c: &crate::track::TcpConversation,
    ) {
        self.recorder.tcp(s, seen, c);
        if !self.waiting.is_empty() {
            let stream = StreamId { protocol: Protocol::Tcp, number: seen.stream };
            self.say(Some(stream), Some(&c.into()));
        }
    }

    fn udp(
        &mut self,
        d: &crate::decode::UdpDatagram,
        seen: &crate::track::SeenDatagram,
        c: &crate::track::UdpConversation,
    ) {
        self.recorder.udp(d, seen, c);
    }

    fn icmp(&mut self, m: &crate::decode::IcmpMessage, quoted: Option<crate::model::StreamId>) {
        self.recorder.icmp(m, quoted);
    }

    fn cut(&mut self, record: &crate::decode::Record) {
        self.recorder.cut(record);
    }

    fn event(&mut self, event: &Event) {
        self.recorder.event(event);
        if !self.quiet {
            self.waiting.push(*event);
        }
    }

    fn tcp_ended(&mut self, c: &crate::track::TcpConversation) {
        self.recorder.tcp_ended(c);
    }

    fn udp_ended(&mut self, c: &crate::track::UdpConversation) {
        self.recorder.udp_ended(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LinkType;

    #[test]
    fn what_loopback_counts_twice_is_said() {
        let on = |name: &str, captured, received, kernel| {
            let (name, link) = (Some(name.to_owned()), LinkType::ETHERNET);
            let interfaces = [Interface { name, link, snaplen: 0, ts_digits: 9 }];
            counts(&interfaces, captured, Some(Drops { received, kernel, interface: 0 }))
        };
        let twice = " (on lo the kernel counts each packet twice, leaving and arriving)";
        let cases = [
            (
                on("lo", 10, 20, 0),
                "10 packets captured, 20 passed the filter, 0 dropped by the kernel",
                twice,
            ),
            (on("lo", 0, 0, 0), "0 packets captured, 0 passed the filter, 0 dropped by the kernel", ""),
            (on("eth0", 1, 3, 2), "1 packet captured, 3 passed the filter, 2 dropped by the kernel", ""),
        ];
        for (said, begins, ends) in cases {
            assert_eq!(said, format!("{begins}, 0 by the interface{ends}"));
        }
        assert!(counts(&[], 2, None).contains("not known"));
    }
}
