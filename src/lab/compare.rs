//! `compare`: the same payload over TCP and over UDP, on the same wire, without and with
//! loss, measured.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::error::LabError;
use super::figures::{Figures, claims, table};
use super::hosts::{self, Host, HostSpec, Sysctl};
use super::line::chance;
use super::outcome::{Call, Fate, LabHost, LabOutcome};
use super::peek::{Upper, bits};
use super::rules::Rule;
use super::run::LabOptions;
use super::truth::{self, Truth};
use super::wire::{Line, Wire};
use crate::model::{LinkType, Timestamp};

/// The payload of each transfer: so many messages of so many octets.
pub(super) const MESSAGES: usize = 200;
/// What fits into a full TCP segment with timestamps, so both carry the same.
pub(super) const MESSAGE: usize = 1448;
/// One way, unless the user says otherwise.
const DELAY: Duration = Duration::from_millis(10);
/// Percent, in the second half.
const LOSS: f64 = 5.0;
/// What is overtaken by the next, in the second half: so that there is order to be kept, or not.
const OVERTAKEN: [&str; 2] =
    ["hold client:tcp+len>=1000:40,80,120,160", "hold client:udp+len>=1000:40,80,120,160"];
/// How long a transfer may take before the lab gives it up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The lab's question, for the list.
pub(super) const QUESTION: &str = "TCP or UDP: what does each cost, and what does it give?";
/// Its chapter.
pub(super) const GROUP: &str = "UDP";
const LESSON: &str = "TCP pays with a round trip, acknowledgments and longer headers, and delivers everything in \
                      order; UDP starts at once and costs less, and what is lost stays lost.";

struct Bench<'a> {
    hosts: &'a [Host],
    wire: Wire,
    calls: Vec<Call>,
}

fn machine(what: &str, e: impl std::fmt::Display) -> LabError {
    LabError::of_lab(format!("compare: {what}"), e)
}

fn cpu() -> Result<Duration, LabError> {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).map_err(|e| machine("getrusage", e))?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
}

/// The `n`th message: its number, then a pattern.
fn message(n: usize) -> Vec<u8> {
    let mut m = u32::try_from(n).unwrap_or(0).to_be_bytes().to_vec();
    m.extend((4..MESSAGE).map(|i| b'a' + (i % 26) as u8));
    m
}

