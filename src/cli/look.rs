//! The options that say how to look at things: views, formats, streams, width, colour.

use std::io::IsTerminal;

use anyhow::{Context as _, bail};
use clap::ValueEnum;

use crate::model::{Protocol, StreamId};
use crate::view::graph::Graph;
use crate::view::{Numbers, Style};

/// What to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ViewName {
    /// One row a conversation
    Connections,
    /// How each connection began, segment by segment
    Handshake,
    /// How each connection ended, segment by segment
    Teardown,
    /// Every segment or datagram
    Segments,
    /// Two life lines and the segments between them
    Ladder,
    /// One packet's headers as the RFCs draw them (with --packet)
    Headers,
    /// UDP's 8 octets beside TCP's 20 to 60
    Overhead,
    /// What happened, with the evidence
    Events,
    /// Sequence numbers, round trips, octets in flight and throughput over time
    Graph,
    /// Each connection's story in plain words
    Explain,
    /// The programs' calls beside the segments they caused (labs)
    Calls,
}

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Tables and pictures for a terminal
    Text,
    /// One document
    Json,
    /// One record a line, as they come
    Ndjson,
    /// Comma-separated values
    Csv,
    /// Markdown tables, Mermaid ladders
    Markdown,
    /// One self-contained page
    Html,
    /// A picture: ladder, headers or graph
    Svg,
    /// Graphs for the xplot program
    Xplot,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum When {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How to look at it.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Looking")]
pub(super) struct LookArgs {
    /// What to show; default: the connections, and handshake and teardown of each when few
    #[arg(long = "view", value_enum, value_name = "V", value_delimiter = ',')]
    pub views: Vec<ViewName>,

    /// In which form
    #[arg(long, value_enum, value_name = "F", default_value_t = Format::Text, hide_possible_values = false)]
    pub format: Format,

    /// Only these conversations, by Wireshark's numbers: 3, tcp:3, udp:0
    #[arg(long = "stream", value_name = "N", value_delimiter = ',', value_parser = stream)]
    pub streams: Vec<StreamId>,

    /// Which graph, for --view graph; without it all in text, time-sequence as a picture
    #[arg(long = "graph", value_name = "G", value_parser = graph)]
    pub graph: Option<Graph>,

    /// One frame, counted from 1 (for --view headers)
    #[arg(long, value_name = "N")]
    pub packet: Option<u64>,

    /// Rows of a table at most, or all
    #[arg(long, value_name = "N", value_parser = limit, default_value = "1000")]
    pub limit: Limit,

    /// Raw sequence numbers alone (as tcpdump -S)
    #[arg(short = 'S', long, conflicts_with = "relative")]
    absolute: bool,

    /// Relative sequence numbers alone
    #[arg(long)]
    relative: bool,

    /// When to use colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto)]
    color: When,

    /// Only ASCII characters
    #[arg(long)]
    ascii: bool,

    /// Addresses and ports as numbers; this is the default, and taken for tcpdump's sake
    #[arg(short = 'n', hide = true, action = clap::ArgAction::Count)]
    _numeric: u8,
}

/// A number of rows, or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit(pub Option<usize>);

fn limit(text: &str) -> Result<Limit, String> {
    if text == "all" {
        return Ok(Limit(None));
    }
    text.parse().map(|n| Limit(Some(n))).map_err(|_| "a number of rows, or all".to_owned())
}

fn graph(text: &str) -> Result<Graph, String> {
    Graph::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = Graph::ALL.iter().map(|g| g.name()).collect();
        format!("one of {}", names.join(", "))
    })
}

fn stream(text: &str) -> Result<StreamId, String> {
    let (protocol, number) = match text.split_once(':') {
        Some(("tcp", n)) => (Protocol::Tcp, n),
        Some(("udp", n)) => (Protocol::Udp, n),
        Some(_) => return Err("the protocol is tcp or udp, as in udp:0".into()),
        None => (Protocol::Tcp, text),
    };
    number
        .parse()
        .map(|number| StreamId { protocol, number })
        .map_err(|_| "a conversation's number, counted from 0, as in 3, tcp:3 or udp:0".into())
}

impl LookArgs {
    /// What the options mean on this terminal.
    ///
    /// # Errors
    /// Options that make no sense together.
    pub fn style(&self) -> anyhow::Result<Style> {
        if self.views.contains(&ViewName::Headers) && self.packet.is_none() {
            bail!("--view headers shows one packet: add --packet N");
        }
        let terminal = std::io::stdout().is_terminal();
        let color = self.format == Format::Text
            && match self.color {
                When::Always => true,
                When::Never => false,
                When::Auto => {
                    terminal
                        && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
                        && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
                }
            };
        let numbers = match (self.absolute, self.relative) {
            (true, _) => Numbers::Absolute,
            (_, true) => Numbers::Relative,
            _ => Numbers::Both,
        };
        let limit = self.limit.0;
        Ok(Style { width: width(terminal)?, ascii: self.ascii, color, numbers, limit })
    }
}

/// Columns: those of COLUMNS, else of the terminal, else 80; never fewer than 40.
fn width(terminal: bool) -> anyhow::Result<usize> {
    let told = match std::env::var("COLUMNS") {
        Ok(text) if !text.is_empty() => {
            Some(text.parse::<usize>().with_context(|| format!("COLUMNS is no number: {text}"))?)
        }
        _ => None,
    };
    let of_terminal = || {
        ratatui::crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns)).filter(|&c| c > 0)
    };
    Ok(told.or_else(|| if terminal { of_terminal() } else { None }).unwrap_or(80).max(40))
}
