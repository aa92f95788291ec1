//! One thread reads and decodes, and each shard of the tracker is tracked by whichever thread
//! has nothing else to do: the reading one too, once enough is waiting.
//!
//! A shard gets its records in their order and has its own sink, so that it does not matter
//! who tracks it when.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::model::Protocol;
use crate::track::{Batch, Numbers, Shard, Sink};

/// Batches that the reading thread is ahead, before it tracks too.
const AHEAD: usize = 4;

/// How often a thread looks again before it sleeps: to be woken takes longer than a piece of
/// work does.
const LOOKS: usize = 500;

/// A shard, the numbers that it gave, and where it tells what it finds.
pub(super) struct Lane<S> {
    pub shard: Shard,
    pub numbers: Numbers,
    pub sink: S,
}

/// What all threads share.
pub(super) struct Lanes<'a, S> {
    lanes: Vec<Mutex<Lane<S>>>,
    plan: Mutex<Plan>,
    /// Something changed in the plan.
    changed: Condvar,
    conversations: &'a AtomicU64,
}

/// What is to be done, and what somebody does.
struct Plan {
    /// Batches that each lane still has to track.
    waiting: Vec<VecDeque<Arc<Batch>>>,
    progress: Vec<Progress>,
    /// Batches to be filled again.
    empty: Vec<Batch>,
    /// No more batches will come.
    complete: bool,
    /// A thread came to grief: nothing more will be done.
    failed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Idle,
    /// A thread is at it.
    Busy,
    /// Every conversation was let go.
    Finished,
}

/// What a thread does next.
enum Work {
    Track(Arc<Batch>),
    /// Let every conversation go.
    Finish,
}

impl<'a, S: Sink + Send> Lanes<'a, S> {
    /// A lane for each shard; `conversations` is kept up to date.
    pub fn new(shards: Vec<Shard>, sinks: Vec<S>, conversations: &'a AtomicU64) -> Self {
        let lane = |(shard, sink)| Mutex::new(Lane { shard, numbers: Numbers::of_a_shard(), sink });
        let lanes: Vec<_> = shards.into_iter().zip(sinks).map(lane).collect();
        let plan = Plan {
            waiting: lanes.iter().map(|_| VecDeque::new()).collect(),
            progress: vec![Progress::Idle; lanes.len()],
            empty: Vec::new(),
            complete: false,
            failed: false,
        };
        Self { lanes, plan: Mutex::new(plan), changed: Condvar::new(), conversations }
    }

    /// A batch with nothing in it: a used one, if there is one.
    pub fn empty(&self, capacity: usize) -> Batch {
        // A packet may have several records, so that the last one goes beyond the limit.
        self.plan().empty.pop().unwrap_or_else(|| Batch::with_capacity(capacity + 64))
    }

    /// Hands a batch to the shards whose records are in it, and tracks with the others for as
    /// long as too much is waiting; false when nobody tracks any more. `before` is how many
    /// records came before these.
    pub fn hand_over(&self, mut batch: Batch, before: u64) -> bool {
        batch.divide(self.lanes.len(), before);
        let batch = Arc::new(batch);
        let mut plan = self.plan();
        for (i, waiting) in plan.waiting.iter_mut().enumerate() {
            if !batch.of(i).is_empty() {
                waiting.push_back(Arc::clone(&batch));
            }
        }
        drop(batch);
        self.changed.notify_all();
        drop(plan);
        self.work_until(|plan| plan.waiting.iter().all(|waiting| waiting.len() <= AHEAD));
        !self.plan().failed
    }

    /// Batches will come for as long as this is kept.
    pub const fn filling(&self) -> Filling<'_, 'a, S> {
        Filling { lanes: self }
    }

    /// Works until everything is tracked and every shard is finished.
    pub fn work(&self) {
        self.work_until(|plan| plan.progress.iter().all(|&p| p == Progress::Finished));
    }

