//! A TCP server for many clients: one thread, one `poll`, no client ever waited for.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::client::{Client, Phase, RECV};
use super::framing::Framing;
use super::limits::{Limits, after};
use super::service::{Act, ClientId, Gone, Outbox, Service};
use super::stop::Stop;
use super::watch::Note;

/// Clients accepted in one turn at most, so that a flood of connections does not
/// starve those that are there.
const ACCEPTS: usize = 16;
/// How long `accept` rests when the process has no descriptors left.
const ACCEPT_REST: Duration = Duration::from_millis(500);

/// What a server did, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Clients served.
    pub clients: u64,
    /// Clients turned away for want of a place.
    pub refused: u64,
    /// Messages that came.
    pub messages: u64,
    /// Octets of those messages, without their marks.
    pub octets: u64,
}

/// A server over a listener that was made elsewhere (by [`super::listen`], or in a
/// namespace of its own).
#[derive(Debug)]
pub struct Server<S> {
    listener: TcpListener,
    service: S,
    framing: Framing,
    limits: Limits,
    clients: BTreeMap<ClientId, Client>,
    outbox: Outbox,
    tally: Tally,
    accept_after: Option<Instant>,
    closing: bool,
}

impl<S: Service> Server<S> {
    /// A server; the listener becomes nonblocking. The queue holds two messages of the
    /// limit at least.
    ///
    /// # Errors
    /// The listener cannot be made nonblocking.
    pub fn new(listener: TcpListener, service: S, framing: Framing, limits: Limits) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let room = limits.message.max(RECV).saturating_add(64).saturating_mul(2);
        Ok(Self {
            listener,
            service,
            framing,
            limits: Limits { queue: limits.queue.max(room), ..limits },
            clients: BTreeMap::new(),
            outbox: Outbox::default(),
            tally: Tally::default(),
            accept_after: None,
            closing: false,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Clients there are.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Serves until told to stop, then says goodbye and closes.
    ///
    /// # Errors
    /// `poll` failed; what one client does is never an error of the server.
    pub fn run(&mut self, stop: &Stop, watch: &mut dyn FnMut(&Note<'_>)) -> io::Result<Tally> {
        while self.turn(None, Some(stop), watch)? {}
        self.closing = true;
        let now = Instant::now();
        for id in self.clients.keys().copied().collect::<Vec<_>>() {
            self.depart(id, &Gone::ServerEnds, now, watch);
        }
        self.deliver_outbox(now, watch);
        self.flush(now, watch);
        // Goodbyes wait for nobody longer than the farewell.
        let until = after(now, self.limits.farewell);
        while !self.clients.is_empty() && Instant::now() < until {
            self.turn(Some(Duration::from_millis(50)), None, watch)?;
        }
        Ok(self.tally)
    }

    /// Waits for something to do, at most `timeout`, and does it. False when told to
    /// stop. With a zero timeout it does what can be done now, for a caller that moves
    /// several programs by turns.
    ///
    /// # Errors
    /// `poll` failed.
    pub fn turn(
        &mut self,
        timeout: Option<Duration>,
        stop: Option<&Stop>,
        watch: &mut dyn FnMut(&Note<'_>),
    ) -> io::Result<bool> {
        let start = Instant::now();
        let accepts = !self.closing && self.accept_after.is_none_or(|after| start >= after);
        let (woken, told) = self.wait(accepts, timeout, stop, start)?;
        if told {
            return Ok(false);
        }
        let now = Instant::now();
        if accepts {
            self.accept(now, watch);
        }
        self.read(&woken, now, watch);
        self.serve(now, watch);
        for id in self.clients.keys().copied().collect::<Vec<_>>() {
            if let Some(why) = self.clients.get(&id).and_then(|c| c.overdue(&self.limits, now)) {
                self.depart(id, &why, now, watch);
            }
        }
        self.deliver_outbox(now, watch);
        self.flush(now, watch);
        for client in self.clients.values_mut() {
            client.settle(now);
        }
        self.clients.retain(|id, client| {
            let gone = client.phase == Phase::Gone;
            if gone {
                watch(&Note::Closed(*id));
            }
            !gone
        });
        Ok(true)
    }

    /// One `poll`: which clients it names and with what, and whether we are told to stop.
    fn wait(
        &self,
        accepts: bool,
        timeout: Option<Duration>,
        stop: Option<&Stop>,
        now: Instant,
    ) -> io::Result<(Vec<(ClientId, PollFlags)>, bool)> {
        let due =
            self.clients.values().filter_map(|c| c.due(&self.limits, now)).chain(self.accept_after).min();
        let ready = self.clients.values().any(|c| c.is_ready(&self.limits, now));
        let due = if ready { Some(Duration::ZERO) } else { due.map(|at| at.saturating_duration_since(now)) };
        let wait = [due, timeout].into_iter().flatten().min();
        // Rounded up, or it would spin through the last millisecond.
        let wait = wait.map_or(PollTimeout::NONE, |wait| {
            PollTimeout::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::MAX)
        });
        let mut fds = Vec::with_capacity(self.clients.len() + 2);
        let ids: Vec<_> = self.clients.keys().copied().collect();
        for client in self.clients.values() {
            fds.push(PollFd::new(client.fd(), client.interest(&self.limits)));
        }
        let accept = if accepts { PollFlags::POLLIN } else { PollFlags::empty() };
        fds.push(PollFd::new(self.listener.as_fd(), accept));
        if let Some(stop) = stop {
            fds.push(PollFd::new(stop.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut fds, wait) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(e) => return Err(e.into()),
        }
        let woken = ids
            .into_iter()
            .zip(&fds)
            .filter_map(|(id, fd)| Some((id, fd.revents().filter(|r| !r.is_empty())?)))
            .collect();
        let told = stop.is_some() && fds.last().and_then(PollFd::any).unwrap_or(false);
        Ok((woken, told))
    }

    fn accept(&mut self, now: Instant, watch: &mut dyn FnMut(&Note<'_>)) {
        self.accept_after = None;
        for _ in 0..ACCEPTS {
            let (stream, peer) = match self.listener.accept() {
                Ok(accepted) => accepted,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) => {
                    // Out of descriptors the listener stays readable: rest, do not spin.
                    // Anything else is about that one connection (accept(2)).
                    watch(&Note::AcceptFailed(&e));
                    if is_exhausted(&e) {
                        self.accept_after = Some(now + ACCEPT_REST);
                        return;
                    }
                    continue;
                }
            };
            if stream.set_nonblocking(true).is_err() {
                continue;
            }
            let same = self.clients.values().filter(|c| c.peer.ip() == peer.ip()).count();
            if self.clients.len() >= self.limits.clients || same >= self.limits.per_address {
                self.tally.refused += 1;
                watch(&Note::Refused(peer));
                if let Some(words) = self.service.full() {
                    let mut framed = Vec::new();
                    let _ = self.framing.encode(words, &mut framed);
                    let _ = io::Write::write(&mut &stream, &framed);
                }
                continue;
            }
            self.tally.clients += 1;
            let id = ClientId(self.tally.clients);
            watch(&Note::Accepted(id, peer));
            self.clients.insert(id, Client::new(id, peer, stream, self.framing, &self.limits, now));
            self.service.joined(id, peer, &mut self.outbox);
        }
    }

    fn read(&mut self, woken: &[(ClientId, PollFlags)], now: Instant, watch: &mut dyn FnMut(&Note<'_>)) {
        let mut buffer = [0; RECV];
        for (id, flags) in woken {
            let Some(client) = self.clients.get_mut(id) else { continue };
            if flags.contains(PollFlags::POLLOUT) {
                client.unblock();
            }
            // A broken connection wakes poll whether or not we want to read.
            let broken = flags.intersects(PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL);
            if !broken && !flags.contains(PollFlags::POLLIN) {
                continue;
            }
            let received = client.receive(&mut buffer, now, watch);
            match (received, client.phase) {
                (Err(why), Phase::Open) => self.depart(*id, &why, now, watch),
                (Err(_), _) => client.phase = Phase::Gone,
                (Ok(0), Phase::Flushing { .. }) if broken => client.phase = Phase::Gone,
                (Ok(_), _) => {}
            }
        }
        self.deliver_outbox(now, watch);
    }

    /// Gives each client's messages to the service, a few of each in turn.
    fn serve(&mut self, now: Instant, watch: &mut dyn FnMut(&Note<'_>)) {
        for id in self.clients.keys().copied().collect::<Vec<_>>() {
            for _ in 0..self.limits.per_turn.max(1) {
                let Some(client) = self.clients.get_mut(&id) else { break };
                if !client.is_ready(&self.limits, now) {
                    break;
                }
                match client.message(now) {
                    Ok(Some(message)) => {
                        let after = client.advance();
                        self.tally.messages += 1;
                        self.tally.octets += message.len() as u64;
                        self.service.message(id, &message, &mut self.outbox);
                        self.deliver_outbox(now, watch);
                        if let Err(why) = after {
                            self.depart(id, &why, now, watch);
                        }
                    }
                    Ok(None) => break,
                    Err(why) => self.depart(id, &why, now, watch),
                }
            }
            self.deliver_outbox(now, watch);
        }
    }

    /// Ends the service of a client, once.
    fn depart(&mut self, id: ClientId, why: &Gone, now: Instant, watch: &mut dyn FnMut(&Note<'_>)) {
        let Some(client) = self.clients.get_mut(&id).filter(|c| c.phase == Phase::Open) else { return };
        client.depart(why, &self.limits, now);
        watch(&Note::Left(id, why));
        self.service.left(id, why, &mut self.outbox);
    }

    /// Does what the service wants done. It may want more as clients leave; each leaves
    /// but once, so this ends.
    fn deliver_outbox(&mut self, now: Instant, watch: &mut dyn FnMut(&Note<'_>)) {
        while let Some(act) = self.outbox.acts.pop_front() {
            match act {
                Act::Send(to, message) => {
                    let Some(client) = self.clients.get_mut(&to) else { continue };
                    if !client.enqueue(&message, self.framing, &self.limits, now) {
                        self.depart(to, &Gone::TooSlow, now, watch);
                    }
                }
                Act::Dismiss(id) => self.depart(id, &Gone::Dismissed, now, watch),
            }
        }
    }

    fn flush(&mut self, now: Instant, watch: &mut dyn FnMut(&Note<'_>)) {
        for id in self.clients.keys().copied().collect::<Vec<_>>() {
            let Some(client) = self.clients.get_mut(&id) else { continue };
            if let Err(why) = client.flush(&self.limits, now, watch) {
                if client.phase == Phase::Open {
                    self.depart(id, &why, now, watch);
                } else {
                    client.phase = Phase::Gone;
                }
            }
        }
        if !self.outbox.acts.is_empty() {
            self.deliver_outbox(now, watch);
        }
    }
}

/// Does the system lack descriptors or memory for another socket?
fn is_exhausted(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(Errno::from_raw),
        Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM)
    )
}
