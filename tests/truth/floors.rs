//! What the figures must not fall below.

use crate::score as s;
use crate::tally::{Count, Tally};

/// So many wrong or missing answers of a kind say nothing by themselves: in a few labs each of them is
/// several percent, and the kernels' timers run a little otherwise each time.
const BY_CHANCE: f64 = 2.0;

/// A kind; precision and recall over IPv4, precision and recall over IPv6, percent: a little under what
/// a thousand labs give.
type Floor = (&'static str, [f64; 2], [f64; 2]);

const FLOORS: [Floor; 20] = [
    (s::ASKED, [98.0, 98.0], [98.0, 98.0]),
    (s::PROBED, [97.0, 97.0], [97.0, 96.0]),
    (s::TIMED, [98.0, 98.0], [97.0, 97.0]),
    // There is nothing over IPv6 that tells a copy from an original that its repair overtook.
    (s::COPY, [95.0, 97.0], [50.0, 50.0]),
    (s::COPY_TOLD, [97.0, 97.0], [93.0, 97.0]),
    // Over IPv6 each copy is the same, octet for octet, and none can be told.
    (s::COPY_SHOWN, [97.0, 97.0], [0.0, 0.0]),
    (s::KEEP_ALIVE, [97.0, 98.0], [94.0, 98.0]),
    // One timeout sends many segments again, and over IPv6 one misreading of it makes all of them wrong.
    (s::LOST, [89.0, 98.0], [82.0, 97.0]),
    (s::LOST_SHOWN, [98.0, 98.0], [90.0, 97.0]),
    (s::OVERTAKEN, [96.0, 96.0], [92.0, 50.0]),
    (s::ABORTED, [98.0, 98.0], [98.0, 98.0]),
    (s::AFTER_CLOSE, [97.0, 98.0], [97.0, 98.0]),
    (s::REFUSED, [99.0, 99.0], [99.0, 99.0]),
    (s::RESENT, [99.0, 98.5], [92.0, 96.0]),
    (s::NEEDLESS, [96.0, 68.0], [96.0, 55.0]),
    (s::NEEDLESS_SHOWN, [96.0, 95.0], [96.0, 75.0]),
    (s::STATE, [99.7, 99.7], [99.7, 99.7]),
    (s::STATE_OTHER, [99.8, 99.8], [99.8, 99.8]),
    (s::SHUT, [99.0, 99.0], [99.0, 99.0]),
    (s::WINDOW_PROBE, [99.0, 97.0], [99.0, 97.0]),
];

/// What any few dozen labs have.
const ALWAYS: [&str; 8] =
    [s::ASKED, s::TIMED, s::LOST_SHOWN, s::NEEDLESS_SHOWN, s::ABORTED, s::RESENT, s::STATE, s::STATE_OTHER];

/// Too few are right among the `right` and `other` answers.
fn short(right: u64, other: u64, floor: f64) -> bool {
    other as f64 > (right + other) as f64 * (1.0 - floor / 100.0) + BY_CHANCE
}

/// The kinds that fall short, in words; with `all`, those too that were never asked for.
pub fn below(tally: &Tally, ipv6: bool, all: bool) -> Vec<String> {
    let mut said = Vec::new();
    for (kind, c) in &tally.0 {
        let Some(floor) = FLOORS.iter().find(|f| f.0 == *kind) else {
            said.push(format!("{kind}: has no floor"));
            continue;
        };
        let [precision, recall] = if ipv6 { floor.2 } else { floor.1 };
        if short(c.right, c.wrong, precision) {
            said.push(format!("{kind}: precision {} is below {precision}%, {c:?}", c.precision()));
        }
        if short(c.right, c.missed, recall) {
            said.push(format!("{kind}: recall {} is below {recall}%, {c:?}", c.recall()));
        }
    }
    let never = |kind: &&&str| tally.0.get(**kind).is_none_or(|c: &Count| c.right + c.missed == 0);
    said.extend(ALWAYS.iter().filter(|_| all).filter(never).map(|kind| format!("{kind}: was never so")));
    said
}
