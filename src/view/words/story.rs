//! The sentences of a conversation's story.

use super::super::number::{count, counted, duration, octets};
use super::super::sentence::{icmp, the};
use super::{disagreement, is_repair, name, packets};
use crate::model::{PerSide, Side};
use crate::report::{Conversation, TcpFacts, TcpSideFacts, UdpFacts};
use crate::track::{Confidence, Event, EventKind, Handshake, Teardown};

/// `Three segments`, `13 segments`, with a capital letter.
fn number_of(n: usize, one: &str, many: &str) -> String {
    const WORDS: [&str; 13] = [
        "No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven",
        "Twelve",
    ];
    let number = WORDS.get(n).map_or_else(|| count(n as u64), |w| (*w).to_owned());
    format!("{number} {}", if n == 1 { one } else { many })
}

const fn capital(side: Side) -> &'static str {
    match side {
        Side::Orig => "The originator",
        Side::Resp => "The responder",
    }
}

/// Who talks to whom, and who asked: the first sentence of the story.
pub(in crate::view) fn who(c: &Conversation, tcp: &TcpFacts) -> String {
    let (orig, resp) = (c.endpoints[Side::Orig], c.endpoints[Side::Resp]);
    if tcp.handshake == Handshake::SynAckOnly {
        return format!(
            "{resp} (the responder) answers a SYN of {orig} (the originator) in packet {}; the SYN itself was not captured.",
            c.first_frame
        );
    }
    if !tcp.roles_known {
        return format!(
            "The capture begins in the middle of a connection between {orig} and {resp}, with packet {}. \
             No SYN was captured, so who asked whom is a guess: {orig} is taken for the originator.",
            c.first_frame
        );
    }
    format!(
        "{orig} (the originator) asks {resp} (the responder) for a connection in packet {}.",
        c.first_frame
    )
}

/// What came of that.
pub(in crate::view) fn began(tcp: &TcpFacts, established: Option<u64>) -> Option<String> {
    let with = established.map_or_else(String::new, |frame| format!(" with packet {frame}"));
    let took = match (tcp.syn_rtt, tcp.initial_rtt) {
        (Some(syn), Some(all)) => {
            format!(": SYN to SYN-ACK took {}, SYN to ACK {}", duration(syn), duration(all))
        }
        (Some(syn), None) => format!(": SYN to SYN-ACK took {}", duration(syn)),
        (None, Some(all)) => format!(": it took {}", duration(all)),
        (None, None) => String::new(),
    };
    Some(match tcp.handshake {
        Handshake::Complete => format!("The handshake is complete{with}{took}."),
        Handshake::Simultaneous => {
            format!(
                "Both ends send a SYN before they see the other's, a simultaneous open, complete{with}{took}."
            )
        }
        Handshake::Unanswered => "Nobody answers the SYN.".into(),
        Handshake::HalfOpen => {
            "The SYN is answered, but the third step of the handshake was not captured.".into()
        }
        Handshake::Refused | Handshake::SynAckOnly | Handshake::Midstream => return None,
    })
}

/// What went each way.
pub(in crate::view) fn data(c: &Conversation, tcp: Option<&TcpFacts>) -> String {
    let way = |side: Side| {
        let t = &c.traffic[side];
        let packets = counted(t.packets, "packet", "packets");
        if t.payload == 0 {
            return format!("{} sends no data ({packets})", the(side));
        }
        let again = tcp.map(|tcp| &tcp.sides[side]).filter(|s| s.retransmitted_bytes > 0);
        let again =
            again.map_or_else(String::new, |s| format!(", {} of it again", octets(s.retransmitted_bytes)));
        format!("{} sends {} of data in {packets}{again}", the(side), octets(t.payload))
    };
    let mut text = way(Side::Orig);
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("{text}; {}. {}", way(Side::Resp), lasted(c))
}

