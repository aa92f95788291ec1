//! How far a long replay has come, on standard error: only where that is a terminal, and
//! only once the replay has taken a second.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::source::Progress;
use crate::view::number::{count, octets};

/// Nothing is shown before.
const PATIENCE: Duration = Duration::from_secs(1);
/// From one line to the next.
const EVERY: Duration = Duration::from_millis(200);

/// The line, drawn over itself.
#[derive(Debug)]
pub(super) struct ProgressLine {
    began: Instant,
    next: Duration,
    /// Conversations so far; counted by the thread that tracks.
    conversations: Arc<AtomicU64>,
}

impl ProgressLine {
    /// A line, if standard error is a terminal, and nothing else writes to it in between:
    /// `streams` says that records go to standard output as they come.
    pub fn new(streams: bool, conversations: &Arc<AtomicU64>) -> Option<Self> {
        let free = io::stderr().is_terminal() && !(streams && io::stdout().is_terminal());
        let conversations = Arc::clone(conversations);
        free.then(|| Self { began: Instant::now(), next: PATIENCE, conversations })
    }

    /// Draws the line if it is time to.
    #[inline]
    pub fn tick(&mut self, progress: Progress, packets: u64) {
        let elapsed = self.began.elapsed();
        if elapsed >= self.next {
            self.draw(elapsed, progress, packets);
        }
    }

    #[cold]
    fn draw(&mut self, elapsed: Duration, progress: Progress, packets: u64) {
        self.next = elapsed + EVERY;
        let text = text(elapsed, progress, packets, self.conversations.load(Ordering::Relaxed));
        // A terminal that is gone takes no line, and need not.
        let _ = write!(io::stderr(), "\r\x1b[K{text}");
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if self.next > PATIENCE {
            let _ = write!(io::stderr(), "\r\x1b[K");
            self.next = PATIENCE;
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.clear();
    }
}

/// `69% of 594.31 MB, 2,780,000 packets, 278,112 conversations, 1 s left`; what is not
/// known is left out. Short enough for 80 columns.
fn text(elapsed: Duration, at: Progress, packets: u64, conversations: u64) -> String {
    let mut parts = vec![match at.total {
        Some(total) => {
            let share = (u128::from(at.bytes) * 100).checked_div(u128::from(total)).unwrap_or(100).min(100);
            format!("{share}% of {}", octets(total))
        }
        None => octets(at.bytes),
    }];
    parts.push(format!("{} packets", count(packets)));
    parts.push(format!("{} conversations", count(conversations)));
    if let Some(total) = at.total
        && at.bytes > 0
    {
        let rest = u128::from(total.saturating_sub(at.bytes));
        let left = elapsed.as_nanos().saturating_mul(rest) / u128::from(at.bytes);
        parts.push(match left.div_ceil(1_000_000_000) {
            seconds @ ..60 => format!("{seconds} s left"),
            seconds => format!("{} min left", seconds.div_ceil(60)),
        });
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_is_known() {
        let second = Duration::from_secs(1);
        let at = |bytes, total| Progress { bytes, total };
        let cases = [
            (
                at(250_000_000, Some(1_000_000_000)),
                "25% of 1.00 GB, 1,234,567 packets, 89 conversations, 3 s left",
            ),
            (at(0, Some(1000)), "0% of 1.00 kB, 1,234,567 packets, 89 conversations"),
            (at(0, Some(0)), "100% of 0 B, 1,234,567 packets, 89 conversations"),
            // A file that grew while it was read.
            (at(2000, Some(1000)), "100% of 1.00 kB, 1,234,567 packets, 89 conversations, 0 s left"),
            (
                at(1_000_000, Some(1_000_000_000)),
                "0% of 1.00 GB, 1,234,567 packets, 89 conversations, 17 min left",
            ),
            (at(5_000_000, None), "5.00 MB, 1,234,567 packets, 89 conversations"),
        ];
        for (progress, expected) in cases {
            assert_eq!(text(second, progress, 1_234_567, 89), expected);
        }
        let most = text(second, at(500_000_000_000, Some(999_000_000_000)), 9_999_999_999, 99_999_999);
        assert!(most.chars().count() <= 80, "{most}");
    }
}
