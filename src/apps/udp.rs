//! UDP echo: each datagram goes back to where it came from, whole or marked as cut.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, SockaddrStorage, recvmsg};

use super::stop::Stop;

/// Services that answer anything with something. An echo that answered them would play
/// ping-pong with them for ever (CERT CA-1996-01): echo, discard, daytime, qotd,
/// chargen, time.
const ANSWERERS: [u16; 6] = [7, 9, 13, 17, 19, 37];

/// Datagrams in a row before it looks whether it is to stop.
const BATCH: usize = 64;

/// A UDP echo over a socket that was made elsewhere.
#[derive(Debug)]
pub struct UdpEcho {
    socket: UdpSocket,
    local: SocketAddr,
    buffer: Vec<u8>,
    tally: UdpTally,
}

/// What a UDP echo did, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UdpTally {
    /// Datagrams that came.
    pub received: u64,
    /// Octets that they had on the wire.
    pub octets: u64,
    /// Datagrams longer than the buffer: their ends are lost.
    pub truncated: u64,
    /// Datagrams that got no answer: from a port that answers by itself, or one that the
    /// system would not send to.
    pub unanswered: u64,
}

/// One datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UdpNote {
    /// Who sent it.
    pub from: SocketAddr,
    /// Octets it had.
    pub length: usize,
    /// Octets that fitted in the buffer.
    pub kept: usize,
    /// Was it answered?
    pub answered: bool,
}

impl UdpEcho {
    /// An echo with room for `buffer` octets a datagram; the socket becomes nonblocking.
    ///
    /// # Errors
    /// The socket is of no use.
    pub fn new(socket: UdpSocket, buffer: usize) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        Ok(Self { socket, local, buffer: vec![0; buffer.max(1)], tally: UdpTally::default() })
    }

    /// Where it is bound.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Echoes until told to stop.
    ///
    /// # Errors
    /// `poll` or `recvmsg` failed for good.
    pub fn run(&mut self, stop: &Stop, note: &mut dyn FnMut(&UdpNote)) -> io::Result<UdpTally> {
        loop {
            let mut fds = [
                PollFd::new(stop.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.socket.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(e) => return Err(e.into()),
            }
            if fds[0].any().unwrap_or(false) {
                return Ok(self.tally);
            }
            for _ in 0..BATCH {
                match self.answer()? {
                    Some(seen) => note(&seen),
                    None => break,
                }
            }
        }
    }

    /// Takes and answers one datagram; `None` when none waits.
    ///
    /// # Errors
    /// `recvmsg` failed for good.
    pub fn answer(&mut self) -> io::Result<Option<UdpNote>> {
        let capacity = self.buffer.len();
        let mut iov = [IoSliceMut::new(&mut self.buffer)];
        // MSG_TRUNC makes the kernel return the datagram's real length.
        let got = recvmsg::<SockaddrStorage>(self.socket.as_raw_fd(), &mut iov, None, MsgFlags::MSG_TRUNC);
        let (length, from) = match got {
            Ok(message) => (message.bytes, message.address.as_ref().and_then(address)),
            Err(Errno::EAGAIN) => return Ok(None),
            // An ICMP error about an earlier answer: it says nothing about this socket.
            Err(Errno::EINTR | Errno::ECONNREFUSED | Errno::EHOSTUNREACH | Errno::ENETUNREACH) => {
                return Ok(None);
            }
            Err(e) => return Err(e.into()),
        };
        let Some(from) = from else { return Ok(None) };
        let kept = length.min(capacity);
        self.tally.received += 1;
        self.tally.octets += length as u64;
        self.tally.truncated += u64::from(length > kept);
        let may = from.port() != 0 && from.port() != self.local.port() && !ANSWERERS.contains(&from.port());
        let echo = self.buffer.get(..kept).unwrap_or_default();
        let answered = may && self.socket.send_to(echo, from).is_ok_and(|sent| sent == kept);
        self.tally.unanswered += u64::from(!answered);
        Ok(Some(UdpNote { from, length, kept, answered }))
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|a| SocketAddr::V4(SocketAddrV4::new(a.ip(), a.port())));
    v4.or_else(|| {
        let a = storage.as_sockaddr_in6()?;
        Some(SocketAddr::V6(SocketAddrV6::new(a.ip(), a.port(), a.flowinfo(), a.scope_id())))
    })
}
