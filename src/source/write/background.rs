//! Writing on a thread of its own, so that a slow disk never holds up the capture.
//!
//! The capture appends to a queue and wakes the writer only when that is worth it: to be
//! woken costs more than to write a packet. What is less than that the writer takes when
//! its time is up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::output::fault;
use super::{PacketSink, Written};
use crate::model::Packet;

use super::super::{Drops, Interface, SourceError};

/// Octets in the queue that are worth waking the writer.
const WORTH: usize = 256 << 10;
/// How long less than that waits in the queue, and how often a failing disk is looked at.
const WAIT: Duration = Duration::from_millis(100);
/// What was written is handed to the operating system this often at least: with the wait
/// before it, every packet is there within a second.
const INTERVAL: Duration = Duration::from_millis(800);
/// And it is on the disk this often.
const DISK: Duration = Duration::from_secs(5);

/// What to do with a packet when the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// Count it as lost: a live capture goes on.
    Lose,
    /// Wait until there is room: a file can wait.
    Wait,
}

/// Hands packets to another sink, which works on a thread of its own.
pub struct Background {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<Written, SourceError>>>,
    bound: usize,
    /// Octets in the queue that are worth waking the writer.
    worth: usize,
    overflow: Overflow,
    described: usize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Enough was queued, or the end has come.
    queued: Condvar,
    /// Something was taken.
    taken: Condvar,
    full: AtomicBool,
}

#[derive(Default)]
struct State {
    batch: Batch,
    interfaces: Vec<Interface>,
    finish: Option<Option<Drops>>,
    /// The sink has failed or is full; nothing is taken any more.
    failure: Option<SourceError>,
    /// Set when the sink fails, so that a capture with nothing to write ends too.
    alarm: Option<Arc<AtomicBool>>,
    ended: bool,
    /// The writer waits to be woken.
    asleep: bool,
    lost: u64,
}

/// Packets end to end.
#[derive(Default)]
struct Batch {
    octets: Vec<u8>,
    heads: Vec<(Packet<'static>, usize, Option<String>)>,
}

impl Batch {
    fn clear(&mut self) {
        self.octets.clear();
        self.heads.clear();
    }

    fn size(&self) -> usize {
        self.octets.len() + self.heads.len() * 64
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Background {
    /// Writes to `sink` behind a queue of at most `bound` octets; twice that is held.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn new(
        sink: impl PacketSink + Send + 'static,
        bound: usize,
        overflow: Overflow,
    ) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        // Who waits for room must be given some, however little there is.
        let worth = WORTH.min(bound);
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new().name("write".to_owned()).spawn(move || {
            let result = run(sink, &theirs, worth);
            let mut state = theirs.lock();
            state.ended = true;
            theirs.taken.notify_all();
            drop(state);
            result
        })?;
        Ok(Self { shared, thread: Some(thread), bound, worth, overflow, described: 0 })
    }

    /// Packets lost so far for want of room in the queue.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lock().lost
    }

    /// Sets `flag` as soon as the sink fails, even if nothing is written any more.
    pub fn alarm(&mut self, flag: Arc<AtomicBool>) {
        let mut state = self.shared.lock();
        if state.failure.is_some() {
            flag.store(true, Ordering::Relaxed);
        }
        state.alarm = Some(flag);
    }

    fn join(&mut self, drops: Option<Drops>) -> Option<Result<Written, SourceError>> {
        let thread = self.thread.take()?;
        self.shared.lock().finish = Some(drops);
        self.shared.queued.notify_all();
        thread.join().ok()
    }
}

