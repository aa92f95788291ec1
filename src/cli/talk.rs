//! `synfin talk`: the other end of `synfin serve`, or of anything that speaks text.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};

use super::serve::{FramingArg, PORT, diagnose, told};
use crate::apps::{Framing, SocketError, Stop, TalkEnd, TalkOptions, talk_tcp, talk_udp};
use crate::model::Printable;

/// How long a connection may take to be set up.
const CONNECT: Duration = Duration::from_secs(10);
/// Octets of one message, typed or received.
const MESSAGE: usize = 1024 * 1024;

/// Talk to a server: what is typed is sent, what comes is shown, until the input ends or
/// says "exit", or the other side closes
#[derive(Debug, Args)]
pub struct TalkArgs {
    #[command(subcommand)]
    how: How,
}

#[derive(Debug, Subcommand)]
enum How {
    /// Over a TCP connection
    Tcp {
        /// The server; without a port it is 1898
        #[arg(value_name = "HOST:PORT")]
        server: String,
        /// How messages are told apart on the stream; raw passes octets as they are
        #[arg(long, value_enum, default_value_t = FramingArg::Line)]
        framing: FramingArg,
        /// After the end of the input, wait so many seconds for the other side to close
        #[arg(long, value_name = "SECONDS", default_value_t = 5)]
        wait: u64,
    },
    /// Over UDP: each line is a datagram
    Udp {
        /// The server; without a port it is 1898
        #[arg(value_name = "HOST:PORT")]
        server: String,
        /// After the end of the input, wait so many seconds for datagrams
        #[arg(long, value_name = "SECONDS", default_value_t = 1)]
        wait: u64,
    },
}

/// Talks until either side ends.
///
/// # Errors
/// The server cannot be reached, the connection breaks, or the output fails.
pub fn run(args: TalkArgs) -> Result<ExitCode> {
    told(talk(args))
}

fn talk(args: TalkArgs) -> Result<ExitCode> {
    // A handle of its own, unbuffered: what a buffer holds, poll does not see.
    let stdin = io::stdin().as_fd().try_clone_to_owned().context("no standard input")?;
    let mut input = File::from(stdin);
    let mut output = io::stdout().lock();
    let terminal = io::stdout().is_terminal();
    let end = match args.how {
        How::Tcp { server, framing, wait } => {
            let stream = connect(&server)?;
            if io::stdin().is_terminal() {
                let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
                diagnose(&format!("connected: {local} to {peer} (TCP); \"exit\" or Ctrl-D ends"));
            }
            let framing = Framing::from(framing);
            let options = TalkOptions {
                framing,
                limit: MESSAGE,
                printable: framing != Framing::Raw || terminal,
                linger: Duration::from_secs(wait),
            };
            let stop = Stop::on_signals()?;
            talk_tcp(&stream, &mut input, &mut output, &options, &stop).map_err(broken)?
        }
        How::Udp { server, wait } => {
            let (socket, peer) = connect_udp(&server)?;
            if io::stdin().is_terminal() {
                diagnose(&format!("{} to {peer} (UDP); \"exit\" or Ctrl-D ends", socket.local_addr()?));
            }
            let options = TalkOptions {
                framing: Framing::Line,
                limit: MESSAGE,
                printable: true,
                linger: Duration::from_secs(wait),
            };
            let stop = Stop::on_signals()?;
            talk_udp(&socket, &mut input, &mut output, &options, &stop).map_err(broken)?
        }
    };
    match end {
        TalkEnd::PeerClosed => diagnose("the other side closed the connection"),
        TalkEnd::PeerSilent | TalkEnd::InputEnded | TalkEnd::Stopped | TalkEnd::OutputClosed => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn broken(error: io::Error) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            anyhow::anyhow!("nobody is there: an ICMP port unreachable came back ({error})")
        }
        io::ErrorKind::ConnectionReset => {
            anyhow::anyhow!("the other side broke the connection off with RST ({error})")
        }
        _ => match error.raw_os_error().map(nix::errno::Errno::from_raw) {
            Some(nix::errno::Errno::EMSGSIZE) => {
                anyhow::anyhow!(
                    "the line is too long for one datagram: at most 65507 octets over IPv4 ({error})"
                )
            }
            _ => error.into(),
        },
    }
}

fn resolve(server: &str) -> Result<Vec<SocketAddr>> {
    let shown = Printable(server);
    if let Ok(address) = server.parse::<SocketAddr>() {
        return Ok(vec![address]);
    }
    let found = match server.parse::<std::net::IpAddr>() {
        Ok(ip) => vec![SocketAddr::new(ip, PORT)],
        Err(_) if server.contains(':') => server
            .to_socket_addrs()
            .map(Iterator::collect)
            .with_context(|| format!("cannot find '{shown}'"))?,
        Err(_) => (server, PORT)
            .to_socket_addrs()
            .map(Iterator::collect)
            .with_context(|| format!("cannot find '{shown}'"))?,
    };
    if found.is_empty() {
        bail!("'{shown}' has no address");
    }
    Ok(found)
}

/// Connects to the first address that answers.
fn connect(server: &str) -> Result<TcpStream> {
    let mut last = None;
    for address in resolve(server)? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(e) => last = Some(SocketError::new("cannot connect to", address, e)),
        }
    }
    Err(last.map_or_else(|| anyhow::anyhow!("no address to connect to"), Into::into))
}

fn connect_udp(server: &str) -> Result<(UdpSocket, SocketAddr)> {
    let mut last = None;
    for peer in resolve(server)? {
        let any: SocketAddr = if peer.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
        match UdpSocket::bind(any).and_then(|socket| socket.connect(peer).map(|()| socket)) {
            Ok(socket) => return Ok((socket, peer)),
            Err(e) => last = Some(SocketError::new("cannot connect to", peer, e)),
        }
    }
    Err(last.map_or_else(|| anyhow::anyhow!("no address to connect to"), Into::into))
}
