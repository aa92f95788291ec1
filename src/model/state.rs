//! The states of a TCP endpoint (RFC 9293 section 3.3.2).

use std::fmt;

/// One endpoint's connection state. `None` in its place means: not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TcpState {
    /// No connection at all.
    Closed,
    /// Waiting for a connection request.
    Listen,
    /// Sent a SYN, waiting for one.
    SynSent,
    /// Sent and received a SYN, waiting for the acknowledgment of its own.
    SynReceived,
    /// Open: data may flow both ways.
    Established,
    /// Sent a FIN, waiting for its acknowledgment or for a FIN.
    FinWait1,
    /// Its FIN is acknowledged; waiting for the other end's FIN.
    FinWait2,
    /// Received a FIN; the local user has not closed yet.
    CloseWait,
    /// Both sent FINs that crossed; waiting for the acknowledgment of its own.
    Closing,
    /// Received a FIN, sent its own, waiting for the last acknowledgment.
    LastAck,
    /// Waiting long enough that old segments have died out (2 MSL).
    TimeWait,
}

impl TcpState {
    /// All eleven, in the RFC's order.
    pub const ALL: [Self; 11] = [
        Self::Listen,
        Self::SynSent,
        Self::SynReceived,
        Self::Established,
        Self::FinWait1,
        Self::FinWait2,
        Self::CloseWait,
        Self::Closing,
        Self::LastAck,
        Self::TimeWait,
        Self::Closed,
    ];

    /// The RFC's name, `SYN-RECEIVED`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::CloseWait => "CLOSE-WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST-ACK",
            Self::TimeWait => "TIME-WAIT",
        }
    }

    /// The state with that RFC name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }
}

impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
