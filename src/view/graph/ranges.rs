//! A set of octets on the straight line of sequence numbers.

use std::collections::BTreeMap;

/// Disjoint half-open ranges; neighbours are joined, so data in order is one range.
#[derive(Debug, Clone, Default)]
pub(super) struct Ranges {
    by_start: BTreeMap<i64, i64>,
}

impl Ranges {
    /// Adds `lo..hi`; returns how many of its octets were not there before.
    pub(super) fn insert(&mut self, lo: i64, hi: i64) -> u64 {
        if hi <= lo {
            return 0;
        }
        let (mut start, mut end) = (lo, hi);
        let mut known = 0;
        // Ranges are disjoint, so those that touch lo..hi are the last ones at or before hi.
        while let Some((&l, &h)) = self.by_start.range(..=end).next_back() {
            if h < start {
                break;
            }
            known += h.min(hi).saturating_sub(l.max(lo)).max(0);
            (start, end) = (start.min(l), end.max(h));
            self.by_start.remove(&l);
        }
        self.by_start.insert(start, end);
        hi.saturating_sub(lo).saturating_sub(known).max(0).unsigned_abs()
    }

    /// Is the octet at `at` in it?
    pub(super) fn has(&self, at: i64) -> bool {
        self.by_start.range(..=at).next_back().is_some_and(|(_, &hi)| at < hi)
    }
}

#[cfg(test)]
mod tests {
    use super::Ranges;

    #[test]
    fn each_octet_counts_once() {
        let mut r = Ranges::default();
        for (lo, hi, fresh) in [
            (0, 10, 10),
            (20, 30, 10),
            (5, 25, 10),
            (0, 30, 0),
            (30, 40, 10),
            (-5, 50, 15),
            (7, 7, 0),
            (60, 70, 10),
            (55, 65, 5),
        ] {
            assert_eq!(r.insert(lo, hi), fresh, "{lo}..{hi}");
        }
        assert!(r.has(-5) && r.has(49) && !r.has(50) && r.has(69) && !r.has(-6));
        assert_eq!(r.by_start.len(), 2);
    }
}
