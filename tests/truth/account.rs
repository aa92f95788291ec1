//! What really happened, by the wire's log and the kernels' account; the analysis has no
//! part in it, and neither has its decoder.

use std::collections::BTreeMap;

use synfin::lab::{Fate, LabFrame, LabOutcome, TcpFacts};
use synfin::model::{TcpState, Timestamp};

use crate::fields;

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const ACK: u8 = 16;

/// Why a kernel sent something again, by its own TCP_INFO at that moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Handshake,
    /// The timer ran out: `retransmits` went up.
    Timeout,
    /// Still in the Loss state of an earlier timeout.
    AfterTimeout,
    /// In the Recovery state: duplicate acknowledgments, SACK or RACK.
    Recovery,
    /// In none of these: a tail loss probe.
    Probe,
    Unknown,
}

/// A segment that a host gave to the wire.
#[derive(Debug, Clone)]
pub struct Segment {
    pub from: usize,
    /// From the initial sequence number of its direction.
    pub seq: i64,
    pub end: i64,
    pub flags: u8,
    /// Raw.
    pub ack: u32,
    pub window: u16,
    /// Some of its octets were sent before.
    pub resent: bool,
    /// It was sent again and some octet of it had not got through; `None` where nobody knows.
    pub needed: Option<bool>,
    /// Why nobody knows.
    pub excused: Option<&'static str>,
    pub cause: Option<Cause>,
    /// Not new, no octets of its own, just below what comes next: the timer that sent it.
    pub probe: Option<&'static str>,
    /// It reached the other host whole.
    pub arrived: bool,
}

impl Segment {
    pub fn occupies(&self) -> bool {
        self.end > self.seq
    }
}

struct Raw {
    seq: u32,
    ack: u32,
    len: u32,
    flags: u8,
    window: u16,
}

fn parse(bytes: &[u8]) -> Option<Raw> {
    let be16 = |at: usize| Some(usize::from(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?])));
    let header = fields::ip_header(bytes)?;
    let (protocol, total) = match header {
        fields::SIX => (*bytes.get(6)?, header + be16(4)?),
        _ => (*bytes.get(9)?, be16(2)?),
    };
    if protocol != 6 {
        return None;
    }
    let tcp = bytes.get(header..total)?;
    let seq = u32::from_be_bytes(tcp.get(4..8)?.try_into().ok()?);
    let ack = u32::from_be_bytes(tcp.get(8..12)?.try_into().ok()?);
    let offset = usize::from(*tcp.get(12)? >> 4) * 4;
    let window = u16::from_be_bytes(tcp.get(14..16)?.try_into().ok()?);
    Some(Raw {
        seq,
        ack,
        len: u32::try_from(tcp.len().checked_sub(offset)?).ok()?,
        flags: *tcp.get(13)?,
        window,
    })
}

/// How far do these ranges reach from `from` without a gap?
fn prefix(ranges: impl Iterator<Item = (i64, i64)>, from: i64) -> i64 {
    let mut ranges: Vec<(i64, i64)> = ranges.collect();
    ranges.sort_unstable();
    ranges.into_iter().fold(from, |at, (a, b)| if a <= at { at.max(b) } else { at })
}

/// Is `[from, to)` covered by these ranges?
pub fn covered(ranges: impl Iterator<Item = (i64, i64)>, from: i64, to: i64) -> bool {
    prefix(ranges, from) >= to
}

/// What came of a segment at the other host.
struct Arrival {
    from: usize,
    seq: i64,
    end: i64,
    stamp: Option<u32>,
    /// When it came whole.
    came: Vec<Timestamp>,
}

fn arrival(f: &LabFrame, isn: &BTreeMap<usize, u32>) -> Option<Arrival> {
    let (from, raw) = (f.from?, parse(&f.bytes)?);
    let seq = fields::relative(raw.seq, *isn.get(&from)?);
    let end = seq + i64::from(raw.len) + i64::from(raw.flags & (SYN | FIN) != 0);
    let stamp = fields::fields(&f.bytes).and_then(|f| f.stamps).map(|s| s.0);
    let came = f.deliveries.iter().filter(|d| d.altered.is_none()).map(|d| d.ts).collect();
    Some(Arrival { from, seq, end, stamp, came })
}

