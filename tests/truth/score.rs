//! One capture: what was said of each packet beside what is so.

use std::collections::{BTreeMap, BTreeSet};

use synfin::decode::Decoder;
use synfin::decode::TcpSegment;
use synfin::lab::{LabOutcome, LabSource, Observer};
use synfin::model::{PerSide, Side, TcpState};
use synfin::source::PacketSource;
use synfin::track::{
    Confidence, Event, EventKind, SeenSegment, Sink, TcpConversation, Tracker, TrackerOptions,
};

use crate::account::{self, Cause, Segment};
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
    passed: bool,
    /// A packet before it in this capture shows that it is not new.
    tellable: bool,
    shut: bool,
    was_shut: bool,
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

/// Scores the capture at `host`: of the run itself, or of what is `shown` in its place.
pub fn score(
    run: &LabOutcome,
    shown: &LabOutcome,
    host: usize,
    segments: &[Option<Segment>],
    tshark: Option<&Labels>,
) -> Score {
    let said = analyse(shown, Observer::Host(host));
    let mut score = Score::default();
    let mut packets: BTreeMap<u64, Vec<&Event>> = BTreeMap::new();
    let mut needless: BTreeMap<u64, &Event> = BTreeMap::new();
    for e in &said.events {
        packets.entry(e.packet).or_default().push(e);
        if e.kind == EventKind::SpuriousRetransmit {
            let of = e.evidence.witness.and(e.evidence.original).unwrap_or(e.packet);
            needless.insert(of, e);
        }
    }
    let seen = view(shown, host, segments);
    let reset = ends::reset(run, segments, &seen);
    let none = Vec::new();
    for (number, p) in (1_u64..).zip(&seen) {
        let Some(p) = p else { continue };
        let events = packets.get(&number).unwrap_or(&none);
        let has = |kinds: &[EventKind]| -> Option<Confidence> {
            let own = events.iter().filter(|e| kinds.contains(&e.kind) && e.evidence.witness.is_none());
            own.map(|e| e.confidence).max()
        };
        let labels = tshark.map(|t| t.get(&number).cloned().unwrap_or_default());
        let label = |names: &[&str]| labels.as_ref().map(|l| names.iter().any(|n| l.contains(n)));
        let mut ask = |kind: &'static str, so: bool, own: Option<Confidence>, other: Option<bool>| {
            if let Some(sure) = own {
                score.synfin.stated(kind, so, sure.name());
            }
            let own = own.is_some();
            score.synfin.add(kind, so, own);
            if let Some(other) = other {
                score.tshark.add(kind, so, other);
            }
            if so != own {
                let what = if own { "wrongly said" } else { "missed" };
                let found: Vec<String> =
                    events.iter().map(|e| format!("{} {}", e.kind.name(), e.confidence.name())).collect();
                score.others.push((
                    kind,
                    format!(
                        "packet {number} {what}; found [{}], cause {:?}",
                        found.join(", "),
                        p.segment.cause
                    ),
                ));
            }
        };
        let s = p.segment;
        let any = label(&["retransmission", "fast_retransmission", "spurious_retransmission"]);
        let again = s.resent && !p.copy;
        if !again || p.tellable {
            ask(RESENT, again, has(&SENT_AGAIN), any);
        }
        if again && p.tellable && s.flags & account::SYN == 0 {
            if let Some(needed) = s.needed {
                let spurious = needless.get(&number).map(|e| e.confidence);
                let lost = has(&SENT_AGAIN).filter(|_| spurious.is_none());
                let theirs = label(&["spurious_retransmission"]);
                let theirs_lost = any.zip(theirs).map(|(a, s)| a && !s);
                ask(LOST, needed, lost, theirs_lost);
                ask(NEEDLESS, !needed, spurious, theirs);
                if needed || !p.sent || knowable::shown_to_its_sender(run, segments, p.frame) {
                    ask(LOST_SHOWN, needed, lost, theirs_lost);
                    ask(NEEDLESS_SHOWN, !needed, spurious, theirs);
                }
            }
            if p.sent && s.cause != Some(Cause::Unknown) {
                let needed = s.needed == Some(true);
                let mut cause = |kind, so: bool, own: Option<Confidence>, other| {
                    if needed || own.is_some() {
                        ask(kind, so, own, other);
                    }
                };
                cause(PROBED, s.cause == Some(Cause::Probe), has(&[EventKind::TailLossProbe]), None);
                let timeout = matches!(s.cause, Some(Cause::Timeout | Cause::AfterTimeout));
                cause(TIMED, timeout, has(&[EventKind::TimeoutRetransmit]), None);
                let fast = has(&[EventKind::FastRetransmit, EventKind::RackRetransmit]);
                cause(ASKED, s.cause == Some(Cause::Recovery), fast, label(&["fast_retransmission"]));
            }
        }
        if !p.sent {
            ask(OVERTAKEN, p.overtaken, has(&[EventKind::Reordered]), label(&["out_of_order"]));
        }
        let copied = has(&[EventKind::DuplicatedByNetwork, EventKind::CapturedTwice]);
        ask(COPY, p.copy, copied, None);
        if !p.twin {
            ask(COPY_SHOWN, p.copy, copied, None);
        }
        if let Some(why) = reset.filter(|r| r.0 == number).map(|r| r.1) {
            for (kind, so, event) in [
                (REFUSED, Why::Refused, EventKind::Refused),
                (ABORTED, Why::Aborted, EventKind::Aborted),
                (AFTER_CLOSE, Why::AfterClose, EventKind::UnreadData),
            ] {
                ask(kind, why == so, has(&[event]), None);
            }
        }
        ask(SHUT, p.shut, has(&[EventKind::ZeroWindow]), None);
        if !p.copy {
            ask(
                WINDOW_PROBE,
                s.probe == Some("persist"),
                has(&[EventKind::WindowProbe]),
                label(&["zero_window_probe"]),
            );
            ask(
                KEEP_ALIVE,
                s.probe == Some("keepalive"),
                has(&[EventKind::KeepAlive]),
                label(&["keep_alive"]),
            );
        }
    }
    ends::told(&mut score, run, segments, &said, &seen);
    ends::states(&mut score, run, host, &said, &seen);
    for e in said.events.iter().filter(|e| e.confidence == Confidence::Certain) {
        if let Some(why) = wrong(e, &seen, &said) {
            score.wrong_certain.push(format!("packet {}: {} certain, but {why}", e.packet, e.kind.name()));
        }
    }
    score
}

