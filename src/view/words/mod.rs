//! What happened, in words: a phrase for each kind of event, its evidence, how sure it
//! is, and what Wireshark calls it where that is something else. All prose about events
//! stands in this module, so that it can be translated in one place.

pub(super) mod story;
#[cfg(test)]
mod tests;

use super::number::{count, counted, duration};
use super::sentence;
use crate::model::{Endpoint, PerSide, SeqNum, Side};
use crate::report::Conversation;
use crate::track::{Confidence, Event, EventKind, Labels, TcpConversation, UdpConversation};

/// What is known of an event's conversation: who talks, and what relative numbers count from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The originator and the responder.
    pub ends: PerSide<Endpoint>,
    /// The roles are known, not guessed.
    pub roles_known: bool,
    /// What each side's relative sequence numbers count from.
    pub bases: PerSide<Option<SeqNum>>,
}

impl From<&Conversation> for Known {
    fn from(c: &Conversation) -> Self {
        let tcp = c.tcp.as_deref();
        let base = |side| tcp.and_then(|t| t.sides[side].base);
        Self {
            ends: c.endpoints,
            roles_known: tcp.is_none_or(|t| t.roles_known),
            bases: PerSide::new(base(Side::Orig), base(Side::Resp)),
        }
    }
}

impl From<&TcpConversation> for Known {
    fn from(c: &TcpConversation) -> Self {
        let [orig, resp] = Side::BOTH.map(|side| c.ends[c.dir(side) & 1]);
        Self {
            ends: PerSide::new(orig, resp),
            roles_known: c.roles_known(),
            bases: PerSide::new(c.relative_base(Side::Orig), c.relative_base(Side::Resp)),
        }
    }
}

impl From<&UdpConversation> for Known {
    fn from(c: &UdpConversation) -> Self {
        Self { ends: PerSide(c.ends), roles_known: true, bases: PerSide::default() }
    }
}

/// `packet 7`; `packets 7, 9 and 12`; of a long list the first ones, and how many more.
#[must_use]
pub fn packets(numbers: &[u64]) -> String {
    const MOST: usize = 12;
    let shown: Vec<String> = numbers.iter().take(MOST).map(u64::to_string).collect();
    match (numbers.len(), shown.split_last()) {
        (0, _) | (_, None) => String::new(),
        (1, Some((one, _))) => format!("packet {one}"),
        (n, Some((last, rest))) if n <= MOST => format!("packets {} and {last}", rest.join(", ")),
        (n, Some(_)) => format!("packets {} and {} more", shown.join(", "), count((n - MOST) as u64)),
    }
}

/// The kind of an event as a name in prose: `fast retransmit`, `ICMP error`.
#[must_use]
pub fn name(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Opening => "opening",
        EventKind::Established => "established",
        EventKind::Midstream => "seen from the middle",
        EventKind::Fin => "FIN",
        EventKind::Closed => "closed",
        EventKind::Reset => "reset",
        EventKind::PortReused => "ports used again",
        EventKind::FastRetransmit => "fast retransmit",
        EventKind::RackRetransmit => "RACK retransmit",
        EventKind::TailLossProbe => "tail loss probe",
        EventKind::TimeoutRetransmit => "timeout",
        EventKind::HandshakeRetransmit => "handshake again",
        EventKind::SpuriousRetransmit => "needless retransmit",
        EventKind::Retransmit => "retransmit",
        EventKind::Reordered => "reordered",
        EventKind::CapturedTwice => "captured twice",
        EventKind::DuplicatedByNetwork => "copied on the way",
        EventKind::CaptureMissed => "missed by the capture",
        EventKind::Gap => "gap",
        EventKind::KeepAlive => "keep-alive",
        EventKind::WindowProbe => "window probe",
        EventKind::ZeroWindow => "window closed",
        EventKind::WindowOpened => "window open again",
        EventKind::WindowLimited => "window full",
        EventKind::NagleDelayedAck => "Nagle and delayed ACK",
        EventKind::OffloadSegments => "segments joined by offload",
        EventKind::OffloadChecksums => "checksums left to offload",
        EventKind::Refused => "refused",
        EventKind::Aborted => "aborted",
        EventKind::UnreadData => "data unread",
        EventKind::HalfOpen => "half-open",
        EventKind::TimedOut => "timed out",
        EventKind::Middlebox => "middlebox",
        EventKind::ResetIgnored => "reset ignored",
        EventKind::IcmpError => "ICMP error",
        EventKind::ListFull => "list full",
    }
}

