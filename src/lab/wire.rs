//! The wire: takes frames from the hosts, does to them what its rules say, hands them on.
//!
//! Writing a frame to a host runs that host's stack before the call returns, so one
//! thread that reads, decides and writes sees every packet in one exact order; only the
//! kernels' own timers come in between.

mod fate;
mod pace;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use super::error::LabError;
use super::notice::{Notice, Wrap};
use super::outcome::{Call, Delivery, Fate, LabFrame};
use super::peek::Peek;
use super::port::Port;
use super::resident::Resident;
use super::rules::{Rule, Seen};
use super::truth::{TcpEnd, Truth};
use crate::model::{LinkType, Timestamp};

/// The properties of one direction: what a host sends.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Line {
    /// How long a frame travels.
    pub delay: Duration,
    /// Bits a second; 0 for no limit.
    pub rate: u64,
    /// Frames that may wait before a limited line; 0 for no limit.
    pub queue: usize,
    /// Chance that a frame is lost, in millionths.
    pub loss: u32,
}

/// Wall time that moves with the monotonic clock: it never steps back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    base: Instant,
    wall: i64,
}

impl Clock {
    fn start() -> Self {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { base: Instant::now(), wall: i64::try_from(wall.as_nanos()).unwrap_or(0) }
    }

    /// Now.
    pub(super) fn now(&self) -> Timestamp {
        Timestamp(self.wall).plus(i64::try_from(self.base.elapsed().as_nanos()).unwrap_or(i64::MAX))
    }
}

/// A frame on its way.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Timestamp,
    order: u64,
    frame: usize,
    altered: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Held {
    frame: usize,
    from: Option<usize>,
    left: u32,
    altered: Option<Vec<u8>>,
}

/// What an IPv6 host tells of the groups that it looks for its neighbours by, at times of its
/// own: a report of link-local groups alone (RFC 3810 section 5.2, RFC 2710). A hub with hosts
/// alone has no use for it, and it says nothing of what a lab's programs do.
fn is_housekeeping(packet: &[u8]) -> bool {
    let Some(p) = Peek::ip(packet).filter(Peek::is_mld) else { return false };
    let icmp = packet.get(usize::from(p.ip_header)..).unwrap_or_default();
    let link_local = |at: usize| icmp.get(at..at + 2) == Some(&[0xff, 2]);
    if icmp.first() != Some(&143) {
        return link_local(8);
    }
    let count = match icmp.get(6..8) {
        Some(&[a, b]) => u16::from_be_bytes([a, b]),
        _ => 0,
    };
    let mut at = 8;
    (0..count).all(|_| {
        let here = at;
        let (aux, sources) = match icmp.get(here + 1..here + 4) {
            Some(&[aux, a, b]) => (usize::from(aux), usize::from(u16::from_be_bytes([a, b]))),
            _ => return false,
        };
        at += 20 + 16 * sources + 4 * aux;
        link_local(here + 4)
    })
}

/// The wire.
pub(super) struct Wire {
    ports: Vec<Port>,
    addrs: Vec<Vec<IpAddr>>,
    ethernet: bool,
    /// What each host sends through.
    pub lines: Vec<Line>,
    free_at: Vec<Timestamp>,
    queued: Vec<Vec<Timestamp>>,
    /// What is to be done, in order.
    pub rules: Vec<Rule>,
    /// Every frame so far.
    pub frames: Vec<LabFrame>,
    /// What was known about each when it came.
    pub seen: Vec<Seen>,
    due: BinaryHeap<Reverse<Due>>,
    held: Vec<Held>,
    order: u64,
    /// What passed so far.
    pub notice: Notice,
    /// The kernels' account.
    pub truth: Truth,
    /// The time.
    pub clock: Clock,
    chance: u64,
    /// Servers that have their turn whenever something has moved, and the calls they made.
    pub residents: Vec<Resident>,
    pub served: Vec<Call>,
    /// How long a call may wait.
    pub patience: Duration,
    /// Lets host 0's sequence numbers wrap early.
    wrap: Option<Wrap>,
    taken: Vec<u64>,
    buf: Vec<u8>,
}

