//! The kernel's own account: socket states and TCP_INFO by sock_diag, counters by /proc.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::nlas::Nla;
use netlink_packet_sock_diag::inet::{
    ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags, Timer,
};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr};

use super::error::LabError;
use super::hosts::Host;
use super::outcome::{SocketSample, TcpFacts};
use crate::model::{TcpState, Timestamp};

/// One end of a TCP conversation as its own host names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TcpEnd {
    /// The host.
    pub host: usize,
    /// Its address.
    pub local: (IpAddr, u16),
    /// The other end.
    pub remote: (IpAddr, u16),
}

/// Conversations that are asked about; a lab with more is too large to follow each.
const FOLLOWED: usize = 32;

/// The account as it grows.
pub(super) struct Truth {
    asks: Vec<Socket>,
    ends: Vec<TcpEnd>,
    last: BTreeMap<TcpEnd, SocketSample>,
    /// Samples, changes only.
    pub samples: Vec<SocketSample>,
    buf: Vec<u8>,
    mute: bool,
}

impl Truth {
    /// Asks no more.
    pub(super) fn mute(&mut self) {
        self.mute = true;
    }

    /// Opens a line to each host's kernel.
    pub(super) fn open(hosts: &[Host]) -> Result<Self, LabError> {
        let mut asks = Vec::new();
        for host in hosts {
            host.enter()?;
            let open = || -> io::Result<Socket> {
                let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
                socket.bind_auto()?;
                socket.connect(&SocketAddr::new(0, 0))?;
                Ok(socket)
            };
            asks.push(open().map_err(|e| {
                LabError::of_machine("sock_diag", e, "load the inet_diag and tcp_diag modules")
            })?);
        }
        Ok(Self {
            asks,
            ends: Vec::new(),
            last: BTreeMap::new(),
            samples: Vec::new(),
            buf: vec![0; 16 * 1024],
            mute: false,
        })
    }

    /// A conversation was seen: ask about both its ends from now on.
    pub(super) fn follow(&mut self, end: TcpEnd) {
        if !self.mute && self.ends.len() < FOLLOWED && !self.ends.contains(&end) {
            self.ends.push(end);
        }
    }

    /// Asks each kernel about every followed end; `frame` has just been delivered.
    pub(super) fn sample(&mut self, now: Timestamp, frame: Option<usize>) {
        for i in 0..self.ends.len() {
            let Some(&end) = self.ends.get(i) else { continue };
            let sample = self.ask(end, now, frame);
            let old = self.last.get(&end);
            let changed = match (&sample, old) {
                (s, Some(o)) => SocketSample { ts: o.ts, frame: o.frame, ..s.clone() } != *o,
                (s, None) => s.state.is_some(),
            };
            if changed {
                self.last.insert(end, sample.clone());
                self.samples.push(sample);
            }
        }
    }

    /// How long it takes until one of the kernels sends something again if it hears nothing: the
    /// least of their retransmission and window probe timers. `None` where none runs.
    pub(super) fn armed(&mut self) -> Option<Duration> {
        let ends = self.ends.clone();
        let timers = ends.into_iter().filter_map(|end| {
            let answer = self.look_up(end).ok().flatten()?;
            let own = answer.header.socket_id.destination_port == end.remote.1;
            answer.header.timer.filter(|_| own)
        });
        let left = timers.filter_map(|t| match t {
            Timer::Retransmit(left, _) | Timer::Probe(left) => Some(left),
            Timer::KeepAlive(_) | Timer::TimeWait => None,
        });
        left.min()
    }

    fn ask(&mut self, end: TcpEnd, ts: Timestamp, frame: Option<usize>) -> SocketSample {
        let mut sample = SocketSample {
            ts,
            host: end.host,
            frame,
            local_port: end.local.1,
            remote_port: end.remote.1,
            state: None,
            recv_queue: 0,
            send_queue: 0,
            timer: None,
            info: None,
        };
        // A kernel that does not answer knows no such socket: the sample says so.
        if let Ok(Some(answer)) = self.look_up(end)
            && answer.header.socket_id.destination_port == end.remote.1
        {
            let h = &answer.header;
            sample.state = state(h.state);
            sample.recv_queue = h.recv_queue;
            sample.send_queue = h.send_queue;
            sample.timer = h.timer.as_ref().map(|t| match t {
                Timer::Retransmit(..) => "on",
                Timer::KeepAlive(_) => "keepalive",
                Timer::TimeWait => "timewait",
                Timer::Probe(_) => "persist",
            });
            sample.info = answer.nlas.iter().find_map(|n| match n {
                Nla::TcpInfo(t) => Some(TcpFacts {
                    ca_state: t.ca_state,
                    retransmits: t.retransmits,
                    probes: t.probes,
                    backoff: t.backoff,
                    rto: t.rto,
                    snd_mss: t.snd_mss,
                    unacked: t.unacked,
                    sacked: t.sacked,
                    lost: t.lost,
                    retrans: t.retrans,
                    pmtu: t.pmtu,
                    rtt: t.rtt,
                    rttvar: t.rttvar,
                    snd_ssthresh: t.snd_ssthresh,
                    snd_cwnd: t.snd_cwnd,
                    total_retrans: t.total_retrans,
                    bytes_acked: t.bytes_acked,
                    bytes_received: t.bytes_received,
                    notsent: t.notsent_bytes,
                    dsack_dups: t.dsack_dups,
                    reord_seen: t.reord_seen,
                    rcv_ooopack: t.rcv_ooopack,
                    snd_wnd: t.snd_wnd,
                }),
                _ => None,
            });
        }
        sample
    }

