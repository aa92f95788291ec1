//! One capture: what was said of each packet beside what is so.

use std::collections::{BTreeMap, BTreeSet};

use synfin::decode::Decoder;
use synfin::decode::TcpSegment;
use synfin::lab::{LabOutcome, LabSource, Observer};
use synfin::model::{PerSide, TcpState};
use synfin::source::PacketSource;
use synfin::track::{
    Confidence, Event, EventKind, SeenSegment, Sink, TcpConversation, Tracker, TrackerOptions,
};

use crate::account::{self, Cause, Segment};
use crate::certain::Case;
use crate::ends::{self, Why};
use crate::knowable;
use crate::tally::Tally;
use crate::tshark::Labels;

pub const RESENT: &str = "sent again (any reason)";
pub const LOST: &str = "lost, so sent again";
pub const NEEDLESS: &str = "sent again needlessly";
/// The same two where something in the capture can tell.
pub const LOST_SHOWN: &str = "lost, so sent again: where the capture can tell";
pub const NEEDLESS_SHOWN: &str = "sent again needlessly: where the capture can tell";
pub const OVERTAKEN: &str = "overtaken";
pub const COPY: &str = "copied by the network";
/// Without the packets that are the same octet for octet, whoever made them.
pub const COPY_SHOWN: &str = "copied by the network: where the capture can tell";
pub const COPY_TOLD: &str = "copied by the network, told by D-SACK";
pub const PROBED: &str = "cause: tail loss probe";
pub const TIMED: &str = "cause: timeout";
pub const ASKED: &str = "cause: fast recovery (SACK, RACK)";
pub const SHUT: &str = "window closed";
pub const WINDOW_PROBE: &str = "window probe";
pub const KEEP_ALIVE: &str = "keep-alive";
pub const STATE: &str = "state of the observer's socket";
pub const STATE_OTHER: &str = "state of the other end's socket";
pub const REFUSED: &str = "reset: refused";
pub const ABORTED: &str = "reset: aborted";
pub const AFTER_CLOSE: &str = "reset: data after close";

/// What the analysis said.
#[derive(Default)]
pub struct Said {
    pub events: Vec<Event>,
    pub states: BTreeMap<u64, PerSide<Option<TcpState>>>,
}

impl Sink for Said {
    fn tcp(&mut self, s: &TcpSegment, seen: &SeenSegment, _: &TcpConversation) {
        self.states.insert(s.ip.frame, seen.states);
    }

    fn event(&mut self, e: &Event) {
        self.events.push(*e);
    }
}

pub fn analyse(run: &LabOutcome, at: Observer) -> Said {
    let (mut decoder, mut tracker) = (Decoder::default(), Tracker::new(TrackerOptions::default()));
    let (mut said, mut source) = (Said::default(), LabSource::new(run, at));
    let mut records = Vec::new();
    while let Some(packet) = source.next_packet().unwrap() {
        records.clear();
        let problems = decoder.decode(&packet, &mut records);
        assert!(problems.is_empty(), "packet {}: {problems:?}", packet.number);
        for record in &records {
            tracker.push(record, &mut said);
        }
    }
    tracker.finish(&mut said);
    said
}

/// One packet of a capture and what is so of it.
pub struct Seen<'a> {
    pub segment: &'a Segment,
    pub sent: bool,
    /// Index into the frames of the run.
    pub frame: usize,
    pub copy: bool,
    /// Octet for octet the same as a packet before it that the wire did not copy, or copied.
    pub twin: bool,
    /// It is an original, and one that was sent after it came before it.
    pub overtaken: bool,
    /// One that was sent after it came before it, be it an original or not.
    pub passed: bool,
    /// A packet before it in this capture shows that it is not new.
    tellable: bool,
    /// It closes its sender's window.
    pub shut: bool,
    /// The window was closed before it.
    pub was_shut: bool,
}

pub fn view<'a>(run: &LabOutcome, host: usize, segments: &'a [Option<Segment>]) -> Vec<Option<Seen<'a>>> {
    let (mut met, mut highest) = (BTreeSet::new(), [-1_i64; 2]);
    let mut shut = [false; 2];
    let (mut latest, mut acked) = ([0_usize; 2], [None; 2]);
    let mut packets = BTreeSet::new();
    let capture = run.capture(Observer::Host(host));
    let look = |c: &synfin::lab::Captured<'_>| {
        let segment = segments[c.frame].as_ref()?;
        let from = segment.from;
        let copy = !met.insert(c.frame);
        // A copy of a packet with a number of its own can be known for one.
        let numbered = c.bytes.first() == Some(&0x45) && c.bytes.get(4..6) != Some(&[0, 0]);
        let twin = !packets.insert(c.bytes.to_vec()) && !numbered;
        let tellable = segment.seq < highest[from];
        let passed = !c.sent && !copy && c.frame < latest[from];
        let overtaken = passed && segment.occupies() && !segment.resent && tellable;
        highest[from] = highest[from].max(segment.end);
        latest[from] = latest[from].max(c.frame);
        // What acknowledges less than the sender had before is late, and its window old.
        let old = acked[from].is_some_and(|a: u32| segment.ack.wrapping_sub(a).cast_signed() < 0);
        let plain = segment.flags & (account::SYN | account::RST) == 0 && !old;
        if plain {
            acked[from] = Some(segment.ack);
        }
        let was_shut = shut[from];
        if plain {
            shut[from] = segment.window == 0;
        }
        let now = plain && segment.window == 0 && !was_shut;
        Some(Seen {
            segment,
            sent: c.sent,
            frame: c.frame,
            copy,
            twin,
            overtaken,
            passed,
            tellable,
            shut: now,
            was_shut,
        })
    };
    capture.iter().map(look).collect()
}