impl Wire {
    /// A wire between these ports, whose hosts have these addresses.
    pub(super) fn new(ports: Vec<Port>, addrs: Vec<Vec<IpAddr>>, ethernet: bool, truth: Truth) -> Self {
        let n = addrs.len();
        Self {
            ports,
            addrs,
            ethernet,
            lines: vec![Line::default(); n],
            free_at: vec![Timestamp(0); n],
            queued: vec![Vec::new(); n],
            rules: Vec::new(),
            frames: Vec::new(),
            seen: Vec::new(),
            due: BinaryHeap::new(),
            held: Vec::new(),
            order: 0,
            notice: Notice::default(),
            truth,
            clock: Clock::start(),
            chance: 0x9e37_79b9_7f4a_7c15,
            residents: Vec::new(),
            served: Vec::new(),
            patience: Duration::ZERO,
            wrap: None,
            taken: vec![0; n],
            buf: vec![0; 1 << 16],
        }
    }

    /// Losses by chance follow from this.
    pub(super) fn seed(&mut self, seed: u64) {
        self.chance = seed.wrapping_mul(2).wrapping_add(1);
    }

    /// Lets the sequence numbers of host 0 wrap after `room` octets.
    pub(super) fn wrap_after(&mut self, room: u32) {
        self.wrap = Some(Wrap::after(room));
    }

    /// Packets that passed on loopback without being captured.
    pub(super) fn dropped(&mut self) -> Result<u32, LabError> {
        self.ports.iter_mut().try_fold(0, |n, p| match p {
            Port::Lo(watch) => Ok(n + watch.dropped()?),
            _ => Ok(n),
        })
    }

    /// What the first header of a frame is.
    pub(super) fn link(&self) -> LinkType {
        match self.ports.first() {
            Some(Port::Lo(watch)) => watch.link(),
            _ if self.ethernet => LinkType::ETHERNET,
            _ => LinkType::RAW,
        }
    }

    /// Frames taken from each host.
    pub(super) fn taken(&self) -> &[u64] {
        &self.taken
    }

    /// splitmix64 (Steele, Lea, Flood 2014): small, seeded, the same everywhere.
    fn dice(&mut self) -> u64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.chance;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Takes what the hosts have sent and decides about it; delivers nothing yet.
    /// Returns the indices of the new frames.
    pub(super) fn intake(&mut self) -> Result<Vec<usize>, LabError> {
        let mut new = Vec::new();
        for host in 0..self.ports.len() {
            while let Some(port) = self.ports.get_mut(host) {
                if let Port::Lo(watch) = port {
                    let Some((ts, bytes)) = watch.next()? else { break };
                    new.push(self.witness(ts, bytes));
                    continue;
                }
                let frame = port
                    .receive(&mut self.buf)
                    .map_err(|e| LabError::of_machine("reading the wire", e, "report this"))?;
                let Some(mut bytes) = frame else { break };
                if let Some(t) = self.taken.get_mut(host) {
                    *t += 1;
                }
                if self.ethernet && is_housekeeping(self.packet(&bytes)) {
                    continue;
                }
                if let (Some(wrap), 0) = (&mut self.wrap, host) {
                    wrap.shift(true, &mut bytes);
                }
                new.push(self.enter(Some(host), bytes, false));
            }
        }
        Ok(new)
    }

    /// A packet passed on loopback, which has delivered it already.
    fn witness(&mut self, ts: Timestamp, bytes: Vec<u8>) -> usize {
        let index = self.frames.len();
        let peek = Peek::ip(self.packet(&bytes));
        let seen = self.notice.look(peek, false);
        self.follow(&seen);
        let host = |addr: Option<IpAddr>| addr.and_then(|a| self.host_of(a));
        let from = host(peek.map(|p| p.src));
        let to = host(peek.map(|p| p.dst));
        let deliveries = to.into_iter().map(|to| Delivery { ts, to, altered: None }).collect();
        let orig_len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.frames.push(LabFrame { ts, orig_len, bytes, from, fate: Vec::new(), deliveries });
        self.seen.push(seen);
        let now = self.clock.now();
        self.truth.sample(now, Some(index));
        index
    }

