//! The labs that come with synfin, as a course.

use std::sync::OnceLock;

use super::compare;
use super::error::LabError;
use super::script::Script;

/// A lab in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabInfo {
    /// What to type.
    pub name: String,
    /// The chapter of the course.
    pub group: String,
    /// What it answers.
    pub question: String,
    /// Why it cannot run over IPv6, if it cannot.
    pub only_ipv4: Option<String>,
}

/// The chapters, in the order of the course.
pub const CHAPTERS: [&str; 7] =
    ["headers", "setting up", "talking", "losing", "slowing down", "ending", "UDP"];

macro_rules! labs {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("catalogue/", $name, ".toml")))),*]
    };
}

/// Name and text of each lab that is a file.
pub(super) const SCRIPTS: &[(&str, &str)] = labs![
    "tcp-header-20",
    "tcp-header-60",
    "udp-header",
    "mss",
    "sequence-wrap",
    "layers",
    "ipv6-basic",
    "neighbours",
    "strange-segments",
    "tcp-basic",
    "late-accept",
    "closed-port",
    "ports",
    "backlog",
    "backlog-reset",
    "syn-cookies",
    "syn-lost",
    "synack-lost",
    "simultaneous-open",
    "stream",
    "framing",
    "partial",
    "segmentation",
    "nagle",
    "nodelay",
    "cork",
    "nagle-delayed-ack",
    "ack-every-two",
    "echo",
    "full-duplex",
    "chat",
    "keepalive",
    "fast-retransmit",
    "newreno",
    "rto-backoff",
    "tail-loss-probe",
    "probe-then-rack",
    "dsack",
    "spurious-timeout",
    "reordering",
    "corrupt",
    "zero-window",
    "slow-start",
    "congestion-reno",
    "congestion-cubic",
    "congestion-bbr",
    "path-mtu",
    "path-mtu-v6",
    "udp-no-brakes",
    "teardown-four",
    "teardown-three",
    "half-close",
    "simultaneous-close",
    "reset-linger",
    "reset-unread",
    "reset-write",
    "forged-reset",
    "time-wait",
    "time-wait-pair",
    "time-wait-reuse",
    "udp-basic",
    "udp-boundaries",
    "udp-closed-port",
    "udp-loss",
    "udp-order",
    "udp-duplicate",
    "udp-corrupt",
    "udp-full-buffer",
    "udp-fragments",
    "udp-fragment-lost",
    "multicast",
    "multicast-v6",
    "broadcast",
];

/// All labs, chapter by chapter.
#[must_use]
pub fn catalogue() -> &'static [LabInfo] {
    static ALL: OnceLock<Vec<LabInfo>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all: Vec<LabInfo> = SCRIPTS
            .iter()
            .filter_map(|(name, text)| Script::parse(name, text).ok())
            .map(|s| LabInfo { only_ipv4: s.only_ipv4(), name: s.name, group: s.group, question: s.question })
            .collect();
        all.push(LabInfo {
            name: "compare".into(),
            group: compare::GROUP.into(),
            question: compare::QUESTION.into(),
            only_ipv4: None,
        });
        let place = |l: &LabInfo| CHAPTERS.iter().position(|c| *c == l.group).unwrap_or(CHAPTERS.len());
        all.sort_by_key(place);
        all
    })
}

/// The lab of this name, if it is one of ours.
pub(super) fn find(name: &str) -> Option<Result<Script, LabError>> {
    SCRIPTS.iter().find(|(n, _)| *n == name).map(|(n, text)| Script::parse(n, text))
}
