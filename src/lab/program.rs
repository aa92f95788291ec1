//! The programs of a lab: each step is a call on a real socket of one host.
//!
//! Calls are made on non-blocking sockets, and "block" by running the wire until the
//! socket is ready: what a program in its own process would see, in one exact order.

use std::collections::BTreeMap;
use std::io;
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, TcpKeepalive, Type};

use super::craft::{self, RawSegment};
use super::error::LabError;
use super::hosts::Host;
use super::outcome::{Call, Verdict};
use super::rules::Which;
use super::script::{Step, Token, duration};
use super::wire::Wire;
use crate::model::{TcpState, Timestamp};

/// How long a call may wait before the lab gives it up.
const PATIENCE: Duration = Duration::from_secs(20);

struct Sock {
    host: usize,
    socket: Socket,
}

/// The programs of all hosts.
pub(super) struct Programs<'a> {
    hosts: &'a [Host],
    names: Vec<String>,
    sockets: BTreeMap<String, Sock>,
    /// Every call so far.
    pub calls: Vec<Call>,
    /// Whether calls returned what the script says.
    pub verdicts: Vec<Verdict>,
    /// Octets each socket's program received, by its name.
    pub received: BTreeMap<String, usize>,
}

/// What a call gave.
enum Got {
    Done,
    Number(usize),
    Bytes(Vec<u8>),
}

type Outcome = io::Result<Got>;

fn readable(socket: &Socket, flags: PollFlags) -> bool {
    let mut fds = [PollFd::new(socket.as_fd(), flags)];
    poll(&mut fds, PollTimeout::ZERO).is_ok_and(|n| n > 0)
}

