//! The calls themselves: one line of a script, one call (or a loop of them) on a socket.

use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Shutdown};
use std::time::Duration;

use nix::poll::PollFlags;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, TcpKeepalive, Type};

use super::error::LabError;
use super::hosts::Host;
use super::program::{Fault, Got, Outcome, Programs, Sock, errno, payload};
use super::script::Token;
use super::wire::Wire;

impl Programs<'_> {
    /// Makes the call: its text, the frames that left while it waited, what it gave.
    pub(super) fn call(
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
                let own = self.hosts.get(host).ok_or_else(|| words("no such host"))?;
                own.enter()?;
                let family = if own.addr.is_ipv6() { "AF_INET6" } else { "AF_INET" };
                let made =
                    Socket::new(Domain::for_address((own.addr, 0).into()), ty.nonblocking(), Some(protocol));
                let got = made.map(|socket| {
                    self.sockets.insert((*name).into(), Sock { host, socket });
                    Got::Done
                });
                (format!("{name} = socket({family}, {text})"), early, got)
            }
            ("bind", [name, port]) => {
                let port = if port.contains(':') { (*port).to_owned() } else { format!(":{port}") };
                let mut addr = self.target(&port)?;
                // On loopback a host is an address, so its sockets must not take all of them.
                if let Some(h) = self.hosts.get(host).filter(|h| h.is_here()) {
                    addr.set_ip(h.addr);
                    // And the last run's TIME-WAIT is still there.
                    let _ = self.socket(host, name)?.socket.set_reuse_address(true);
                }
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
            ("send-message", _) => return self.send_message(host, tokens, wire),
            ("recv-message", [name, kind]) => return self.recv_message(host, name, kind, wire),
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
                self.decoders.remove(*name);
                (format!("close({name})"), early, Ok(Got::Done))
            }
            ("set", [name, option, value]) => {
                let own = self.hosts.get(host).ok_or_else(|| words("no such host"))?;
                let got = set(&self.socket(host, name)?.socket, own, option, value)?;
                (format!("setsockopt({name}, {option}, {value})"), early, got.map(|()| Got::Done))
            }
            _ => {
                return Err(words(
                    "no such call; there are: socket bind listen connect connect-start connected accept send \
                     send-all sendto send-message recv recv-now recv-all recv-length recv-message shutdown close \
                     set state serve inject give-up-privilege",
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
}

fn receive(socket: &Socket, n: usize) -> io::Result<Vec<u8>> {
    let mut bytes: Vec<u8> = vec![0; n.max(1)];
    let got = io::Read::read(&mut &*socket, &mut bytes)?;
    bytes.truncate(got);
    Ok(bytes)
}

fn set(socket: &Socket, own: &Host, option: &str, value: &str) -> Result<io::Result<()>, Fault> {
    let on = matches!(value, "on" | "1" | "true");
    let number =
        || value.parse::<usize>().map_err(|_| Fault::Words(format!("{option}: {value:?} is no number")));
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
        "congestion" => match s.set_tcp_congestion(value.as_bytes()) {
            Err(e) if e.raw_os_error() == Some(nix::libc::ENOENT) => {
                let mend = format!("sudo modprobe tcp_{value}, where it is a module of this kernel");
                return Err(LabError::of_kernel(format!("congestion {value}"), mend).into());
            }
            done => done,
        },
        "keepalive" => {
            let seconds = Duration::from_secs(number()? as u64);
            s.set_tcp_keepalive(
                &TcpKeepalive::new().with_time(seconds).with_interval(seconds).with_retries(3),
            )
        }
        "join" => match (value.parse(), own.addr) {
            (Ok(IpAddr::V4(group)), IpAddr::V4(own)) => s.join_multicast_v4(&group, &own),
            (Ok(IpAddr::V6(group)), IpAddr::V6(_)) => s.join_multicast_v6(&group, own.link_index()?),
            _ => return Err(Fault::Words(format!("{value:?} is no group of the lab's version of IP"))),
        },
        "multicast" => match own.addr {
            IpAddr::V4(own) => s.set_multicast_if_v4(&own),
            IpAddr::V6(_) => s.set_multicast_if_v6(own.link_index()?),
        },
        _ => {
            return Err(Fault::Words(format!(
                "no option {option:?}; there are: nodelay cork quickack reuseaddr linger rcvbuf sndbuf mss \
                 broadcast congestion keepalive join multicast"
            )));
        }
    })
}
