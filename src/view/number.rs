//! Durations, counts and octets as text, the same way in every view.

/// Printed where a figure is not known.
pub const UNKNOWN: &str = "-";

/// A whole number with commas between the thousands: `1,234,567`.
#[must_use]
pub fn count(n: u64) -> String {
    let mut out = String::new();
    push_count(n, &mut out);
    out
}

/// Appends what [`count`] returns.
pub fn push_count(n: u64, to: &mut String) {
    if n < 1000 {
        return push_digits(n, 1, to);
    }
    push_count(n / 1000, to);
    to.push(',');
    push_digits(n % 1000, 3, to);
}

/// Every number below 1000, in three digits each.
static TRIPLES: &str = {
    const OCTETS: [u8; 3000] = {
        let mut all = [b'0'; 3000];
        let mut at = 0;
        while at < 3000 {
            let place = [100, 10, 1][at % 3];
            all[at] += (at / 3 / place % 10) as u8;
            at += 1;
        }
        all
    };
    match std::str::from_utf8(&OCTETS) {
        Ok(text) => text,
        Err(_) => "",
    }
};

/// Appends `n` in at least `least` digits, which are one to three.
pub(super) fn push_digits(n: u64, least: usize, to: &mut String) {
    if n >= 1000 {
        return to.push_str(itoa::Buffer::new().format(n));
    }
    let digits = if n >= 100 { 3 } else { 1 + usize::from(n >= 10) };
    let end = 3 * n as usize + 3;
    to.push_str(TRIPLES.get(end - digits.max(least)..end).unwrap_or_default());
}

/// `n` of a thing, in words: `1 packet`, `2 packets`.
#[must_use]
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// A duration of `nanos` nanoseconds in the unit that fits, with three decimals:
/// `250 ns`, `12.345 µs`, `1.234 ms`, `1.234 s`; from a minute on `2 min 3.456 s`,
/// from an hour on `5 h 2 min 3 s`.
#[must_use]
pub fn duration(nanos: i64) -> String {
    let mut out = String::new();
    push_duration(nanos, &mut out);
    out
}

/// Appends what [`duration`] returns.
pub fn push_duration(nanos: i64, to: &mut String) {
    if nanos < 0 {
        to.push('-');
    }
    let n = nanos.unsigned_abs();
    if n == 0 {
        return to.push_str("0 s");
    }
    if n < 1000 {
        push_digits(n, 1, to);
        return to.push_str(" ns");
    }
    for (unit, name) in [(1_000, " µs"), (1_000_000, " ms")] {
        let thousandths = rounded(n, unit / 1000);
        if thousandths < 1_000_000 {
            push_decimals(thousandths, to);
            return to.push_str(name);
        }
    }
    let millis = rounded(n, 1_000_000);
    let minutes = millis / 60_000;
    if minutes < 60 {
        if minutes > 0 {
            push_digits(minutes, 1, to);
            to.push_str(" min ");
        }
        push_decimals(millis % 60_000, to);
        return to.push_str(" s");
    }
    let seconds = rounded(n, 1_000_000_000);
    push_count(seconds / 3600, to);
    for (figure, unit) in [(seconds % 3600 / 60, " h "), (seconds % 60, " min ")] {
        to.push_str(unit);
        push_digits(figure, 1, to);
    }
    to.push_str(" s");
}

/// A duration where it is known, [`UNKNOWN`] where it is not.
#[must_use]
pub fn known_duration(nanos: Option<i64>) -> String {
    nanos.map_or_else(|| UNKNOWN.into(), duration)
}

/// `n / unit`, rounded half up.
const fn rounded(n: u64, unit: u64) -> u64 {
    n / unit + (n % unit >= unit.div_ceil(2) && unit > 1) as u64
}

fn push_decimals(thousandths: u64, to: &mut String) {
    push_digits(thousandths / 1000, 1, to);
    to.push('.');
    push_digits(thousandths % 1000, 3, to);
}

/// Octets in the decimal unit that fits: `999 B`, `1.50 kB`, `2.00 GB`.
#[must_use]
pub fn octets(n: u64) -> String {
    let mut out = String::new();
    push_octets(n, &mut out);
    out
}

/// Appends what [`octets`] returns.
pub fn push_octets(n: u64, to: &mut String) {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")];
    match UNITS.into_iter().find(|(unit, _)| n >= *unit) {
        Some((unit, name)) => {
            let hundredths = u128::from(n) * 100 / u128::from(unit);
            push_digits((hundredths / 100) as u64, 1, to);
            to.push('.');
            push_digits((hundredths % 100) as u64, 2, to);
            to.push(' ');
            to.push_str(name);
        }
        None => {
            push_digits(n, 1, to);
            to.push_str(" B");
        }
    }
}

/// `part` of `whole` in per cent with one decimal; [`UNKNOWN`] of nothing. What is not
/// nothing is never `0.0%`, and what is not all never `100.0%`.
#[must_use]
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return UNKNOWN.into();
    }
    let tenths = (u128::from(part) * 2000 + u128::from(whole)) / (2 * u128::from(whole));
    match tenths {
        0 if part > 0 => "<0.1%".into(),
        1000 if part < whole => ">99.9%".into(),
        _ => format!("{}.{}%", tenths / 10, tenths % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_number() {
        for n in (0..2000).chain([123_456, u64::MAX]) {
            for least in 1..=3 {
                let mut text = String::new();
                push_digits(n, least, &mut text);
                assert_eq!(text, format!("{n:0least$}"));
            }
        }
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        let counts = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
        for (n, text) in counts {
            assert_eq!(count(n), text);
        }
        let durations = [
            (0, "0 s"),
            (250, "250 ns"),
            (1000, "1.000 µs"),
            (12_345, "12.345 µs"),
            (999_999, "999.999 µs"),
            (1_234_499, "1.234 ms"),
            (1_234_500, "1.235 ms"),
            (999_999_499, "999.999 ms"),
            (999_999_500, "1.000 s"),
            (-10_000_000, "-10.000 ms"),
            (59_999_400_000, "59.999 s"),
            (59_999_500_000, "1 min 0.000 s"),
            (123_456_000_000, "2 min 3.456 s"),
            (18_123_000_000_000, "5 h 2 min 3 s"),
            (i64::MIN, "-2,562,047 h 47 min 17 s"),
        ];
        for (n, text) in durations {
            assert_eq!(duration(n), text);
        }
        let sizes =
            [(999, "999 B"), (1500, "1.50 kB"), (2_000_000_000, "2.00 GB"), (u64::MAX, "18446744.07 TB")];
        for (n, text) in sizes {
            assert_eq!(octets(n), text);
        }
        let shares = [(1, 3, "33.3%"), (2, 3, "66.7%"), (0, 0, "-"), (0, 9, "0.0%"), (9, 9, "100.0%")];
        for (part, whole, text) in shares.into_iter().chain([(1, 9999, "<0.1%"), (9998, 9999, ">99.9%")]) {
            assert_eq!(share(part, whole), text);
        }
    }
}
