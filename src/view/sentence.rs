//! How connections began and ended, in words. All the prose of the tables stands here,
//! so that it can be translated in one place.

use super::number::{counted, duration};
use crate::model::{PerSide, Side};
use crate::report::{Entry, TcpEntry, TcpFacts, UdpFacts};
use crate::track::{Handshake, Teardown};

/// The end that `side` is: `the originator`, `the responder`.
#[must_use]
pub const fn the(side: Side) -> &'static str {
    match side {
        Side::Orig => "the originator",
        Side::Resp => "the responder",
    }
}

const fn the_capital(side: Side) -> &'static str {
    match side {
        Side::Orig => "The originator",
        Side::Resp => "The responder",
    }
}

/// What became of a conversation, short enough for a table: `closed by orig, 4 segments`.
#[must_use]
pub fn outcome(of: &Entry) -> String {
    let mut out = String::new();
    push_outcome(of, &mut out);
    out
}

/// Appends what [`outcome`] returns.
pub fn push_outcome(of: &Entry, to: &mut String) {
    match (&of.tcp, &of.udp) {
        (Some(tcp), _) => push_tcp_outcome(tcp, to),
        (None, Some(udp)) => push_udp_outcome(udp, of.packets, to),
        (None, None) => to.push('-'),
    }
}

fn push_tcp_outcome(tcp: &TcpEntry, to: &mut String) {
    match (tcp.handshake, tcp.teardown) {
        (Handshake::Refused, _) => to.push_str("refused"),
        (Handshake::Unanswered, Teardown::Open) => to.push_str("no answer"),
        (Handshake::HalfOpen, Teardown::Open) => to.push_str("half-open: no third step"),
        (_, Teardown::Open) => to.push_str("open"),
        (_, Teardown::HalfClosed { by }) => to.extend(["half-closed by ", by.name()]),
        (_, Teardown::Closed { first, three_segments, acknowledged }) => {
            let steps = if three_segments { ", 3 segments" } else { ", 4 segments" };
            let missing = if acknowledged { "" } else { ", last ACK missing" };
            to.extend(["closed by ", first.name(), steps, missing]);
        }
        (_, Teardown::Simultaneous { acknowledged, .. }) => {
            to.extend(["closed by both at once", if acknowledged { "" } else { ", ACK missing" }]);
        }
        (_, Teardown::Reset { by, state, .. }) => {
            to.extend(["reset by ", by.name()]);
            to.extend(state.into_iter().flat_map(|state| [" in ", state.name()]));
        }
    }
}

fn push_udp_outcome(udp: &UdpFacts, PerSide([orig, resp]): PerSide<u64>, to: &mut String) {
    match udp.first_icmp {
        Some((version, kind, code)) => to.push_str(&icmp(version, kind, code)),
        None if orig > 0 && resp > 0 => to.push_str("both ways"),
        None => to.push_str("one way"),
    }
}

/// An ICMP error in words: `port unreachable`.
#[must_use]
pub fn icmp(version: u8, icmp_type: u8, code: u8) -> String {
    let text = match (version, icmp_type, code) {
        (4, 3, 0) => "network unreachable",
        (4, 3, 1) => "host unreachable",
        (4, 3, 2) => "protocol unreachable",
        (4, 3, 3) | (6, 1, 4) => "port unreachable",
        (4, 3, 4) => "fragmentation needed",
        (4, 3, 9 | 10 | 13) | (6, 1, 1) => "administratively prohibited",
        (4, 11, 0) | (6, 3, 0) => "hop limit exceeded",
        (4, 11, 1) | (6, 3, 1) => "reassembly time exceeded",
        (6, 1, 0) => "no route",
        (6, 1, 3) => "address unreachable",
        (6, 2, 0) => "packet too big",
        _ => return format!("ICMPv{version} type {icmp_type} code {code}"),
    };
    text.into()
}

/// One sentence about how the connection began.
#[must_use]
pub fn handshake(tcp: &TcpFacts) -> String {
    let times = match (tcp.syn_rtt, tcp.initial_rtt) {
        (Some(syn), Some(initial)) => {
            format!(": SYN to SYN-ACK took {}, SYN to ACK {}", duration(syn), duration(initial))
        }
        (Some(syn), None) => format!(": SYN to SYN-ACK took {}", duration(syn)),
        (None, Some(initial)) => format!(": it took {}", duration(initial)),
        (None, None) => String::new(),
    };
    let retries = match tcp.handshake_retries {
        0 => String::new(),
        n => format!(" Segments of the handshake were sent again {}.", counted(n.into(), "time", "times")),
    };
    let told = match tcp.handshake {
        Handshake::Midstream => {
            "No SYN was captured: the connection was already there, and who is the originator is a guess."
                .into()
        }
        Handshake::Unanswered => "The SYN was never answered.".into(),
        Handshake::Refused => "Refused: the responder answered the SYN with a reset.".into(),
        Handshake::HalfOpen => "Half-open: SYN and SYN-ACK, but no third step was captured.".into(),
        Handshake::SynAckOnly => "The SYN-ACK was captured without the SYN before it.".into(),
        Handshake::Complete => format!("Opened in three steps{times}."),
        Handshake::Simultaneous => format!("Both ends sent a SYN: a simultaneous open{times}."),
    };
    told + &retries
}

/// One sentence about how the connection ended.
#[must_use]
pub fn teardown(tcp: &TcpFacts) -> String {
    match tcp.teardown {
        Teardown::Open if tcp.handshake == Handshake::Unanswered => "There was nothing to close.".into(),
        Teardown::Open => "Still open when the capture ended: no FIN and no RST.".into(),
        Teardown::HalfClosed { by } => format!(
            "Half-closed: {} sent its FIN, {} had not when the capture ended.",
            the(by),
            the(by.other())
        ),
        Teardown::Closed { first, three_segments, acknowledged } => {
            let steps = if three_segments {
                format!(
                    "in three segments: the FIN of {} carried the acknowledgment of the first",
                    the(first.other())
                )
            } else {
                "in four segments: each FIN was acknowledged on its own".into()
            };
            let missing = if acknowledged { "" } else { " The last acknowledgment was not captured." };
            format!("{} closed first, {steps}.{missing}", the_capital(first))
        }
        Teardown::Simultaneous { acknowledged, .. } => {
            let missing = if acknowledged { "" } else { " Not both acknowledgments were captured." };
            format!("Both ends closed at once: the FINs crossed.{missing}")
        }
        Teardown::Reset { by, state, frame } => {
            if tcp.handshake == Handshake::Refused {
                return format!("Refused by {} (frame {frame}): there was nothing to close.", the(by));
            }
            let state = state.map_or_else(String::new, |s| format!(" in {s}"));
            format!("Reset by {}{state} (frame {frame}).", the(by))
        }
    }
}

/// What a TCP header costs on the average, beside UDP's.
#[must_use]
pub fn overhead(mean: &str, options: &str) -> String {
    format!(
        "A TCP header takes {mean} bytes on the average, {options} of them options; a UDP header always 8."
    )
}
