//! `synfin browse`: a capture in panes, from files or live.

mod disk;
mod live;
mod seen;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use crate::decode::headers::headers;
use crate::model::LinkType;
use crate::source::{LiveOptions, LiveSource};
use crate::view::header::HeaderDiagram;
use crate::view::{Style, browse};

use super::confine::{self, Plan, confine};
use super::replay::{self, TrackArgs, stop_flag};

/// Browse files, or a capture as it goes on: connections, packets, headers and graphs in panes
///
/// The keys are those of less and vim; ? lists them. Words after the files are a filter in
/// libpcap's language. With -i the packets come live, and nothing is written to disk.
#[derive(Debug, clap::Args)]
pub(super) struct BrowseArgs {
    /// Files, then a filter: trace.pcap tcp port 80; with -i only a filter
    #[arg(value_name = "FILE… [FILTER…]", required_unless_present = "interface")]
    words: Vec<String>,

    /// Capture live on this interface instead; lo is loopback
    #[arg(short = 'i', long = "interface", value_name = "NAME")]
    interface: Option<String>,

    /// Become this user once the interface is open (as tcpdump -Z); default: who ran sudo
    #[arg(short = 'Z', long = "user", value_name = "USER", requires = "interface")]
    user: Option<String>,

    /// Conversations listed at most; it is said how many there were beyond
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    limit: usize,

    /// Only ASCII characters
    #[arg(long)]
    ascii: bool,

    #[command(flatten)]
    track: TrackArgs,
}

/// Runs the command.
pub(super) fn run(args: BrowseArgs) -> anyhow::Result<ExitCode> {
    let color = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        && std::env::var_os("TERM").is_none_or(|t| t != "dumb");
    let style = Style { ascii: args.ascii, color, ..Style::default() };
    let Some(interface) = &args.interface else {
        let (files, filter) = replay::split(&args.words, false);
        if files.iter().any(|f| f.as_os_str() == "-") {
            bail!("browse reads a file more than once, so it cannot read standard input: save it first");
        }
        // What is wrong with a file is better said before the screen is taken.
        if let Err(e) = replay::open(&files, &filter, replay::Follow::No) {
            return Ok(super::capture::fault(&e));
        }
        let mut feed = disk::Disk::start(files, filter, args.track.options(), args.limit)?;
        browse::run(&mut feed, style)?;
        return Ok(ExitCode::SUCCESS);
    };
    let filter = args.words.join(" ");
    let options = LiveOptions {
        filter: (!filter.is_empty()).then_some(filter),
        stop: stop_flag(),
        ..LiveOptions::new(interface)
    };
    let source = match LiveSource::open(&options) {
        Ok(source) => source,
        Err(e) => return Ok(super::capture::fault(&e)),
    };
    let user = match &args.user {
        Some(name) => Some(confine::user(name).with_context(|| format!("user {name}"))?),
        None => confine::invoker(),
    };
    let statistics = confine::interface_statistics(interface);
    let plan = Plan {
        user,
        files_to_read: statistics.into_iter().collect::<Vec<PathBuf>>(),
        read_only: vec![source.descriptor()],
        ..Plan::default()
    };
    // Before any thread starts: threads inherit what is held.
    confine(&plan).context("least privilege")?;
    let mut feed =
        live::Live::start(source, options.stop, interface.clone(), args.track.options(), args.limit)?;
    browse::run(&mut feed, style)?;
    feed.end();
    Ok(ExitCode::SUCCESS)
}

/// The header diagram of a frame for a pane.
fn header_text(frame: &seen::Frame, style: &Style) -> Option<String> {
    let tree = headers(frame.link, &frame.data, frame.orig_len);
    let mut out = Vec::new();
    HeaderDiagram.render_text(&tree, style, &mut out).ok()?;
    String::from_utf8(out).ok()
}

/// The octets of a frame for a pane.
fn octets(frame: &seen::Frame) -> (LinkType, Vec<u8>) {
    (frame.link, frame.data.clone())
}
