//! A capture to browse while it goes on. The capturing thread never waits for the screen.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::seen::{Frame, Seen, snapshot};
use crate::cli::flow::Flow;
use crate::model::{LinkType, StreamId};
use crate::report::{Detail, Recorder, RecorderOptions, Report, Selection};
use crate::source::{LiveSource, PacketSource};
use crate::track::TrackerOptions;
use crate::view::{Style, browse::Feed};

/// Conversations whose packets are kept, and packets of each: half first, half latest.
const KEPT: (usize, usize) = (500, 2000);
/// Octets of frames kept, the latest.
const FRAMES: usize = 64 << 20;
/// Pictures a second are enough.
const PAUSE: Duration = Duration::from_millis(200);

/// What the two threads share. The capturing one takes the lock for one packet at a time.
struct Shared {
    seen: Seen,
    flow: Flow,
    fault: Option<String>,
    ended: bool,
    packets: u64,
}

/// A capture as a feed.
pub(super) struct Live {
    shared: Arc<Mutex<Shared>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    origins: Vec<String>,
    limit: usize,
    /// Packets in the report before, when that was, and how long it took to make.
    last: (u64, Option<Instant>, Duration),
    told_end: bool,
}

impl Live {
    /// Starts capturing.
    pub fn start(
        source: LiveSource,
        stop: Arc<AtomicBool>,
        interface: String,
        options: TrackerOptions,
        limit: usize,
    ) -> io::Result<Self> {
        let recorder = Recorder::new(RecorderOptions {
            limit: Some(limit),
            select: Selection::First(KEPT.0),
            rows: KEPT.1,
            events: Some(10_000),
            only: None,
            list_events: false,
            entries: false,
        });
        let shared = Arc::new(Mutex::new(Shared {
            seen: Seen::new(recorder, None, FRAMES),
            flow: Flow::new(options),
            fault: None,
            ended: false,
            packets: 0,
        }));
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new().name("capture".into()).spawn(move || capture(source, &theirs))?;
        Ok(Self {
            shared,
            stop,
            thread: Some(thread),
            origins: vec![interface],
            limit,
            last: (0, None, Duration::ZERO),
            told_end: false,
        })
    }

    /// Ends the capture.
    pub fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there has been said already.
            let _ = thread.join();
        }
    }
}

fn locked(shared: &Mutex<Shared>) -> std::sync::MutexGuard<'_, Shared> {
    // Facts are whole after each packet, also when a thread died between two.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn capture(mut source: LiveSource, shared: &Mutex<Shared>) {
    let mut told = Instant::now();
    loop {
        let fault = match source.next_packet() {
            Ok(Some(packet)) => {
                let mut s = locked(shared);
                let Shared { seen, flow, .. } = &mut *s;
                flow.packet(&packet, seen);
                s.packets += 1;
                None
            }
            Ok(None) => Some(None),
            Err(e) => Some(Some(e.to_string())),
        };
        if fault.is_some() || told.elapsed() > PAUSE {
            told = Instant::now();
            let drops = source.drops();
            let mut s = locked(shared);
            s.seen.recorder.source(source.interfaces(), source.remarks(), drops);
            if let Some(fault) = fault {
                (s.fault, s.ended) = (fault, true);
                return;
            }
        }
    }
}

impl Feed for Live {
    fn poll(&mut self) -> Option<Report> {
        let (packets, at, cost) = self.last;
        // Never more than a tenth of the time for pictures of many conversations.
        if at.is_some_and(|at| at.elapsed() < PAUSE.max(cost * 10)) {
            return None;
        }
        let s = locked(&self.shared);
        if at.is_some() && s.packets == packets && (!s.ended || self.told_end) {
            return None;
        }
        let from = Instant::now();
        let mut report = snapshot(&s.flow, &s.seen, self.limit, &self.origins);
        report.summary.fault.clone_from(&s.fault);
        self.told_end = s.ended;
        self.last = (s.packets, Some(from), from.elapsed());
        Some(report)
    }

    fn details(&mut self, id: StreamId) -> Option<Detail> {
        let s = locked(&self.shared);
        Some(s.seen.recorder.detail_so_far(id).unwrap_or(Detail { id: Some(id), ..Detail::default() }))
    }

    fn frame(&mut self, number: u64) -> Option<(LinkType, Vec<u8>)> {
        locked(&self.shared).seen.frames.get(number).map(super::octets)
    }

    fn header_text(&mut self, number: u64, style: &Style) -> Option<String> {
        let frame: Frame = locked(&self.shared).seen.frames.get(number)?.clone();
        super::header_text(&frame, style)
    }

    fn progress(&self) -> Option<&'static str> {
        (!locked(&self.shared).ended).then_some("live")
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.end();
    }
}