/// The thread: takes what is queued and writes it.
fn run(mut sink: impl PacketSink, shared: &Shared, worth: usize) -> Result<Written, SourceError> {
    let mut batch = Batch::default();
    let mut described = 0;
    // When what the system does not have yet, and what the disk does not have yet, was
    // first written.
    let (mut unflushed, mut unsynced) = (None::<Instant>, None::<Instant>);
    loop {
        if unsynced.is_some_and(|since| since.elapsed() >= DISK) {
            (unflushed, unsynced) = (None, None);
            told(sink.sync(), shared)?;
        } else if unflushed.is_some_and(|since| since.elapsed() >= INTERVAL) {
            unflushed = None;
            told(sink.flush(), shared)?;
        }
        let mut state = shared.lock();
        if state.batch.size() < worth && state.finish.is_none() {
            state.asleep = true;
            let waited = shared.queued.wait_timeout(state, WAIT);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.asleep = false;
        }
        batch.clear();
        std::mem::swap(&mut batch, &mut state.batch);
        let fresh: Vec<Interface> = match state.interfaces.len() > described {
            true => state.interfaces.clone(),
            false => Vec::new(),
        };
        let finish = state.finish;
        drop(state);
        shared.taken.notify_all();

        if !fresh.is_empty() {
            described = fresh.len();
            told(sink.describe(&fresh), shared)?;
        }
        if !(fresh.is_empty() && batch.heads.is_empty()) {
            unflushed.get_or_insert_with(Instant::now);
            unsynced.get_or_insert_with(Instant::now);
        }
        let mut start = 0;
        for (head, end, comment) in &batch.heads {
            let data = batch.octets.get(start..*end).unwrap_or_default();
            start = *end;
            told(sink.write(&Packet { data, ..*head }, comment.as_deref()), shared)?;
        }
        if sink.is_full() {
            shared.full.store(true, Ordering::Relaxed);
        }
        if let Some(drops) = finish {
            let mut written = sink.finish(drops)?;
            written.lost = shared.lock().lost;
            return Ok(written);
        }
    }
}

/// Tells the other thread of a fault; ends this one.
fn told(result: Result<(), SourceError>, shared: &Shared) -> Result<(), SourceError> {
    let Err(fault) = result else { return Ok(()) };
    let again = SourceError {
        origin: fault.origin.clone(),
        offset: fault.offset,
        packet: fault.packet,
        kind: std::io::Error::other(fault.kind.to_string()).into(),
    };
    let mut state = shared.lock();
    if let Some(alarm) = &state.alarm {
        alarm.store(true, Ordering::Relaxed);
    }
    state.failure = Some(fault);
    Err(again)
}

impl PacketSink for Background {
    fn describe(&mut self, interfaces: &[Interface]) -> Result<(), SourceError> {
        if interfaces.len() > self.described {
            self.described = interfaces.len();
            interfaces.clone_into(&mut self.shared.lock().interfaces);
        }
        Ok(())
    }

    fn write(&mut self, packet: &Packet<'_>, comment: Option<&str>) -> Result<(), SourceError> {
        let mut state = self.shared.lock();
        while state.batch.size() >= self.bound && !state.ended && self.overflow == Overflow::Wait {
            state = self.shared.taken.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(fault) = state.failure.take() {
            return Err(fault);
        }
        if state.ended || state.batch.size() >= self.bound {
            state.lost += 1;
            return Ok(());
        }
        let before = state.batch.size();
        state.batch.octets.extend_from_slice(packet.data);
        let end = state.batch.octets.len();
        let Packet { number, ts, orig_len, link, interface, .. } = *packet;
        let head = Packet { number, ts, orig_len, link, interface, data: &[] };
        state.batch.heads.push((head, end, comment.map(str::to_owned)));
        let wake = state.asleep && before < self.worth && state.batch.size() >= self.worth;
        drop(state);
        if wake {
            self.shared.queued.notify_all();
        }
        Ok(())
    }

    /// Does nothing but tell of a fault: the thread flushes every second.
    fn flush(&mut self) -> Result<(), SourceError> {
        match self.shared.lock().failure.take() {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    fn finish(&mut self, drops: Option<Drops>) -> Result<Written, SourceError> {
        let joined = self.join(drops);
        if let Some(fault) = self.shared.lock().failure.take() {
            return Err(fault);
        }
        joined.unwrap_or_else(|| {
            Err(fault(std::path::Path::new("-w"), std::io::Error::other("the writer ended too early")))
        })
    }

    fn is_full(&self) -> bool {
        self.shared.full.load(Ordering::Relaxed)
    }
}

impl Drop for Background {
    /// What is queued is still written.
    fn drop(&mut self) {
        let _ = self.join(None);
    }
}
