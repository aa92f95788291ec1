//! What a lab leaves behind: plain owned data about one run.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::model::{LinkType, TcpState, Timestamp};

/// Everything one run of a lab brought to light.
#[derive(Debug, Clone)]
pub struct LabOutcome {
    /// The lab's name.
    pub name: String,
    /// The chapter of the course it belongs to.
    pub group: String,
    /// The question it answers.
    pub question: String,
    /// The answer in a sentence; true of this run when every expectation held.
    pub lesson: String,
    /// How its hosts were joined, in words.
    pub medium: String,
    /// Its hosts, the first of which is the client.
    pub hosts: Vec<LabHost>,
    /// What the first header of a frame is.
    pub link: LinkType,
    /// Where the views are to look from.
    pub at: Observer,
    /// Every frame that entered the wire, in that order.
    pub frames: Vec<LabFrame>,
    /// Every call of the programs, in the order they were made.
    pub calls: Vec<Call>,
    /// What the kernels said about their sockets, in time order; only changes.
    pub states: Vec<SocketSample>,
    /// How far each of the kernel's counters moved during the run, for each host.
    pub counters: Vec<BTreeMap<String, i64>>,
    /// The lab's claims and whether this run bears them out.
    pub expectations: Vec<Verdict>,
    /// What each rule of the wire did.
    pub rules: Vec<RuleReport>,
    /// Remarks: a sysctl this kernel lacks, a lab that is not exact to the bit.
    pub notes: Vec<String>,
    /// The table of measured figures that a measuring lab prints.
    pub table: Option<FigureTable>,
}

impl LabOutcome {
    /// Did every expectation hold and every rule of the lab fire?
    #[must_use]
    pub fn passed(&self) -> bool {
        self.expectations.iter().all(|v| v.held) && self.rules.iter().all(|r| r.fired > 0)
    }

    /// The counters of a host that moved, and how far.
    pub fn moved(&self, host: usize) -> impl Iterator<Item = (&str, i64)> {
        let all = self.counters.get(host).into_iter().flatten();
        all.filter(|(_, by)| **by != 0).map(|(name, by)| (name.as_str(), *by))
    }

    /// The packet number (from 1) that each frame of the wire has for `at`; `None` for one
    /// that it never saw.
    #[must_use]
    pub fn numbers(&self, at: Observer) -> Vec<Option<usize>> {
        let mut numbers = vec![None; self.frames.len()];
        for (i, c) in self.capture(at).iter().enumerate() {
            if let Some(n) = numbers.get_mut(c.frame) {
                n.get_or_insert(i + 1);
            }
        }
        numbers
    }

    /// The frames as `at` saw them, in time order. A host sees what it sent before the
    /// wire did anything to it, and what the wire delivered to it.
    #[must_use]
    pub fn capture(&self, at: Observer) -> Vec<Captured<'_>> {
        let mut seen: Vec<Captured<'_>> = Vec::new();
        for (index, frame) in self.frames.iter().enumerate() {
            let host = match at {
                Observer::Wire => {
                    seen.push(Captured { ts: frame.ts, bytes: &frame.bytes, frame: index, sent: true });
                    continue;
                }
                Observer::Host(h) => h,
            };
            if frame.from == Some(host) {
                seen.push(Captured { ts: frame.ts, bytes: &frame.bytes, frame: index, sent: true });
            }
            for d in frame.deliveries.iter().filter(|d| d.to == host) {
                let bytes = d.altered.as_deref().unwrap_or(&frame.bytes);
                seen.push(Captured { ts: d.ts, bytes, frame: index, sent: false });
            }
        }
        seen.sort_by_key(|c| c.ts);
        seen
    }
}

/// Where the views look from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observer {
    /// The wire itself: a frame when it is sent, whatever becomes of it.
    Wire,
    /// A host, by its index: what it sent and what reached it.
    Host(usize),
}

impl Default for Observer {
    fn default() -> Self {
        Self::Host(0)
    }
}

/// One frame as one observer saw it.
#[derive(Debug, Clone, Copy)]
pub struct Captured<'a> {
    /// When.
    pub ts: Timestamp,
    /// The octets it saw.
    pub bytes: &'a [u8],
    /// Index into [`LabOutcome::frames`].
    pub frame: usize,
    /// The observer sent it (or is the wire); otherwise it was delivered to it.
    pub sent: bool,
}

/// One machine of the lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabHost {
    /// Its name in the script.
    pub name: String,
    /// Its address that the lab's programs use, of the version of IP that the lab runs over.
    pub addr: IpAddr,
}

/// A frame that entered the wire.
#[derive(Debug, Clone)]
pub struct LabFrame {
    /// When it entered the wire.
    pub ts: Timestamp,
    /// Octets of it; the wire snaps nothing, so `bytes` has as many.
    pub orig_len: u32,
    /// Its octets as they were sent.
    pub bytes: Vec<u8>,
    /// The host that sent it; `None` when the wire made it itself.
    pub from: Option<usize>,
    /// What became of it, in the order it was decided; empty for a plain delivery.
    pub fate: Vec<Fate>,
    /// Each time it reached a host.
    pub deliveries: Vec<Delivery>,
}

/// A frame reaching a host.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// When.
    pub ts: Timestamp,
    /// Index of the host.
    pub to: usize,
    /// The octets that reached it, where the wire changed some.
    pub altered: Option<Vec<u8>>,
}

