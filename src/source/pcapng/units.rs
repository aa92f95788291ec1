//! From an interface's timestamp units to nanoseconds, exactly (draft-ietf-opsawg-pcapng
//! section 4.2, `if_tsresol` and `if_tsoffset`).

use crate::model::Timestamp;

/// How an interface counts time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Units {
    scale: Scale,
    /// Nanoseconds to add.
    offset: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    /// Nanoseconds in a unit.
    Times(u64),
    /// Units in a nanosecond; `None` when a 64-bit count never fills one.
    Over(Option<u64>),
    /// Units in a second, as a power of two.
    Binary(u32),
}

impl Default for Units {
    /// Microseconds since the epoch.
    fn default() -> Self {
        Self::new(6, 0)
    }
}

impl Units {
    /// Units by the option's octet: a power of ten, or of two where its highest bit
    /// is set, of a second; `offset` in seconds.
    pub(crate) const fn new(resolution: u8, offset: i64) -> Self {
        let power = (resolution & 0x7f) as u32;
        let scale = match power {
            _ if resolution & 0x80 != 0 => Scale::Binary(power),
            0..=9 => Scale::Times(10u64.pow(9 - power)),
            _ => Scale::Over(10u64.checked_pow(power - 9)),
        };
        Self { scale, offset: offset.saturating_mul(1_000_000_000) }
    }

    /// The moment of `count` units; the range of [`Timestamp`] saturates.
    #[inline]
    pub(crate) fn moment(self, count: u64) -> Timestamp {
        let nanos = match self.scale {
            Scale::Times(1) => u128::from(count),
            Scale::Times(n) => u128::from(count) * u128::from(n),
            Scale::Over(Some(n)) => u128::from(count / n),
            Scale::Over(None) => 0,
            Scale::Binary(power) => (u128::from(count) * 1_000_000_000) >> power,
        };
        match i64::try_from(i128::try_from(nanos).unwrap_or(i128::MAX) + i128::from(self.offset)) {
            Ok(nanos) => Timestamp(nanos),
            Err(_) => Timestamp(i64::MAX),
        }
    }

    /// Decimal digits of a second that a writer needs: 6 or 9.
    pub(crate) const fn digits(self) -> u8 {
        match self.scale {
            Scale::Times(n) if n % 1000 == 0 => 6,
            _ => 9,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Units;

    #[test]
    fn every_resolution_is_exact() {
        let cases = [
            (6, 0, 1_700_000_000_123_456, 1_700_000_000_123_456_000),
            (9, 0, 1_700_000_000_123_456_789, 1_700_000_000_123_456_789),
            (0, 0, 1_700_000_000, 1_700_000_000_000_000_000),
            (3, 0, 1_700_000_000_123, 1_700_000_000_123_000_000),
            (12, 0, 1_700_000_000_123_456_789, 1_700_000_000_123_456),
            (19, 0, 12_345_678_901, 1),
            (28, 0, u64::MAX, 1),
            (29, 0, u64::MAX, 0),
            (127, 0, u64::MAX, 0),
            (0x80, 0, 1_700_000_000, 1_700_000_000_000_000_000),
            (0x8a, 0, 1536, 1_500_000_000),
            (0xa0, 0, 1 << 31, 500_000_000),
            (0xff, 0, u64::MAX, 0),
            (6, 1_000_000_000, 5, 1_000_000_000_000_005_000),
            (6, -10, 1_000_000, -9_000_000_000),
            (0, 0, u64::MAX, i64::MAX),
            (9, i64::MAX, u64::MAX, i64::MAX),
            (6, i64::MIN, 0, i64::MIN),
        ];
        for (resolution, offset, count, expected) in cases {
            let got = Units::new(resolution, offset).moment(count).nanos();
            assert_eq!(got, expected, "resolution {resolution:#x}, offset {offset}, count {count}");
        }
    }
}
