//! One client of a server: its socket, what it is saying, and what waits for it.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use nix::poll::PollFlags;

use super::framing::{Decoder, Framing, FramingError};
use super::limits::{Bucket, Limits, after};
use super::service::{ClientId, Gone};
use super::watch::Note;

/// Octets asked of one `recv`.
pub(super) const RECV: usize = 16 * 1024;

/// How far a client is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is served.
    Open,
    /// It gets what waits for it, then our FIN.
    Flushing { until: Instant },
    /// It has our FIN; what it still sends is thrown away, since closing with unread
    /// octets would send a RST that destroys what it has not read yet (RFC 2525 §2.17).
    Lingering { until: Instant },
    /// Nothing more to do.
    Gone,
}

#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: ClientId,
    pub(super) peer: SocketAddr,
    pub(super) phase: Phase,
    stream: TcpStream,
    decoder: Decoder,
    /// A whole message that waits for its turn.
    held: Option<Vec<u8>>,
    queue: VecDeque<u8>,
    /// The last `send` found no room.
    blocked: bool,
    ended: bool,
    spoke: bool,
    heard: Instant,
    /// When the queue last moved, or was empty.
    moved: Instant,
    bucket: Bucket,
}

impl Client {
    pub(super) fn new(
        id: ClientId,
        peer: SocketAddr,
        stream: TcpStream,
        framing: Framing,
        limits: &Limits,
        now: Instant,
    ) -> Self {
        Self {
            id,
            peer,
            phase: Phase::Open,
            stream,
            decoder: Decoder::new(framing, limits.message),
            held: None,
            queue: VecDeque::new(),
            blocked: false,
            ended: false,
            spoke: false,
            heard: now,
            moved: now,
            bucket: Bucket::new(limits.rate, now),
        }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// What `poll` is to wake us for.
    pub(super) fn interest(&self, limits: &Limits) -> PollFlags {
        let mut flags = PollFlags::empty();
        let reads = match self.phase {
            Phase::Open => self.held.is_none() && !self.ended && !self.is_full(limits),
            Phase::Lingering { .. } => true,
            Phase::Flushing { .. } | Phase::Gone => false,
        };
        flags.set(PollFlags::POLLIN, reads);
        flags.set(PollFlags::POLLOUT, !self.queue.is_empty());
        flags
    }

    /// It has so much to read that nothing more is taken from it.
    fn is_full(&self, limits: &Limits) -> bool {
        self.queue.len() > limits.queue / 2
    }

    /// Can a message be taken from it at this moment?
    pub(super) fn is_ready(&self, limits: &Limits, now: Instant) -> bool {
        self.phase == Phase::Open
            && (self.held.is_some() || self.ended)
            && !self.is_full(limits)
            && self.bucket.wait_until(now).is_none()
    }

    /// When something is due even if no octet moves.
    pub(super) fn due(&self, limits: &Limits, now: Instant) -> Option<Instant> {
        let silent = match (limits.first, limits.idle, self.spoke) {
            (Some(first), _, false) => Some(after(self.heard, first)),
            (_, Some(idle), _) => Some(after(self.heard, idle)),
            _ => None,
        };
        let stalled = (!self.queue.is_empty()).then(|| after(self.moved, limits.stall));
        match self.phase {
            Phase::Open => {
                let turn = if self.held.is_some() || self.ended { self.bucket.wait_until(now) } else { None };
                [silent, stalled, turn].into_iter().flatten().min()
            }
            Phase::Flushing { until } | Phase::Lingering { until } => Some(until),
            Phase::Gone => Some(now),
        }
    }

    /// What is overdue, if anything.
    pub(super) fn overdue(&self, limits: &Limits, now: Instant) -> Option<Gone> {
        if self.phase != Phase::Open {
            return None;
        }
        if !self.queue.is_empty() && now >= after(self.moved, limits.stall) {
            return Some(Gone::TooSlow);
        }
        let allowed = if self.spoke { limits.idle } else { limits.first.or(limits.idle) }?;
        (now >= after(self.heard, allowed)).then_some(Gone::Silent(allowed.as_secs()))
    }

    /// One `recv`. What came waits in the decoder.
    pub(super) fn receive(
        &mut self,
        buffer: &mut [u8],
        now: Instant,
        watch: &mut dyn FnMut(&Note<'_>),
    ) -> Result<usize, Gone> {
        let got = self.stream.read(buffer);
        if !matches!(&got, Err(e) if is_later(e)) {
            watch(&Note::Recv(self.id, buffer.len(), &got));
        }
        match got {
            Ok(0) => self.ended = true,
            Ok(octets) => {
                self.heard = now;
                if self.phase == Phase::Open {
                    self.spoke = true;
                    self.decoder.push(buffer.get(..octets).unwrap_or_default());
                    self.hold()?;
                }
                return Ok(octets);
            }
            Err(e) if is_later(&e) => {}
            Err(e) => return Err(Gone::Broken(e.to_string())),
        }
        Ok(0)
    }

    fn hold(&mut self) -> Result<(), FramingError> {
        if self.held.is_none() {
            self.held = self.decoder.take()?;
        }
        Ok(())
    }

    /// The next message, or why there will be none.
    pub(super) fn message(&mut self, now: Instant) -> Result<Option<Vec<u8>>, Gone> {
        if let Some(message) = self.held.take() {
            self.bucket.spend(now);
            // A message after this one that is too long shows at the next turn: this
            // one is whole and is delivered.
            return Ok(Some(message));
        }
        if self.ended {
            return self.decoder.finish()?.map_or(Err(Gone::Closed), |last| Ok(Some(last)));
        }
        Ok(None)
    }

    /// Looks for the next message after one was delivered.
    pub(super) fn advance(&mut self) -> Result<(), Gone> {
        Ok(self.hold()?)
    }

    /// Queues octets; false when there is no room for them.
    pub(super) fn enqueue(
        &mut self,
        message: &[u8],
        framing: Framing,
        limits: &Limits,
        now: Instant,
    ) -> bool {
        if self.phase == Phase::Gone || matches!(self.phase, Phase::Lingering { .. }) {
            return true;
        }
        if self.queue.is_empty() {
            self.moved = now;
        }
        if self.queue.len() + message.len() + 4 > limits.queue {
            return false;
        }
        // A service that puts a delimiter into a line is at fault, not the client.
        let framed = framing.encode(message, &mut self.queue);
        debug_assert!(framed.is_ok(), "{framed:?}");
        true
    }

    /// `send` until all is sent or there is no room; then, on the way out, our FIN.
    pub(super) fn flush(
        &mut self,
        limits: &Limits,
        now: Instant,
        watch: &mut dyn FnMut(&Note<'_>),
    ) -> Result<(), Gone> {
        while !self.blocked && !self.queue.is_empty() {
            let (front, _) = self.queue.as_slices();
            let took = self.stream.write(front);
            watch(&Note::Send(self.id, front.len(), &took));
            match took {
                Ok(octets) => {
                    self.queue.drain(..octets);
                    self.moved = now;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if is_later(&e) => self.blocked = true,
                Err(e) => return Err(Gone::Broken(e.to_string())),
            }
        }
        if self.queue.is_empty() && matches!(self.phase, Phase::Flushing { .. }) {
            watch(&Note::Shutdown(self.id));
            self.phase = match self.stream.shutdown(std::net::Shutdown::Write) {
                Ok(()) if !self.ended => Phase::Lingering { until: after(now, limits.farewell) },
                _ => Phase::Gone,
            };
        }
        Ok(())
    }

    /// `poll` says that it can be written to again.
    pub(super) fn unblock(&mut self) {
        self.blocked = false;
    }

    /// Starts the way out.
    pub(super) fn depart(&mut self, why: &Gone, limits: &Limits, now: Instant) {
        self.held = None;
        self.phase = match why {
            Gone::Broken(_) => Phase::Gone,
            Gone::TooSlow => {
                // It would not read it anyhow; a RST frees the kernel's memory at once.
                self.queue.clear();
                let _ = socket2::SockRef::from(&self.stream).set_linger(Some(std::time::Duration::ZERO));
                Phase::Gone
            }
            _ => Phase::Flushing { until: after(now, limits.farewell) },
        };
    }

    /// On the way out: is the way at its end?
    pub(super) fn settle(&mut self, now: Instant) {
        match self.phase {
            Phase::Lingering { .. } if self.ended => self.phase = Phase::Gone,
            Phase::Flushing { until } | Phase::Lingering { until } if now >= until => {
                self.phase = Phase::Gone
            }
            _ => {}
        }
    }
}

/// Nothing is wrong: there is nothing to read, or no room to write, right now.
fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
