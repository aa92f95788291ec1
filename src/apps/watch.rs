//! What programs tell of their socket calls, for the calls lane and for `-v`.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use super::service::{ClientId, Gone};

/// One thing that a program did or met.
#[derive(Debug)]
pub enum Note<'a> {
    /// `accept` gave a client.
    Accepted(ClientId, SocketAddr),
    /// A client came that found no place.
    Refused(SocketAddr),
    /// `accept` failed; it is tried again.
    AcceptFailed(&'a io::Error),
    /// `recv` with room for so many octets, and what it returned.
    Recv(ClientId, usize, &'a io::Result<usize>),
    /// `send` of so many octets, and what it returned.
    Send(ClientId, usize, &'a io::Result<usize>),
    /// `shutdown(SHUT_WR)`: this side's FIN.
    Shutdown(ClientId),
    /// A client is no longer served.
    Left(ClientId, &'a Gone),
    /// `close`.
    Closed(ClientId),
}

impl fmt::Display for Note<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let result = |result: &io::Result<usize>| match result {
            Ok(octets) => octets.to_string(),
            Err(error) => error.to_string(),
        };
        match self {
            Self::Accepted(id, peer) => write!(f, "client {}: accept() = {peer}", id.0),
            Self::Refused(peer) => write!(f, "{peer}: turned away, no place left"),
            Self::AcceptFailed(error) => write!(f, "accept() = {error}"),
            Self::Recv(id, asked, got) => write!(f, "client {}: recv({asked}) = {}", id.0, result(got)),
            Self::Send(id, asked, took) => write!(f, "client {}: send({asked}) = {}", id.0, result(took)),
            Self::Shutdown(id) => write!(f, "client {}: shutdown(SHUT_WR)", id.0),
            Self::Left(id, why) => write!(f, "client {}: {why}", id.0),
            Self::Closed(id) => write!(f, "client {}: close()", id.0),
        }
    }
}
