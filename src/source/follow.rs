//! Following a capture that is still being written.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use super::open::at_opening;
use super::{CaptureFile, Drops, Interface, PacketSource, Progress, SourceError, SourceErrorKind};
use crate::model::Packet;

/// How often a waiting reader looks at its stop flag and at the file, whether the
/// system told of a change or not (network file systems do not).
const LOOK: u16 = 200;

/// A growing file: at its end it waits for more.
struct Growing {
    file: File,
    path: PathBuf,
    inotify: Option<Inotify>,
    stop: Arc<AtomicBool>,
    read: u64,
}

impl Growing {
    fn open(path: &Path, stop: Arc<AtomicBool>) -> io::Result<Self> {
        let file = File::open(path)?;
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).ok();
        let inotify = inotify.filter(|inotify| {
            let changes = AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_MOVE_SELF | AddWatchFlags::IN_ATTRIB;
            inotify.add_watch(path, changes).is_ok()
        });
        Ok(Self { file, path: path.to_owned(), inotify, stop, read: 0 })
    }

    /// Waits for a change of the file.
    fn wait(&self) {
        let timeout = PollTimeout::from(LOOK);
        match &self.inotify {
            Some(inotify) => {
                let _ = poll(&mut [PollFd::new(inotify.as_fd(), PollFlags::POLLIN)], timeout);
                // What changed does not matter, only that the queue is empty again.
                let _ = inotify.read_events();
            }
            None => {
                let _ = poll(&mut [], timeout);
            }
        }
    }

    /// The file was cut, or another one has its name: nothing more will come.
    fn replaced(&self) -> io::Result<bool> {
        let held = self.file.metadata()?;
        if held.is_file() && held.len() < self.read {
            return Err(io::Error::new(
                ErrorKind::InvalidData,
                "the file became shorter while it was followed",
            ));
        }
        Ok(match fs::metadata(&self.path) {
            Ok(named) => (named.dev(), named.ino()) != (held.dev(), held.ino()),
            Err(_) => held.nlink() == 0,
        })
    }
}

impl Read for Growing {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            // Asked before reading: what came before the answer is read still.
            let last = self.stop.load(Ordering::Relaxed) || self.replaced()?;
            let n = self.file.read(buf)?;
            self.read += n as u64;
            if n > 0 || last {
                return Ok(n);
            }
            self.wait();
        }
    }
}

/// A capture file that is read as it grows. It ends when told to, or when the file is
/// replaced or removed; a packet that is not whole by then is left out, with a remark.
pub struct Followed {
    file: CaptureFile,
    remarks: Vec<String>,
    taken: usize,
}

impl Followed {
    /// Follows `path` until `stop` is set; waits for its header first.
    ///
    /// # Errors
    /// The file cannot be opened, or is no capture.
    pub fn open(path: &Path, stop: Arc<AtomicBool>) -> Result<Self, SourceError> {
        let origin = path.to_string_lossy();
        let fail = |e| at_opening(&origin, SourceErrorKind::Io(e));
        if fs::metadata(path).map_err(fail)?.is_dir() {
            return Err(fail(ErrorKind::IsADirectory.into()));
        }
        let growing = Growing::open(path, stop).map_err(fail)?;
        let file = CaptureFile::from_reader(&origin, Box::new(growing), None)?;
        Ok(Self { file, remarks: Vec::new(), taken: 0 })
    }
}

impl PacketSource for Followed {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, SourceError> {
        let told = self.file.remarks();
        if told.len() > self.taken {
            self.remarks.extend(told.iter().skip(self.taken).cloned());
            self.taken = told.len();
        }
        match self.file.next_packet() {
            // The end of the file is only the end of what was written so far.
            Err(SourceError { kind: SourceErrorKind::Truncated { what, have, .. }, packet, .. }) => {
                let number = packet.map_or(String::new(), |n| format!(" {n}"));
                self.remarks.push(format!("of packet{number} only {have} octets of {what} were written"));
                Ok(None)
            }
            other => other,
        }
    }

    fn interfaces(&self) -> &[Interface] {
        self.file.interfaces()
    }

    fn progress(&self) -> Progress {
        self.file.progress()
    }

    fn drops(&mut self) -> Option<Drops> {
        self.file.drops()
    }

    fn remarks(&self) -> &[String] {
        &self.remarks
    }
}
