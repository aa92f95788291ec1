//! Following a capture that is still being written.

mod growing;
mod set;

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use self::growing::{Growing, Stream};
use self::set::Set;
use super::open::at_opening;
use super::{CaptureFile, Drops, Interface, PacketSource, Progress, SourceError, SourceErrorKind};
use crate::model::Packet;

/// A capture that is read as it grows: a file, the files of a rotating set one after
/// another, a FIFO or standard input. It ends when told to, when a stream does, or
/// when a file is replaced or removed; a packet that is not whole by then is left out,
/// with a remark.
pub struct Followed {
    file: CaptureFile,
    path: PathBuf,
    set: Option<Set>,
    stop: Arc<AtomicBool>,
    interfaces: Vec<Interface>,
    /// Interfaces and packets of the files before this one.
    earlier: (u32, u64),
    latest: u64,
    drops: Option<Drops>,
    remarks: Vec<String>,
    taken: usize,
    data: Vec<u8>,
}

impl Followed {
    /// Follows `path` (`-` is standard input) until `stop` is set; waits for its header
    /// first.
    ///
    /// # Errors
    /// The file cannot be opened, or is no capture.
    pub fn open(path: &Path, stop: Arc<AtomicBool>) -> Result<Self, SourceError> {
        Self::new(path, None, stop)
    }

    /// Follows the set of files that `path` belongs to, from it on: those beside it
    /// whose names differ in numbers only, in the order they were written.
    ///
    /// # Errors
    /// The file cannot be opened, or is no capture.
    pub fn open_set(path: &Path, stop: Arc<AtomicBool>) -> Result<Self, SourceError> {
        Self::new(path, Set::of(path), stop)
    }

    fn new(path: &Path, set: Option<Set>, stop: Arc<AtomicBool>) -> Result<Self, SourceError> {
        let file = begin(path, set.clone(), &stop)?;
        let mut followed = Self {
            file,
            path: path.to_owned(),
            set,
            stop,
            interfaces: Vec::new(),
            earlier: (0, 0),
            latest: 0,
            drops: None,
            remarks: Vec::new(),
            taken: 0,
            data: Vec::new(),
        };
        followed.learn();
        Ok(followed)
    }

    /// Goes on to the next file of the set; `false` where the end has come.
    fn go_on(&mut self) -> Result<bool, SourceError> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let Some(next) = self.set.as_ref().and_then(|set| set.after(&self.path)) else { return Ok(false) };
        self.drops = sum(self.drops, self.file.drops());
        self.file = begin(&next, self.set.clone(), &self.stop)?;
        self.path = next;
        self.earlier = (u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX), self.latest);
        self.taken = 0;
        Ok(true)
    }

    /// Takes over what the file has come to know of interfaces, and its remarks.
    fn learn(&mut self) {
        let known = self.interfaces.len() - self.earlier.0 as usize;
        self.interfaces.extend(self.file.interfaces().iter().skip(known).cloned());
        let told = self.file.remarks();
        self.remarks.extend(told.iter().skip(self.taken).cloned());
        self.taken = told.len();
    }

    /// Looks at a fault of the file: is it only its end?
    fn over(&mut self, fault: SourceError) -> Result<(), SourceError> {
        // The end of the file is only the end of what was written so far.
        let SourceErrorKind::Truncated { what, have, .. } = fault.kind else { return Err(fault) };
        let number = fault.packet.map_or(String::new(), |n| format!(" {}", n + self.earlier.1));
        self.remarks.push(format!("of packet{number} only {have} octets of {what} were written"));
        Ok(())
    }
}

impl Followed {
    /// Goes on to the next packet; its octets are copied to `data`.
    fn advance(&mut self) -> Result<Option<Packet<'static>>, SourceError> {
        loop {
            let found = match self.file.next_packet() {
                Ok(Some(packet)) => {
                    self.data.clear();
                    self.data.extend_from_slice(packet.data);
                    let Packet { number, ts, orig_len, link, interface, .. } = packet;
                    let (number, interface) = (number + self.earlier.1, interface + self.earlier.0);
                    self.latest = number;
                    Some(Packet { number, ts, orig_len, link, interface, data: &[] })
                }
                Ok(None) => None,
                Err(fault) => {
                    self.over(fault)?;
                    None
                }
            };
            self.learn();
            if found.is_some() || !self.go_on()? {
                return Ok(found);
            }
        }
    }
}

impl PacketSource for Followed {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, SourceError> {
        Ok(self.advance()?.map(|head| Packet { data: &self.data, ..head }))
    }

    fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    fn progress(&self) -> Progress {
        self.file.progress()
    }

    fn drops(&mut self) -> Option<Drops> {
        sum(self.drops, self.file.drops())
    }

    fn remarks(&self) -> &[String] {
        &self.remarks
    }
}

/// Opens one file to follow.
fn begin(path: &Path, set: Option<Set>, stop: &Arc<AtomicBool>) -> Result<CaptureFile, SourceError> {
    let origin = path.to_string_lossy();
    let fail = |e: io::Error| at_opening(&origin, SourceErrorKind::Io(e));
    let stop = Arc::clone(stop);
    if path == Path::new("-") {
        return CaptureFile::from_reader(&origin, Box::new(Stream { input: io::stdin(), stop }), None);
    }
    let about = fs::metadata(path).map_err(fail)?;
    if about.is_dir() {
        return Err(fail(ErrorKind::IsADirectory.into()));
    }
    if !about.is_file() {
        let input = File::open(path).map_err(fail)?;
        return CaptureFile::from_reader(&origin, Box::new(Stream { input, stop }), None);
    }
    let growing = Growing::open(path, set, stop).map_err(fail)?;
    CaptureFile::from_reader(&origin, Box::new(growing), None)
}

fn sum(a: Option<Drops>, b: Option<Drops>) -> Option<Drops> {
    let (Some(x), Some(y)) = (a, b) else { return a.or(b) };
    Some(Drops {
        received: x.received.saturating_add(y.received),
        kernel: x.kernel.saturating_add(y.kernel),
        interface: x.interface.saturating_add(y.interface),
    })
}
