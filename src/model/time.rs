//! Packet time.

use std::fmt;

/// A moment: nanoseconds since 1970-01-01T00:00:00Z, as the capture recorded it.
///
/// Nothing in synfin asks the clock: time is what packets carry. The range is
/// 1677 to 2262; readers saturate at the ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// No time at all: what the simple packets of pcapng have. It is before every other moment
    /// in order, and no time from any of them.
    pub const NONE: Self = Self(i64::MIN);

    /// A moment from whole seconds and nanoseconds since the epoch, saturating.
    #[must_use]
    pub const fn new(seconds: i64, nanos: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Nanoseconds since the epoch, where there is a time.
    #[must_use]
    pub const fn known(self) -> Option<i64> {
        if self.0 == Self::NONE.0 { None } else { Some(self.0) }
    }

    /// Nanoseconds from `earlier` to `self`; negative when the clock stepped back, and 0 where
    /// one of them has no time.
    #[must_use]
    #[inline]
    pub const fn since(self, earlier: Self) -> i64 {
        if self.0 == Self::NONE.0 || earlier.0 == Self::NONE.0 {
            return 0;
        }
        self.0.saturating_sub(earlier.0)
    }

    /// Makes the span from `first` to `last` hold `ts`, where that is a time.
    #[inline]
    pub fn widen(first: &mut Self, last: &mut Self, ts: Self) {
        if ts == Self::NONE {
            return;
        }
        if *first == Self::NONE || ts < *first {
            *first = ts;
        }
        *last = ts.max(*last);
    }

    /// This moment moved by `nanos` (which may be negative), saturating.
    #[must_use]
    pub const fn plus(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}

impl fmt::Display for Timestamp {
    /// Seconds since the epoch with nine decimals, as `tshark -t e` prints them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (s, n) = (self.0.unsigned_abs() / 1_000_000_000, self.0.unsigned_abs() % 1_000_000_000);
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{s}.{n:09}")
    }
}
