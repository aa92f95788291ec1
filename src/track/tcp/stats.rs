//! The figures of one side of a connection.

use crate::decode::TcpSegment;
use crate::model::{SeqNum, TcpFlags, Timestamp};
use crate::track::packed::{Packed, Packer, Unpacker, packed};
use crate::track::{Analysis, Labels};

use super::conversation::Digest;
use super::facts::OptionFacts;
use super::rtt::Rtt;
use super::verdict::Nature;

/// What one side did, in numbers. Counts saturate; durations are nanoseconds.
#[derive(Debug, Clone)]
pub struct Stats {
    /// MSS option of its SYN.
    pub mss: Option<u16>,
    /// SACK-permitted in its SYN.
    pub sack_permitted: bool,
    /// It sent timestamps.
    pub timestamps: bool,
    initial_window_known: bool,
    /// Segments with payload.
    pub data_segments: u32,
    /// Octets of payload that were new.
    pub unique_bytes: u64,
    /// Segments without payload, SYN, FIN and RST.
    pub pure_acks: u32,
    /// Segments with PSH.
    pub pushes: u32,
    segment_sizes: Span,
    windows: Span,
    /// Sum of the advertised windows, SYNs aside.
    pub window_sum: u64,
    /// How many they were.
    pub window_samples: u32,
    /// Most octets in flight.
    pub flight_max: u32,
    initial_window: u32,
    first_data: SeqNum,
    /// Longest time without a segment from this side.
    pub idle_max: i64,
    data_times: (Timestamp, Timestamp),
    /// Round-trip times of its data.
    pub rtt: Rtt,
    trouble: Option<Box<Trouble>>,
}

/// The smallest and the largest of some numbers.
#[derive(Debug, Clone, Copy)]
struct Span {
    low: u32,
    high: u32,
}

impl Span {
    const NONE: Self = Self { low: u32::MAX, high: 0 };

    #[inline]
    fn add(&mut self, n: u32) {
        (self.low, self.high) = (self.low.min(n), self.high.max(n));
    }
}

/// The figures that most connections have none of.
#[derive(Debug, Clone, Default)]
pub struct Trouble {
    /// Segments with octets, or a SYN or FIN, that were sent before.
    pub retransmitted_segments: u32,
    /// Octets of payload sent again.
    pub retransmitted_bytes: u64,
    /// Segments that came after later ones.
    pub out_of_order_segments: u32,
    /// The farthest that one of them was behind, in octets.
    pub out_of_order_depth: u32,
    /// Duplicate acknowledgments.
    pub duplicate_acks: u32,
    /// Windows of 0 that it advertised.
    pub zero_windows: u32,
    /// Time that the window stood at 0.
    pub zero_window_time: i64,
    zero_since: Option<Timestamp>,
}

static NO_TROUBLE: Trouble = Trouble {
    retransmitted_segments: 0,
    retransmitted_bytes: 0,
    out_of_order_segments: 0,
    out_of_order_depth: 0,
    duplicate_acks: 0,
    zero_windows: 0,
    zero_window_time: 0,
    zero_since: None,
};

impl Default for Stats {
    fn default() -> Self {
        Self {
            mss: None,
            sack_permitted: false,
            timestamps: false,
            initial_window_known: false,
            data_segments: 0,
            unique_bytes: 0,
            pure_acks: 0,
            pushes: 0,
            segment_sizes: Span::NONE,
            windows: Span::NONE,
            window_sum: 0,
            window_samples: 0,
            flight_max: 0,
            initial_window: 0,
            first_data: SeqNum::default(),
            idle_max: 0,
            data_times: (Timestamp::NONE, Timestamp::NONE),
            rtt: Rtt::default(),
            trouble: None,
        }
    }
}

impl Stats {
    /// What went wrong, in numbers; all 0 where nothing did.
    #[must_use]
    pub fn trouble(&self) -> &Trouble {
        self.trouble.as_deref().unwrap_or(&NO_TROUBLE)
    }

    /// Smallest and largest payload of a data segment.
    #[must_use]
    pub fn segment_sizes(&self) -> Option<(u32, u32)> {
        (self.data_segments > 0).then_some((self.segment_sizes.low, self.segment_sizes.high))
    }

    /// Smallest and largest advertised window, SYNs aside.
    #[must_use]
    pub fn windows(&self) -> Option<(u32, u32)> {
        (self.window_samples > 0).then_some((self.windows.low, self.windows.high))
    }

    /// When its first and its last segment with payload passed.
    #[must_use]
    pub fn data_times(&self) -> Option<(Timestamp, Timestamp)> {
        (self.data_times.0 != Timestamp::NONE).then_some(self.data_times)
    }

    /// When its last segment with payload passed.
    pub(super) fn last_data(&self) -> Option<Timestamp> {
        self.data_times().map(|times| times.1)
    }

    /// Payload sent before the first acknowledgment of any of it; `None` until that came.
    #[must_use]
    pub fn initial_window(&self) -> Option<u32> {
        self.initial_window_known.then_some(self.initial_window)
    }