/// Octets and where they stand: `1,000 octets at seq 2,001`. Raw where nothing is known
/// to count from.
fn octets(event: &Event, known: Option<&Known>) -> Option<String> {
    let e = &event.evidence;
    let at = e.seq.map(|seq| number(seq, event.side, known));
    match (e.len.filter(|&n| n > 0), at) {
        (Some(n), Some(at)) => Some(format!("{} at {at}", counted(n.into(), "octet", "octets"))),
        (Some(n), None) => Some(counted(n.into(), "octet", "octets")),
        (None, at) => at,
    }
}

/// A sequence number in the space of `side`.
fn number(seq: u32, side: Side, known: Option<&Known>) -> String {
    match known.and_then(|k| k.bases[side]) {
        Some(base) => format!("seq {}", count(SeqNum(seq).relative_to(base).into())),
        None => format!("raw seq {seq}"),
    }
}

fn what_again(event: &Event, known: Option<&Known>) -> String {
    match (octets(event, known), event.evidence.len) {
        (Some(octets), Some(1..)) => format!("sends {octets} again"),
        _ => "sends it again".into(),
    }
}

/// Sent again for a reason that the verdict names.
const fn is_repair(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::FastRetransmit
            | EventKind::RackRetransmit
            | EventKind::TailLossProbe
            | EventKind::TimeoutRetransmit
    )
}

/// What happened, as a phrase whose subject is the event's side or the connection.
#[must_use]
pub fn what(event: &Event, known: Option<&Known>) -> String {
    let e = &event.evidence;
    let octets = octets(event, known).unwrap_or_else(|| "octets".into());
    if event.confidence == Confidence::Undetermined && is_repair(event.kind) {
        return format!("{}: why is not certain, a {} would fit", what_again(event, known), name(event.kind));
    }
    match event.kind {
        EventKind::Opening => "opens the connection with a SYN".into(),
        EventKind::Established => match e.rtt {
            Some(rtt) => format!("established: SYN to SYN-ACK took {}", duration(rtt)),
            None => "established".into(),
        },
        EventKind::Midstream if event.confidence == Confidence::Certain => {
            "under way when the capture began".into()
        }
        EventKind::Midstream => "under way when the capture began: who is the originator is a guess".into(),
        EventKind::Fin => "sends its first FIN: it has no more to say".into(),
        EventKind::Closed => "both directions are closed".into(),
        EventKind::Reset => "resets the connection".into(),
        EventKind::PortReused => "opens a new connection on addresses and ports used before".into(),
        EventKind::FastRetransmit => {
            format!("{}: lost, and asked for by duplicate acknowledgments", what_again(event, known))
        }
        EventKind::RackRetransmit => {
            format!("{}: lost, for later ones have arrived", what_again(event, known))
        }
        EventKind::TailLossProbe => {
            format!("{} before the timer runs out: a tail loss probe", what_again(event, known))
        }
        EventKind::TimeoutRetransmit => {
            format!("{}: the retransmission timer ran out", what_again(event, known))
        }
        EventKind::HandshakeRetransmit => "sends its SYN again: no answer came in time".into(),
        EventKind::SpuriousRetransmit => match (e.witness, e.original) {
            (Some(_), Some(again)) => {
                format!("packet {again} was sent again needlessly: the first had arrived")
            }
            _ => format!("{} although they were acknowledged", what_again(event, known)),
        },
        EventKind::Retransmit => {
            format!("{}, and the packets do not tell why", what_again(event, known))
        }
        EventKind::Reordered => match e.original {
            Some(frame) => format!("{octets} come late: overtaken by packet {frame}"),
            None => format!("{octets} come late: overtaken"),
        },
        EventKind::CapturedTwice => match e.original {
            Some(frame) => format!("packet {frame} captured once more"),
            None => "captured once more".into(),
        },
        EventKind::DuplicatedByNetwork => match (e.original, e.witness) {
            (Some(frame), _) => format!("packet {frame} comes once more, copied on the way"),
            (None, Some(_)) => format!("{octets} reached the other end twice"),
            (None, None) => "comes twice".into(),
        },
        EventKind::CaptureMissed => {
            format!("{octets} were acknowledged and never seen: the capture missed them")
        }
        EventKind::Gap => format!("{octets} are missing before this packet"),
        EventKind::KeepAlive => "asks whether the other end is still there: a keep-alive".into(),
        EventKind::WindowProbe => "probes the closed window".into(),
        EventKind::ZeroWindow => "closes its window: the other end must wait".into(),
        EventKind::WindowOpened => "opens its window again".into(),
        EventKind::WindowLimited => "fills the other end's window and must wait".into(),
        EventKind::NagleDelayedAck => match e.elapsed {
            Some(waited) => format!(
                "held {octets} back for {}: Nagle waited for a delayed acknowledgment",
                duration(waited)
            ),
            None => format!("held {octets} back: Nagle waited for a delayed acknowledgment"),
        },
        EventKind::OffloadSegments => match (e.len, e.count) {
            (Some(len), Some(mss)) => format!(
                "a segment of {} where the MSS is {}: joined by offload before the capture",
                counted(len.into(), "octet", "octets"),
                count(mss)
            ),
            _ => "segments above the MSS: joined by offload before the capture".into(),
        },
        EventKind::OffloadChecksums => "leaves its checksums to the network card: they are no errors".into(),
        EventKind::Refused => "refuses the connection: a reset answers the SYN".into(),
        EventKind::Aborted => "aborts the connection with a reset".into(),
        EventKind::UnreadData => "had closed, and resets because data was left or still came".into(),
        EventKind::HalfOpen => "knows nothing of this connection, and resets it".into(),
        EventKind::TimedOut => match e.count {
            Some(n) => format!(
                "gives up after {} without an answer",
                counted(n, "retransmission", "retransmissions")
            ),
            None => "gives up: no answer to its retransmissions".into(),
        },
        EventKind::Middlebox => "a reset in its name that another machine sent".into(),
        EventKind::ResetIgnored => match e.original {
            Some(frame) => format!("goes on: the reset of packet {frame} ended nothing"),
            None => "goes on: a reset ended nothing".into(),
        },
        EventKind::IcmpError => format!("ICMP error: {}", icmp(event, known)),
        EventKind::ListFull => {
            "has more under way than is remembered: verdicts on this side may be missing from here on".into()
        }
    }
}