/// By frame: it arrived, and its receiver may have thrown it away even so. The counters say only
/// that a host threw something away. For want of room that may have been anything; for its age
/// (PAWS, RFC 7323 section 5) only what came after a newer time stamp that the host took.
fn doubtful(run: &LabOutcome) -> Vec<bool> {
    const ROOM: [&str; 6] =
        ["TCPRcvQDrop", "RcvPruned", "OfoPruned", "TCPOFODrop", "TCPZeroWindowDrop", "TCPBacklogDrop"];
    let counted = |host: usize, name: &str| {
        run.counters.get(host).and_then(|c| c.get(&format!("TcpExt.{name}"))).is_some_and(|by| *by > 0)
    };
    let isn = fields::isns(run);
    let arrivals: Vec<Option<Arrival>> = run.frames.iter().map(|f| arrival(f, &isn)).collect();
    // Stamps of what brought the octets themselves do not count, nor of what lies beyond them: had they
    // not come the old one would have been taken. So: how far has the host all octets without these?
    let apart =
        |old: &Arrival, new: &Arrival| new.from == old.from && (new.end <= old.seq || new.seq >= old.end);
    let aged = |old: &Arrival, at: Timestamp| {
        let others = || arrivals.iter().flatten().filter(|new| apart(old, new));
        let reach = |by: Timestamp| {
            let came = others().filter(|a| a.came.iter().any(|t| *t <= by));
            prefix(came.map(|a| (a.seq, a.end)), 0)
        };
        others().any(|new| {
            let newer = new.stamp.zip(old.stamp).is_some_and(|(n, o)| fields::relative(n, o) > 0);
            newer && new.came.iter().any(|t| *t <= at && new.seq <= reach(*t))
        })
    };
    let doubt = |a: &Option<Arrival>| {
        a.as_ref().is_some_and(|a| {
            let to = 1 - a.from;
            ROOM.iter().any(|name| counted(to, name))
                || counted(to, "PAWSEstab") && a.came.iter().all(|at| aged(a, *at))
        })
    };
    arrivals.iter().map(doubt).collect()
}

/// The segments of a run, by the index of their frames.
pub fn segments(run: &LabOutcome) -> Vec<Option<Segment>> {
    let mut isn: BTreeMap<usize, u32> = BTreeMap::new();
    let mut highest: BTreeMap<usize, i64> = BTreeMap::new();
    let mut all: Vec<Option<Segment>> = Vec::new();
    let doubtful = doubtful(run);
    for (index, frame) in run.frames.iter().enumerate() {
        let (Some(from), Some(raw)) = (frame.from, parse(&frame.bytes)) else {
            all.push(None);
            continue;
        };
        let base = *isn.entry(from).or_insert(raw.seq);
        let seq = i64::from(raw.seq.wrapping_sub(base).cast_signed());
        let end = seq + i64::from(raw.len) + i64::from(raw.flags & (SYN | FIN) != 0);
        let top = highest.entry(from).or_insert(0);
        // Who dials and is dialled at once answers with the number of its own SYN (RFC 9293 figure 8).
        let both = |s: &Segment| s.from == from && s.flags & SYN != 0;
        let answers = raw.flags & (SYN | ACK) == SYN | ACK
            && all.iter().flatten().filter(|s| both(s)).all(|s: &Segment| s.flags & ACK == 0);
        let resent = end > seq && seq < *top && !answers;
        let probe = (end == seq && seq == *top - 1 && raw.flags & (SYN | FIN | RST) == 0).then(|| {
            let before =
                run.states.iter().rfind(|s| s.host == from && s.ts <= frame.ts && s.remote_port != 0);
            before.and_then(|s| s.timer).unwrap_or("?")
        });
        let arrived = frame.deliveries.iter().any(|d| d.altered.is_none());
        let mut segment = Segment {
            from,
            seq,
            end,
            flags: raw.flags,
            ack: raw.ack,
            window: raw.window,
            resent,
            needed: None,
            excused: None,
            cause: None,
            probe,
            arrived,
        };
        if resent {
            let same = |s: &&Segment| s.from == from && s.seq < end && s.end > seq;
            let earlier = || {
                let frames = all.iter().enumerate();
                frames.filter_map(|(i, s)| Some((i, s.as_ref()?))).filter(move |(_, s)| same(s))
            };
            let got = |sure: bool| {
                let came = earlier().filter(|(i, s)| s.arrived && !(sure && doubtful[*i]));
                covered(came.map(|(_, s)| (s.seq, s.end)), seq, end)
            };
            let held = |f: &LabFrame| f.fate.contains(&Fate::InFlight) && f.deliveries.is_empty();
            (segment.needed, segment.excused) = if got(true) {
                (Some(false), None)
            } else if earlier().any(|(i, _)| held(&run.frames[i])) {
                (None, Some("a copy was still on the wire at the end"))
            } else if got(false) {
                (None, Some("its receiver may have thrown an earlier copy away"))
            } else {
                (Some(true), None)
            };
            segment.cause = Some(cause(run, index, raw.flags));
        }
        *top = (*top).max(end);
        all.push(Some(segment));
    }
    stood_still(run, &mut all);
    all
}

