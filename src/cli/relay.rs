//! Batches of records from one thread to another, and the empty ones back: after the first
//! few nothing is allocated any more.

use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, TrySendError, channel, sync_channel};
use std::thread;

use crate::track::Batch;
use crate::view::ndjson::Stretches;

/// Records, and what of their text was written ahead.
#[derive(Default)]
pub(super) struct Load {
    pub batch: Batch,
    pub ahead: Stretches,
}

/// Full batches under way.
const QUEUE: usize = 8;

/// How often a thread looks again before it sleeps: to be woken takes longer than most
/// batches do, and far longer on a virtual machine.
const LOOKS: usize = 500;

/// The end of the thread that fills batches.
pub(super) struct Far {
    full: SyncSender<Load>,
    empty: Receiver<Load>,
}

/// The end of the thread that uses them.
pub(super) struct Near {
    /// `None` once closed: the other end learns of it at its next batch.
    full: Option<Receiver<Load>>,
    empty: Sender<Load>,
}

/// Both ends.
pub(super) fn relay() -> (Near, Far) {
    let (full_in, full_out) = sync_channel(QUEUE);
    let (empty_in, empty_out) = channel();
    (Near { full: Some(full_out), empty: empty_in }, Far { full: full_in, empty: empty_out })
}

impl Far {
    /// A batch with nothing in it: a used one, if one came back.
    pub fn empty(&self, capacity: usize) -> Load {
        self.empty.try_recv().unwrap_or_else(|_| {
            // A packet may have several records, so that the last one goes beyond the limit.
            Load { batch: Batch::with_capacity(capacity + 64), ..Load::default() }
        })
    }

    /// Hands a batch over; false when nobody takes it any more.
    pub fn hand_over(&self, mut load: Load) -> bool {
        for _ in 0..LOOKS {
            match self.full.try_send(load) {
                Ok(()) => return true,
                Err(TrySendError::Full(again)) => load = again,
                Err(TrySendError::Disconnected(_)) => return false,
            }
            thread::yield_now();
        }
        self.full.send(load).is_ok()
    }
}

impl Near {
    /// The next batch; `None` when no more will come.
    pub fn take(&self) -> Option<Load> {
        let full = self.full.as_ref()?;
        for _ in 0..LOOKS {
            match full.try_recv() {
                Ok(load) => return Some(load),
                Err(TryRecvError::Empty) => thread::yield_now(),
                Err(TryRecvError::Disconnected) => return None,
            }
        }
        full.recv().ok()
    }

    /// A batch that was used.
    pub fn give_back(&self, mut load: Load) {
        load.batch.clear();
        load.ahead.clear();
        // The other end may be gone already.
        let _ = self.empty.send(load);
    }

    /// No more are wanted.
    pub fn close(&mut self) {
        self.full = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_come_in_order_and_go_back_until_one_end_closes() {
        let (mut near, far) = relay();
        let filler = thread::spawn(move || {
            let mut sent = 0u32;
            while far.hand_over(far.empty(4)) {
                sent += 1;
            }
            sent
        });
        for _ in 0..1000 {
            let load = near.take().expect("the other end goes on until this one closes");
            assert!(load.batch.is_empty());
            near.give_back(load);
        }
        near.close();
        assert!(near.take().is_none());
        let sent = filler.join().expect("it ends");
        assert!((1000..=1000 + QUEUE as u32).contains(&sent), "{sent}");

        let (near, far) = relay();
        drop(far);
        assert!(near.take().is_none());
    }
}