/// The type and code of an ICMP error in words.
fn icmp(event: &Event, known: Option<&Known>) -> String {
    let six = known.is_some_and(|k| k.ends[Side::Orig].addr.is_ipv6());
    let [.., icmp_type, code] = event.evidence.count.unwrap_or_default().to_be_bytes();
    sentence::icmp(if six { 6 } else { 4 }, icmp_type, code)
}

/// The evidence, a clause for each piece that the phrase of [`what`] has not said.
#[must_use]
pub fn evidence(event: &Event, known: Option<&Known>) -> Vec<String> {
    use EventKind as K;
    let (e, kind) = (&event.evidence, event.kind);
    let mut told = Vec::new();
    let is_reset = matches!(
        kind,
        K::Reset | K::Refused | K::Aborted | K::UnreadData | K::HalfOpen | K::TimedOut | K::Middlebox
    );
    let later = e.elapsed.map(duration);
    match (e.original, later) {
        (None, None) => {}
        _ if kind == K::NagleDelayedAck => {
            told.extend(e.original.map(|frame| format!("packet {frame} waited for its acknowledgment")));
        }
        (Some(frame), later) if is_reset => {
            told.push(format!("{}after packet {frame}", later.map_or_else(String::new, |l| l + " ")));
        }
        (None, Some(later)) if kind == K::KeepAlive => told.push(format!("after {later} of silence")),
        (None, Some(later)) => told.push(format!("{later} later")),
        (Some(frame), None) => match kind {
            K::CaptureMissed => told.push(format!("packet {frame} came after the gap")),
            K::SpuriousRetransmit | K::Reordered | K::ResetIgnored => {}
            _ => told.push(format!("first in packet {frame}")),
        },
        (Some(frame), Some(later)) => told.push(match kind {
            K::SpuriousRetransmit if e.witness.is_some() => format!("{later} after packet {frame}"),
            K::Reordered | K::CapturedTwice | K::DuplicatedByNetwork => format!("{later} after it"),
            K::WindowOpened | K::WindowProbe => format!("{later} after packet {frame} closed it"),
            _ => format!("first in packet {frame}, {later} before"),
        }),
    }
    if let Some(witness) = e.witness {
        let by = match (kind, e.sack.is_some(), e.tsval.is_some()) {
            (_, true, _) => "by the D-SACK of",
            (_, _, true) => "by the time stamp echo of",
            (K::CaptureMissed, ..) => "acknowledged by",
            _ => "as seen in",
        };
        told.push(format!("{by} packet {witness}"));
    }
    if let Some(n) = e.duplicate_acks.filter(|&n| n > 0) {
        told.push(counted(n.into(), "duplicate acknowledgment", "duplicate acknowledgments"));
    }
    if let Some((_, right)) = e.sack {
        let up_to = number(right, event.side, known);
        told.push(if e.witness.is_some() {
            format!("D-SACK up to {up_to}")
        } else {
            format!("SACK up to {up_to}")
        });
    }
    if let Some((a, b)) = e.tsval {
        told.push(format!("TSval {b} against {a}"));
    }
    if let Some((a, b)) = e.ip_id.filter(|&ids| ids != (0, 0)) {
        told.push(format!("IP ID {b} against {a}"));
    }
    if let Some((usual, this)) = e.ttl.filter(|(a, b)| a != b) {
        told.push(format!("TTL {this} against {usual}"));
    }
    if kind == K::WindowLimited {
        told.extend(e.len.map(|n| format!("{} in flight", counted(n.into(), "octet", "octets"))));
    }
    if kind != K::Established {
        told.extend(e.rtt.map(|rtt| format!("round trip {}", duration(rtt))));
    }
    match (kind, e.count) {
        (_, None) | (K::IcmpError | K::OffloadSegments | K::TimedOut, _) => {}
        (K::CapturedTwice | K::DuplicatedByNetwork, Some(n)) if n > 1 => {
            told.push(format!("{} copies so far", count(n)));
        }
        (K::CapturedTwice | K::DuplicatedByNetwork, _) => {}
        (_, Some(n)) => told.push(format!("sent again {} times", count(n))),
    }
    told
}