fn lasted(c: &Conversation) -> String {
    c.lasted().map_or_else(
        || "When its packets passed, the capture does not tell.".into(),
        |nanos| format!("From the first packet to the last it takes {}.", duration(nanos)),
    )
}

/// Round trips and windows of a side, where they tell something.
pub(in crate::view) fn figures(side: Side, s: &TcpSideFacts) -> Option<String> {
    let mut told = Vec::new();
    if s.rtt.samples > 0 && s.data_segments > 0 {
        told.push(if s.rtt.samples == 1 {
            format!("one round trip of {}", duration(s.rtt.median))
        } else {
            format!(
                "round trips of {} (median of {}; {} to {})",
                duration(s.rtt.median),
                count(s.rtt.samples),
                duration(s.rtt.min),
                duration(s.rtt.max)
            )
        });
    }
    if s.flight_max > 0 && s.data_segments > 1 {
        told.push(format!("at most {} under way at once", octets(s.flight_max.into())));
    }
    (!told.is_empty()).then(|| format!("The data of {}: {}.", the(side), told.join(", ")))
}

/// The window that a side offers, where it closed.
pub(in crate::view) fn closed_window(side: Side, s: &TcpSideFacts) -> Option<String> {
    (s.zero_windows > 0).then(|| {
        let stood = match s.zero_window_time {
            1.. => format!(" and stood at 0 for {}", duration(s.zero_window_time)),
            _ => String::new(),
        };
        format!("The window of {} closed{stood}: the other end had to wait.", the(side))
    })
}

/// Events of one kind, side and confidence in a sentence; `None` for what the rest of
/// the story tells.
pub(in crate::view) fn group(events: &[&Event]) -> Option<String> {
    let first = events.first()?;
    let n = events.len();
    let of = the(first.side);
    let (was, had, it) = if n == 1 { ("was", "had", "it") } else { ("were", "had", "they") };
    let segments = || format!("{} of {of} {was}", number_of(n, "segment", "segments"));
    if first.confidence == Confidence::Undetermined && is_repair(first.kind) {
        let why = "the packets do not tell for certain why";
        return Some(format!(
            "{} sent again; {why}, a {} would fit{}",
            segments(),
            name(first.kind),
            cited(events)
        ));
    }
    let text = match first.kind {
        EventKind::Opening
        | EventKind::Established
        | EventKind::Midstream
        | EventKind::Fin
        | EventKind::Closed
        | EventKind::WindowOpened => return None,
        EventKind::PortReused => "The same addresses and ports had been used by an earlier connection".into(),
        EventKind::FastRetransmit => {
            format!("{} lost and sent again at the request of duplicate acknowledgments", segments())
        }
        EventKind::RackRetransmit => {
            format!("{} lost and sent again once later ones were known to have arrived", segments())
        }
        EventKind::TailLossProbe => format!("{} sent again as a probe, before the timer ran out", segments()),
        EventKind::TimeoutRetransmit => {
            format!("{} sent again when the retransmission timer ran out", segments())
        }
        EventKind::HandshakeRetransmit => {
            format!("{} of {of} {was} sent again: no answer had come in time", number_of(n, "SYN", "SYNs"))
        }
        EventKind::SpuriousRetransmit => format!("{} sent again needlessly: {it} {had} arrived", segments()),
        EventKind::Retransmit => {
            format!("{} sent again, and the packets do not tell what made its sender do so", segments())
        }
        EventKind::Reordered => {
            format!("{} overtaken on the way and came late; nothing was lost by that", segments())
        }
        EventKind::CapturedTwice => {
            "The capture has packets twice: two copies of one packet, not two packets".into()
        }
        EventKind::DuplicatedByNetwork => format!("{} delivered twice though sent once", segments()),
        EventKind::CaptureMissed => format!(
            "{} of {of} {was} acknowledged but never seen: the capture missed it, the network did not",
            number_of(n, "stretch", "stretches")
        ),
        EventKind::Gap => format!(
            "{} of {of} {was} missing when the capture ended, unexplained",
            number_of(n, "stretch of data", "stretches of data")
        ),
        EventKind::KeepAlive => format!(
            "{} of {of} asked whether the other end was still there",
            number_of(n, "keep-alive", "keep-alives")
        ),
        EventKind::WindowProbe => {
            format!("{} of {of} tried the closed window", number_of(n, "probe", "probes"))
        }
        EventKind::ZeroWindow => {
            format!("{} closed its window {}", capital(first.side), counted(n as u64, "time", "times"))
        }
        EventKind::WindowLimited => {
            format!("{} filled the window it was given and stood still", capital(first.side))
        }
        EventKind::NagleDelayedAck => {
            format!(
                "{} held small data back (Nagle) until a delayed acknowledgment came",
                capital(first.side)
            )
        }
        EventKind::OffloadSegments => format!(
            "Segments of {of} are larger than the MSS: offload joined them before the capture saw them, the wire carried smaller ones"
        ),
        EventKind::OffloadChecksums => {
            format!(
                "Checksums of {of} are unfinished: its network card was to fill them in, so they are no errors"
            )
        }
        EventKind::Reset => {
            format!("{} reset the connection, and the packets do not tell why", capital(first.side))
        }
        EventKind::Refused => format!("{} answered the SYN with a reset", capital(first.side)),
        EventKind::Aborted => format!("{} aborted the connection with a reset", capital(first.side)),
        EventKind::UnreadData => {
            format!(
                "{} had closed, and reset the connection because data was left or still came",
                capital(first.side)
            )
        }
        EventKind::HalfOpen => {
            format!("{} knew nothing of this connection and reset it", capital(first.side))
        }
        EventKind::TimedOut => format!("{} gave up: its retransmissions had no answer", capital(first.side)),
        EventKind::Middlebox => format!(
            "A reset came in the name of {of} but from another distance: a machine between the two sent it"
        ),
        EventKind::ResetIgnored => {
            format!("That reset ended nothing: {of} acknowledged what was sent after it")
        }
        EventKind::IcmpError => {
            let [.., icmp_type, code] = first.evidence.count.unwrap_or_default().to_be_bytes();
            // The type numbers of ICMPv6 errors are below 128 and overlap; the caller knows the version.
            return Some(format!("{}{}", icmp_errors(n, 4, icmp_type, code), cited(events)));
        }
        EventKind::ListFull => format!(
            "{} had more under way than is remembered: verdicts on it may be missing from there on",
            capital(first.side)
        ),
    };
    Some(format!("{text}{}", cited(events)))
}

