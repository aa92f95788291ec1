//! The other end of a conversation: what is typed goes to the socket, what comes is shown.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::chat::EXIT;
use super::framing::{Decoder, Framing};
use super::stop::Stop;
use crate::model::Printable;

/// Octets waiting to be sent before no more are taken from the input.
const QUEUE: usize = 64 * 1024;
/// Octets asked of one `read`.
const READ: usize = 16 * 1024;
/// The longest datagram there is, so that none is cut (65,535 octets of IPv4).
const DATAGRAM: usize = 65_535;

/// How to talk.
#[derive(Debug, Clone, Copy)]
pub struct TalkOptions {
    /// How messages are told apart on the stream.
    pub framing: Framing,
    /// Octets of one message at most, typed or received.
    pub limit: usize,
    /// Show what comes so that it cannot command a terminal. Without it octets are
    /// written as they come, for a file or a pipe.
    pub printable: bool,
    /// How long to wait for more from the other side once the input has ended.
    pub linger: Duration,
}

/// How a talk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TalkEnd {
    /// The other side closed.
    PeerClosed,
    /// The input ended, and then the other side closed.
    InputEnded,
    /// The input ended, and the other side did not close within the linger time.
    PeerSilent,
    /// It was told to stop.
    Stopped,
    /// Whoever read the output went away.
    OutputClosed,
}

/// The typed side: lines of the input, until its end or "exit".
struct Typed<'a, I> {
    input: &'a mut I,
    framing: Framing,
    decoder: Decoder,
    ended: bool,
}

impl<'a, I: Read + AsFd> Typed<'a, I> {
    const fn new(input: &'a mut I, framing: Framing, limit: usize) -> Self {
        Self { input, framing, decoder: Decoder::new(framing, limit), ended: false }
    }

    /// Reads once and hands each whole line to `each`, until one says "exit".
    fn read(&mut self, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut buffer = [0; READ];
        let got = match self.input.read(&mut buffer) {
            Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {
                return Ok(());
            }
            got => got?,
        };
        self.decoder.push(buffer.get(..got).unwrap_or_default());
        while !self.ended {
            let next = if got == 0 { self.decoder.finish() } else { self.decoder.take() };
            match next.map_err(|e| invalid(format!("typed: {e}")))? {
                Some(line) => {
                    each(&line)?;
                    // Raw octets have no lines, so no line can say "exit".
                    self.ended = self.framing != Framing::Raw && line.trim_ascii() == EXIT;
                }
                None => break,
            }
        }
        self.ended |= got == 0;
        Ok(())
    }
}

/// Talks over a connected stream until either side ends. When the input ends (or says
/// "exit", which is sent), this side is shut down and what still comes is shown.
///
/// # Errors
/// The connection broke, a message is too long, or the output failed.
pub fn talk_tcp<I: Read + AsFd>(
    stream: &TcpStream,
    input: &mut I,
    output: &mut dyn Write,
    options: &TalkOptions,
    stop: &Stop,
) -> io::Result<TalkEnd> {
    stream.set_nonblocking(true)?;
    let typed_framing = if options.framing == Framing::Raw { Framing::Raw } else { Framing::Line };
    let mut typed = Typed::new(input, typed_framing, options.limit);
    let mut decoder = Decoder::new(options.framing, options.limit);
    let mut queue = VecDeque::new();
    let mut shut = false;
    let mut last = Instant::now();
    let mut buffer = [0; READ];
    loop {
        if typed.ended && queue.is_empty() && !shut {
            stream.shutdown(Shutdown::Write)?;
            shut = true;
            last = Instant::now();
        }
        let left = shut.then(|| options.linger.saturating_sub(last.elapsed()));
        if left == Some(Duration::ZERO) {
            return Ok(TalkEnd::PeerSilent);
        }
        let mut wanted = PollFlags::POLLIN;
        wanted.set(PollFlags::POLLOUT, !queue.is_empty());
        let reads = !typed.ended && queue.len() < QUEUE;
        let woken = wait(stop, (stream.as_fd(), wanted), reads.then(|| typed.input.as_fd()), left)?;
        if woken.stop {
            return Ok(TalkEnd::Stopped);
        }
        if woken.input {
            typed
                .read(|line| options.framing.encode(line, &mut queue).map_err(|e| invalid(e.to_string())))?;
        }
        if !queue.is_empty() {
            match (&*stream).write(queue.as_slices().0) {
                Ok(took) => drop(queue.drain(..took)),
                Err(e) if is_later(&e) => {}
                // What the other side said before it went is still to be read and shown.
                Err(e) if e.kind() == io::ErrorKind::BrokenPipe => queue.clear(),
                Err(e) => return Err(e),
            }
        }
        if !woken.peer {
            continue;
        }
        let got = match (&*stream).read(&mut buffer) {
            Err(e) if is_later(&e) => continue,
            got => got?,
        };
        last = Instant::now();
        decoder.push(buffer.get(..got).unwrap_or_default());
        loop {
            let next = if got == 0 { decoder.finish() } else { decoder.take() };
            let Some(message) = next.map_err(|e| invalid(format!("the other side sent: {e}")))? else {
                break;
            };
            if !show(output, &message, options)? {
                return Ok(TalkEnd::OutputClosed);
            }
        }
        if got == 0 {
            return Ok(if shut { TalkEnd::InputEnded } else { TalkEnd::PeerClosed });
        }
    }
}

