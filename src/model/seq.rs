//! TCP sequence numbers: arithmetic modulo 2^32 (RFC 9293 section 3.4).

use std::fmt;

/// A raw 32-bit sequence or acknowledgment number, as on the wire, host order.
///
/// Sequence space is a circle, so there is no `Ord`: compare with [`SeqNum::distance`]
/// or the `is_*` methods, which are right for numbers less than 2^31 apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SeqNum(pub u32);

impl SeqNum {
    /// Signed distance from `earlier` to `self`: positive when `self` is after it.
    #[must_use]
    #[inline]
    pub const fn distance(self, earlier: Self) -> i32 {
        self.0.wrapping_sub(earlier.0).cast_signed()
    }

    /// `self` comes after `other`.
    #[must_use]
    #[inline]
    pub const fn is_after(self, other: Self) -> bool {
        self.distance(other) > 0
    }

    /// `self` comes before `other`.
    #[must_use]
    #[inline]
    pub const fn is_before(self, other: Self) -> bool {
        self.distance(other) < 0
    }

    /// `self` is `other` or comes after it.
    #[must_use]
    #[inline]
    pub const fn is_at_or_after(self, other: Self) -> bool {
        self.distance(other) >= 0
    }

    /// `self` is `other` or comes before it.
    #[must_use]
    #[inline]
    pub const fn is_at_or_before(self, other: Self) -> bool {
        self.distance(other) <= 0
    }

    /// The number `n` octets further on, around the circle.
    #[must_use]
    #[inline]
    pub const fn plus(self, n: u32) -> Self {
        Self(self.0.wrapping_add(n))
    }

    /// The number `n` octets before, around the circle.
    #[must_use]
    #[inline]
    pub const fn minus(self, n: u32) -> Self {
        Self(self.0.wrapping_sub(n))
    }

    /// Octets from `base` (an initial sequence number) to `self`, 0 to 2^32-1.
    #[must_use]
    #[inline]
    pub const fn relative_to(self, base: Self) -> u32 {
        self.0.wrapping_sub(base.0)
    }
}

impl fmt::Display for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::SeqNum;

    #[test]
    fn comparisons_hold_across_the_wrap() {
        let before = SeqNum(u32::MAX - 1);
        let after = before.plus(10);
        assert_eq!(after, SeqNum(8));
        assert!(after.is_after(before) && before.is_before(after));
        assert_eq!(after.distance(before), 10);
        assert_eq!(before.distance(after), -10);
        assert_eq!(after.relative_to(before), 10);
    }
}
