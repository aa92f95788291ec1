//! Wireshark's labels for a segment (`tcp.analysis.*`), and the figures beside them.

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $bit:literal, $text:literal;)*) => {
        /// A set of Wireshark's analysis flags.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
        pub struct Labels(pub u32);

        impl Labels {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*

            /// Every label with its name: tshark's, less `tcp.analysis.`.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$name, $text),)*];
        }
    };
}

labels! {
    /// Below what was sent before, and none of the more special kinds.
    RETRANSMISSION = 0, "retransmission";
    /// Resent right after duplicate acknowledgments.
    FAST_RETRANSMISSION = 1, "fast_retransmission";
    /// Resent although it was acknowledged already.
    SPURIOUS_RETRANSMISSION = 2, "spurious_retransmission";
    /// Below what was sent before, so soon after it that it may just be late.
    OUT_OF_ORDER = 3, "out_of_order";
    /// Starts beyond what was seen: something before it is missing from the capture.
    LOST_SEGMENT = 4, "lost_segment";
    /// Acknowledges what was never seen.
    ACK_LOST_SEGMENT = 5, "ack_lost_segment";
    /// Repeats the last acknowledgment.
    DUPLICATE_ACK = 6, "duplicate_ack";
    /// One octet or none, just below the next expected number.
    KEEP_ALIVE = 7, "keep_alive";
    /// The answer to a keep-alive.
    KEEP_ALIVE_ACK = 8, "keep_alive_ack";
    /// Advertises a window of 0.
    ZERO_WINDOW = 9, "zero_window";
    /// One octet into a closed window.
    ZERO_WINDOW_PROBE = 10, "zero_window_probe";
    /// The answer to a window probe.
    ZERO_WINDOW_PROBE_ACK = 11, "zero_window_probe_ack";
    /// Fills the advertised window to its edge.
    WINDOW_FULL = 12, "window_full";
    /// Changes nothing but the window.
    WINDOW_UPDATE = 13, "window_update";
    /// A SYN on the addresses and ports of an earlier connection.
    REUSED_PORTS = 14, "reused_ports";
    /// A SYN with data and a Fast Open cookie.
    TFO_SYN = 15, "tfo_syn";
    /// A SYN-ACK that accepts the data of a Fast Open SYN.
    TFO_ACK = 16, "tfo_ack";
    /// A SYN-ACK that does not.
    TFO_IGNORED = 17, "tfo_ignored";
}

impl Labels {
    /// No label.
    pub const NONE: Self = Self(0);

    /// Adds `other`'s labels.
    #[inline]
    pub const fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// All labels of `other` are set.
    #[must_use]
    #[inline]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// At least one label of `other` is set.
    #[must_use]
    #[inline]
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// No label is set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names of those that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().filter(move |(l, _)| self.has(*l)).map(|&(_, name)| name)
    }
}

/// What Wireshark's analysis says of one segment. Durations in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Analysis {
    /// The flags.
    pub labels: Labels,
    /// With `duplicate_ack`: which duplicate this is, from 1.
    pub duplicate_ack_num: u32,
    /// With `duplicate_ack`: the frame of the acknowledgment it repeats.
    pub duplicate_ack_frame: u64,
    /// The frame of the segment whose end this acknowledges exactly.
    pub acks_frame: Option<u64>,
    /// Time since that frame.
    pub ack_rtt: i64,
    /// Octets sent and not acknowledged, this segment included (data segments only).
    pub bytes_in_flight: Option<u32>,
    /// Octets since the last segment with PSH, this one included (data segments only).
    pub push_bytes_sent: Option<u32>,
    /// With `retransmission`: the frame it is measured from, and the time since.
    pub rto: Option<(u64, i64)>,
    /// Not Wireshark's: it starts at or beyond all that its sender was seen to send, resets aside. Wireshark counts on
    /// from a reset's number too, and may take such a segment for sent before.
    pub new: bool,
}

impl Analysis {
    /// The labels, without those that only a reset's number gave it: of what is new, all that call it sent before
    /// but "spurious", which is said of octets that were acknowledged already.
    #[must_use]
    pub const fn tenable(&self) -> Labels {
        const AGAIN: u32 = Labels::RETRANSMISSION.0 | Labels::FAST_RETRANSMISSION.0 | Labels::OUT_OF_ORDER.0;
        if self.new && !self.labels.has(Labels::SPURIOUS_RETRANSMISSION) {
            Labels(self.labels.0 & !AGAIN)
        } else {
            self.labels
        }
    }

    /// The frame that this one repeats, of those it was measured from, and the time since, nanoseconds.
    #[must_use]
    pub fn repeats(&self) -> Option<(u64, i64)> {
        self.rto.filter(|_| !self.new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_was_not_sent_before() {
        let mut labels = Labels::RETRANSMISSION;
        labels.add(Labels::ZERO_WINDOW);
        let again = Analysis { labels, rto: Some((7, 1_000)), ..Analysis::default() };
        assert_eq!((again.tenable(), again.repeats()), (labels, Some((7, 1_000))));
        let new = Analysis { new: true, ..again };
        assert_eq!((new.tenable(), new.repeats()), (Labels::ZERO_WINDOW, None));
        // Acknowledged before the capture saw it: that no reset's number makes so.
        labels.add(Labels::SPURIOUS_RETRANSMISSION);
        let missed = Analysis { labels, new: true, ..Analysis::default() };
        assert_eq!(missed.tenable(), labels);
    }
}
