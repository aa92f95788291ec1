//! `synfin browse`: a file or a live capture in the terminal, pane by pane.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use anyhow::{Context as _, bail};

use crate::decode::{Problems, TcpSegment, UdpDatagram, headers::headers};
use crate::model::{LinkType, Packet, Protocol, StreamId};
use crate::report::{Conversation, Detail, Recorder, RecorderOptions, Report, Selection};
use crate::source::{CaptureFile, LiveOptions, LiveSource, PacketSource};
use crate::track::{Event, SeenDatagram, SeenSegment, Sink, TcpConversation, UdpConversation};
use crate::view::browse::{Feed, run as browse};
use crate::view::header::HeaderDiagram;
use crate::view::services::Services;
use crate::view::{Numbers, Style};

use super::confine::{self, Plan, confine};
use super::flow::{Destination, Flow, KeptFrame};
use super::replay::TrackArgs;

/// Browse a capture in the terminal: connections, packets, headers, graphs
///
/// The keys are those of less and vim; ? lists them. A file is read once for the
/// connections, and again for the packets of the one you look at.
#[derive(Debug, clap::Args)]
pub(super) struct BrowseArgs {
    /// A capture file
    #[arg(value_name = "FILE", required_unless_present = "interface", conflicts_with = "interface")]
    file: Option<PathBuf>,

    /// Capture live on this interface instead: lo is loopback
    #[arg(short = 'i', long = "interface", value_name = "NAME")]
    interface: Option<String>,

    /// Only ASCII characters
    #[arg(long)]
    ascii: bool,

    #[command(flatten)]
    track: TrackArgs,

    /// With -i: a filter in libpcap's language
    #[arg(value_name = "FILTER", requires = "interface", last = true)]
    filter: Vec<String>,
}

