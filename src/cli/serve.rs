//! `synfin serve`: the course's servers.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};

use crate::apps::{
    BACKLOG, Chat, Discard, Echo, Framing, Limits, Note, Server, Service, SocketError, Stop, UdpEcho,
    UdpNote, bind_udp, listen,
};
use crate::model::Printable;

/// The port of the course's programs.
pub const PORT: u16 = 1898;

/// Run a server to talk to and to capture: `synfin serve chat`, then `synfin talk tcp
/// 127.0.0.1:1898` in two more terminals, and `synfin capture -i lo port 1898` beside them
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// Send back what each client sends (TCP)
    Echo {
        #[command(flatten)]
        tcp: TcpArgs,
        /// How messages are told apart on the stream
        #[arg(long, value_enum, default_value_t = FramingArg::Raw)]
        framing: FramingArg,
    },
    /// A chat for several clients, until one says "exit" and leaves (TCP)
    Chat {
        #[command(flatten)]
        tcp: TcpArgs,
        /// How messages are told apart on the stream
        #[arg(long, value_enum, default_value_t = Framed::Line)]
        framing: Framed,
    },
    /// Throw away what clients send (TCP)
    Discard {
        #[command(flatten)]
        tcp: TcpArgs,
    },
    /// Send back each datagram (UDP)
    UdpEcho {
        #[command(flatten)]
        at: BindArgs,
        /// Room for one datagram in octets; of a longer one the end is lost, and told
        #[arg(long, value_name = "OCTETS", default_value_t = 65_535, value_parser = clap::value_parser!(u32).range(1..=65_535))]
        buffer: u32,
    },
}

#[derive(Debug, Args)]
pub(super) struct BindArgs {
    /// Where to listen: ADDRESS:PORT, or PORT on 127.0.0.1; port 0 takes any free port.
    /// 0.0.0.0:1898 admits other machines
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:1898")]
    bind: String,
    /// Tell each socket call with its result
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Debug, Args)]
pub(super) struct TcpArgs {
    #[command(flatten)]
    at: BindArgs,
    /// Clients at once; more are turned away
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=900))]
    clients: u32,
    /// Close a client that says nothing for so many seconds; 0 for never
    #[arg(long, value_name = "SECONDS")]
    idle: Option<u64>,
    /// Do not set SO_REUSEADDR: to see the port refused while an old connection is in TIME-WAIT
    #[arg(long)]
    no_reuseaddr: bool,
    /// Connections that may wait to be accepted
    #[arg(long, value_name = "N", default_value_t = BACKLOG, value_parser = clap::value_parser!(i32).range(0..=65_535))]
    backlog: i32,
}

/// Framing as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FramingArg {
    /// Not at all: octets as they come
    Raw,
    /// Each message ends with a line feed
    Line,
    /// Each message starts with its length in four octets, big-endian
    Length,
}

/// Framing as typed, where there must be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Framed {
    /// Each message ends with a line feed
    Line,
    /// Each message starts with its length in four octets, big-endian
    Length,
}

impl From<FramingArg> for Framing {
    fn from(typed: FramingArg) -> Self {
        match typed {
            FramingArg::Raw => Self::Raw,
            FramingArg::Line => Self::Line,
            FramingArg::Length => Self::Length,
        }
    }
}

impl From<Framed> for Framing {
    fn from(typed: Framed) -> Self {
        match typed {
            Framed::Line => Self::Line,
            Framed::Length => Self::Length,
        }
    }
}

/// Runs a server until Ctrl-C.
///
/// # Errors
/// The port cannot be had, or the system fails.
pub fn run(args: ServeArgs) -> Result<ExitCode> {
    told(serve_one(args))
}

/// A refused socket is told with its advice, line by line; any other fault goes up.
pub(super) fn told(result: Result<ExitCode>) -> Result<ExitCode> {
    let Some(refused) = result.as_ref().err().and_then(|e| e.downcast_ref::<SocketError>()) else {
        return result;
    };
    for (i, line) in refused.to_string().lines().enumerate() {
        diagnose(&if i == 0 { format!("synfin: {line}") } else { line.to_owned() });
    }
    Ok(ExitCode::FAILURE)
}