/// Why a certain verdict is wrong, if it is.
fn wrong(e: &Event, seen: &[Option<Seen<'_>>], said: &Said) -> Option<String> {
    let at = |n: u64| seen.get(usize::try_from(n).ok()?.checked_sub(1)?)?.as_ref();
    let p = at(e.packet)?;
    let s = p.segment;
    let unless = |so: bool, why: &str| (!so).then(|| why.to_owned());
    match e.kind {
        EventKind::SpuriousRetransmit => {
            let of = e.evidence.witness.and(e.evidence.original).unwrap_or(e.packet);
            let of = at(of)?;
            unless(of.segment.resent && of.segment.needed != Some(true), "an octet of it had not got through")
        }
        EventKind::TimeoutRetransmit => {
            let timer = matches!(s.cause, Some(Cause::Timeout | Cause::Unknown));
            unless(timer, "the kernel's timer had not run out").map(|w| format!("{w} ({:?})", s.cause))
        }
        EventKind::TailLossProbe => unless(s.cause == Some(Cause::Probe), "the kernel sent no probe"),
        EventKind::FastRetransmit | EventKind::RackRetransmit => {
            unless(s.cause == Some(Cause::Recovery), "the kernel was not in recovery")
        }
        EventKind::HandshakeRetransmit => {
            unless(s.resent && s.flags & account::SYN != 0 && !p.copy, "no handshake segment was sent again")
        }
        EventKind::Retransmit => unless(s.resent && !p.copy, "it was not sent again"),
        EventKind::Reordered => unless(p.passed, "it was not overtaken"),
        EventKind::DuplicatedByNetwork => {
            unless(p.copy || e.evidence.witness.is_some(), "the wire made no copy")
        }
        EventKind::CaptureMissed => Some("the capture missed nothing".into()),
        EventKind::CapturedTwice => Some("the capture has each packet once".into()),
        EventKind::WindowProbe => {
            unless(s.probe == Some("persist"), "the kernel's persist timer did not run")
                .map(|w| format!("{w} ({:?})", s.probe))
        }
        EventKind::KeepAlive => {
            unless(s.probe == Some("keepalive"), "the kernel's keep-alive timer did not run")
                .map(|w| format!("{w} ({:?})", s.probe))
        }
        EventKind::ZeroWindow => unless(p.shut, "its window is open"),
        EventKind::WindowOpened => unless(p.was_shut && s.window > 0, "its window was open before"),
        EventKind::OffloadSegments => Some("no segment was joined".into()),
        EventKind::OffloadChecksums => Some("checksums were complete".into()),
        EventKind::Closed => {
            let both = said.states.get(&e.packet)?;
            let gone = |s: Option<TcpState>| matches!(s, Some(TcpState::Closed | TcpState::TimeWait));
            unless(gone(both[Side::Orig]) && gone(both[Side::Resp]), "a side was open")
        }
        _ => None,
    }
}