    /// The options of its SYN.
    pub(super) fn syn_options(&mut self, options: &OptionFacts) {
        self.mss = self.mss.or(options.mss);
        self.sack_permitted |= options.sack_permitted;
    }

    /// A segment from this side.
    #[inline]
    pub(super) fn segment(
        &mut self,
        s: &TcpSegment,
        digest: &Digest<'_>,
        analysis: &Analysis,
        window: u32,
        nature: Nature,
    ) {
        let ts = s.ip.ts;
        self.timestamps |= digest.options.timestamps.is_some();
        if let Some(previous) = digest.previous {
            self.idle_max = self.idle_max.max(ts.since(previous));
        }
        self.pushes = self.pushes.saturating_add(u32::from(s.flags.has(TcpFlags::PSH)));
        if s.len > 0 {
            self.data(s, digest, nature);
        } else if !s.flags.any(TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST) {
            self.pure_acks = self.pure_acks.saturating_add(1);
            if analysis.labels.has(Labels::DUPLICATE_ACK) {
                bump(&mut self.in_trouble().duplicate_acks);
            }
        } else if matches!(nature, Nature::Resent { .. }) {
            bump(&mut self.in_trouble().retransmitted_segments);
        }
        if let Some(flight) = analysis.bytes_in_flight {
            self.flight_max = self.flight_max.max(flight);
        }
        if !s.flags.any(TcpFlags::SYN | TcpFlags::RST) {
            self.window(ts, window);
        }
    }

    /// The figures of trouble, made at the first.
    fn in_trouble(&mut self) -> &mut Trouble {
        self.trouble.get_or_insert_default()
    }

    #[inline]
    fn window(&mut self, ts: Timestamp, window: u32) {
        self.windows.add(window);
        self.window_sum = self.window_sum.saturating_add(u64::from(window));
        self.window_samples = self.window_samples.saturating_add(1);
        if window == 0 {
            let trouble = self.in_trouble();
            bump(&mut trouble.zero_windows);
            trouble.zero_since.get_or_insert(ts);
        } else if let Some(trouble) = &mut self.trouble
            && let Some(since) = trouble.zero_since.take()
        {
            trouble.zero_window_time = trouble.zero_window_time.saturating_add(ts.since(since).max(0));
        }
    }

    #[inline]
    fn data(&mut self, s: &TcpSegment, digest: &Digest<'_>, nature: Nature) {
        if self.data_segments == 0 {
            self.first_data = s.seq;
        }
        self.data_segments = self.data_segments.saturating_add(1);
        self.segment_sizes.add(s.len);
        if s.ip.ts != Timestamp::NONE {
            self.data_times.1 = s.ip.ts;
            if self.data_times.0 == Timestamp::NONE {
                self.data_times.0 = s.ip.ts;
            }
        }
        let end = s.seq.plus(s.len);
        let behind = if digest.next_known { digest.next_before.distance(s.seq) } else { 0 };
        match nature {
            Nature::Copy => {}
            Nature::Late => {
                let trouble = self.in_trouble();
                bump(&mut trouble.out_of_order_segments);
                trouble.out_of_order_depth = trouble.out_of_order_depth.max(behind.max(0).unsigned_abs());
                self.unique_bytes += u64::from(s.len);
            }
            Nature::Resent { unseen } => {
                let again = behind.max(0).unsigned_abs().min(s.len).saturating_sub(unseen);
                let trouble = self.in_trouble();
                bump(&mut trouble.retransmitted_segments);
                trouble.retransmitted_bytes += u64::from(again);
                self.unique_bytes += u64::from(s.len - again);
            }
            Nature::New => self.unique_bytes += u64::from(s.len),
        }
        if !self.initial_window_known {
            self.initial_window = end.relative_to(self.first_data).max(self.initial_window);
        }
    }

    /// The other side acknowledged up to `ack`.
    #[inline]
    pub(super) fn acknowledged(&mut self, ack: SeqNum) {
        self.initial_window_known |= self.data_segments > 0 && ack.is_after(self.first_data);
    }
}

/// One more.
const fn bump(count: &mut u32) {
    *count = count.saturating_add(1);
}

packed! {
    Stats {
        mss, sack_permitted, timestamps, initial_window_known, data_segments, unique_bytes, pure_acks, pushes,
        segment_sizes, windows, window_sum, window_samples, flight_max, initial_window, first_data, idle_max,
        data_times, rtt, trouble,
    }
    Trouble {
        retransmitted_segments, retransmitted_bytes, out_of_order_segments, out_of_order_depth, duplicate_acks,
        zero_windows, zero_window_time, zero_since,
    }
}

/// One more than the smallest, so that of no numbers nothing is kept.
impl Packed for Span {
    fn pack(&self, to: &mut Packer) {
        (self.low.wrapping_add(1), self.high).pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let (low, high): (u32, u32) = Packed::unpack(from);
        Self { low: low.wrapping_sub(1), high }
    }
}
