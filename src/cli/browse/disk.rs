//! Files to browse. One thread reads them through once for the list of conversations;
//! another goes through them again for the packets of the one that is looked at, so that
//! a large file costs time but no memory.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;

use super::seen::{Frames, Seen, snapshot};
use crate::cli::flow::Flow;
use crate::cli::replay;
use crate::model::{LinkType, StreamId};
use crate::report::{Detail, Recorder, RecorderOptions, Report, Selection};
use crate::source::PacketSource;
use crate::track::TrackerOptions;
use crate::view::{Style, browse::Feed};

/// Packets kept of the conversation that is looked at, half first and half last.
const ROWS: usize = 500_000;
/// Octets of its frames, the latest.
const FRAMES: usize = 256 << 20;
/// How many packets pass before the reader asks whether somebody still waits for it.
const ASK: u64 = 4096;

/// What to read, and how.
#[derive(Debug, Clone)]
struct Job {
    files: Vec<PathBuf>,
    filter: String,
    options: TrackerOptions,
    limit: usize,
}

/// Files as a feed.
pub(super) struct Disk {
    news: Receiver<Report>,
    reading: bool,
    wanted: Option<StreamId>,
    ask: Sender<StreamId>,
    answers: Receiver<(StreamId, Detail, Frames)>,
    frames: Frames,
}

impl Disk {
    /// Starts reading.
    pub fn start(
        files: Vec<PathBuf>,
        filter: String,
        options: TrackerOptions,
        limit: usize,
    ) -> io::Result<Self> {
        let job = Job { files, filter, options, limit };
        let (tell, news) = channel();
        let (ask, asked) = channel();
        let (answer, answers) = channel();
        let indexer = job.clone();
        thread::Builder::new().name("index".into()).spawn(move || index(&indexer, &tell))?;
        thread::Builder::new().name("packets".into()).spawn(move || fetch(&job, &asked, &answer))?;
        Ok(Self { news, reading: true, wanted: None, ask, answers, frames: Frames::default() })
    }
}

impl Feed for Disk {
    fn poll(&mut self) -> Option<Report> {
        let mut newest = None;
        loop {
            match self.news.try_recv() {
                Ok(report) => newest = Some(report),
                Err(TryRecvError::Empty) => return newest,
                Err(TryRecvError::Disconnected) => {
                    self.reading = false;
                    return newest;
                }
            }
        }
    }

    fn details(&mut self, id: StreamId) -> Option<Detail> {
        for (of, detail, frames) in self.answers.try_iter() {
            if of == id {
                (self.wanted, self.frames) = (None, frames);
                return Some(detail);
            }
        }
        if self.wanted != Some(id) {
            self.wanted = Some(id);
            // If the reader is gone there is nothing to be had: the pane goes on saying so.
            let _ = self.ask.send(id);
        }
        None
    }

    fn frame(&mut self, number: u64) -> Option<(LinkType, Vec<u8>)> {
        self.frames.get(number).map(super::octets)
    }

    fn header_text(&mut self, number: u64, style: &Style) -> Option<String> {
        super::header_text(self.frames.get(number)?, style)
    }

    fn progress(&self) -> Option<&'static str> {
        self.reading.then_some("reading")
    }
}

/// The list of conversations: what there is so far each time that the packets have doubled,
/// which costs as much again as the reading at most, and all of it at the end.
fn index(job: &Job, tell: &Sender<Report>) {
    let origins: Vec<String> = job.files.iter().map(|f| f.display().to_string()).collect();
    let recorder = Recorder::new(RecorderOptions {
        limit: Some(job.limit),
        select: Selection::None,
        rows: 0,
        events: Some(0),
        only: None,
        list_events: false,
        entries: false,
    });
    let mut seen = Seen::new(recorder, None, 0);
    let mut flow = Flow::new(job.options);
    let mut fault = None;
    match replay::open(&job.files, &job.filter, replay::Follow::No) {
        Err(e) => fault = Some(e.to_string()),
        Ok(mut source) => {
            let (mut packets, mut next) = (0u64, 8192u64);
            loop {
                match source.next_packet() {
                    Ok(Some(packet)) => {
                        flow.packet(&packet, &mut seen);
                        packets += 1;
                    }
                    Ok(None) => break,
                    Err(e) => {
                        fault = Some(e.to_string());
                        break;
                    }
                }
                if packets == next {
                    next = next.saturating_mul(2);
                    if tell.send(snapshot(&flow, &seen, job.limit, &origins)).is_err() {
                        return;
                    }
                }
            }
            let drops = source.drops();
            seen.recorder.source(source.interfaces(), source.remarks(), drops);
        }
    }
    flow.finish(&mut seen);
    seen.recorder.frames(&flow.front.totals);
    let mut report = seen.recorder.finish();
    (report.summary.origins, report.summary.fault) = (origins, fault);
    // Whoever wanted it may have left.
    let _ = tell.send(report);
}

/// The packets of whichever conversation was asked for last.
fn fetch(job: &Job, asked: &Receiver<StreamId>, answer: &Sender<(StreamId, Detail, Frames)>) {
    let mut next = asked.recv().ok();
    while let Some(id) = next.take() {
        // Only the latest question matters.
        let id = asked.try_iter().last().unwrap_or(id);
        match pass(job, id, asked) {
            Pass::Asked(other) => next = Some(other),
            Pass::Done(detail, frames) => {
                if answer.send((id, detail, frames)).is_err() {
                    return;
                }
                next = asked.recv().ok();
            }
        }
    }
}

enum Pass {
    Done(Detail, Frames),
    /// Another conversation was asked for meanwhile.
    Asked(StreamId),
}

fn pass(job: &Job, id: StreamId, asked: &Receiver<StreamId>) -> Pass {
    let recorder = Recorder::new(RecorderOptions {
        limit: None,
        select: Selection::Only(vec![id]),
        rows: ROWS,
        events: None,
        only: Some(vec![id]),
        list_events: false,
        entries: false,
    });
    let mut seen = Seen::new(recorder, Some(id), FRAMES);
    let mut flow = Flow::new(job.options);
    let mut packets = 0u64;
    if let Ok(mut source) = replay::open(&job.files, &job.filter, replay::Follow::No) {
        // A fault in the file ends the packets here as it does in the list, which says it.
        while let Ok(Some(packet)) = source.next_packet() {
            flow.packet(&packet, &mut seen);
            packets += 1;
            if packets.is_multiple_of(ASK)
                && let Some(other) = asked.try_iter().last().filter(|o| *o != id)
            {
                return Pass::Asked(other);
            }
        }
    }
    flow.finish(&mut seen);
    let detail = seen.recorder.finish().details.into_iter().next().unwrap_or_default();
    Pass::Done(Detail { id: Some(id), ..detail }, seen.frames)
}
