//! How a running program is told to end: a socket pair that becomes readable, so
//! that it can stand in the same `poll` as everything else.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Readable once the program is to end.
#[derive(Debug)]
pub struct Stop(UnixStream);

/// Tells a [`Stop`].
#[derive(Debug)]
pub struct Stopper(UnixStream);

impl Stop {
    /// A pair for use inside a program.
    ///
    /// # Errors
    /// The process has no file descriptors left.
    pub fn pair() -> io::Result<(Stopper, Self)> {
        let (write, read) = UnixStream::pair()?;
        read.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        Ok((Stopper(write), Self(read)))
    }

    /// Told by SIGINT (Ctrl-C), SIGTERM and SIGHUP; these no longer end the process
    /// by themselves.
    ///
    /// # Errors
    /// The process has no file descriptors left.
    pub fn on_signals() -> io::Result<Self> {
        let (write, stop) = Self::pair()?;
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::low_level::pipe::register(signal, write.0.try_clone()?)?;
        }
        Ok(stop)
    }

    /// Has it been told?
    #[must_use]
    pub fn is_told(&self) -> bool {
        // End of stream counts too: the one who could have told is gone. The octet is
        // not put back, so the answer is given once; every loop ends on it.
        (&self.0).read(&mut [0; 16]).is_ok()
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Stopper {
    /// Ends the program. A full pipe means that it has been told often enough.
    pub fn stop(&self) {
        let _ = (&self.0).write(&[1]);
    }
}
