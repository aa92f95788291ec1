//! Inputs that wait for more at their end, and can be told to stop waiting.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use super::set::Set;

/// How often, in milliseconds, a waiting reader looks at its stop flag and at the
/// file, whether the system told of a change or not (network file systems do not).
const LOOK: u16 = 200;

/// A growing file: at its end it waits for more.
pub(super) struct Growing {
    file: File,
    path: PathBuf,
    /// The set it belongs to, where the next file of it ends this one.
    set: Option<Set>,
    inotify: Option<Inotify>,
    stop: Arc<AtomicBool>,
    read: u64,
}

impl Growing {
    pub(super) fn open(path: &Path, set: Option<Set>, stop: Arc<AtomicBool>) -> io::Result<Self> {
        let file = File::open(path)?;
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).ok();
        let inotify = inotify.filter(|inotify| {
            let changes = AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_MOVE_SELF | AddWatchFlags::IN_ATTRIB;
            let others = AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
            let directory = set.as_ref().map(|set| inotify.add_watch(set.directory(), others));
            inotify.add_watch(path, changes).is_ok() && directory.is_none_or(|watch| watch.is_ok())
        });
        Ok(Self { file, path: path.to_owned(), set, inotify, stop, read: 0 })
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

    /// Nothing more will come: the file lost its name, or the set has gone on.
    fn is_over(&self) -> io::Result<bool> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let held = self.file.metadata()?;
        if held.is_file() && held.len() < self.read {
            let text = "the file became shorter while it was followed";
            return Err(io::Error::new(ErrorKind::InvalidData, text));
        }
        let renamed = match fs::metadata(&self.path) {
            Ok(named) => (named.dev(), named.ino()) != (held.dev(), held.ino()),
            Err(_) => true,
        };
        Ok(renamed || self.set.as_ref().is_some_and(|set| set.after(&self.path).is_some()))
    }
}

impl Read for Growing {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.file.read(buf)?;
            self.read += n as u64;
            if n > 0 {
                return Ok(n);
            }
            if self.is_over()? {
                // What came before the answer is read still.
                let n = self.file.read(buf)?;
                self.read += n as u64;
                return Ok(n);
            }
            self.wait();
        }
    }
}

/// A stream (standard input, a FIFO) that ends when it is told to.
pub(super) struct Stream<R> {
    pub(super) input: R,
    pub(super) stop: Arc<AtomicBool>,
}

impl<R: Read + AsFd> Read for Stream<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(0);
            }
            let mut fds = [PollFd::new(self.input.as_fd(), PollFlags::POLLIN)];
            if poll(&mut fds, PollTimeout::from(LOOK)).is_ok_and(|ready| ready > 0) {
                return self.input.read(buf);
            }
        }
    }
}
