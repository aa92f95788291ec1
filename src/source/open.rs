//! Opening captures: by their content, never by their name.

use std::fs::File;
use std::io::{self, Cursor, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::compressed::{LAYERS, Packing};
use super::erf::{self, ErfReader};
use super::feed::Feed;
use super::pcap::{self, PcapReader};
use super::pcapng::{self, PcapngReader};
use super::script::{self, ScriptSource};
use super::snoop::{self, SnoopReader};
use super::{Drops, Interface, PacketSource, Progress, SourceError, SourceErrorKind};
use crate::model::Packet;

/// Octets looked at to recognise a format that has no magic number.
const LOOK: usize = 1 << 16;

/// A capture file of any format that synfin reads, compressed or not.
pub struct CaptureFile {
    format: Format,
    read: Arc<AtomicU64>,
    total: Option<u64>,
}

/// The reader of a capture's format.
pub enum Format {
    /// Classic pcap.
    Pcap(Box<PcapReader>),
    /// pcapng.
    Pcapng(Box<PcapngReader>),
    /// snoop (RFC 1761).
    Snoop(Box<SnoopReader>),
    /// Endace ERF.
    Erf(Box<ErfReader>),
    /// A script.
    Script(Box<ScriptSource>),
}

impl CaptureFile {
    /// Opens `path`; `-` is standard input.
    ///
    /// # Errors
    /// The file cannot be opened, or is no capture.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let origin = path.to_string_lossy();
        if path == Path::new("-") {
            return Self::from_reader(&origin, Box::new(io::stdin()), None);
        }
        let (file, total) = open_file(path).map_err(|e| at_opening(&origin, SourceErrorKind::Io(e)))?;
        Self::from_reader(&origin, Box::new(file), total)
    }

    /// Reads a capture from `input`; `origin` names it in faults, and `total` is how
    /// many octets there are, where that is known.
    ///
    /// # Errors
    /// What comes out of `input` is no capture.
    pub fn from_reader(
        origin: &str,
        input: Box<dyn Read + Send>,
        total: Option<u64>,
    ) -> Result<Self, SourceError> {
        let read = Arc::new(AtomicU64::new(0));
        let counted = Counted { input, read: Arc::clone(&read) };
        let unpacked = unpack(Box::new(counted)).map_err(|e| at_opening(origin, SourceErrorKind::from(e)))?;
        let format = Format::recognise(origin, Feed::new(origin, unpacked))?;
        Ok(Self { format, read, total })
    }

    /// The reader of the capture's format, for what only some formats have.
    #[must_use]
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// The comment of the packet yielded last, a stranger's text (pcapng only).
    #[must_use]
    pub fn comment(&self) -> Option<String> {
        match &self.format {
            Format::Pcapng(reader) => reader.comment(),
            _ => None,
        }
    }
}

/// The file and its length, where it has one.
fn open_file(path: &Path) -> io::Result<(File, Option<u64>)> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    if about.is_dir() {
        return Err(io::Error::new(ErrorKind::IsADirectory, "it is a directory (name the captures in it)"));
    }
    Ok((file, about.is_file().then_some(about.len())))
}

/// A fault before anything was read.
pub(super) fn at_opening(origin: &str, kind: SourceErrorKind) -> SourceError {
    SourceError { origin: origin.to_owned(), offset: None, packet: None, kind }
}

/// Takes the compressions off, if there are any.
fn unpack(mut input: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    for layer in 0..=LAYERS {
        let mut head = Vec::new();
        input.by_ref().take(4).read_to_end(&mut head)?;
        let packing = Packing::of(&head);
        input = Box::new(Cursor::new(head).chain(input));
        match packing {
            Some(packing) if layer < LAYERS => input = packing.unpack(input)?,
            Some(_) => {
                let text = format!("compressed more than {LAYERS} times");
                return Err(io::Error::new(ErrorKind::Unsupported, text));
            }
            None => break,
        }
    }
    Ok(input)
}

impl Format {
    fn recognise(origin: &str, mut feed: Feed) -> Result<Self, SourceError> {
        if !feed.look(8)? {
            return Err(at_opening(origin, SourceErrorKind::Empty));
        }
        let head = feed.window.ahead();
        if pcap::is_pcap(head) {
            return Ok(Self::Pcap(Box::new(PcapReader::new(feed)?)));
        }
        if head.starts_with(&pcapng::MAGIC) {
            return Ok(Self::Pcapng(Box::new(PcapngReader::new(feed)?)));
        }
        if head.starts_with(&snoop::MAGIC) {
            return Ok(Self::Snoop(Box::new(SnoopReader::new(feed)?)));
        }
        // More is only waited for where the start makes sense.
        feed.look(ErfReader::HEADER)?;
        if erf::is_erf(feed.window.ahead()) {
            feed.look(LOOK)?;
            if erf::is_erf(feed.window.ahead()) {
                return Ok(Self::Erf(Box::new(ErfReader::new(feed)?)));
            }
        }
        let control = |c: &u8| *c < b' ' && !c.is_ascii_whitespace();
        if !feed.window.ahead().iter().any(control) {
            feed.look(LOOK)?;
        }
        if script::is_script(feed.window.ahead()) {
            // One octet more than is allowed, so that too large a script is refused.
            feed.look(script::LARGEST as usize + 1)?;
            return Ok(Self::Script(Box::new(script::open(feed.window.ahead(), origin)?)));
        }
        let kind = SourceErrorKind::UnknownFormat(shown(feed.window.ahead()));
        Err(SourceError { offset: Some(0), ..at_opening(origin, kind) })
    }

    fn source(&self) -> &dyn PacketSource {
        match self {
            Self::Pcap(reader) => &**reader,
            Self::Pcapng(reader) => &**reader,
            Self::Snoop(reader) => &**reader,
            Self::Erf(reader) => &**reader,
            Self::Script(source) => &**source,
        }
    }
}

/// The first octets of a file, as hexadecimal and as text.
fn shown(octets: &[u8]) -> String {
    let first = octets.get(..octets.len().min(8)).unwrap_or_default();
    let hex: Vec<String> = first.iter().map(|octet| format!("{octet:02x}")).collect();
    format!("{} (\"{}\")", hex.join(" "), first.escape_ascii())
}

impl PacketSource for CaptureFile {
    #[inline]
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, SourceError> {
        match &mut self.format {
            Format::Pcap(reader) => reader.next_packet(),
            Format::Pcapng(reader) => reader.next_packet(),
            Format::Snoop(reader) => reader.next_packet(),
            Format::Erf(reader) => reader.next_packet(),
            Format::Script(source) => source.next_packet(),
        }
    }

    fn interfaces(&self) -> &[Interface] {
        self.format.source().interfaces()
    }

    fn progress(&self) -> Progress {
        Progress { bytes: self.read.load(Ordering::Relaxed), total: self.total }
    }

    fn drops(&mut self) -> Option<Drops> {
        match &mut self.format {
            Format::Pcapng(reader) => reader.drops(),
            Format::Snoop(reader) => reader.drops(),
            Format::Pcap(_) | Format::Erf(_) | Format::Script(_) => None,
        }
    }

    fn remarks(&self) -> &[String] {
        self.format.source().remarks()
    }
}

/// Counts the octets that are read.
struct Counted {
    input: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buf)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}