/// The name of an error number, `ECONNREFUSED`.
fn errno(e: &io::Error) -> String {
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
                let came = wire.run_until(PATIENCE, |w| {
                    let count = w.frames.iter().zip(&w.seen).filter(|(f, s)| which.is(f.from, s)).count();
                    Ok(count >= n)
                })?;
                return if came { Ok(()) } else { Err(fault(format!("not seen in {PATIENCE:?}"))) };
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
            return self.inject(host, args, &step.words, wire).map_err(fault);
        }
        if *verb == "give-up-privilege" {
            // Of this thread alone, which ends with the lab.
            return caps::drop(None, caps::CapSet::Effective, caps::Capability::CAP_NET_BIND_SERVICE)
                .map_err(|e| fault(e.to_string()));
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
            Err(e) => (format!("= -1 {}", errno(e)), 0, Vec::new()),
        };
        self.calls.push(Call { ts, returned, host, socket, text, result, bytes, data, caused });
    }

    /// Compares what a call gave with what the script says it gives.
    fn judge(&mut self, step: &Step, got: Outcome) -> Result<(), String> {
        let seen = match &got {
            Ok(Got::Done) => "0".into(),
            Ok(Got::Number(n)) => n.to_string(),
            Ok(Got::Bytes(b)) if b.is_empty() => "eof".into(),
            Ok(Got::Bytes(b)) => format!(
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
            (Token::Text(t), Ok(Got::Bytes(b))) => t.as_bytes() == b.as_slice(),
            (Token::Word(w), Ok(Got::Bytes(b))) => {
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
            claim: step.text.replace("=>", "gives"),
            check: format!("step {}", step.line),
            held,
            seen,
            frames: self.calls.last().map(|c| c.caused.clone()).unwrap_or_default(),
        });
        Ok(())
    }

    fn socket(&self, host: usize, name: &str) -> Result<&Sock, Fault> {
        match self.sockets.get(name) {
            Some(s) if s.host == host => Ok(s),
            Some(_) => Err(Fault::Words(format!("{name} belongs to another host"))),
            None => Err(Fault::Words(format!("no socket {name}"))),
        }
    }

    fn target(&self, text: &str) -> Result<SocketAddrV4, Fault> {
        let fault = || Fault::Words(format!("{text:?}: say HOST:PORT, an address and port, or :PORT"));
        let (host, port) = text.rsplit_once(':').ok_or_else(fault)?;
        let port = port.parse().map_err(|_| fault())?;
        let addr = match self.hosts.iter().find(|h| h.name == host) {
            Some(h) => h.addr,
            None if host.is_empty() => Ipv4Addr::UNSPECIFIED,
            None => host.parse().map_err(|_| fault())?,
        };
        Ok(SocketAddrV4::new(addr, port))
    }

    /// Runs the wire until the socket is ready for `what`.
    fn ready(&self, host: usize, name: &str, what: PollFlags, wire: &mut Wire) -> Result<(), Fault> {
        let s = self.socket(host, name)?;
        if wire.run_until(PATIENCE, |_| Ok(readable(&s.socket, what)))? {
            Ok(())
        } else {
            Err(Fault::Words(format!("would wait for ever (gave up after {PATIENCE:?})")))
        }
    }

    fn call(
        &mut self,
        host: usize,
        verb: &str,
        args: &[&str],
        tokens: &[Token],
        wire: &mut Wire,
    ) -> Result<(String, Vec<usize>, Outcome), Fault> {
        let words = |s: &str| Fault::Words(s.to_owned());
        let data = |i: usize| -> Result<Vec<u8>, Fault> {
            payload(tokens.get(i).ok_or_else(|| words("what to send is missing"))?).map_err(Fault::Words)
        };
        let size =
            |text: &str| text.parse::<usize>().map_err(|_| Fault::Words(format!("{text:?} is no size")));
        let mut early = Vec::new();
        Ok(match (verb, args) {
            ("socket", [name, kind]) => {
                let (ty, protocol, text) = match *kind {
                    "tcp" => (Type::STREAM, Protocol::TCP, "SOCK_STREAM"),
                    "udp" => (Type::DGRAM, Protocol::UDP, "SOCK_DGRAM"),
                    _ => return Err(words("say socket NAME tcp, or udp")),
                };
                self.hosts.get(host).ok_or_else(|| words("no such host"))?.enter()?;
                let made = Socket::new(Domain::IPV4, ty.nonblocking(), Some(protocol));
                let got = made.map(|socket| {
                    self.sockets.insert((*name).into(), Sock { host, socket });
                    Got::Done
                });
                (format!("{name} = socket(AF_INET, {text})"), early, got)
            }
            ("bind", [name, port]) => {
                let port = if port.contains(':') { (*port).to_owned() } else { format!(":{port}") };
                let addr = self.target(&port)?;
                let got = self.socket(host, name)?.socket.bind(&addr.into());
                (format!("bind({name}, {addr})"), early, got.map(|()| Got::Done))
            }
            ("listen", [name, n]) => {
                let backlog = n.parse().map_err(|_| words("listen NAME BACKLOG"))?;
                let got = self.socket(host, name)?.socket.listen(backlog);
                (format!("listen({name}, {n})"), early, got.map(|()| Got::Done))
            }
            ("connect" | "connect-start", [name, to]) => {
                let addr = self.target(to)?;
                let mut got = self.socket(host, name)?.socket.connect(&addr.into()).map(|()| Got::Done);
                if verb == "connect" && got.as_ref().is_err_and(|e| errno(e) == "EINPROGRESS") {
                    early = wire.intake()?;
                    wire.sample();
                    got = self.connected(host, name, wire)?;
                }
                (format!("connect({name}, {addr})"), early, got)
            }
            ("connected", [name]) => {
                let got = self.connected(host, name, wire)?;
                (format!("connect({name}) returned"), early, got)
            }
            ("accept", [listener, name]) => {
                self.ready(host, listener, PollFlags::POLLIN, wire)?;
                wire.intake()?;
                let got = self.socket(host, listener)?.socket.accept();
                let got = got.and_then(|(socket, _)| {
                    socket.set_nonblocking(true)?;
                    self.sockets.insert((*name).into(), Sock { host, socket });
                    Ok(Got::Done)
                });
                (format!("{name} = accept({listener})"), early, got)
            }
            ("send", [name, _]) => {
                let data = data(1)?;
                let got = self.socket(host, name)?.socket.send(&data);
                (format!("send({name}, {})", data.len()), early, got.map(Got::Number))
            }
            ("send-all", [name, _]) => {
                let data = data(1)?;
                let mut at = 0;
                while let Some(rest) = data.get(at..)
                    && !rest.is_empty()
                {
                    match self.socket(host, name)?.socket.send(rest) {
                        Ok(n) => at += n,
                        Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                            self.ready(host, name, PollFlags::POLLOUT, wire)?;
                        }
                        Err(e) => return Ok((format!("sendall({name}, {})", data.len()), early, Err(e))),
                    }
                    early.extend(wire.intake()?);
                }
                (format!("sendall({name}, {})", data.len()), early, Ok(Got::Number(at)))
            }
            ("sendto", [name, to, _]) => {
                let (addr, data) = (self.target(to)?, data(2)?);
                let got = self.socket(host, name)?.socket.send_to(&data, &SockAddr::from(addr));
                (format!("sendto({name}, {}, {addr})", data.len()), early, got.map(Got::Number))
            }
            ("recv" | "recv-now", [name, n]) => {
                let n = size(n)?.min(64 << 20);
                if verb == "recv" {
                    self.ready(host, name, PollFlags::POLLIN, wire)?;
                    wire.intake()?;
                }
                let got = receive(&self.socket(host, name)?.socket, n);
                (format!("recv({name}, {n})"), early, got.map(Got::Bytes))
            }
            ("recv-length", [name, n]) => {
                self.ready(host, name, PollFlags::POLLIN, wire)?;
                let mut room = vec![MaybeUninit::uninit(); size(n)?.min(1 << 16)];
                let flags = nix::sys::socket::MsgFlags::MSG_TRUNC.bits();
                let got = self.socket(host, name)?.socket.recv_with_flags(&mut room, flags);
                (format!("recv({name}, {n}, MSG_TRUNC)"), early, got.map(Got::Number))
            }
            ("recv-all", [name, n]) => {
                let n = size(n)?;
                let mut all = Vec::new();
                let mut fault = None;
                while all.len() < n {
                    self.ready(host, name, PollFlags::POLLIN, wire)?;
                    match receive(&self.socket(host, name)?.socket, (n - all.len()).min(1 << 20)) {
                        Ok(b) if b.is_empty() => break,
                        Ok(b) => all.extend(b),
                        Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                        Err(e) => {
                            fault = Some(e);
                            break;
                        }
                    }
                    early.extend(wire.intake()?);
                }
                let got = fault.map_or(Ok(Got::Bytes(all)), Err);
                (format!("recv({name}) until {n}"), early, got)
            }
            ("shutdown", [name, how]) => {
                let (how, text) = match *how {
                    "write" => (Shutdown::Write, "SHUT_WR"),
                    "read" => (Shutdown::Read, "SHUT_RD"),
                    "both" => (Shutdown::Both, "SHUT_RDWR"),
                    _ => return Err(words("say shutdown NAME write, read or both")),
                };
                let got = self.socket(host, name)?.socket.shutdown(how);
                (format!("shutdown({name}, {text})"), early, got.map(|()| Got::Done))
            }
            ("close", [name]) => {
                self.socket(host, name)?;
                drop(self.sockets.remove(*name));
                (format!("close({name})"), early, Ok(Got::Done))
            }
            ("set", [name, option, value]) => {
                let own = self.hosts.get(host).map_or(Ipv4Addr::UNSPECIFIED, |h| h.addr);
                let got = set(&self.socket(host, name)?.socket, own, option, value).map_err(Fault::Words)?;
                (format!("setsockopt({name}, {option}, {value})"), early, got.map(|()| Got::Done))
            }
            _ => {
                return Err(words(
                    "no such call; there are: socket bind listen connect connect-start connected accept send \
                     send-all sendto recv recv-now recv-all recv-length shutdown close set state inject \
                     give-up-privilege",
                ));
            }
        })
    }

    fn connected(&self, host: usize, name: &str, wire: &mut Wire) -> Result<Outcome, Fault> {
        self.ready(host, name, PollFlags::POLLOUT, wire)?;
        Ok(match self.socket(host, name)?.socket.take_error() {
            Ok(None) => Ok(Got::Done),
            Ok(Some(e)) | Err(e) => Err(e),
        })
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
        let came = wire.run_until(PATIENCE, |w| {
            w.sample();
            let last = w.truth.samples.iter().rev().find(|s| s.host == host && s.local_port == port);
            Ok(last.is_some_and(|s| s.state == want))
        })?;
        if came { Ok(()) } else { Err(fault(format!("not reached in {PATIENCE:?}"))) }
    }

    /// A segment that no kernel sent: `HOST inject 40000>server:80 flags=SF seq=nxt-100 …`.
    fn inject(&self, host: usize, args: &[&str], tokens: &[Token], wire: &mut Wire) -> Result<(), String> {
        let [ports, fields @ ..] = args else {
            return Err("say inject PORT>HOST:PORT flags=… seq=…".into());
        };
        let (src_port, to) = ports.split_once('>').ok_or("say PORT>HOST:PORT")?;
        let to = self.target(to).map_err(|_| "say PORT>HOST:PORT")?;
        let src = self.hosts.get(host).ok_or("no such host")?.addr;
        let mut s = RawSegment {
            src,
            dst: *to.ip(),
            src_port: src_port.parse().map_err(|_| "say PORT>HOST:PORT")?,
            dst_port: to.port(),
            seq: 0,
            ack: 0,
            flags: 0,
            window: 64240,
            options: Vec::new(),
            payload: Vec::new(),
        };
        let own = wire.next_seq(s.src, s.src_port, s.dst, s.dst_port);
        let peer = wire.next_seq(s.dst, s.dst_port, s.src, s.src_port);
        let number = |text: &str, next: Option<u32>| -> Result<u32, String> {
            let fault = || format!("{text:?}: say a number, nxt, nxt+100 or nxt-100");
            let Some(rest) = text.strip_prefix("nxt") else { return text.parse().map_err(|_| fault()) };
            let next = next.ok_or("nxt: nothing was sent in this conversation yet")?;
            match rest.chars().next() {
                None => Ok(next),
                Some('+') => Ok(next.wrapping_add(rest[1..].parse().map_err(|_| fault())?)),
                Some('-') => Ok(next.wrapping_sub(rest[1..].parse().map_err(|_| fault())?)),
                _ => Err(fault()),
            }
        };
        for field in fields {
            match field.split_once('=') {
                Some(("flags", "none")) => {}
                Some(("flags", letters)) => {
                    for c in letters.chars() {
                        let flag =
                            crate::model::TcpFlags::from_letter(c).ok_or(format!("{c:?} is no flag"))?;
                        s.flags |= (flag.0 & 0xff) as u8;
                    }
                }
                Some(("seq", v)) => s.seq = number(v, own)?,
                Some(("ack", v)) => s.ack = number(v, peer)?,
                Some(("win", v)) => s.window = v.parse().map_err(|_| "win=: up to 65535")?,
                Some(("options", hex)) => {
                    let digits: Vec<u32> = hex.chars().map_while(|c| c.to_digit(16)).collect();
                    s.options = digits.chunks(2).map(|d| d.iter().fold(0, |a, d| a * 16 + d) as u8).collect();
                }
                Some(("data", n)) => s.payload = payload(&Token::Word(n.into()))?,
                _ if tokens.iter().any(|t| matches!(t, Token::Text(x) if x == field)) => {
                    s.payload = field.as_bytes().to_vec();
                }
                _ => {
                    return Err(format!(
                        "{field:?}: fields are flags= seq= ack= win= options= data= or \"text\""
                    ));
                }
            }
        }
        wire.inject(Some(host), craft::segment(&s));
        Ok(())
    }

    /// Closes every socket, in the order of their names.
    pub(super) fn close(&mut self) {
        self.sockets.clear();
    }
}

