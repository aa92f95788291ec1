//! The programs of a lab: each step is a call on a real socket of one host.
//!
//! Calls are made on non-blocking sockets, and "block" by running the wire until the
//! socket is ready: what a program in its own process would see, in one exact order.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Socket, Type};

use super::error::LabError;
use super::hosts::Host;
use super::outcome::{Call, Verdict};
use super::resident::Resident;
use super::rules::Which;
use super::script::{Step, Token, duration};
use super::wire::Wire;
use crate::apps::{Decoder, Framing};
use crate::model::{TcpState, Timestamp};

/// A program's socket.
pub(super) struct Sock {
    /// Its host.
    pub host: usize,
    /// The socket.
    pub socket: Socket,
}

/// The ends of a TCP connection: its own and the peer's.
fn connection(socket: &Socket) -> Option<(SocketAddr, SocketAddr)> {
    (socket.r#type().ok()? == Type::STREAM).then_some(())?;
    Some((socket.local_addr().ok()?.as_socket()?, socket.peer_addr().ok()?.as_socket()?))
}

/// The programs of all hosts.
pub(super) struct Programs<'a> {
    /// The machines.
    pub hosts: &'a [Host],
    names: Vec<String>,
    /// Open sockets by the programs' names for them.
    pub sockets: BTreeMap<String, Sock>,
    /// Every call so far.
    pub calls: Vec<Call>,
    /// Whether calls returned what the script says.
    pub verdicts: Vec<Verdict>,
    /// Octets each socket's program received, by its name.
    pub received: BTreeMap<String, usize>,
    /// What each socket has of messages that are not whole yet, by its name, and how they are framed.
    pub decoders: BTreeMap<String, (Framing, Decoder)>,
}

/// What a call gave.
pub(super) enum Got {
    /// Nothing but success.
    Done,
    /// How many octets.
    Number(usize),
    /// The octets themselves.
    Bytes(Vec<u8>),
    /// A message without its marks, and how many octets came for it.
    Message {
        /// The message.
        octets: Vec<u8>,
        /// Octets received.
        moved: usize,
    },
}

/// What a call gave, or its error.
pub(super) type Outcome = io::Result<Got>;

fn readable(socket: &Socket, flags: PollFlags) -> bool {
    let mut fds = [PollFd::new(socket.as_fd(), flags)];
    poll(&mut fds, PollTimeout::ZERO).is_ok_and(|n| n > 0)
}

/// The name of an error number, `ECONNREFUSED`.
pub(super) fn errno(e: &io::Error) -> String {
    match e.raw_os_error() {
        Some(n) => format!("{:?}", nix::errno::Errno::from_raw(n)),
        None => e.to_string(),
    }
}

/// Octets to send: quoted text as it is, a number as so many of a running pattern.
pub(super) fn payload(token: &Token) -> Result<Vec<u8>, String> {
    match token {
        Token::Text(s) => Ok(s.clone().into_bytes()),
        Token::Word(w) => match w.parse::<usize>() {
            Ok(n) if n <= 64 << 20 => Ok((0..n).map(|i| b'a' + (i % 26) as u8).collect()),
            _ => Err(format!("{w:?}: say \"text\" or how many octets")),
        },
    }
}

impl<'a> Programs<'a> {
    /// No sockets yet.
    pub(super) fn new(hosts: &'a [Host]) -> Self {
        Self {
            hosts,
            names: hosts.iter().map(|h| h.name.clone()).collect(),
            sockets: BTreeMap::new(),
            calls: Vec::new(),
            verdicts: Vec::new(),
            received: BTreeMap::new(),
            decoders: BTreeMap::new(),
        }
    }