/// Runs the four transfers.
pub(super) fn perform(options: &LabOptions) -> Result<LabOutcome, LabError> {
    let spec = |name: &str| HostSpec {
        name: name.into(),
        sysctls: [("tcp_rmem", "4096 6291456 6291456"), ("tcp_wmem", "4096 4194304 4194304")]
            .map(|(name, value)| Sysctl {
                name: format!("net.ipv4.{name}"),
                value: value.into(),
                needed: true,
            })
            .to_vec(),
        mtu: 1500,
        ipv6: options.ipv6,
    };
    let net = hosts::build(&[spec("client"), spec("server")], false, options.on.medium())?;
    let truth = Truth::open(&net.hosts)?;
    let addrs = net.hosts.iter().map(Host::addresses).collect();
    let mut wire = Wire::new(net.ports, addrs, false, truth);
    wire.settle()?;
    wire.forget();
    // A look-up after each packet would be charged to TCP alone.
    wire.truth.mute();
    wire.seed(options.seed);
    let own = Line { delay: DELAY, ..Line::default() };
    let line = |host| options.line.apply(host, own);
    // The client sends, so that the course's figures are those of its line.
    let delay = line("client").delay;
    let loss = options.line.loss_of("client").unwrap_or(LOSS).clamp(0.0, 50.0);
    let mut bench = Bench { hosts: &net.hosts, wire, calls: Vec::new() };
    let mut runs = Vec::new();
    for (round, percent) in [(0, 0.0), (1, loss)] {
        if round == 1 {
            let names = ["client", "server"].map(str::to_owned);
            let rules = OVERTAKEN.iter().map(|r| Rule::parse(r, &names));
            bench.wire.rules = rules.collect::<Result<_, _>>().map_err(|e| machine("rules", e))?;
        }
        bench.wire.lines =
            ["client", "server"].map(|host| Line { loss: chance(percent), ..line(host) }).to_vec();
        runs.push(bench.tcp(8000 + round)?);
        bench.wire.settle()?;
        runs.push(bench.udp(9000 + round)?);
        bench.wire.settle()?;
    }
    bench.wire.finish();
    let Bench { wire, calls, .. } = bench;
    let reports = wire.rules.iter().map(Rule::report).collect();
    let (tcp, udp, tcp_lossy, udp_lossy) = match runs.as_slice() {
        [a, b, c, d] => (a, b, c, d),
        _ => return Err(machine("runs", "there are four")),
    };
    let expectations = claims([tcp, udp, tcp_lossy, udp_lossy], loss, delay);
    let mut outcome = LabOutcome {
        name: "compare".into(),
        group: GROUP.into(),
        question: QUESTION.into(),
        lesson: LESSON.into(),
        medium: net.medium,
        hosts: net.hosts.iter().map(|h| LabHost { name: h.name.clone(), addr: h.addr }).collect(),
        link: LinkType::RAW,
        at: options.at,
        frames: wire.frames,
        calls,
        states: Vec::new(),
        counters: Vec::new(),
        expectations,
        rules: reports,
        notes: vec!["Not exact to the bit: times are measured, and TCP's timers run in real time.".into()],
        table: None,
    };
    let numbers = outcome.numbers(options.at);
    outcome.table = Some(table(&runs, &numbers, loss, delay));
    Ok(outcome)
}

