//! Axes: ranges, places on them, and ticks at sensible values.

/// What an axis measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Nanoseconds.
    Time,
    /// Octets.
    Octets,
    /// Bits in a second.
    BitRate,
}

/// One axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) name: &'static str,
    pub(super) unit: Unit,
    /// Value at the left or bottom end.
    pub(super) lo: i64,
    /// Value at the right or top end, above `lo`.
    pub(super) hi: i64,
}

/// A place on an axis with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tick {
    pub(super) at: i64,
    pub(super) label: String,
}

const MICRO: i64 = 1_000;
const MILLI: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

impl Axis {
    /// An axis over `lo..=hi`; widened where both are one value.
    pub(super) fn new(name: &'static str, unit: Unit, lo: i64, hi: i64) -> Self {
        let hi = if hi > lo { hi } else { lo.saturating_add(if unit == Unit::Time { MILLI } else { 1 }) };
        Self { name, unit, lo: if hi > lo { lo } else { hi.saturating_sub(1) }, hi }
    }

    /// Where `value` stands: 0 at `lo`, 1 at `hi`.
    pub(super) fn fraction(&self, value: i64) -> f64 {
        let over = |v: i64| (i128::from(v) - i128::from(self.lo)) as f64;
        over(value) / over(self.hi)
    }

    /// Ticks at round values, about `most` of them and never more.
    pub(super) fn ticks(&self, most: usize) -> Vec<Tick> {
        let span = i128::from(self.hi) - i128::from(self.lo);
        let most = most.max(1) as i128;
        let step = self.steps().find(|s| span / s < most).unwrap_or(span.max(1));
        let first = i128::from(self.lo).div_euclid(step) * step;
        (0..=most + 1)
            .map(|i| first + i * step)
            .filter_map(|at| i64::try_from(at).ok())
            .filter(|at| (self.lo..=self.hi).contains(at))
            .map(|at| Tick { at, label: self.label(at, step) })
            .collect()
    }

    /// Round steps, rising: 1, 2, 5, 10, …; times go on in minutes, hours and days.
    fn steps(&self) -> impl Iterator<Item = i128> {
        const CLOCK: [i64; 16] = [
            SECOND,
            2 * SECOND,
            5 * SECOND,
            10 * SECOND,
            20 * SECOND,
            30 * SECOND,
            MINUTE,
            2 * MINUTE,
            5 * MINUTE,
            10 * MINUTE,
            20 * MINUTE,
            30 * MINUTE,
            HOUR,
            3 * HOUR,
            6 * HOUR,
            12 * HOUR,
        ];
        let decimal = |from: u32| (from..30).flat_map(|e| [1, 2, 5].map(|m| m * 10i128.pow(e)));
        let time = self.unit == Unit::Time;
        let small = decimal(0).take_while(move |s| !time || *s < i128::from(SECOND));
        let clock = CLOCK.into_iter().map(i128::from).filter(move |_| time);
        let days = decimal(0).map(|s| s * i128::from(DAY)).filter(move |_| time);
        small.chain(clock).chain(days)
    }

    /// `value` for a tick, with as many decimals as tell it from its neighbours.
    fn label(&self, value: i64, step: i128) -> String {
        let size = match self.unit {
            Unit::Time => size(value, &TIMES),
            Unit::Octets | Unit::BitRate => size(value, &THOUSANDS),
        };
        let places = (0..18).find(|&p| step * 10i128.pow(p) >= i128::from(size.0)).unwrap_or(18);
        said(value, size, places as usize, if self.unit == Unit::Time { " " } else { "" }, "")
    }

    /// `value` with its unit, for sentences.
    pub(super) fn words(&self, value: i64) -> String {
        match self.unit {
            Unit::Time => time(value),
            Unit::Octets => octets(value),
            Unit::BitRate => rounded(value, size(value, &THOUSANDS), "bit/s"),
        }
    }
}

