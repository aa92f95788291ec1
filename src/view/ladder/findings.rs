//! What stands in the margin: verdicts and labels, and which packet repeats which.

use std::collections::{BTreeMap, BTreeSet};

use super::Transit;
use super::label::duration;
use crate::report::{Detail, Row, RowKind};
use crate::track::{Confidence, Event, EventKind, Labels};

/// How a finding is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tone {
    /// A fact of the connection's life.
    Fact,
    /// Worth a look.
    Notice,
    /// Something went wrong.
    Trouble,
}

impl Tone {
    /// The class in SVG.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Fact => "fact",
            Self::Notice => "notice",
            Self::Trouble => "trouble",
        }
    }
}

/// One finding at a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub text: String,
    pub tone: Tone,
}

/// The findings of a conversation, by frame.
#[derive(Debug, Clone, Default)]
pub(super) struct Findings {
    pub marks: BTreeMap<u64, Vec<Mark>>,
    /// A frame and the one that it repeats.
    pub repeats: BTreeMap<u64, u64>,
    /// Frames whose packet did not arrive.
    pub lost: BTreeSet<u64>,
}

impl Findings {
    /// There is more to say of the packet in `frame` than plain facts.
    pub fn concern(&self, frame: u64) -> bool {
        self.marks.get(&frame).is_some_and(|m| m.iter().any(|m| m.tone != Tone::Fact))
    }
}

/// Kinds that any reader sees in the arrows themselves.
const fn is_plain(kind: EventKind) -> bool {
    matches!(kind, EventKind::Opening | EventKind::Fin)
}

const fn repeats(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::FastRetransmit
            | EventKind::RackRetransmit
            | EventKind::TailLossProbe
            | EventKind::TimeoutRetransmit
            | EventKind::HandshakeRetransmit
            | EventKind::SpuriousRetransmit
            | EventKind::Retransmit
            | EventKind::CapturedTwice
            | EventKind::DuplicatedByNetwork
    )
}

/// Kinds whose verdict is that the original was lost on the way.
const fn says_lost(kind: EventKind) -> bool {
    matches!(kind, EventKind::FastRetransmit | EventKind::RackRetransmit | EventKind::TimeoutRetransmit)
}

const fn tone(kind: EventKind) -> Tone {
    match kind {
        EventKind::Opening
        | EventKind::Established
        | EventKind::Midstream
        | EventKind::Fin
        | EventKind::Closed
        | EventKind::KeepAlive
        | EventKind::OffloadSegments
        | EventKind::OffloadChecksums
        | EventKind::WindowOpened => Tone::Fact,
        EventKind::Reset
        | EventKind::FastRetransmit
        | EventKind::RackRetransmit
        | EventKind::TimeoutRetransmit
        | EventKind::HandshakeRetransmit
        | EventKind::Retransmit
        | EventKind::Gap
        | EventKind::ZeroWindow
        | EventKind::Refused
        | EventKind::Aborted
        | EventKind::UnreadData
        | EventKind::HalfOpen
        | EventKind::TimedOut
        | EventKind::Middlebox
        | EventKind::IcmpError
        | EventKind::ListFull => Tone::Trouble,
        EventKind::PortReused
        | EventKind::TailLossProbe
        | EventKind::SpuriousRetransmit
        | EventKind::Reordered
        | EventKind::CapturedTwice
        | EventKind::DuplicatedByNetwork
        | EventKind::CaptureMissed
        | EventKind::ResetIgnored
        | EventKind::WindowProbe
        | EventKind::WindowLimited
        | EventKind::NagleDelayedAck => Tone::Notice,
    }
}

