//! Packet time.

use std::fmt;

/// A moment: nanoseconds since 1970-01-01T00:00:00Z, as the capture recorded it.
///
/// Nothing in synfin asks the clock: time is what packets carry. The range is
/// 1677 to 2262; readers saturate at the ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// No time at all: what the simple packets of pcapng have. Compare with it before
    /// anything is computed.
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

    /// Nanoseconds from `earlier` to `self`; negative when the clock stepped back.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
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
