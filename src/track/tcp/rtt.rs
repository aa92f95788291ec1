//! Round-trip times of one side's data.

use crate::track::packed::{Packed, Packer, Unpacker};

/// Round-trip times: exact extremes and mean, quantiles to within 1/16.
#[derive(Debug, Clone, Default)]
pub struct Rtt {
    /// Samples.
    pub samples: u32,
    /// Smallest.
    pub min: i64,
    /// Largest.
    pub max: i64,
    sum: i64,
    last: i64,
    jitter_sum: i64,
    /// Buckets of the first samples; most connections have no more.
    few: [u16; 8],
    /// Counts by bucket, once there are more.
    many: Option<Box<Buckets>>,
}

/// Counts by bucket.
#[derive(Debug, Clone)]
struct Buckets([u32; BUCKETS]);

/// Sixteen buckets for each power of two up to 2^47 ns, which is 39 hours.
const BUCKETS: usize = 45 * 16;

impl Buckets {
    fn add(&mut self, index: u16) {
        if let Some(count) = self.0.get_mut(usize::from(index)) {
            *count = count.saturating_add(1);
        }
    }
}

/// The bucket of a duration: the power of two, and the four bits below its highest.
const fn bucket(nanos: i64) -> u16 {
    let n = if nanos < 0 { 0 } else { nanos.cast_unsigned() };
    if n < 16 {
        return n as u16;
    }
    let power = 63 - n.leading_zeros();
    let index = (power as u64 - 3) * 16 + ((n >> (power - 4)) & 15);
    if index >= BUCKETS as u64 { BUCKETS as u16 - 1 } else { index as u16 }
}

/// The middle of a bucket.
const fn middle(bucket: u16) -> i64 {
    if bucket < 16 {
        return bucket as i64;
    }
    let power = bucket as u32 / 16 + 3;
    let low = (1i64 << power) + ((bucket as i64 & 15) << (power - 4));
    low + (1i64 << (power - 4)) / 2
}

impl Rtt {
    /// Takes in a sample; a clock that stepped back gives none.
    pub(super) fn sample(&mut self, nanos: i64) {
        if nanos < 0 {
            return;
        }
        let index = bucket(nanos);
        if self.samples == 0 {
            (self.min, self.max) = (nanos, nanos);
        } else {
            self.jitter_sum = self.jitter_sum.saturating_add((nanos - self.last).abs());
        }
        self.min = self.min.min(nanos);
        self.max = self.max.max(nanos);
        self.sum = self.sum.saturating_add(nanos);
        self.last = nanos;
        match &mut self.many {
            Some(many) => many.add(index),
            None => match self.few.get_mut(self.samples as usize) {
                Some(slot) => *slot = index,
                None => {
                    let mut many = Box::new(Buckets([0; BUCKETS]));
                    self.few.iter().chain([&index]).for_each(|&i| many.add(i));
                    self.many = Some(many);
                }
            },
        }
        self.samples = self.samples.saturating_add(1);
    }

    /// The mean.
    #[must_use]
    pub const fn mean(&self) -> i64 {
        if self.samples == 0 { 0 } else { self.sum / self.samples as i64 }
    }

    /// The mean difference of successive samples.
    #[must_use]
    pub const fn jitter(&self) -> i64 {
        if self.samples < 2 { 0 } else { self.jitter_sum / (self.samples as i64 - 1) }
    }

    /// The smallest duration that `percent` of the samples do not exceed, to within 1/16.
    #[must_use]
    pub fn quantile(&self, percent: u32) -> i64 {
        let rank = (u64::from(self.samples) * u64::from(percent)).div_ceil(100).max(1);
        let at = match &self.many {
            Some(many) => {
                let mut below = 0;
                many.0.iter().position(|&n| {
                    below += u64::from(n);
                    below >= rank
                })
            }
            None => {
                let mut few = self.few;
                let few = &mut few[..(self.samples as usize).min(8)];
                few.sort_unstable();
                few.get(rank as usize - 1).map(|&i| usize::from(i))
            }
        };
        at.map_or(0, |i| middle(i as u16).clamp(self.min, self.max))
    }
}

/// Without samples there is nothing else.
impl Packed for Rtt {
    fn pack(&self, to: &mut Packer) {
        self.samples.pack(to);
        if self.samples > 0 {
            [self.min, self.max, self.sum, self.last, self.jitter_sum].pack(to);
            self.few.iter().take(self.samples as usize).for_each(|bucket| bucket.pack(to));
            self.many.pack(to);
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let samples = u32::unpack(from);
        if samples == 0 {
            return Self::default();
        }
        let [min, max, sum, last, jitter_sum] = Packed::unpack(from);
        let mut few = [0; 8];
        few.iter_mut().take(samples as usize).for_each(|bucket| *bucket = u16::unpack(from));
        Self { samples, min, max, sum, last, jitter_sum, few, many: Packed::unpack(from) }
    }
}

/// Of the buckets those that hold anything, each as far from the one before as it is.
impl Packed for Buckets {
    fn pack(&self, to: &mut Packer) {
        let mut next = 0;
        for (i, n) in self.0.iter().enumerate().filter(|(_, n)| **n > 0) {
            n.pack(to);
            ((i - next) as u32).pack(to);
            next = i + 1;
        }
        0_u32.pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let (mut all, mut next) = ([0; BUCKETS], 0);
        loop {
            let n = u32::unpack(from);
            if n == 0 {
                return Self(all);
            }
            next += u32::unpack(from) as usize;
            if let Some(bucket) = all.get_mut(next) {
                *bucket = n;
            }
            next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_within_a_sixteenth() {
        for shift in 0..47 {
            for n in [1i64 << shift, (1 << shift) + (1 << shift) / 3, (2 << shift) - 1] {
                let m = middle(bucket(n));
                assert!((m - n).abs() * 16 <= n.max(16), "{n} in the bucket of {m}");
            }
        }
    }

    #[test]
    fn quantiles_of_few_and_of_many() {
        for n in [5i64, 100] {
            let mut rtt = Rtt::default();
            for i in 1..=n {
                rtt.sample(i * 1_000_000);
            }
            let expected = (n * 1_000_000).div_euclid(2);
            assert!((rtt.quantile(50) - expected).abs() <= expected / 4, "{}", rtt.quantile(50));
            assert_eq!((rtt.min, rtt.max, rtt.jitter()), (1_000_000, n * 1_000_000, 1_000_000));
        }
    }
}