fn icmp_errors(n: usize, version: u8, icmp_type: u8, code: u8) -> String {
    format!(
        "{} ({})",
        number_of(n, "ICMP error came back", "ICMP errors came back"),
        icmp(version, icmp_type, code)
    )
}

/// ICMP errors of a conversation in IPv6.
pub(in crate::view) fn icmp6(events: &[&Event]) -> Option<String> {
    let [.., icmp_type, code] = events.first()?.evidence.count.unwrap_or_default().to_be_bytes();
    Some(format!("{}{}", icmp_errors(events.len(), 6, icmp_type, code), cited(events)))
}

/// `: packets 12 and 15 (fast retransmit, likely; Wireshark calls it out of order).`
fn cited(events: &[&Event]) -> String {
    let Some(first) = events.first() else { return String::new() };
    let mut numbers: Vec<u64> = events.iter().map(|e| e.packet).collect();
    numbers.dedup();
    let mut remarks: Vec<String> = Vec::new();
    if is_repair(first.kind) && first.confidence != Confidence::Undetermined {
        remarks.push(name(first.kind).into());
    }
    match first.confidence {
        Confidence::Certain => {}
        Confidence::Likely => remarks.push("likely, not certain".into()),
        Confidence::Undetermined => remarks.push("undetermined".into()),
    }
    let mut clauses: Vec<String> = events.iter().filter_map(|e| disagreement(e)).collect();
    clauses.sort_unstable();
    clauses.dedup();
    remarks.extend(clauses);
    let remarks = if remarks.is_empty() { String::new() } else { format!(" ({})", remarks.join("; ")) };
    format!(": {}{remarks}.", packets(&numbers))
}