/// Runs the command.
pub(super) fn run(args: BrowseArgs) -> anyhow::Result<ExitCode> {
    let style = Style {
        ascii: args.ascii,
        color: std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        numbers: Numbers::Both,
        ..Style::default()
    };
    match (&args.file, &args.interface) {
        (Some(file), _) => {
            // A file that cannot be read is said before the screen changes.
            drop(CaptureFile::open(file)?);
            browse(&mut FileFeed::new(file, args.track), style)?;
        }
        (None, Some(interface)) => {
            let mut feed = LiveFeed::open(interface, &args)?;
            let end = browse(&mut feed, style);
            feed.stop.store(true, Ordering::Relaxed);
            end?;
        }
        (None, None) => bail!("say which file, or -i and an interface"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Events kept for the lists.
const EVENTS: usize = 100_000;
/// Packets kept of one conversation: the first half of them and the latest half.
const ROWS: usize = 100_000;
/// Frames of the conversation in view whose octets are kept.
const FRAMES: usize = 10_000;

type Frames = HashMap<u64, KeptFrame>;

/// The header diagram of a kept frame.
fn diagram(frame: &KeptFrame, style: &Style) -> Option<String> {
    let mut out = Vec::new();
    let tree = headers(frame.link, &frame.data, frame.orig_len);
    HeaderDiagram.render_text(&tree, style, &mut out).ok()?;
    String::from_utf8(out).ok()
}

/// What a file has: the report from one reading, and each conversation from another.
struct FileFeed {
    path: PathBuf,
    track: TrackArgs,
    first: Option<Report>,
    report: mpsc::Receiver<Report>,
    /// The reading for one conversation that goes on, and how to stop it.
    reading: Option<(StreamId, Arc<AtomicBool>, mpsc::Receiver<(Detail, Frames)>)>,
    frames: Frames,
}

impl FileFeed {
    fn new(path: &Path, track: TrackArgs) -> Self {
        let (send, report) = mpsc::channel();
        let mut first = Report::default();
        first.summary.origins = vec![path.display().to_string()];
        first.summary.remarks = vec!["the file is being read".into()];
        let (file, args) = (path.to_owned(), track.clone());
        std::thread::spawn(move || {
            // Whoever asked may have left.
            let _ = send.send(read(&file, &args));
        });
        Self {
            path: path.to_owned(),
            track,
            first: Some(first),
            report,
            reading: None,
            frames: Frames::new(),
        }
    }
}

/// Reads a file for its conversations.
fn read(path: &Path, track: &TrackArgs) -> Report {
    let options =
        RecorderOptions { limit: None, select: Selection::None, rows: 0, events: Some(EVENTS), only: None };
    let mut recorder = Recorder::new(options);
    let mut flow = Flow::new(track.options());
    let end = CaptureFile::open(path).and_then(|mut source| {
        let end = flow.run(&mut source, &mut recorder, |_| true);
        let drops = source.drops();
        recorder.source(source.interfaces(), source.remarks(), drops);
        end
    });
    flow.finish(&mut recorder);
    let mut report = recorder.finish();
    report.summary.origins = vec![path.display().to_string()];
    report.summary.fault = end.err().map(|e| e.to_string());
    report
}

/// Reads a file for one conversation; `None` when it was told to stop.
fn read_one(path: &Path, track: &TrackArgs, id: StreamId, stop: &AtomicBool) -> Option<(Detail, Frames)> {
    let options = RecorderOptions {
        limit: None,
        select: Selection::Only(vec![id]),
        rows: ROWS,
        events: Some(EVENTS),
        only: Some(vec![id]),
    };
    let mut to =
        Watched { recorder: Recorder::new(options), id, hit: false, frames: Frames::new(), most: FRAMES };
    let mut flow = Flow::new(track.options());
    // A fault has ended the first reading at the same place, and is told there.
    let mut source = CaptureFile::open(path).ok()?;
    let _ = flow.run(&mut source, &mut to, |_| !stop.load(Ordering::Relaxed));
    if stop.load(Ordering::Relaxed) {
        return None;
    }
    flow.finish(&mut to);
    let frames = to.frames;
    let detail = to.recorder.finish().details.into_iter().next();
    Some((detail.unwrap_or_else(|| Detail { id: Some(id), ..Detail::default() }), frames))
}

impl Feed for FileFeed {
    fn poll(&mut self) -> Option<Report> {
        self.first.take().or_else(|| self.report.try_recv().ok())
    }

    fn details(&mut self, id: StreamId) -> Option<Detail> {
        if let Some((asked, stop, reading)) = &self.reading {
            if *asked == id {
                return match reading.try_recv() {
                    Ok((detail, frames)) => {
                        self.frames = frames;
                        self.reading = None;
                        Some(detail)
                    }
                    Err(mpsc::TryRecvError::Empty) => None,
                    Err(mpsc::TryRecvError::Disconnected) => {
                        self.reading = None;
                        Some(Detail { id: Some(id), ..Detail::default() })
                    }
                };
            }
            stop.store(true, Ordering::Relaxed);
        }
        let (send, receive) = mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let (path, track, told) = (self.path.clone(), self.track.clone(), Arc::clone(&stop));
        std::thread::spawn(move || {
            if let Some(found) = read_one(&path, &track, id, &told) {
                let _ = send.send(found);
            }
        });
        self.reading = Some((id, stop, receive));
        None
    }

    fn frame(&mut self, number: u64) -> Option<(LinkType, Vec<u8>)> {
        self.frames.get(&number).map(|f| (f.link, f.data.clone()))
    }

    fn header_text(&mut self, number: u64, style: &Style) -> Option<String> {
        self.frames.get(&number).and_then(|f| diagram(f, style))
    }
}

/// A recorder that also keeps the octets of the frames of one conversation.
struct Watched {
    recorder: Recorder,
    id: StreamId,
    hit: bool,
    frames: Frames,
    most: usize,
}

impl Watched {
    fn sees(&mut self, protocol: Protocol, number: u32) {
        self.hit |= self.id == StreamId { protocol, number };
    }
}

impl Destination for Watched {
    fn frame(&mut self, packet: &Packet<'_>, problems: Problems, records: usize) -> bool {
        if std::mem::take(&mut self.hit) && self.frames.len() < self.most {
            self.frames.insert(packet.number, kept(packet));
        }
        self.recorder.frame(packet, problems, records);
        true
    }
}

fn kept(packet: &Packet<'_>) -> KeptFrame {
    KeptFrame { link: packet.link, orig_len: packet.orig_len, data: packet.data.to_vec() }
}

impl Sink for Watched {
    fn tcp(&mut self, s: &TcpSegment, seen: &SeenSegment, c: &TcpConversation) {
        self.sees(Protocol::Tcp, seen.stream);
        self.recorder.tcp(s, seen, c);
    }

    fn udp(&mut self, d: &UdpDatagram, seen: &SeenDatagram, c: &UdpConversation) {
        self.sees(Protocol::Udp, seen.stream);
        self.recorder.udp(d, seen, c);
    }

    fn icmp(&mut self, m: &crate::decode::IcmpMessage, quoted: Option<StreamId>) {
        self.hit |= quoted == Some(self.id);
        self.recorder.icmp(m, quoted);
    }

    fn event(&mut self, event: &Event) {
        self.recorder.event(event);
    }

    fn tcp_ended(&mut self, c: &TcpConversation) {
        self.recorder.tcp_ended(c);
    }

    fn udp_ended(&mut self, c: &UdpConversation) {
        self.recorder.udp_ended(c);
    }
}

/// Conversations of a live capture that are listed.
const LISTED: usize = 10_000;
/// Conversations of a live capture whose packets are kept, and packets of each.
const CLOSELY: (usize, usize) = (200, 5_000);
/// Octets of the latest frames that are kept.
const OCTETS: usize = 64 << 20;

/// What a live capture has so far.
struct Live {
    recorder: Recorder,
    /// Every conversation after its latest packet: open ones, too.
    conversations: HashMap<StreamId, Conversation>,
    left_out: u64,
    frames: std::collections::BTreeMap<u64, KeptFrame>,
    octets: usize,
    news: bool,
    fault: Option<String>,
}

impl Live {
    fn keep(&mut self, id: StreamId, conversation: impl FnOnce() -> Conversation) {
        if self.conversations.len() < LISTED || self.conversations.contains_key(&id) {
            self.conversations.insert(id, conversation());
        } else {
            self.left_out += 1;
        }
    }

    fn report(&self, origin: &str) -> Report {
        let mut report = self.recorder.so_far().clone();
        report.conversations = self.conversations.values().cloned().collect();
        report.conversations.sort_by_key(|c| c.id);
        let of = |protocol| self.conversations.keys().filter(|id| id.protocol == protocol).count() as u64;
        (report.summary.tcp_streams, report.summary.udp_streams) = (of(Protocol::Tcp), of(Protocol::Udp));
        report.summary.origins = vec![origin.to_owned()];
        report.summary.fault.clone_from(&self.fault);
        if self.left_out > 0 {
            report.summary.remarks.push(format!("more than {LISTED} conversations: the first are listed"));
        }
        report
    }
}

impl Destination for Live {
    fn frame(&mut self, packet: &Packet<'_>, problems: Problems, records: usize) -> bool {
        self.octets += packet.data.len();
        self.frames.insert(packet.number, kept(packet));
        while self.octets > OCTETS {
            let Some((_, old)) = self.frames.pop_first() else { break };
            self.octets = self.octets.saturating_sub(old.data.len());
        }
        self.news = true;
        self.recorder.frame(packet, problems, records);
        true
    }
}

impl Sink for Live {
    fn tcp(&mut self, s: &TcpSegment, seen: &SeenSegment, c: &TcpConversation) {
        self.recorder.tcp(s, seen, c);
        self.keep(StreamId { protocol: Protocol::Tcp, number: seen.stream }, || c.into());
    }

    fn udp(&mut self, d: &UdpDatagram, seen: &SeenDatagram, c: &UdpConversation) {
        self.recorder.udp(d, seen, c);
        self.keep(StreamId { protocol: Protocol::Udp, number: seen.stream }, || c.into());
    }

    fn icmp(&mut self, m: &crate::decode::IcmpMessage, quoted: Option<StreamId>) {
        self.recorder.icmp(m, quoted);
    }

    fn event(&mut self, event: &Event) {
        self.recorder.event(event);
    }
}

/// A capture that goes on in another thread.
struct LiveFeed {
    live: Arc<Mutex<Live>>,
    stop: Arc<AtomicBool>,
    origin: String,
    running: Option<std::thread::JoinHandle<()>>,
}

impl LiveFeed {
    fn open(interface: &str, args: &BrowseArgs) -> anyhow::Result<Self> {
        // Read before the right to read files is given up.
        Services::system();
        let stop = Arc::<AtomicBool>::default();
        let filter = args.filter.join(" ");
        let options = LiveOptions {
            filter: (!filter.is_empty()).then_some(filter),
            stop: Arc::clone(&stop),
            ..LiveOptions::new(interface)
        };
        let mut source = LiveSource::open(&options)?;
        let plan = Plan {
            user: confine::invoker(),
            files_to_read: confine::interface_statistics(interface).into_iter().collect(),
            read_only: vec![source.descriptor()],
            ..Plan::default()
        };
        confine(&plan).context("least privilege")?;
        let recorder = Recorder::new(RecorderOptions {
            limit: Some(LISTED),
            select: Selection::First(CLOSELY.0),
            rows: CLOSELY.1,
            events: Some(EVENTS),
            only: None,
        });
        let live = Arc::new(Mutex::new(Live {
            recorder,
            conversations: HashMap::new(),
            left_out: 0,
            frames: std::collections::BTreeMap::new(),
            octets: 0,
            news: true,
            fault: None,
        }));
        let (shared, track) = (Arc::clone(&live), args.track.options());
        let running = std::thread::spawn(move || {
            let mut flow = Flow::new(track);
            let fault = loop {
                match source.next_packet() {
                    Ok(Some(packet)) => {
                        let mut live = shared.lock().unwrap_or_else(PoisonError::into_inner);
                        flow.packet(&packet, &mut *live);
                    }
                    Ok(None) => break None,
                    Err(e) => break Some(e.to_string()),
                }
            };
            let mut live = shared.lock().unwrap_or_else(PoisonError::into_inner);
            (live.fault, live.news) = (fault, true);
        });
        Ok(Self { live, stop, origin: interface.to_owned(), running: Some(running) })
    }

    fn live(&self) -> std::sync::MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feed for LiveFeed {
    fn poll(&mut self) -> Option<Report> {
        let mut live = self.live();
        std::mem::take(&mut live.news).then(|| live.report(&self.origin))
    }

    fn details(&mut self, id: StreamId) -> Option<Detail> {
        let detail = self.live().recorder.detail_so_far(id);
        Some(detail.unwrap_or_else(|| Detail { id: Some(id), ..Detail::default() }))
    }

    fn frame(&mut self, number: u64) -> Option<(LinkType, Vec<u8>)> {
        self.live().frames.get(&number).map(|f| (f.link, f.data.clone()))
    }

    fn header_text(&mut self, number: u64, style: &Style) -> Option<String> {
        let frame = self.live().frames.get(&number).cloned();
        frame.and_then(|f| diagram(&f, style))
    }

    fn is_live(&self) -> bool {
        self.running.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}