impl Bench<'_> {
    fn socket(&self, host: usize, udp: bool) -> Result<Socket, LabError> {
        let own = self.hosts.get(host).ok_or_else(|| machine("host", "no such host"))?;
        own.enter()?;
        let (ty, protocol) = if udp { (Type::DGRAM, Protocol::UDP) } else { (Type::STREAM, Protocol::TCP) };
        let s = Socket::new(Domain::for_address((own.addr, 0).into()), ty.nonblocking(), Some(protocol))
            .map_err(|e| machine("socket", e))?;
        s.set_reuse_address(true).map_err(|e| machine("SO_REUSEADDR", e))?;
        Ok(s)
    }

    fn address(&self, host: usize, port: u16) -> Result<SockAddr, LabError> {
        let own = self.hosts.get(host).ok_or_else(|| machine("host", "no such host"))?;
        Ok(SocketAddr::new(own.addr, port).into())
    }

    fn log(&mut self, ts: Timestamp, host: usize, socket: &str, text: String, bytes: usize) {
        self.calls.push(Call {
            ts,
            returned: self.wire.clock.now(),
            host,
            socket: socket.into(),
            text,
            result: format!("= {bytes}"),
            bytes,
            ends: None,
            data: Vec::new(),
            caused: Vec::new(),
        });
    }

    fn tcp(&mut self, port: u16) -> Result<Figures, LabError> {
        let listener = self.socket(1, false)?;
        let there = self.address(1, port)?;
        listener.bind(&there).and_then(|()| listener.listen(1)).map_err(|e| machine("listen", e))?;
        let client = self.socket(0, false)?;
        let before = self.counted()?;
        client.bind(&self.address(0, port + 30_000)?).map_err(|e| machine("bind", e))?;
        client.set_tcp_congestion(b"reno").map_err(|e| machine("congestion control", e))?;
        let (first, start, used, ts) = self.begin()?;
        match client.connect(&there) {
            Err(e) if e.raw_os_error() == Some(nix::errno::Errno::EINPROGRESS as i32) => {}
            other => other.map_err(|e| machine("connect", e))?,
        }
        let mut server: Option<Socket> = None;
        let payload: Vec<u8> = (0..MESSAGES).flat_map(message).collect();
        let (mut sent, mut got, mut first_octet) = (0, Vec::with_capacity(payload.len()), None);
        let (mut closed, mut recvs) = (false, (0, 0));
        let mut room = vec![0; 1 << 16];
        let end = Instant::now() + PATIENCE;
        let mut fault = None;
        let done = self.wire.run_until(PATIENCE, |_| {
            if server.is_none() {
                server = listener.accept().ok().map(|(s, _)| s);
                if let Some(s) = &server {
                    s.set_nonblocking(true).map_err(|e| machine("accept", e))?;
                }
            }
            while let Some(rest) = payload.get(sent..)
                && !rest.is_empty()
            {
                match (&client).write(rest) {
                    Ok(n) => sent += n,
                    Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) => {
                        break;
                    }
                    Err(e) => return Err(machine("send", e)),
                }
            }
            if sent == payload.len() && !closed {
                closed = true;
                client.shutdown(std::net::Shutdown::Write).map_err(|e| machine("shutdown", e))?;
            }
            let Some(s) = &server else { return Ok(false) };
            loop {
                match (&*s).read(&mut room) {
                    Ok(0) => return Ok(true),
                    Ok(n) => {
                        recvs = (recvs.0 + 1, recvs.1 + usize::from(n != MESSAGE));
                        first_octet.get_or_insert_with(|| start.elapsed());
                        got.extend_from_slice(room.get(..n).unwrap_or_default());
                    }
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                    Err(e) => {
                        fault = Some(e);
                        return Ok(true);
                    }
                }
            }
            Ok(Instant::now() > end)
        })?;
        if let Some(e) = fault {
            return Err(machine("recv", e));
        }
        if !done || got != payload {
            return Err(machine("TCP", format!("{} of {} octets arrived", got.len(), payload.len())));
        }
        let mut f = self.end(first, start, used, first_octet.unwrap_or_default())?;
        self.log(ts, 0, "c", format!("sendall(c, {})", payload.len()), payload.len());
        self.log(ts, 1, "s", "recv(s) until the end".into(), got.len());
        drop((client, server));
        self.wire.settle()?;
        self.count(&mut f);
        (f.received, f.recvs, f.counted) = (got.len() as u64, recvs, self.counted()? - before);
        Ok(f)
    }

    fn udp(&mut self, port: u16) -> Result<Figures, LabError> {
        let server = self.socket(1, true)?;
        let there = self.address(1, port)?;
        server.bind(&there).map_err(|e| machine("bind", e))?;
        let client = self.socket(0, true)?;
        client.bind(&self.address(0, port + 30_000)?).map_err(|e| machine("bind", e))?;
        let (first, start, used, ts) = self.begin()?;
        let mut order = Vec::new();
        let (mut first_octet, mut last) = (None, Duration::ZERO);
        let mut room = vec![0; 1 << 16];
        let (mut octets, mut recvs) = (0, (0, 0));
        let mut drain = |order: &mut Vec<u32>, last: &mut Duration| -> Result<(), LabError> {
            loop {
                match (&server).read(&mut room) {
                    Ok(n) => {
                        *last = start.elapsed();
                        first_octet.get_or_insert(*last);
                        octets += n as u64;
                        recvs = (recvs.0 + 1, recvs.1 + usize::from(n != MESSAGE));
                        if let Some(&[a, b, c, d]) = room.get(..4) {
                            order.push(u32::from_be_bytes([a, b, c, d]));
                        }
                    }
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                    Err(e) => return Err(machine("recv", e)),
                }
            }
        };
        for n in 0..MESSAGES {
            client.send_to(&message(n), &there).map_err(|e| machine("sendto", e))?;
            while self.wire.advance()? {
                drain(&mut order, &mut last)?;
            }
        }
        // Nothing tells the receiver that it has seen the last; the wire knows when it has none left.
        while !self.wire.is_idle() {
            if !self.wire.advance()? {
                self.wire.rest(Duration::from_millis(1))?;
            }
            drain(&mut order, &mut last)?;
        }
        self.wire.settle()?;
        drain(&mut order, &mut last)?;
        let mut f = self.end(first, start, used, first_octet.unwrap_or_default())?;
        f.time = last;
        self.count(&mut f);
        (f.received, f.recvs) = (octets, recvs);
        f.missing = (0..MESSAGES).filter(|n| !order.contains(&(*n as u32))).count();
        f.disorder = order.iter().zip(order.iter().skip(1)).filter(|(a, b)| b < a).count();
        self.log(ts, 0, "u", format!("sendto(u, {MESSAGE}), {MESSAGES} times"), MESSAGES * MESSAGE);
        self.log(ts, 1, "v", format!("recv(v), {} times", order.len()), octets as usize);
        Ok(f)
    }

    /// Segments that the client's kernel sent again so far.
    fn counted(&self) -> Result<i64, LabError> {
        if let Some(client) = self.hosts.first() {
            client.enter()?;
        }
        let counters = truth::counters(false)?;
        counters.get("Tcp.RetransSegs").copied().ok_or_else(|| machine("counters", "no Tcp.RetransSegs"))
    }

    fn begin(&mut self) -> Result<(usize, Instant, Duration, Timestamp), LabError> {
        self.wire.settle()?;
        Ok((self.wire.frames.len(), Instant::now(), cpu()?, self.wire.clock.now()))
    }

    fn end(
        &self,
        first_frame: usize,
        start: Instant,
        used: Duration,
        first_octet: Duration,
    ) -> Result<Figures, LabError> {
        let (time, cpu) = (start.elapsed(), cpu()?.saturating_sub(used));
        Ok(Figures { first_frame, time, cpu, first_octet, ..Figures::default() })
    }

    /// Counts the packets of the transfer that began at `first_frame`.
    fn count(&self, f: &mut Figures) {
        let frames = self.wire.frames.iter().zip(&self.wire.seen).enumerate().skip(f.first_frame);
        let mut shift = 0;
        for (i, (frame, seen)) in frames {
            let Some(p) = seen.peek else { continue };
            let payload = match p.upper {
                Upper::Tcp(t) => u64::from(t.payload),
                Upper::Udp { length, .. } => u64::from(length.saturating_sub(8)),
                _ => 0,
            };
            f.frames += 1;
            f.payload += payload;
            f.headers += u64::from(p.total_len) - payload.min(p.total_len.into());
            f.resent.extend(seen.resent.then_some(i));
            f.lost.extend(frame.deliveries.is_empty().then_some(i));
            let held = frame.fate.iter().any(|f| matches!(f, Fate::Held(_)));
            f.overtaken.extend((held && !frame.deliveries.is_empty()).then_some(i));
            let header = match p.upper {
                Upper::Tcp(t) => {
                    f.acks += usize::from(t.payload == 0 && t.flags == bits::ACK);
                    if frame.from == Some(1) && t.has(bits::SYN) {
                        shift = t.wscale.unwrap_or(0).min(14);
                    } else if frame.from == Some(1) && t.has(bits::ACK) {
                        let window = u64::from(t.window) << shift;
                        f.window = Some(f.window.map_or(window, |least| least.min(window)));
                    }
                    t.header
                }
                // What the datagram has beyond what the program sent.
                Upper::Udp { length, .. } => {
                    u8::try_from(usize::from(length).saturating_sub(MESSAGE)).unwrap_or(u8::MAX)
                }
                _ => continue,
            };
            f.header = Some(f.header.map_or((header, header), |(a, b)| (a.min(header), b.max(header))));
            if payload > 0 && f.first_data.is_none() {
                f.first_data = Some(i);
                let began = self.wire.frames.get(f.first_frame).map_or(frame.ts, |first| first.ts);
                f.silence = Duration::from_nanos(u64::try_from(frame.ts.since(began)).unwrap_or(0));
            }
            if f.first_data.is_none() {
                f.before_data += 1;
            }
        }
    }
}