/// Who ended it, and how.
pub(in crate::view) fn ended(tcp: &TcpFacts, fins: PerSide<Option<u64>>) -> Option<String> {
    let fin = |side: Side| fins[side].map_or_else(String::new, |frame| format!(" (packet {frame})"));
    Some(match tcp.teardown {
        Teardown::Open if matches!(tcp.handshake, Handshake::Unanswered | Handshake::Refused) => return None,
        Teardown::Open => "It was still open when the capture ended: no FIN and no reset.".into(),
        Teardown::HalfClosed { by } => format!(
            "{} closed its direction with a FIN{}; {} had not when the capture ended: half-closed.",
            capital(by),
            fin(by),
            the(by.other())
        ),
        Teardown::Closed { first, three_segments, acknowledged } => {
            let (other, steps) = (first.other(), if three_segments { "three" } else { "four" });
            let missing = if acknowledged { "" } else { " The last acknowledgment was not captured." };
            format!(
                "{} closed first with a FIN{}, then {}{}, in {steps} segments.{missing}",
                capital(first),
                fin(first),
                the(other),
                fin(other)
            )
        }
        Teardown::Simultaneous { acknowledged, .. } => {
            let missing = if acknowledged { "" } else { " Not both acknowledgments were captured." };
            {
                let mut crossed: Vec<u64> = fins.0.into_iter().flatten().collect();
                crossed.sort_unstable();
                let cited =
                    if crossed.is_empty() { String::new() } else { format!(" ({})", packets(&crossed)) };
                format!("Both ends closed at once: the FINs crossed{cited}.{missing}")
            }
        }
        Teardown::Reset { by, frame, .. } if tcp.handshake == Handshake::Refused => {
            format!("Refused by {} in packet {frame}, it never opened: there was nothing to close.", the(by))
        }
        Teardown::Reset { by, state, frame } => match state {
            Some(state) => {
                format!("It ended with a reset by {} in packet {frame}, in state {state}.", the(by))
            }
            None => format!("It ended with a reset by {} in packet {frame}.", the(by)),
        },
    })
}

/// A UDP conversation: who sent what to whom, and whether anybody answered.
pub(in crate::view) fn udp(c: &Conversation, udp: &UdpFacts) -> String {
    let (orig, resp) = (c.endpoints[Side::Orig], c.endpoints[Side::Resp]);
    if udp.icmp_only {
        return format!(
            "Only ICMP errors tell of datagrams from {orig} to {resp}: the datagrams themselves were not captured."
        );
    }
    let asks = format!(
        "{orig} (the originator) sends {} with {} of data to {resp} (the responder), from packet {} on.",
        counted(c.traffic[Side::Orig].packets, "datagram", "datagrams"),
        octets(c.traffic[Side::Orig].payload),
        c.first_frame
    );
    let back = &c.traffic[Side::Resp];
    let answer = if back.packets > 0 {
        format!(
            "In return: {} with {}; UDP itself tells neither loss nor order.",
            counted(back.packets, "datagram", "datagrams"),
            octets(back.payload)
        )
    } else if udp.icmp_errors > 0 {
        "No datagram comes back.".into()
    } else {
        "No datagram comes back: whether any arrived, the packets do not tell.".into()
    };
    format!("{asks} {answer} {}", lasted(c))
}

/// Events that the story does not know of.
pub(in crate::view) fn left_out(n: u64) -> String {
    format!("{} more events were not kept, so the stories may lack some: --limit all keeps them.", count(n))
}

/// Where Wireshark shows the same.
pub(in crate::view) fn filter(c: &Conversation) -> String {
    format!("The same in Wireshark: {}.stream eq {}", c.id.protocol.name(), c.id.number)
}
