//! The course's programs done right: echo, chat, discard and their clients. People run
//! them (`synfin serve`, `synfin talk`), and labs run them over sockets of their own.
//!
//! TCP servers are a [`Service`] (what to answer) in a [`Server`] (who gets what, when).

mod chat;
mod client;
mod framing;
mod limits;
mod server;
mod service;
mod sockets;
mod stop;
mod talk;
mod udp;
mod watch;

pub use chat::{Chat, EXIT};
pub use framing::{Decoder, Framing, FramingError};
pub use limits::{Limits, Rate};
pub use server::{Server, Tally};
pub use service::{ClientId, Discard, Echo, Gone, Outbox, Service};
pub use sockets::{BACKLOG, SocketError, bind_udp, listen};
pub use stop::{Stop, Stopper};
pub use talk::{TalkEnd, TalkOptions, talk_tcp, talk_udp};
pub use udp::{UdpEcho, UdpNote, UdpTally};
pub use watch::Note;

#[cfg(test)]
mod tests;
