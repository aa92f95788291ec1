//! What one client may take, so that a slow, silent or hostile one harms nobody else.

use std::time::{Duration, Instant};

/// What a server allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Clients at once; more are told so and turned away.
    pub clients: usize,
    /// Clients at once from one address, so that one host cannot take all places.
    pub per_address: usize,
    /// Octets of one message.
    pub message: usize,
    /// Octets waiting to be sent to one client. A client that others write to and that
    /// does not read is dropped at this; one that only hurts itself (echo) is not read
    /// from until it has read half of it.
    pub queue: usize,
    /// Messages taken from one client before the others have their turn.
    pub per_turn: usize,
    /// How fast a client may send messages; beyond that it is read from more slowly.
    pub rate: Option<Rate>,
    /// How long a client may be connected without ever saying anything.
    pub first: Option<Duration>,
    /// How long a client may be silent.
    pub idle: Option<Duration>,
    /// How long a client may leave waiting what it is sent without reading any of it.
    pub stall: Duration,
    /// How long a client that is being closed may take to read the rest.
    pub farewell: Duration,
}

/// A token bucket: `burst` messages at once, then `per_second`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Messages that may come at once.
    pub burst: u32,
    /// Messages a second after those; at least one.
    pub per_second: u32,
}

impl Limits {
    /// For a server that answers each client alone (echo, discard).
    pub const ALONE: Self = Self {
        clients: 64,
        per_address: 48,
        message: 64 * 1024,
        queue: 256 * 1024,
        per_turn: 16,
        rate: None,
        first: Some(Duration::from_secs(120)),
        idle: Some(Duration::from_secs(600)),
        stall: Duration::from_secs(30),
        farewell: Duration::from_secs(2),
    };

    /// For a chat. The longest line with every character spelled out, times the burst,
    /// fits in the queue: one flooder alone cannot fill the queue of one who reads.
    pub const CHAT: Self = Self {
        message: 2048,
        per_turn: 1,
        rate: Some(Rate { burst: 20, per_second: 5 }),
        idle: Some(Duration::from_secs(3600)),
        ..Self::ALONE
    };
}

/// The tokens a client has left.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: Option<Rate>,
    /// When the bucket is full again: each message taken moves it on by one interval.
    full_at: Instant,
}

impl Bucket {
    pub(super) const fn new(rate: Option<Rate>, now: Instant) -> Self {
        Self { rate, full_at: now }
    }

    /// When the next message may be taken; `None` for now.
    pub(super) fn wait_until(&self, now: Instant) -> Option<Instant> {
        let rate = self.rate?;
        let room = interval(rate) * rate.burst.saturating_sub(1);
        let ready = self.full_at.checked_sub(room)?;
        (ready > now).then_some(ready)
    }

    /// Takes one message.
    pub(super) fn spend(&mut self, now: Instant) {
        if let Some(rate) = self.rate {
            self.full_at = self.full_at.max(now) + interval(rate);
        }
    }
}

/// A moment later; one that no clock reaches is a hundred years away.
pub(super) fn after(moment: Instant, wait: Duration) -> Instant {
    moment + wait.min(Duration::from_secs(100 * 365 * 24 * 60 * 60))
}

fn interval(rate: Rate) -> Duration {
    Duration::from_secs(1) / rate.per_second.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wait_is_too_long() {
        let now = Instant::now();
        assert!(after(now, Duration::MAX) > after(now, Duration::from_secs(600)));
    }

    #[test]
    fn a_burst_then_a_steady_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(Some(Rate { burst: 3, per_second: 10 }), start);
        let mut taken = Vec::new();
        for ms in 0..1000 {
            let now = start + Duration::from_millis(ms);
            while bucket.wait_until(now).is_none() {
                bucket.spend(now);
                taken.push(ms);
            }
        }
        assert_eq!(taken[..5], [0, 0, 0, 100, 200]);
        assert_eq!(taken.len(), 12);
    }
}