    /// Does one step.
    pub(super) fn step(&mut self, step: &Step, wire: &mut Wire) -> Result<(), LabError> {
        let fault = |why: String| LabError::of_lab(format!("step {}: {}", step.line, step.text), why);
        let words: Vec<&str> = step.words.iter().map(Token::as_str).collect();
        match words.as_slice() {
            ["repeat", n, _, ..] => {
                let n: usize = n.parse().map_err(|_| fault("say repeat N STEP".into()))?;
                let again = Step { words: step.words.get(2..).unwrap_or_default().to_vec(), ..step.clone() };
                return (0..n).try_for_each(|_| self.step(&again, wire));
            }
            ["settle"] => return wire.settle(),
            ["pass", time] => {
                let time = duration(time).map_err(fault)?;
                return wire.run_until(time, |_| Ok(false)).map(drop);
            }
            ["wait", which] => {
                let text = if which.rsplit(':').next().is_some_and(|n| n.parse::<u32>().is_ok()) {
                    (*which).to_owned()
                } else {
                    format!("{which}:1")
                };
                let (what, n) = text.rsplit_once(':').unwrap_or((which, "1"));
                let n: usize = n.parse().unwrap_or(1);
                let which = Which::parse(what, &self.names).map_err(fault)?;
                let gave_up = wire.wait(|w| {
                    let count = w.frames.iter().zip(&w.seen).filter(|(f, s)| which.is(f.from, s)).count();
                    Ok(count >= n)
                })?;
                return gave_up.map_or(Ok(()), |why| Err(fault(format!("not seen ({why})"))));
            }
            _ => {}
        }
        let [host, verb, args @ ..] = words.as_slice() else {
            return Err(fault("say settle, pass TIME, wait WHICH, or HOST CALL …".into()));
        };
        let Some(host) = self.names.iter().position(|n| n == host) else {
            return Err(fault(format!("no host {host:?}; there are: {}", self.names.join(", "))));
        };
        if *verb == "inject" {
            return self.inject(host, step.words.get(2..).unwrap_or_default(), wire).map_err(fault);
        }
        if *verb == "give-up-privilege" {
            // Of this thread alone, which ends with the lab.
            return caps::drop(None, caps::CapSet::Effective, caps::Capability::CAP_NET_BIND_SERVICE)
                .map_err(|e| fault(e.to_string()));
        }
        if *verb == "serve" {
            return self.serve(host, args, wire).map_err(fault);
        }
        if *verb == "state" {
            return self.wait_state(host, args, wire, &fault);
        }
        // What left before this call is not of its making.
        wire.intake()?;
        let ts = wire.clock.now();
        let data = step.words.get(2..).unwrap_or_default();
        let (text, caused, got) = self.call(host, verb, args, data, wire).map_err(|e| match e {
            Fault::Words(why) => fault(why),
            Fault::Lab(e) => e,
        })?;
        let mut caused = caused;
        caused.extend(wire.intake()?);
        wire.sample();
        self.log(ts, wire.clock.now(), host, args, text, caused, &got);
        self.judge(step, got).map_err(fault)
    }

    #[allow(clippy::too_many_arguments, reason = "a call has that many properties")]
    fn log(
        &mut self,
        ts: Timestamp,
        returned: Timestamp,
        host: usize,
        args: &[&str],
        text: String,
        caused: Vec<usize>,
        got: &Outcome,
    ) {
        let socket = args.first().copied().unwrap_or_default().to_owned();
        let (result, bytes, data) = match got {
            Ok(Got::Done) => ("= 0".into(), 0, Vec::new()),
            Ok(Got::Number(n)) => (format!("= {n}"), *n, Vec::new()),
            Ok(Got::Bytes(b)) => {
                *self.received.entry(socket.clone()).or_default() += b.len();
                (format!("= {}", b.len()), b.len(), b.iter().take(64).copied().collect())
            }
            Ok(Got::Message { octets, moved }) => {
                *self.received.entry(socket.clone()).or_default() += moved;
                (format!("= {}", octets.len()), *moved, octets.iter().take(64).copied().collect())
            }
            Err(e) => (format!("= -1 {}", errno(e)), 0, Vec::new()),
        };
        let ends =
            self.sockets.get(&socket).filter(|_| Call::moves(&text)).and_then(|s| connection(&s.socket));
        self.calls.push(Call { ts, returned, host, socket, text, result, bytes, ends, data, caused });
    }

    /// Compares what a call gave with what the script says it gives.
    fn judge(&mut self, step: &Step, got: Outcome) -> Result<(), String> {
        let seen = match &got {
            Ok(Got::Done) => "0".into(),
            Ok(Got::Number(n)) => n.to_string(),
            Ok(Got::Bytes(b) | Got::Message { octets: b, .. }) if b.is_empty() => "eof".into(),
            Ok(Got::Bytes(b) | Got::Message { octets: b, .. }) => format!(
                "{} octets {:?}",
                b.len(),
                String::from_utf8_lossy(b.get(..40.min(b.len())).unwrap_or(b))
            ),
            Err(e) => errno(e),
        };
        let Some(wants) = &step.wants else {
            // In progress is what starting to connect looks like.
            return match got {
                Err(e) if errno(&e) != "EINPROGRESS" => Err(format!("{} ({e})", errno(&e))),
                _ => Ok(()),
            };
        };
        let held = match (wants, &got) {
            (Token::Text(t), Ok(Got::Bytes(b) | Got::Message { octets: b, .. })) => {
                t.as_bytes() == b.as_slice()
            }
            (Token::Word(w), Ok(Got::Bytes(b) | Got::Message { octets: b, .. })) => {
                (w == "eof" && b.is_empty())
                    || w.parse() == Ok(b.len())
                    || w.strip_prefix('<')
                        .and_then(|n| n.parse().ok())
                        .is_some_and(|n: usize| !b.is_empty() && b.len() < n)
            }
            (Token::Word(w), Ok(Got::Number(n))) => {
                w.parse() == Ok(*n)
                    || w.strip_prefix('<').and_then(|n| n.parse().ok()).is_some_and(|m: usize| *n < m)
            }
            (Token::Word(w), Ok(Got::Done)) => w == "0" || w == "ok",
            (Token::Word(w), Err(e)) => *w == errno(e),
            (Token::Text(_), _) => false,
        };
        self.verdicts.push(Verdict {
            claim: format!("{} gives {wants}", step.call()),
            check: format!("step {}", step.line),
            held,
            seen,
            frames: self.calls.last().map(|c| c.caused.clone()).unwrap_or_default(),
        });
        Ok(())
    }