fn receive(socket: &Socket, n: usize) -> io::Result<Vec<u8>> {
    let mut bytes: Vec<u8> = vec![0; n.max(1)];
    let got = io::Read::read(&mut &*socket, &mut bytes)?;
    bytes.truncate(got);
    Ok(bytes)
}

fn set(socket: &Socket, own: Ipv4Addr, option: &str, value: &str) -> Result<io::Result<()>, String> {
    let on = matches!(value, "on" | "1" | "true");
    let number = || value.parse::<usize>().map_err(|_| format!("{option}: {value:?} is no number"));
    let s = SockRef::from(socket);
    Ok(match option {
        "nodelay" => s.set_tcp_nodelay(on),
        "cork" => s.set_tcp_cork(on),
        "quickack" => s.set_tcp_quickack(on),
        "reuseaddr" => s.set_reuse_address(on),
        "linger" => {
            s.set_linger(if value == "off" { None } else { Some(Duration::from_secs(number()? as u64)) })
        }
        "rcvbuf" => s.set_recv_buffer_size(number()?),
        "sndbuf" => s.set_send_buffer_size(number()?),
        "mss" => s.set_tcp_mss(u32::try_from(number()?).unwrap_or(536)),
        "broadcast" => s.set_broadcast(on),
        "congestion" => s.set_tcp_congestion(value.as_bytes()),
        "keepalive" => {
            let seconds = Duration::from_secs(number()? as u64);
            s.set_tcp_keepalive(
                &TcpKeepalive::new().with_time(seconds).with_interval(seconds).with_retries(3),
            )
        }
        "join" => {
            let group = value.parse().map_err(|_| format!("{value:?} is no group"))?;
            s.join_multicast_v4(&group, &own)
        }
        "multicast" => s.set_multicast_if_v4(&own),
        _ => {
            return Err(format!(
                "no option {option:?}; there are: nodelay cork quickack reuseaddr linger rcvbuf sndbuf mss \
                 broadcast congestion keepalive join multicast"
            ));
        }
    })
}

/// A step that could not be done: its words, or the lab.
enum Fault {
    Words(String),
    Lab(LabError),
}

impl From<LabError> for Fault {
    fn from(e: LabError) -> Self {
        Self::Lab(e)
    }
}
