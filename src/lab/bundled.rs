//! Captures of the labs, for machines where none can be run.

use std::io::Cursor;

use super::catalogue;
use super::error::LabError;
use super::hosts::address;
use super::outcome::{Delivery, LabFrame, LabHost, LabOutcome, Observer};
use super::peek::Peek;
use crate::model::LinkType;
use crate::source::{CaptureFile, PacketSource};

macro_rules! captures {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../captures/labs/", $name, ".pcapng.gz")))),*]
    };
}

/// Name and packed capture of each lab of the catalogue; `compare` measures, and has none.
const CAPTURES: &[(&str, &[u8])] = captures![
    "ack-every-two",
    "backlog-reset",
    "backlog",
    "broadcast",
    "chat",
    "closed-port",
    "congestion-bbr",
    "congestion-cubic",
    "congestion-reno",
    "cork",
    "corrupt",
    "dsack",
    "echo",
    "fast-retransmit",
    "forged-reset",
    "framing",
    "full-duplex",
    "half-close",
    "ipv6-basic",
    "keepalive",
    "late-accept",
    "layers",
    "mss",
    "multicast-v6",
    "multicast",
    "nagle-delayed-ack",
    "neighbours",
    "nagle",
    "newreno",
    "nodelay",
    "partial",
    "path-mtu-v6",
    "path-mtu",
    "ports",
    "probe-then-rack",
    "reordering",
    "reset-linger",
    "reset-unread",
    "reset-write",
    "rto-backoff",
    "segmentation",
    "sequence-wrap",
    "simultaneous-close",
    "simultaneous-open",
    "slow-start",
    "spurious-timeout",
    "strange-segments",
    "stream",
    "syn-cookies",
    "syn-lost",
    "synack-lost",
    "tail-loss-probe",
    "tcp-basic",
    "tcp-header-20",
    "tcp-header-60",
    "teardown-four",
    "teardown-three",
    "time-wait-pair",
    "time-wait-reuse",
    "time-wait",
    "udp-basic",
    "udp-boundaries",
    "udp-closed-port",
    "udp-corrupt",
    "udp-duplicate",
    "udp-fragment-lost",
    "udp-fragments",
    "udp-full-buffer",
    "udp-header",
    "udp-loss",
    "udp-no-brakes",
    "udp-order",
    "zero-window",
];

/// The capture of this lab that comes with synfin, as its first host saw it: frames alone,
/// with nothing measured and nothing checked. `None` where there is none.
///
/// # Errors
/// A capture that does not read back, which is a fault of synfin.
pub fn bundled(name: &str) -> Result<Option<LabOutcome>, LabError> {
    let Some((_, packed)) = CAPTURES.iter().find(|(n, _)| *n == name) else { return Ok(None) };
    let Some(script) = catalogue::find(name).transpose()? else { return Ok(None) };
    let fault = |e: crate::source::SourceError| LabError::of_lab(format!("the capture of {name}"), e);
    let input = Box::new(Cursor::new(*packed));
    let mut file = CaptureFile::from_reader(name, input, None).map_err(fault)?;
    let hosts: Vec<LabHost> = script
        .hosts
        .iter()
        .zip(1..)
        .map(|(name, n)| LabHost { name: name.clone(), addr: address(n, script.ip == Some(6)) })
        .collect();
    let mut link = LinkType::RAW;
    let mut frames = Vec::new();
    while let Some(p) = file.next_packet().map_err(fault)? {
        link = p.link;
        let packet = if p.link == LinkType::ETHERNET { p.data.get(14..).unwrap_or_default() } else { p.data };
        let from = Peek::ip(packet).and_then(|p| hosts.iter().position(|h| h.addr == p.src));
        let deliveries = match from {
            Some(0) => Vec::new(),
            _ => vec![Delivery { ts: p.ts, to: 0, altered: None }],
        };
        frames.push(LabFrame {
            ts: p.ts,
            orig_len: p.orig_len,
            bytes: p.data.to_vec(),
            from,
            fate: Vec::new(),
            deliveries,
        });
    }
    Ok(Some(LabOutcome {
        name: script.name,
        group: script.group,
        question: script.question,
        lesson: script.lesson,
        medium: "a capture that comes with synfin: not run here".into(),
        hosts,
        link,
        at: Observer::Host(0),
        frames,
        calls: Vec::new(),
        states: Vec::new(),
        counters: Vec::new(),
        expectations: Vec::new(),
        rules: Vec::new(),
        notes: Vec::new(),
        table: None,
    }))
}

/// Labs that have no capture here, for tests.
#[cfg(test)]
pub(super) fn without() -> Vec<&'static str> {
    catalogue::SCRIPTS.iter().map(|(n, _)| *n).filter(|n| CAPTURES.iter().all(|(c, _)| c != n)).collect()
}