    /// A frame enters the wire.
    fn enter(&mut self, from: Option<usize>, bytes: Vec<u8>, made: bool) -> usize {
        let index = self.frames.len();
        let ts = self.clock.now();
        let seen = self.notice.look(Peek::ip(self.packet(&bytes)), made);
        self.follow(&seen);
        let orig_len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let fate = if made { vec![Fate::Injected] } else { Vec::new() };
        self.frames.push(LabFrame { ts, orig_len, bytes, from, fate, deliveries: Vec::new() });
        self.seen.push(seen);
        if seen.resent {
            // Only the sender's kernel can tell why, and only now.
            self.truth.sample(ts, None);
        }
        self.decide(index, from, &seen, ts);
        index
    }

    /// The IP packet in a frame.
    pub(super) fn packet<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        if !self.ethernet {
            return bytes;
        }
        match bytes.get(12..14) {
            Some([8, 0] | [0x86, 0xdd]) => bytes.get(14..).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Has the kernels asked about both ends of a segment's conversation from now on.
    fn follow(&mut self, seen: &Seen) {
        let Some((p, t)) = seen.peek.as_ref().and_then(|p| Some((p, p.tcp()?))) else { return };
        let (a, b) = ((p.src, t.src_port), (p.dst, t.dst_port));
        for (local, remote) in [(a, b), (b, a)] {
            if let Some(host) = self.host_of(local.0) {
                self.truth.follow(TcpEnd { host, local, remote });
            }
        }
    }

    fn host_of(&self, addr: IpAddr) -> Option<usize> {
        self.addrs.iter().position(|own| own.contains(&addr))
    }

    fn note(&mut self, index: usize, fate: Fate) {
        if let Some(f) = self.frames.get_mut(index) {
            f.fate.push(fate);
        }
    }

    fn push(&mut self, at: Timestamp, frame: usize, altered: Option<Vec<u8>>) {
        self.order += 1;
        self.due.push(Reverse(Due { at, order: self.order, frame, altered }));
    }

    /// Delivers the next frame that is due; `false` when none is.
    fn deliver(&mut self) -> Result<bool, LabError> {
        let now = self.clock.now();
        if self.due.peek().is_none_or(|Reverse(d)| d.at > now) {
            return Ok(false);
        }
        let Some(Reverse(due)) = self.due.pop() else { return Ok(false) };
        let Some(frame) = self.frames.get(due.frame) else { return Ok(false) };
        let from = frame.from;
        let bytes = due.altered.as_deref().unwrap_or(&frame.bytes).to_vec();
        let everyone = self.ethernet;
        let to: Vec<usize> = match Peek::ip(&bytes) {
            _ if everyone => (0..self.ports.len()).filter(|h| Some(*h) != from).collect(),
            Some(p) => self.host_of(p.dst).into_iter().collect(),
            None => Vec::new(),
        };
        for host in to {
            let mut own = bytes.clone();
            if let (Some(wrap), 0) = (&mut self.wrap, host) {
                wrap.shift(false, &mut own);
            }
            let ts = self.clock.now();
            if let Some(f) = self.frames.get_mut(due.frame) {
                f.deliveries.push(Delivery { ts, to: host, altered: due.altered.clone() });
            }
            let Some(port) = self.ports.get_mut(host) else { continue };
            match port.send(&own) {
                Ok(()) => {}
                // The host refuses what is no IP packet, as a card would drop it.
                Err(e) if e.raw_os_error() == Some(nix::errno::Errno::EINVAL as i32) => {}
                Err(e) => return Err(LabError::of_machine("writing the wire", e, "report this")),
            }
        }
        let now = self.clock.now();
        self.truth.sample(now, Some(due.frame));
        Ok(true)
    }

    /// Asks the kernels about their sockets now.
    pub(super) fn sample(&mut self) {
        let now = self.clock.now();
        self.truth.sample(now, None);
    }

    /// Forgets every frame so far, as if the wire were new.
    pub(super) fn forget(&mut self) {
        self.frames.clear();
        self.seen.clear();
        self.notice = Notice::default();
        self.taken.fill(0);
    }

    /// Marks what never arrived.
    pub(super) fn finish(&mut self) {
        let left: Vec<usize> =
            self.due.drain().map(|Reverse(d)| d.frame).chain(self.held.drain(..).map(|h| h.frame)).collect();
        for frame in left {
            self.note(frame, Fate::InFlight);
        }
    }
}
