//! What happened: events with their verdicts and evidence.

use crate::model::{Side, StreamId, Timestamp};

/// How sure a verdict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    /// The packets do not tell.
    Undetermined,
    /// The most plausible reading; others are possible.
    Likely,
    /// The packets prove it.
    Certain,
}

impl Confidence {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Undetermined, Self::Likely, Self::Certain];

    /// `certain`, `likely`, `undetermined`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Undetermined => "undetermined",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $text:literal,)*) => {
        /// The kinds of events. Facts of a connection's life first, then verdicts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum EventKind { $($(#[$doc])* $name,)* }

        impl EventKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in records: `loss_repaired_by_fast_retransmit`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

kinds! {
    /// The first SYN of a connection.
    Opening "opening",
    /// The handshake is complete.
    Established "established",
    /// A connection seen from the middle: its roles are a guess.
    Midstream "midstream",
    /// The first FIN of a side.
    Fin "fin",
    /// Both sides have closed.
    Closed "closed",
    /// A reset that ended the connection.
    Reset "reset",
    /// A SYN on the addresses and ports of an earlier connection.
    PortReused "port_reused",
    /// Lost on the way, resent after duplicate or selective acknowledgments.
    FastRetransmit "fast_retransmit",
    /// Lost, resent by RACK's time-based detection (RFC 8985).
    RackRetransmit "rack_retransmit",
    /// The tail resent as a probe before the timeout (RFC 8985).
    TailLossProbe "tail_loss_probe",
    /// Resent after a timeout (RFC 6298).
    TimeoutRetransmit "timeout_retransmit",
    /// A SYN or SYN-ACK sent again.
    HandshakeRetransmit "handshake_retransmit",
    /// Resent though it had arrived.
    SpuriousRetransmit "spurious_retransmit",
    /// Resent, and the packets do not tell why.
    Retransmit "retransmit",
    /// Overtaken in the network: later in the capture than it was sent.
    Reordered "reordered",
    /// The same packet captured twice.
    CapturedTwice "captured_twice",
    /// The network delivered one packet twice.
    DuplicatedByNetwork "duplicated_by_network",
    /// Acknowledged but never seen: the capture missed it.
    CaptureMissed "capture_missed",
    /// Missing from the capture, and nothing acknowledges it yet.
    Gap "gap",
    /// A keep-alive probe.
    KeepAlive "keep_alive",
    /// A probe of a closed window.
    WindowProbe "window_probe",
    /// The receiver's window closed: the sender must wait.
    ZeroWindow "zero_window",
    /// The window opened again.
    WindowOpened "window_opened",
    /// The sender filled the receiver's window and stood still.
    WindowLimited "window_limited",
    /// Nagle at one end waited for the delayed acknowledgment of the other.
    NagleDelayedAck "nagle_delayed_ack",
    /// Segments larger than the MSS: joined by offload before the capture saw them.
    OffloadSegments "offload_segments",
    /// Checksums left for the network card to finish.
    OffloadChecksums "offload_checksums",
    /// Connection refused: a SYN answered by RST.
    Refused "refused",
    /// The sender of the reset aborted.
    Aborted "aborted",
    /// Closed with data unread, so the kernel reset.
    UnreadData "unread_data",
    /// A reset that answers data for a connection its sender no longer has.
    HalfOpen "half_open",
    /// Gave up after retransmitting without an answer.
    TimedOut "timed_out",
    /// A reset whose TTL or IP ID does not fit its claimed sender.
    Middlebox "middlebox",
    /// A reset that ended nothing: its receiver went on with its sender.
    ResetIgnored "reset_ignored",
    /// An ICMP error that quotes this conversation.
    IcmpError "icmp_error",
    /// A list of the tracker was full: later verdicts on this side may be missing.
    ListFull "list_full",
}

/// The evidence for a verdict. Each field is there only where the packets have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evidence {
    /// The packet that this one repeats, repairs or answers.
    pub original: Option<u64>,
    /// A second packet that proves it (the acknowledgment, the D-SACK, the duplicate).
    pub witness: Option<u64>,
    /// First octet concerned, raw sequence number.
    pub seq: Option<u32>,
    /// Octets concerned.
    pub len: Option<u32>,
    /// IP IDs: of the original, of this packet.
    pub ip_id: Option<(u16, u16)>,
    /// TSval: of the original (or of the witness's echo), of this packet.
    pub tsval: Option<(u32, u32)>,
    /// TTLs: usual for this side, of this packet.
    pub ttl: Option<(u8, u8)>,
    /// A SACK or D-SACK block, raw edges.
    pub sack: Option<(u32, u32)>,
    /// Duplicate acknowledgments before it.
    pub duplicate_acks: Option<u32>,
    /// Nanoseconds since the original.
    pub elapsed: Option<i64>,
    /// The round-trip time it is compared with, nanoseconds.
    pub rtt: Option<i64>,
    /// A count: timeouts in a row, packets overtaken, octets unread.
    pub count: Option<u64>,
}

/// One thing that happened in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// The packet that shows it.
    pub packet: u64,
    /// When that packet was captured.
    pub ts: Timestamp,
    /// The conversation.
    pub stream: StreamId,
    /// The side that did it.
    pub side: Side,
    /// What it is.
    pub kind: EventKind,
    /// How sure that is.
    pub confidence: Confidence,
    /// Why.
    pub evidence: Evidence,
    /// Wireshark's labels on that packet, to name where they disagree.
    pub labels: super::Labels,
}

impl Event {
    /// Wireshark's labels on the packet say something else than this verdict.
    #[must_use]
    pub const fn contradicts_labels(&self) -> bool {
        use super::Labels as L;
        let labels = self.labels;
        match self.kind {
            EventKind::Reordered => labels.any(L::RETRANSMISSION),
            EventKind::WindowProbe => labels.any(L::KEEP_ALIVE),
            EventKind::FastRetransmit
            | EventKind::RackRetransmit
            | EventKind::TailLossProbe
            | EventKind::TimeoutRetransmit
            | EventKind::Retransmit => labels.any(L::OUT_OF_ORDER),
            EventKind::CapturedTwice | EventKind::DuplicatedByNetwork => {
                labels.any(L::RETRANSMISSION) || labels.any(L::OUT_OF_ORDER) || labels.any(L::DUPLICATE_ACK)
            }
            _ => false,
        }
    }
}
