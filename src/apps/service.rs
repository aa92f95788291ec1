//! What a server does with the messages it gets; how it gets them is the server's work.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;

/// A client of a server, numbered from 1 in the order of `accept`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// Why a client is no longer served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Gone {
    /// It closed its side: the proper end.
    #[error("closed")]
    Closed,
    /// The service sent it away, as it asked.
    #[error("left")]
    Dismissed,
    /// It sent what is no message.
    #[error("{0}")]
    Unframed(#[from] super::FramingError),
    /// It did not read what it was sent.
    #[error("did not read what it was sent")]
    TooSlow,
    /// It said nothing for too long.
    #[error("silent for {0} s")]
    Silent(u64),
    /// The connection broke; the text is the system's.
    #[error("{0}")]
    Broken(String),
    /// The server ends.
    #[error("the server ends")]
    ServerEnds,
}

/// A program that answers messages. It sees whole messages and no sockets.
pub trait Service {
    /// A client came.
    fn joined(&mut self, client: ClientId, peer: SocketAddr, out: &mut Outbox);
    /// A client said something.
    fn message(&mut self, client: ClientId, message: &[u8], out: &mut Outbox);
    /// A client went; told exactly once for each.
    fn left(&mut self, client: ClientId, why: &Gone, out: &mut Outbox);
    /// What a client is told that found no place, if anything.
    fn full(&self) -> Option<&'static [u8]> {
        None
    }
}

/// What a service wants done, in order.
#[derive(Debug, Default)]
pub struct Outbox {
    pub(super) acts: VecDeque<Act>,
}

#[derive(Debug)]
pub(super) enum Act {
    Send(ClientId, Rc<[u8]>),
    Dismiss(ClientId),
}

impl Outbox {
    /// Sends one message to one client.
    pub fn send(&mut self, to: ClientId, message: impl Into<Rc<[u8]>>) {
        self.acts.push_back(Act::Send(to, message.into()));
    }

    /// Closes a client after what was sent to it before.
    pub fn dismiss(&mut self, client: ClientId) {
        self.acts.push_back(Act::Dismiss(client));
    }
}

/// Sends each message back to the one it came from (RFC 862).
#[derive(Debug, Clone, Copy, Default)]
pub struct Echo;

impl Service for Echo {
    fn joined(&mut self, _: ClientId, _: SocketAddr, _: &mut Outbox) {}
    fn message(&mut self, client: ClientId, message: &[u8], out: &mut Outbox) {
        out.send(client, message);
    }
    fn left(&mut self, _: ClientId, _: &Gone, _: &mut Outbox) {}
}

/// Throws each message away (RFC 863).
#[derive(Debug, Clone, Copy, Default)]
pub struct Discard;

impl Service for Discard {
    fn joined(&mut self, _: ClientId, _: SocketAddr, _: &mut Outbox) {}
    fn message(&mut self, _: ClientId, _: &[u8], _: &mut Outbox) {}
    fn left(&mut self, _: ClientId, _: &Gone, _: &mut Outbox) {}
}