fn serve_one(args: ServeArgs) -> Result<ExitCode> {
    match args.what {
        What::Echo { tcp, framing } => serve("echo", &tcp, Echo, framing.into(), Limits::ALONE)?,
        What::Chat { tcp, framing } => serve("chat", &tcp, Chat::default(), framing.into(), Limits::CHAT)?,
        What::Discard { tcp } => serve("discard", &tcp, Discard, Framing::Raw, Limits::ALONE)?,
        What::UdpEcho { at, buffer } => serve_udp(&at, buffer)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn serve<S: Service>(name: &str, args: &TcpArgs, service: S, framing: Framing, limits: Limits) -> Result<()> {
    let clients = usize::try_from(args.clients)?;
    let idle = match args.idle {
        Some(0) => None,
        Some(seconds) => Some(Duration::from_secs(seconds)),
        None => limits.idle,
    };
    let limits = Limits {
        clients,
        per_address: if clients < Limits::ALONE.clients { clients } else { clients * 3 / 4 },
        first: if args.idle.is_some() { idle } else { limits.first },
        idle,
        ..limits
    };
    let listener = listen(address(&args.at.bind)?, !args.no_reuseaddr, args.backlog)?;
    let stop = Stop::on_signals().context("cannot wait for Ctrl-C")?;
    let mut server = Server::new(listener, service, framing, limits)?;
    announce(name, "TCP", server.local_addr()?)?;
    let verbose = args.at.verbose;
    let tally = server.run(&stop, &mut |note| {
        let matters =
            matches!(note, Note::Accepted(..) | Note::Refused(_) | Note::AcceptFailed(_) | Note::Left(..));
        if verbose || matters {
            diagnose(&note.to_string());
        }
    })?;
    diagnose(&format!(
        "{name}: {} clients, {} messages, {} octets, {} turned away",
        tally.clients, tally.messages, tally.octets, tally.refused
    ));
    Ok(())
}

fn serve_udp(at: &BindArgs, buffer: u32) -> Result<()> {
    let socket = bind_udp(address(&at.bind)?)?;
    let stop = Stop::on_signals().context("cannot wait for Ctrl-C")?;
    let mut echo = UdpEcho::new(socket, usize::try_from(buffer)?)?;
    announce("udp-echo", "UDP", echo.local_addr())?;
    let verbose = at.verbose;
    let tally = echo.run(&stop, &mut |note: &UdpNote| {
        let cut = note.length - note.kept;
        if verbose || cut > 0 || !note.answered {
            let cut =
                if cut > 0 { format!(", {cut} octets lost: the buffer is too small") } else { String::new() };
            let answered = if note.answered { "" } else { ", not answered" };
            diagnose(&format!("{}: {} octets{cut}{answered}", note.from, note.length));
        }
    })?;
    diagnose(&format!(
        "udp-echo: {} datagrams, {} octets, {} truncated, {} not answered",
        tally.received, tally.octets, tally.truncated, tally.unanswered
    ));
    Ok(())
}

/// The one line on standard output: where it listens, for people and scripts.
fn announce(name: &str, protocol: &str, at: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{name}: listening on {at} ({protocol}); Ctrl-C ends").and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// A line on standard error; a server does not end because nobody reads its diary.
pub(super) fn diagnose(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", Printable(text));
}

/// `ADDRESS:PORT`, `NAME:PORT`, `PORT` alone (on 127.0.0.1) or an address alone (port 1898).
///
/// # Errors
/// It is none of these, or the name has no address.
pub(super) fn address(text: &str) -> Result<SocketAddr> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if let Ok(port) = text.parse() {
        return Ok(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, PORT));
    }
    let shown = Printable(text);
    if !text.contains(':') {
        bail!("'{shown}' is no ADDRESS:PORT: for example 127.0.0.1:{PORT}, [::1]:{PORT} or {PORT}");
    }
    let mut addresses = text.to_socket_addrs().with_context(|| format!("'{shown}' is no ADDRESS:PORT"))?;
    addresses.next().with_context(|| format!("'{shown}' has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_people_type_them() {
        let cases = [
            ("127.0.0.1:0", Some("127.0.0.1:0")),
            ("[::1]:7", Some("[::1]:7")),
            ("4000", Some("127.0.0.1:4000")),
            ("0.0.0.0", Some("0.0.0.0:1898")),
            ("::1", Some("[::1]:1898")),
            ("99999", None),
            ("127.0.0.1:99999", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(address(text).ok().map(|a| a.to_string()).as_deref(), expected, "{text}");
        }
    }
}