/// A verdict in words: what, of which packet, how long after it, how sure.
fn words(event: &Event) -> String {
    let e = &event.evidence;
    let mut text = event.kind.name().replace('_', " ");
    for (word, proper) in [("icmp", "ICMP"), ("rack ", "RACK "), ("nagle", "Nagle")] {
        text = text.replace(word, proper);
    }
    if let Some(original) = e.original {
        let of = match event.kind {
            EventKind::IcmpError => "about",
            kind if repeats(kind) => "of",
            _ => "after",
        };
        text.push_str(&format!(" {of} #{original}"));
    }
    if let Some(elapsed) = e.elapsed {
        text.push_str(&format!(", {} later", duration(elapsed)));
    }
    if let Some(n) = e.duplicate_acks.filter(|&n| n > 0) {
        text.push_str(&format!(", {n} duplicate ack{}", if n == 1 { "" } else { "s" }));
    }
    if event.confidence != Confidence::Certain {
        text.push_str(&format!(" ({})", event.confidence.name()));
    }
    text
}

/// Labels that say nothing beyond a verdict on the same packet.
fn label_words(row: &Row) -> Vec<Mark> {
    let RowKind::Tcp { analysis, .. } = &row.kind else { return Vec::new() };
    let mut marks = Vec::new();
    for name in analysis.tenable().names() {
        let mut text = name.replace('_', " ");
        if name == "duplicate_ack" && analysis.duplicate_ack_num > 0 {
            text.push_str(&format!(" {} of #{}", analysis.duplicate_ack_num, analysis.duplicate_ack_frame));
        }
        if let Some((frame, elapsed)) = analysis.repeats().filter(|_| name == "retransmission") {
            text.push_str(&format!(" of #{frame}, {} later", duration(elapsed)));
        }
        let quiet = Labels::WINDOW_UPDATE.0
            | Labels::KEEP_ALIVE.0
            | Labels::KEEP_ALIVE_ACK.0
            | Labels::TFO_SYN.0
            | Labels::TFO_ACK.0;
        let loud = Labels::RETRANSMISSION.0
            | Labels::FAST_RETRANSMISSION.0
            | Labels::LOST_SEGMENT.0
            | Labels::ZERO_WINDOW.0;
        let bit = Labels::ALL.iter().find(|(_, n)| *n == name).map_or(0, |(l, _)| l.0);
        let tone = match bit {
            b if b & loud != 0 => Tone::Trouble,
            b if b & quiet != 0 => Tone::Fact,
            _ => Tone::Notice,
        };
        marks.push(Mark { text, tone });
    }
    marks
}

/// What was found in a conversation.
pub(super) fn find(detail: &Detail, transit: &Transit) -> Findings {
    let mut found = Findings { lost: transit.lost.clone(), ..Findings::default() };
    // A verdict of "arrived after all" outweighs an earlier "lost".
    let mut arrived = BTreeSet::new();
    for event in &detail.events {
        let marks = found.marks.entry(event.packet).or_default();
        if !is_plain(event.kind) {
            marks.push(Mark { text: words(event), tone: tone(event.kind) });
        }
        let Some(original) = event.evidence.original else { continue };
        if repeats(event.kind) && original != event.packet {
            found.repeats.insert(event.packet, original);
        }
        if says_lost(event.kind) && event.confidence != Confidence::Undetermined {
            found.lost.insert(original);
        }
        if event.kind == EventKind::SpuriousRetransmit {
            arrived.insert(original);
        }
    }
    for frame in arrived.iter().chain(transit.arrivals.keys()) {
        if !transit.lost.contains(frame) {
            found.lost.remove(frame);
        }
    }
    for row in &detail.rows {
        let marks = found.marks.entry(row.frame).or_default();
        if marks.iter().all(|m| m.tone == Tone::Fact) {
            marks.extend(label_words(row));
        }
        if let RowKind::Tcp { analysis, .. } = &row.kind
            && let Some((original, _)) = analysis.repeats()
            && original != row.frame
        {
            found.repeats.entry(row.frame).or_insert(original);
        }
    }
    found.marks.retain(|_, marks| !marks.is_empty());
    found
}