    /// The lanes, when all threads are done.
    pub fn into_lanes(self) -> impl Iterator<Item = Lane<S>> {
        self.lanes.into_iter().map(|lane| lane.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does one piece of work after the other, and waits where there is none.
    fn work_until(&self, done: impl Fn(&Plan) -> bool) {
        let mut looks = 0;
        let mut plan = self.plan();
        while !plan.failed && !done(&plan) {
            plan = if let Some((i, work)) = plan.next() {
                drop(plan);
                looks = 0;
                self.work_on(i, work)
            } else if looks < LOOKS {
                drop(plan);
                looks += 1;
                thread::yield_now();
                self.plan()
            } else {
                // What it waits for cannot come before it sleeps: that takes the plan.
                self.changed.wait(plan).unwrap_or_else(PoisonError::into_inner)
            };
        }
    }

    fn work_on(&self, i: usize, work: Work) -> MutexGuard<'_, Plan> {
        let mut busy = Busy { lanes: self, i, then: Progress::Idle };
        if let Some(lane) = self.lanes.get(i) {
            let mut lane = lane.lock().unwrap_or_else(PoisonError::into_inner);
            let Lane { shard, numbers, sink } = &mut *lane;
            match &work {
                Work::Track(batch) => {
                    let before = given(numbers);
                    shard.push(batch, i, numbers, sink);
                    self.conversations.fetch_add(given(numbers) - before, Ordering::Relaxed);
                }
                Work::Finish => {
                    shard.finish(sink);
                    busy.then = Progress::Finished;
                }
            }
        }
        drop(busy);
        let used = match work {
            Work::Track(batch) => Arc::into_inner(batch),
            Work::Finish => None,
        };
        let mut plan = self.plan();
        if let Some(mut batch) = used {
            batch.clear();
            plan.empty.push(batch);
        }
        plan
    }
}

/// TCP connections and UDP conversations so far.
fn given(numbers: &Numbers) -> u64 {
    u64::from(numbers.given(Protocol::Tcp)) + u64::from(numbers.given(Protocol::Udp))
}

impl Plan {
    /// The next piece of work that nobody does: of the lane that is furthest behind.
    fn next(&mut self) -> Option<(usize, Work)> {
        let (i, batches) = (self.waiting.iter_mut().enumerate())
            .filter(|(i, batches)| {
                self.progress[*i] == Progress::Idle && (!batches.is_empty() || self.complete)
            })
            .max_by_key(|(_, batches)| batches.len())?;
        self.progress[i] = Progress::Busy;
        Some((i, batches.pop_front().map_or(Work::Finish, Work::Track)))
    }
}

/// Somebody fills batches. Once it is dropped no more will come, even if that is because of
/// a panic.
pub(super) struct Filling<'l, 'a, S: Sink + Send> {
    lanes: &'l Lanes<'a, S>,
}

impl<S: Sink + Send> Drop for Filling<'_, '_, S> {
    fn drop(&mut self) {
        self.lanes.plan().complete = true;
        self.lanes.changed.notify_all();
    }
}

/// A lane that a thread is at.
struct Busy<'l, 'a, S: Sink + Send> {
    lanes: &'l Lanes<'a, S>,
    i: usize,
    then: Progress,
}

impl<S: Sink + Send> Drop for Busy<'_, '_, S> {
    fn drop(&mut self) {
        let mut plan = self.lanes.plan();
        if thread::panicking() {
            // Nobody must wait for what will never be done.
            plan.failed = true;
        }
        plan.progress[self.i] = self.then;
        drop(plan);
        self.lanes.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Decoder;
    use crate::source::{CaptureFile, PacketSource};
    use crate::track::{KeyHasher, Tracker, TrackerOptions};

    /// Notes which records it was told of, and comes to grief at one of them.
    #[derive(Default)]
    struct Noting {
        seen: Vec<u64>,
        grief: Option<u64>,
    }

    impl Sink for Noting {
        fn ordinal(&mut self, record: u64) {
            assert_ne!(Some(record), self.grief, "grief, as ordered");
            self.seen.push(record);
        }
    }

    /// The records of a capture of several connections.
    fn batch(hasher: &KeyHasher) -> Batch {
        let (mut decoder, mut batch) = (Decoder::default(), Batch::default());
        for name in ["captures/retransmission.pkt", "captures/udp-basic.pkt", "captures/reset.pkt"] {
            let mut source = CaptureFile::open(std::path::Path::new(name)).unwrap();
            while let Some(packet) = source.next_packet().unwrap() {
                decoder.decode(&packet, batch.records());
            }
        }
        batch.prepare(hasher);
        batch
    }

    /// Hands over so many batches on one thread and works on `workers` more; how many records
    /// were handed over, and what each sink was told of.
    fn run(batches: u64, workers: usize, grief: Option<u64>) -> (u64, Vec<Vec<u64>>) {
        let mut tracker = Tracker::new(TrackerOptions::default());
        let hasher = tracker.hasher().clone();
        let shards = std::mem::take(tracker.shards());
        let sinks = shards.iter().map(|_| Noting { grief, ..Noting::default() }).collect();
        let conversations = AtomicU64::new(0);
        let lanes = Lanes::new(shards, sinks, &conversations);
        let records = thread::scope(|scope| {
            let filler = scope.spawn(|| {
                let mut records = 0;
                let filling = lanes.filling();
                for _ in 0..batches {
                    let batch = batch(&hasher);
                    let len = batch.len() as u64;
                    if !lanes.hand_over(batch, records) {
                        break;
                    }
                    records += len;
                }
                drop(filling);
                lanes.work();
                records
            });
            (0..workers).for_each(|_| drop(scope.spawn(|| lanes.work())));
            filler.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        (records, lanes.into_lanes().map(|lane| lane.sink.seen).collect())
    }

    #[test]
    fn each_record_is_tracked_once_and_in_its_order_by_any_number_of_threads() {
        for (batches, workers) in [(0, 0), (0, 3), (1, 1), (40, 0), (300, 1), (100, 5)] {
            let (records, seen) = run(batches, workers, None);
            assert!(seen.iter().all(|seen| seen.is_sorted()), "{batches} batches, {workers} threads");
            let mut all = seen.concat();
            all.sort_unstable();
            assert_eq!(all, (0..records).collect::<Vec<_>>(), "{batches} batches, {workers} threads");
        }
    }

    #[test]
    fn a_thread_that_comes_to_grief_leaves_nobody_waiting() {
        for workers in 0..4 {
            let end = std::panic::catch_unwind(|| run(10_000, workers, Some(500)));
            assert!(end.is_err(), "{workers} threads");
        }
    }
}