/// The same octets more than once within a millisecond: the machine stood still meanwhile, and which
/// of the timers that ran out sent which of them nobody knows.
fn stood_still(run: &LabOutcome, all: &mut [Option<Segment>]) {
    let sent: Vec<(usize, i64, i64)> = all
        .iter()
        .zip(&run.frames)
        .map(|(s, f)| s.as_ref().map_or((2, 0, f.ts.0), |s| (s.from, s.seq, f.ts.0)))
        .collect();
    for (i, segment) in all.iter_mut().enumerate().filter_map(|(i, s)| Some((i, s.as_mut()?))) {
        let timer = matches!(segment.cause, Some(Cause::Timeout | Cause::AfterTimeout | Cause::Probe));
        let (from, seq, ts) = sent[i];
        let near = |(j, s): (usize, &(usize, i64, i64))| {
            j != i && (s.0, s.1) == (from, seq) && (s.2 - ts).abs() < 1_000_000
        };
        if timer && segment.occupies() && sent.iter().enumerate().any(near) {
            segment.cause = Some(Cause::Unknown);
        }
    }
}

/// Its timer ran out, and nothing new was acknowledged since.
fn timed_out(info: TcpFacts) -> bool {
    info.retransmits > 0
}

fn cause(run: &LabOutcome, index: usize, flags: u8) -> Cause {
    if flags & SYN != 0 {
        return Cause::Handshake;
    }
    let frame = &run.frames[index];
    let own = |s: &&synfin::lab::SocketSample| Some(s.host) == frame.from && s.remote_port != 0;
    let now = run.states.iter().filter(own).rfind(|s| s.ts <= frame.ts);
    // The timer may have run out some time before the wire took the frame, and a sample lie
    // in between: the least since its host sent something before.
    let earlier = run.frames.get(..index).unwrap_or_default().iter().rfind(|f| f.from == frame.from);
    let since = earlier.map_or(0, |f| run.states.iter().filter(own).filter(|s| s.ts <= f.ts).count());
    let between = run.states.iter().filter(own).skip(since.saturating_sub(1)).take_while(|s| s.ts < frame.ts);
    let before = between.filter_map(|s| s.info).map(|i| i.retransmits).min();
    let Some(now) = now.and_then(|s| s.info) else { return Cause::Unknown };
    match now.ca_state {
        3 => Cause::Recovery,
        4 if before.is_none_or(|b| now.retransmits > b) && timed_out(now) => Cause::Timeout,
        // Too big for the path it goes again at once, and counts as lost, too (RFC 1191).
        4 if !run.states.iter().filter(own).any(|s| s.ts <= frame.ts && s.info.is_some_and(timed_out)) => {
            Cause::Unknown
        }
        4 => Cause::AfterTimeout,
        0..=2 => Cause::Probe,
        _ => Cause::Unknown,
    }
}

/// The state of `host`'s socket between a packet of its capture and the next one.
pub fn state(run: &LabOutcome, host: usize, until: Option<Timestamp>) -> Option<TcpState> {
    let samples = run.states.iter().filter(|s| s.host == host && s.remote_port != 0);
    samples.take_while(|s| until.is_none_or(|t| s.ts < t)).last().and_then(|s| s.state)
}