/// How sure it is, where it is not certain.
#[must_use]
pub const fn doubt(confidence: Confidence) -> Option<&'static str> {
    match confidence {
        Confidence::Certain => None,
        Confidence::Likely => Some("likely"),
        Confidence::Undetermined => Some("undetermined"),
    }
}

/// The clause that names Wireshark's label where it says something else.
#[must_use]
pub fn disagreement(event: &Event) -> Option<String> {
    // A verdict that a later packet proved is not about that packet's own labels.
    if !event.contradicts_labels() || event.evidence.witness == Some(event.packet) {
        return None;
    }
    let telling = Labels::RETRANSMISSION.0
        | Labels::FAST_RETRANSMISSION.0
        | Labels::SPURIOUS_RETRANSMISSION.0
        | Labels::OUT_OF_ORDER.0
        | Labels::DUPLICATE_ACK.0
        | Labels::KEEP_ALIVE.0;
    let names: Vec<&str> = Labels(event.labels.0 & telling).names().collect();
    (!names.is_empty()).then(|| format!("Wireshark calls it {}", names.join(" and ").replace('_', " ")))
}

/// The whole of an event in one sentence: what, why, how sure, and what others call it.
#[must_use]
pub fn sentence(event: &Event, known: Option<&Known>) -> String {
    with_doubt(event, known, doubt(event.confidence))
}

/// The same without how sure it is, for a table that has a column for that.
#[must_use]
pub fn fact(event: &Event, known: Option<&Known>) -> String {
    with_doubt(event, known, None)
}

fn with_doubt(event: &Event, known: Option<&Known>, doubt: Option<&str>) -> String {
    let mut text = what(event, known);
    let why = evidence(event, known);
    if !why.is_empty() {
        text.push_str(&format!(" ({})", why.join("; ")));
    }
    if let Some(doubt) = doubt {
        text.push_str(&format!(", {doubt}"));
    }
    if let Some(clause) = disagreement(event) {
        text.push_str(&format!(". {clause}"));
    }
    text
}