    fn look_up(&mut self, end: TcpEnd) -> io::Result<Option<InetResponse>> {
        let Some(socket) = self.asks.get(end.host) else { return Ok(None) };
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST;
        let request = InetRequest {
            family: if end.local.0.is_ipv6() { AF_INET6 } else { AF_INET },
            protocol: IPPROTO_TCP,
            extensions: ExtensionFlags::INFO,
            states: StateFlags::all(),
            socket_id: SocketId {
                source_port: end.local.1,
                destination_port: end.remote.1,
                source_address: end.local.0,
                destination_address: end.remote.0,
                interface_id: 0,
                cookie: [0xff; 8],
            },
        };
        let mut packet = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
        packet.finalize();
        let mut out = vec![0; packet.buffer_len()];
        packet.serialize(&mut out);
        socket.send(&out, 0)?;
        let n = socket.recv(&mut self.buf.as_mut_slice(), 0)?;
        let answer = self.buf.get(..n).unwrap_or_default();
        let answer = NetlinkMessage::<SockDiagMessage>::deserialize(answer)
            .map_err(|e| io::Error::other(e.to_string()))?;
        Ok(match answer.payload {
            NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(r)) => Some(*r),
            _ => None,
        })
    }
}

/// The RFC's state for the kernel's number (include/net/tcp_states.h).
fn state(number: u8) -> Option<TcpState> {
    Some(match number {
        1 => TcpState::Established,
        2 => TcpState::SynSent,
        3 | 12 => TcpState::SynReceived,
        4 => TcpState::FinWait1,
        5 => TcpState::FinWait2,
        6 => TcpState::TimeWait,
        7 => TcpState::Closed,
        8 => TcpState::CloseWait,
        9 => TcpState::LastAck,
        10 => TcpState::Listen,
        11 => TcpState::Closing,
        _ => return None,
    })
}

/// The groups of counters that IPv6 has of its own; those of TCP count both versions.
const SIX: [&str; 4] = ["Ip6", "Icmp6", "UdpLite6", "Udp6"];

/// The counters of the namespace the thread is in, `TcpExt.TCPLossProbes` and the like; `six`
/// adds those of IPv6, `Udp6.NoPorts`.
pub(super) fn counters(six: bool) -> Result<BTreeMap<String, i64>, LabError> {
    let mut all = BTreeMap::new();
    let path = "/proc/thread-self/net/snmp6";
    if six {
        let text =
            fs::read_to_string(path).map_err(|e| LabError::of_machine(path, e, "is /proc mounted?"))?;
        for (name, value) in text.lines().filter_map(|l| l.split_once(char::is_whitespace)) {
            if let Some((group, own)) = SIX.iter().find_map(|g| Some((g, name.strip_prefix(g)?))) {
                all.insert(format!("{group}.{own}"), value.trim().parse().unwrap_or(0));
            }
        }
    }
    for file in ["snmp", "netstat"] {
        let path = format!("/proc/thread-self/net/{file}");
        let text =
            fs::read_to_string(&path).map_err(|e| LabError::of_machine(path, e, "is /proc mounted?"))?;
        let mut lines = text.lines();
        while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
            let mut names = names.split_whitespace();
            let group = names.next().unwrap_or_default().trim_end_matches(':');
            for (name, value) in names.zip(values.split_whitespace().skip(1)) {
                all.insert(format!("{group}.{name}"), value.parse().unwrap_or(0));
            }
        }
    }
    Ok(all)
}

/// How far each counter moved.
pub(super) fn moved(before: &BTreeMap<String, i64>, after: &BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    // Settings that stand among the counters.
    let settings =
        ["Ip.Forwarding", "Ip.DefaultTTL", "Tcp.RtoAlgorithm", "Tcp.RtoMin", "Tcp.RtoMax", "Tcp.MaxConn"];
    after
        .iter()
        .filter(|(name, _)| !settings.contains(&name.as_str()))
        .map(|(name, v)| (name.clone(), v - before.get(name).copied().unwrap_or(0)))
        .collect()
}