/// What one capture gave.
#[derive(Default)]
pub struct Score {
    pub synfin: Tally,
    pub tshark: Tally,
    /// Each wrong `certain`, in words.
    pub wrong_certain: Vec<String>,
    /// Other wrong or missing answers: kind and packet.
    pub others: Vec<(&'static str, String)>,
    /// What was not asked, and why.
    pub left_out: BTreeMap<&'static str, u64>,
}

/// The questions about one packet.
struct Asked<'a> {
    score: &'a mut Score,
    number: u64,
    events: &'a [&'a Event],
    cause: Option<Cause>,
    labels: Option<&'a [&'static str]>,
}

impl Asked<'_> {
    /// What was said of the packet itself, and not later of another.
    fn has(&self, kinds: &[EventKind]) -> Option<Confidence> {
        let own = self.events.iter().filter(|e| kinds.contains(&e.kind) && e.evidence.witness.is_none());
        own.map(|e| e.confidence).max()
    }

    fn label(&self, names: &[&str]) -> Option<bool> {
        self.labels.map(|l| names.iter().any(|n| l.contains(n)))
    }

    fn synfin(&mut self, kind: &'static str, so: bool, said: Option<Confidence>) {
        if let Some(sure) = said {
            self.score.synfin.stated(kind, so, sure.name());
        }
        let said = said.is_some();
        self.score.synfin.add(kind, so, said);
        if so != said {
            let what = if said { "wrongly said" } else { "missed" };
            let found: Vec<String> =
                self.events.iter().map(|e| format!("{} {}", e.kind.name(), e.confidence.name())).collect();
            let (number, cause) = (self.number, self.cause);
            let line = format!("packet {number} {what}; found [{}], cause {cause:?}", found.join(", "));
            self.score.others.push((kind, line));
        }
    }

    fn tshark(&mut self, kind: &'static str, so: bool, said: Option<bool>) {
        if let Some(said) = said {
            self.score.tshark.add(kind, so, said);
        }
    }

    fn both(&mut self, kind: &'static str, so: bool, own: Option<Confidence>, theirs: Option<bool>) {
        self.synfin(kind, so, own);
        self.tshark(kind, so, theirs);
    }

    fn left_out(&mut self, why: &'static str) {
        *self.score.left_out.entry(why).or_default() += 1;
    }
}

const SENT_AGAIN: [EventKind; 7] = [
    EventKind::FastRetransmit,
    EventKind::RackRetransmit,
    EventKind::TailLossProbe,
    EventKind::TimeoutRetransmit,
    EventKind::HandshakeRetransmit,
    EventKind::SpuriousRetransmit,
    EventKind::Retransmit,
];