    /// Starts a program of `synfin serve` over a listening socket: `HOST serve LISTENER chat`.
    fn serve(&mut self, host: usize, args: &[&str], wire: &mut Wire) -> Result<(), String> {
        let say = || "say HOST serve LISTENER echo|discard|chat".to_owned();
        let [name, what] = args else { return Err(say()) };
        let Some(sock) = self.sockets.remove(*name).filter(|s| s.host == host) else {
            return Err(format!("no socket {name} here"));
        };
        let port = sock.socket.local_addr().ok().and_then(|a| a.as_socket()).map_or(0, |a| a.port());
        let own = SocketAddr::new(self.hosts.get(host).ok_or("no such host")?.addr, port);
        let started = Resident::start(host, name, own, sock.socket, what).ok_or_else(say)?;
        wire.residents.push(started.map_err(|e| e.to_string())?);
        Ok(())
    }

    /// The host's socket of this name.
    pub(super) fn socket(&self, host: usize, name: &str) -> Result<&Sock, Fault> {
        match self.sockets.get(name) {
            Some(s) if s.host == host => Ok(s),
            Some(_) => Err(Fault::Words(format!("{name} belongs to another host"))),
            None => Err(Fault::Words(format!("no socket {name}"))),
        }
    }

    /// `HOST:PORT`, an address and port, or `:PORT`.
    pub(super) fn target(&self, text: &str) -> Result<SocketAddr, Fault> {
        let fault = || Fault::Words(format!("{text:?}: say HOST:PORT, an address and port, or :PORT"));
        let (host, port) = text.rsplit_once(':').ok_or_else(fault)?;
        let port = port.parse().map_err(|_| fault())?;
        let addr = match self.hosts.iter().find(|h| h.name == host) {
            Some(h) => h.addr,
            None if !host.is_empty() => {
                host.trim_start_matches('[').trim_end_matches(']').parse().map_err(|_| fault())?
            }
            None if self.hosts.iter().any(|h| h.addr.is_ipv6()) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        };
        Ok(SocketAddr::new(addr, port))
    }

    /// Runs the wire until the socket is ready for `what`.
    pub(super) fn ready(
        &self,
        host: usize,
        name: &str,
        what: PollFlags,
        wire: &mut Wire,
    ) -> Result<(), Fault> {
        let s = self.socket(host, name)?;
        match wire.wait(|_| Ok(readable(&s.socket, what)))? {
            None => Ok(()),
            Some(why) => Err(Fault::Words(format!("would wait for ever ({why})"))),
        }
    }

    fn wait_state(
        &self,
        host: usize,
        args: &[&str],
        wire: &mut Wire,
        fault: &dyn Fn(String) -> LabError,
    ) -> Result<(), LabError> {
        let [port, name] = args else { return Err(fault("say HOST state PORT STATE".into())) };
        let port: u16 = port.parse().map_err(|_| fault("say HOST state PORT STATE".into()))?;
        let want = TcpState::ALL.into_iter().find(|s| s.name() == *name);
        if want.is_none() && *name != "none" {
            return Err(fault(format!("{name:?} is no state of RFC 9293, nor none")));
        }
        let gave_up = wire.wait(|w| {
            w.sample();
            let last = w.truth.samples.iter().rev().find(|s| s.host == host && s.local_port == port);
            Ok(last.is_some_and(|s| s.state == want))
        })?;
        gave_up.map_or(Ok(()), |why| Err(fault(format!("not reached ({why})"))))
    }

    /// Closes every socket, in the order of their names.
    pub(super) fn close(&mut self) {
        self.sockets.clear();
    }
}

/// A step that could not be done: its words, or the lab.
pub(super) enum Fault {
    /// What is wrong with the step.
    Words(String),
    /// What is wrong with the lab.
    Lab(LabError),
}

impl From<LabError> for Fault {
    fn from(e: LabError) -> Self {
        Self::Lab(e)
    }
}