/// Talks over a connected UDP socket: a line is a datagram, a datagram is a line.
/// Nothing says that the other side has ended, so after the input's end it waits for
/// the linger time and is done.
///
/// # Errors
/// A datagram is too long for UDP, nobody is there (ICMP port unreachable, RFC 1122
/// §4.1.3.3), or the output failed.
pub fn talk_udp<I: Read + AsFd>(
    socket: &UdpSocket,
    input: &mut I,
    output: &mut dyn Write,
    options: &TalkOptions,
    stop: &Stop,
) -> io::Result<TalkEnd> {
    socket.set_nonblocking(true)?;
    let mut typed = Typed::new(input, Framing::Line, options.limit);
    let mut queue: VecDeque<Vec<u8>> = VecDeque::new();
    let mut last = Instant::now();
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let over = typed.ended && queue.is_empty();
        let left = over.then(|| options.linger.saturating_sub(last.elapsed()));
        if left == Some(Duration::ZERO) {
            return Ok(TalkEnd::PeerSilent);
        }
        let mut wanted = PollFlags::POLLIN;
        wanted.set(PollFlags::POLLOUT, !queue.is_empty());
        let reads = !typed.ended && queue.is_empty();
        let woken = wait(stop, (socket.as_fd(), wanted), reads.then(|| typed.input.as_fd()), left)?;
        if woken.stop {
            return Ok(TalkEnd::Stopped);
        }
        if woken.input {
            typed.read(|line| {
                queue.push_back(line.to_vec());
                Ok(())
            })?;
            last = Instant::now();
        }
        while let Some(datagram) = queue.front() {
            match socket.send(datagram) {
                Ok(_) => drop(queue.pop_front()),
                Err(e) if is_later(&e) => break,
                Err(e) => return Err(e),
            }
            last = Instant::now();
        }
        if !woken.peer {
            continue;
        }
        loop {
            let got = match socket.recv(&mut buffer) {
                Err(e) if is_later(&e) => break,
                got => got?,
            };
            last = Instant::now();
            let datagram = buffer.get(..got).unwrap_or_default();
            if !show(output, datagram.strip_suffix(b"\n").unwrap_or(datagram), options)? {
                return Ok(TalkEnd::OutputClosed);
            }
        }
    }
}

/// Who has something to do.
struct Woken {
    stop: bool,
    peer: bool,
    input: bool,
}

fn wait(
    stop: &Stop,
    peer: (BorrowedFd<'_>, PollFlags),
    input: Option<BorrowedFd<'_>>,
    left: Option<Duration>,
) -> io::Result<Woken> {
    let timeout = left.map_or(PollTimeout::NONE, |left| {
        PollTimeout::try_from(left.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::MAX)
    });
    let mut fds = vec![PollFd::new(stop.as_fd(), PollFlags::POLLIN), PollFd::new(peer.0, peer.1)];
    fds.extend(input.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
    match poll(&mut fds, timeout) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(e) => return Err(e.into()),
    }
    let has = |at: usize, none: PollFlags| {
        fds.get(at).and_then(PollFd::revents).is_some_and(|r| !(r - none).is_empty())
    };
    Ok(Woken {
        stop: has(0, PollFlags::empty()),
        peer: has(1, PollFlags::POLLOUT),
        input: has(2, PollFlags::empty()),
    })
}

/// Shows one message; false when nobody reads the output any more.
fn show(output: &mut dyn Write, message: &[u8], options: &TalkOptions) -> io::Result<bool> {
    let mut text = Vec::with_capacity(message.len() + 1);
    if !options.printable {
        text.extend_from_slice(message);
        if options.framing != Framing::Raw {
            text.push(b'\n');
        }
    } else {
        let message = String::from_utf8_lossy(message);
        // A raw piece may hold lines; their ends are the only controls that stay.
        let lines = message.strip_suffix('\n').unwrap_or(&message).split('\n');
        for line in lines {
            writeln!(text, "{}", Printable(line.strip_suffix('\r').unwrap_or(line)))?;
        }
    }
    match output.write_all(&text).and_then(|()| output.flush()) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(e) => Err(e),
    }
}

fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}