/// Scores the capture at `host`.
pub fn score(run: &LabOutcome, host: usize, segments: &[Option<Segment>], tshark: Option<&Labels>) -> Score {
    let said = analyse(run, Observer::Host(host));
    let mut score = Score::default();
    let mut packets: BTreeMap<u64, Vec<&Event>> = BTreeMap::new();
    let mut needless: BTreeMap<u64, Confidence> = BTreeMap::new();
    for e in &said.events {
        packets.entry(e.packet).or_default().push(e);
        if e.kind == EventKind::SpuriousRetransmit {
            let of = e.evidence.witness.and(e.evidence.original).unwrap_or(e.packet);
            needless.insert(of, e.confidence);
        }
    }
    let seen = view(run, host, segments);
    let reset = ends::reset(run, segments, &seen);
    for (number, p) in (1_u64..).zip(&seen) {
        let Some(p) = p else { continue };
        let s = p.segment;
        let none = Vec::new();
        let ask = &mut Asked {
            score: &mut score,
            number,
            events: packets.get(&number).map_or(&[], Vec::as_slice),
            cause: s.cause,
            labels: tshark.map(|t| t.get(&number).unwrap_or(&none).as_slice()),
        };
        let again = s.resent && !p.copy;
        if !again || p.tellable {
            let any = ask.label(&["retransmission", "fast_retransmission", "spurious_retransmission"]);
            ask.both(RESENT, again, ask.has(&SENT_AGAIN), any);
        } else {
            ask.left_out("sent again, and nothing in the capture shows that it is old");
        }
        if again && p.tellable && s.flags & account::SYN == 0 {
            let spurious = needless.get(&number).copied();
            let shown = !p.sent || knowable::shown_to_its_sender(run, segments, p.frame);
            why_again(ask, p, spurious, shown);
        }
        if !p.sent {
            let theirs = ask.label(&["out_of_order"]);
            ask.both(OVERTAKEN, p.overtaken, ask.has(&[EventKind::Reordered]), theirs);
        }
        let copied = ask.has(&[EventKind::DuplicatedByNetwork, EventKind::CapturedTwice]);
        ask.synfin(COPY, p.copy, copied);
        if !p.twin {
            ask.synfin(COPY_SHOWN, p.copy, copied);
        }
        if let Some(why) = reset.filter(|r| r.0 == number).map(|r| r.1) {
            for (kind, so, event) in [
                (REFUSED, Why::Refused, EventKind::Refused),
                (ABORTED, Why::Aborted, EventKind::Aborted),
                (AFTER_CLOSE, Why::AfterClose, EventKind::UnreadData),
            ] {
                ask.synfin(kind, why == so, ask.has(&[event]));
            }
        }
        ask.synfin(SHUT, p.shut, ask.has(&[EventKind::ZeroWindow]));
        // It labels each packet with a closed window, and here the first of them counts.
        if p.shut || s.window > 0 {
            ask.tshark(SHUT, p.shut, ask.label(&["zero_window"]));
        }
        if !p.copy {
            for (kind, timer, event, label) in [
                (WINDOW_PROBE, "persist", EventKind::WindowProbe, "zero_window_probe"),
                (KEEP_ALIVE, "keepalive", EventKind::KeepAlive, "keep_alive"),
            ] {
                ask.both(kind, s.probe == Some(timer), ask.has(&[event]), ask.label(&[label]));
            }
        }
    }
    ends::told(&mut score, run, segments, &said, &seen);
    ends::states(&mut score, run, host, &said, &seen);
    let case = Case { run, host, segments, seen: &seen, said: &said, reset };
    // A reset that is called ignored where a kernel sent it is as bad, however sure.
    let held = |e: &&Event| e.confidence == Confidence::Certain || e.kind == EventKind::ResetIgnored;
    for e in said.events.iter().filter(held) {
        if let Some(why) = case.wrong(e) {
            score.wrong_certain.push(format!(
                "packet {}: {} {:?}, but {why}",
                e.packet,
                e.kind.name(),
                e.confidence
            ));
        }
    }
    score
}

/// Of a segment of data that was sent again: was it lost, and what made its sender send it?
fn why_again(ask: &mut Asked<'_>, p: &Seen<'_>, spurious: Option<Confidence>, shown: bool) {
    let s = p.segment;
    let any = ask.label(&["retransmission", "fast_retransmission", "spurious_retransmission"]);
    let theirs = ask.label(&["spurious_retransmission"]);
    match s.needed {
        Some(needed) => {
            let lost = ask.has(&SENT_AGAIN).filter(|_| spurious.is_none());
            let theirs_lost = any.zip(theirs).map(|(a, s)| a && !s);
            ask.both(LOST, needed, lost, theirs_lost);
            ask.both(NEEDLESS, !needed, spurious, theirs);
            if needed || shown {
                ask.both(LOST_SHOWN, needed, lost, theirs_lost);
                ask.both(NEEDLESS_SHOWN, !needed, spurious, theirs);
            }
        }
        None => ask.left_out(s.excused.unwrap_or("needed or not is unknown")),
    }
    if !p.sent {
        return;
    }
    if s.cause == Some(Cause::Unknown) {
        return ask.left_out("the kernel does not tell why it was sent again");
    }
    // Who calls a repair needless at once gives no cause for it.
    let needed = s.needed == Some(true);
    let timeout = matches!(s.cause, Some(Cause::Timeout | Cause::AfterTimeout));
    if needed || ask.has(&[EventKind::SpuriousRetransmit]).is_none() {
        ask.synfin(PROBED, s.cause == Some(Cause::Probe), ask.has(&[EventKind::TailLossProbe]));
        ask.synfin(TIMED, timeout, ask.has(&[EventKind::TimeoutRetransmit]));
        let fast = ask.has(&[EventKind::FastRetransmit, EventKind::RackRetransmit]);
        ask.synfin(ASKED, s.cause == Some(Cause::Recovery), fast);
    }
    if needed || theirs == Some(false) {
        ask.tshark(ASKED, s.cause == Some(Cause::Recovery), ask.label(&["fast_retransmission"]));
    }
}