/// A unit: how much it is, and its name.
type Size = (i64, &'static str);

const TIMES: [Size; 7] =
    [(DAY, "d"), (HOUR, "h"), (2 * MINUTE, "min"), (SECOND, "s"), (MILLI, "ms"), (MICRO, "µs"), (1, "ns")];

const THOUSANDS: [Size; 7] = [
    (1_000_000_000_000_000_000, "E"),
    (1_000_000_000_000_000, "P"),
    (1_000_000_000_000, "T"),
    (1_000_000_000, "G"),
    (1_000_000, "M"),
    (1_000, "k"),
    (1, ""),
];

/// The largest unit that `value` reaches.
fn size(value: i64, sizes: &[Size; 7]) -> Size {
    let reached = sizes.iter().find(|s| value.unsigned_abs() >= s.0.unsigned_abs()).copied();
    match reached {
        // Minutes begin at two of them: 90 s reads better than 1.5 min.
        Some((_, "min")) => (MINUTE, "min"),
        Some(size) => size,
        None => (1, ""),
    }
}

/// `value` in that unit with at most `places` decimals, no zeros at the end.
fn said(value: i64, (unit, name): Size, places: usize, space: &str, what: &str) -> String {
    let text = format!("{:.places$}", value as f64 / unit as f64);
    let text = if places > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    let space = if name.is_empty() && what.is_empty() { "" } else { space };
    format!("{text}{space}{name}{what}")
}

/// `value` in that unit, to about four figures.
fn rounded(value: i64, size: Size, what: &str) -> String {
    let places = match value.unsigned_abs() / size.0.unsigned_abs() {
        100.. => 1,
        10.. => 2,
        _ => 3,
    };
    said(value, size, places, " ", what)
}

/// Octets in words: `512 B`, `65.5 kB`, `1.2 MB`.
pub(in crate::view) fn octets(n: i64) -> String {
    rounded(n, size(n, &THOUSANDS), "B")
}

/// A length of time: `0`, `250 µs`, `1.5 ms`, `2 s`, `3 min`.
pub(in crate::view) fn time(nanos: i64) -> String {
    rounded(nanos, size(nanos, &TIMES), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(unit: Unit, lo: i64, hi: i64, most: usize) -> String {
        let axis = Axis::new("", unit, lo, hi);
        axis.ticks(most).into_iter().map(|t| t.label).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn ticks_stand_at_round_values() {
        let cases = [
            (Unit::Time, 0, 137_000_000, 5, "0 | 50 ms | 100 ms"),
            (Unit::Time, 0, 2_300, 6, "0 | 500 ns | 1 µs | 1.5 µs | 2 µs"),
            (Unit::Time, 0, 150 * SECOND, 6, "0 | 30 s | 60 s | 90 s | 2 min | 2.5 min"),
            (Unit::Time, -5, 5, 4, "-5 ns | 0 | 5 ns"),
            (Unit::Octets, 0, 10_002, 6, "0 | 2k | 4k | 6k | 8k | 10k"),
            (Unit::Octets, 1_000_000, 1_000_900, 4, "1M | 1.0005M"),
            (Unit::BitRate, 0, 94_000_000, 5, "0 | 20M | 40M | 60M | 80M"),
            (Unit::Octets, 7, 7, 4, "7 | 8"),
            (Unit::Octets, 999_999_999, 1_000_000_001, 4, "999.999999M | 1G | 1.000000001G"),
        ];
        for (unit, lo, hi, most, expected) in cases {
            let got = labels(unit, lo, hi, most);
            assert_eq!(got, expected, "{lo}..{hi}");
        }
        for most in 1..12 {
            for hi in [1, 9, 10, 11, 999, 1_000_001, i64::MAX] {
                assert!(Axis::new("", Unit::Time, 0, hi).ticks(most).len() <= most + 1);
                assert!(Axis::new("", Unit::Octets, i64::MIN, hi).ticks(most).len() <= most + 1);
            }
        }
    }
}