/// What the wire did to a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Lost, by a rule.
    Dropped,
    /// Lost for want of room in the queue before a slow link.
    QueueFull,
    /// Lost by chance, at the rate the user asked for.
    Lost,
    /// Sent on this many times more than once.
    Duplicated(u32),
    /// Kept back this many milliseconds.
    Delayed(u32),
    /// Kept back until this many later frames had passed.
    Held(u32),
    /// Octets were changed on the way.
    Altered,
    /// Made by the wire, sent by no host.
    Injected,
    /// Still on the way when the lab ended.
    InFlight,
}

impl std::fmt::Display for Fate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dropped => f.write_str("dropped by a rule"),
            Self::QueueFull => f.write_str("dropped: the queue was full"),
            Self::Lost => f.write_str("lost by chance"),
            Self::Duplicated(n) => write!(f, "duplicated {n} times"),
            Self::Delayed(ms) => write!(f, "delayed {ms} ms"),
            Self::Held(k) => write!(f, "held until {k} later ones had passed"),
            Self::Altered => f.write_str("altered on the way"),
            Self::Injected => f.write_str("made by the wire"),
            Self::InFlight => f.write_str("still on the way at the end"),
        }
    }
}

/// One call of a program.
#[derive(Debug, Clone)]
pub struct Call {
    /// When it was made.
    pub ts: Timestamp,
    /// When it returned.
    pub returned: Timestamp,
    /// The host whose program made it.
    pub host: usize,
    /// The program's name for the socket.
    pub socket: String,
    /// The call as one writes it: `send(c, 6)`.
    pub text: String,
    /// What it returned: `= 6`, `= -1 EADDRINUSE`.
    pub result: String,
    /// Octets it moved.
    pub bytes: usize,
    /// The socket's own end and its peer's, where it moved octets of a TCP connection.
    pub ends: Option<(SocketAddr, SocketAddr)>,
    /// Its octets, the first few, for showing.
    pub data: Vec<u8>,
    /// Indices into [`LabOutcome::frames`] of the frames that left while it ran.
    pub caused: Vec<usize>,
}

/// What a kernel said about one socket after a frame or a call.
#[derive(Debug, Clone, PartialEq)]
pub struct SocketSample {
    /// When it was asked.
    pub ts: Timestamp,
    /// The host.
    pub host: usize,
    /// The frame that had just been delivered, if one had.
    pub frame: Option<usize>,
    /// Its own port.
    pub local_port: u16,
    /// The other end's port; 0 for a listener.
    pub remote_port: u16,
    /// Its state; `None` once the kernel knows it no more.
    pub state: Option<TcpState>,
    /// Octets waiting to be read (a listener: connections waiting to be accepted).
    pub recv_queue: u32,
    /// Octets not yet acknowledged (a listener: its backlog).
    pub send_queue: u32,
    /// The running timer, in `ss` words: `on`, `keepalive`, `timewait`, `persist`.
    pub timer: Option<&'static str>,
    /// The kernel's TCP_INFO, where it has one.
    pub info: Option<TcpFacts>,
}

/// The states in the order of these samples, each once until another comes; `None` for a socket that
/// the kernel knows no more.
pub fn history<'a>(samples: impl Iterator<Item = &'a SocketSample>) -> Vec<Option<TcpState>> {
    let mut states: Vec<_> = samples.map(|s| s.state).collect();
    states.dedup();
    states
}

/// The part of TCP_INFO that lessons speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct TcpFacts {
    /// Congestion state: 0 open, 1 disorder, 2 CWR, 3 recovery, 4 loss.
    pub ca_state: u8,
    /// Timeouts in a row for the oldest segment.
    pub retransmits: u8,
    /// Zero window probes in a row.
    pub probes: u8,
    /// Doublings of the timeout.
    pub backoff: u8,
    /// Retransmission timeout, µs.
    pub rto: u32,
    /// Largest segment it sends, octets.
    pub snd_mss: u32,
    /// Segments sent and not acknowledged.
    pub unacked: u32,
    /// Segments the peer holds out of order.
    pub sacked: u32,
    /// Segments it takes for lost.
    pub lost: u32,
    /// Retransmitted segments on their way.
    pub retrans: u32,
    /// Path MTU, octets.
    pub pmtu: u32,
    /// Smoothed round trip, µs.
    pub rtt: u32,
    /// Its mean deviation, µs.
    pub rttvar: u32,
    /// Slow start threshold, segments.
    pub snd_ssthresh: u32,
    /// Congestion window, segments.
    pub snd_cwnd: u32,
    /// Segments sent again since the start.
    pub total_retrans: u32,
    /// Octets the peer acknowledged.
    pub bytes_acked: u64,
    /// Octets received in order.
    pub bytes_received: u64,
    /// Octets queued and not sent.
    pub notsent: u32,
    /// D-SACK reports received.
    pub dsack_dups: u32,
    /// Reorderings seen.
    pub reord_seen: u32,
    /// Segments received out of order.
    pub rcv_ooopack: u32,
    /// The peer's window, octets.
    pub snd_wnd: u32,
}

/// A claim and whether the run bears it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The claim in words.
    pub claim: String,
    /// The check as it stands in the lab.
    pub check: String,
    /// It held.
    pub held: bool,
    /// What was seen.
    pub seen: String,
    /// Indices into [`LabOutcome::frames`] of the frames that show it.
    pub frames: Vec<usize>,
}

/// What a rule did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleReport {
    /// The rule in words.
    pub rule: String,
    /// How often it acted.
    pub fired: usize,
    /// Indices of the frames it acted on.
    pub frames: Vec<usize>,
}

/// A table of measured figures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FigureTable {
    /// Column titles.
    pub columns: Vec<String>,
    /// Rows: a label, then a cell for each column after the first.
    pub rows: Vec<Vec<String>>,
    /// Where each figure comes from, a line each; and what follows from them.
    pub notes: Vec<String>,
}
