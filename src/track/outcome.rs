//! How connections begin and end: the words that the tracker decides and views print.

use crate::model::{Side, TcpState};

/// How a connection began (RFC 9293 section 3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Handshake {
    /// No SYN was seen: the capture began in the middle.
    #[default]
    Midstream,
    /// SYN, no answer.
    Unanswered,
    /// SYN, answered by RST.
    Refused,
    /// SYN and SYN-ACK, no third step yet.
    HalfOpen,
    /// A SYN-ACK without the SYN before it.
    SynAckOnly,
    /// All three steps.
    Complete,
    /// Both ends sent a SYN (RFC 9293 figure 7).
    Simultaneous,
}

/// Zeek's summaries of the states of a connection, all of them.
pub const CONN_STATES: [&str; 13] =
    ["S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH"];

impl Handshake {
    /// All seven.
    pub const ALL: [Self; 7] = [
        Self::Midstream,
        Self::Unanswered,
        Self::Refused,
        Self::HalfOpen,
        Self::SynAckOnly,
        Self::Complete,
        Self::Simultaneous,
    ];

    /// One word for tables and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Midstream => "midstream",
            Self::Unanswered => "unanswered",
            Self::Refused => "refused",
            Self::HalfOpen => "half-open",
            Self::SynAckOnly => "syn-ack-only",
            Self::Complete => "complete",
            Self::Simultaneous => "simultaneous",
        }
    }
}

/// How a connection ended (RFC 9293 section 3.6), or that it did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Teardown {
    /// No FIN or RST was seen.
    #[default]
    Open,
    /// One end sent its FIN, the other has not: half-closed.
    HalfClosed {
        /// Who sent the FIN.
        by: Side,
    },
    /// Both FINs, one after the other.
    Closed {
        /// Who closed first.
        first: Side,
        /// The second FIN carried the acknowledgment of the first: three segments, not four.
        three_segments: bool,
        /// The last acknowledgment was seen.
        acknowledged: bool,
    },
    /// Both FINs crossed: neither acknowledges the other.
    Simultaneous {
        /// Whose FIN the capture shows first.
        first: Side,
        /// Both acknowledgments were seen.
        acknowledged: bool,
    },
    /// A reset.
    Reset {
        /// Who sent it.
        by: Side,
        /// The state its sender was in, where known.
        state: Option<TcpState>,
        /// The frame of the RST.
        frame: u64,
    },
}

impl Teardown {
    /// One word for tables and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::HalfClosed { .. } => "half-closed",
            Self::Closed { three_segments: true, .. } => "closed-3",
            Self::Closed { .. } => "closed-4",
            Self::Simultaneous { .. } => "closed-simultaneous",
            Self::Reset { .. } => "reset",
        }
    }

    /// Who began the ending, where anybody did.
    #[must_use]
    pub const fn by(self) -> Option<Side> {
        match self {
            Self::Open => None,
            Self::HalfClosed { by } | Self::Reset { by, .. } => Some(by),
            Self::Closed { first, .. } | Self::Simultaneous { first, .. } => Some(first),
        }
    }
}
