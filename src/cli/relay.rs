//! Batches of records from one thread to another, and the empty ones back: after the first
//! few nothing is allocated any more.

use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, TrySendError, channel, sync_channel};
use std::thread;

use crate::track::Batch;

/// Full batches under way.
const QUEUE: usize = 8;

/// How often a thread looks again before it sleeps: to be woken takes longer than most
/// batches do, and far longer on a virtual machine.
const LOOKS: usize = 500;

/// The end of the thread that fills batches.
pub(super) struct Far {
    full: SyncSender<Batch>,
    empty: Receiver<Batch>,
}

/// The end of the thread that uses them.
pub(super) struct Near {
    /// `None` once closed: the other end learns of it at its next batch.
    full: Option<Receiver<Batch>>,
    empty: Sender<Batch>,
}

/// Both ends.
pub(super) fn relay() -> (Near, Far) {
    let (full_in, full_out) = sync_channel(QUEUE);
    let (empty_in, empty_out) = channel();
    (Near { full: Some(full_out), empty: empty_in }, Far { full: full_in, empty: empty_out })
}

impl Far {
    /// A batch with nothing in it: a used one, if one came back.
    pub fn empty(&self, capacity: usize) -> Batch {
        // A packet may have several records, so that the last one goes beyond the limit.
        self.empty.try_recv().unwrap_or_else(|_| Batch::with_capacity(capacity + 64))
    }

    /// Hands a batch over; false when nobody takes it any more.
    pub fn hand_over(&self, mut batch: Batch) -> bool {
        for _ in 0..LOOKS {
            match self.full.try_send(batch) {
                Ok(()) => return true,
                Err(TrySendError::Full(again)) => batch = again,
                Err(TrySendError::Disconnected(_)) => return false,
            }
            thread::yield_now();
        }
        self.full.send(batch).is_ok()
    }
}

impl Near {
    /// The next batch; `None` when no more will come.
    pub fn take(&self) -> Option<Batch> {
        let full = self.full.as_ref()?;
        for _ in 0..LOOKS {
            match full.try_recv() {
                Ok(batch) => return Some(batch),
                Err(TryRecvError::Empty) => thread::yield_now(),
                Err(TryRecvError::Disconnected) => return None,
            }
        }
        full.recv().ok()
    }

    /// A batch that was used.
    pub fn give_back(&self, mut batch: Batch) {
        batch.clear();
        // The other end may be gone already.
        let _ = self.empty.send(batch);
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
            let batch = near.take().expect("the other end goes on until this one closes");
            assert!(batch.is_empty());
            near.give_back(batch);
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
