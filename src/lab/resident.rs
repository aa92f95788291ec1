//! A program of `synfin serve` on one of a lab's hosts: it has its turn whenever the wire has moved.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::time::Duration;

use socket2::Socket;

use super::outcome::Call;
use super::program::errno;
use super::wire::Clock;
use crate::apps::{Chat, ClientId, Discard, Echo, Framing, Limits, Note, Server, Service};

/// Does what can be done at once, and tells of each call.
type Turn = Box<dyn FnMut(&mut dyn FnMut(&Note<'_>)) -> io::Result<bool>>;

/// A server that runs.
pub(super) struct Resident {
    /// Its host.
    pub host: usize,
    /// The script's name for its listener; its clients are `ls-1`, `ls-2`, ….
    name: String,
    own: SocketAddr,
    turn: Turn,
    peers: BTreeMap<ClientId, SocketAddr>,
}

fn program<S: Service + 'static>(
    listener: TcpListener,
    service: S,
    framing: Framing,
    limits: Limits,
) -> io::Result<Turn> {
    let mut server = Server::new(listener, service, framing, limits)?;
    Ok(Box::new(move |watch| server.turn(Some(Duration::ZERO), None, watch)))
}

impl Resident {
    /// Starts `what` (echo, chat or discard, each with the framing that `synfin serve` has for it) over a
    /// listening socket of the host with the address `own`; `None` for what is none of them.
    pub(super) fn start(
        host: usize,
        name: &str,
        own: SocketAddr,
        listener: Socket,
        what: &str,
    ) -> Option<io::Result<Self>> {
        let listener = TcpListener::from(listener);
        let turn = match what {
            "echo" => program(listener, Echo, Framing::Raw, Limits::ALONE),
            "discard" => program(listener, Discard, Framing::Raw, Limits::ALONE),
            "chat" => program(listener, Chat::default(), Framing::Line, Limits::CHAT),
            _ => return None,
        };
        Some(turn.map(|turn| Self { host, name: name.to_owned(), own, turn, peers: BTreeMap::new() }))
    }

    /// The call is one on the connection with this client.
    pub(super) fn is_with(&self, call: &Call, addr: IpAddr, port: u16) -> bool {
        let id = call.socket.rsplit_once('-').and_then(|(_, id)| id.parse().ok()).map(ClientId);
        id.and_then(|id| self.peers.get(&id)) == Some(&SocketAddr::new(addr, port))
    }

    /// Does what can be done now; the calls that it took.
    pub(super) fn turn(&mut self, clock: &Clock) -> io::Result<Vec<Call>> {
        let Self { host, name, own, turn, peers } = self;
        let mut calls = Vec::new();
        turn(&mut |note| {
            let (id, text, got) = match note {
                Note::Accepted(id, peer) => {
                    peers.insert(*id, *peer);
                    (*id, format!("{name}-{} = accept({name})", id.0), Ok(0))
                }
                Note::Recv(id, room, got) => (*id, format!("recv({name}-{}, {room})", id.0), said(got)),
                Note::Send(id, octets, got) => (*id, format!("send({name}-{}, {octets})", id.0), said(got)),
                Note::Shutdown(id) => (*id, format!("shutdown({name}-{}, SHUT_WR)", id.0), Ok(0)),
                Note::Closed(id) => (*id, format!("close({name}-{})", id.0), Ok(0)),
                // Of nobody's connection.
                Note::AcceptFailed(e) => (ClientId(0), format!("accept({name})"), Err(errno(e))),
                Note::Refused(_) | Note::Left(..) => return,
            };
            let now = clock.now();
            let moves = matches!(note, Note::Recv(..) | Note::Send(..));
            calls.push(Call {
                ts: now,
                returned: now,
                host: *host,
                socket: format!("{name}-{}", id.0),
                text,
                result: got.as_ref().map_or_else(|e| format!("= -1 {e}"), |n| format!("= {n}")),
                bytes: got.unwrap_or(0),
                ends: peers.get(&id).filter(|_| moves).map(|peer| (*own, *peer)),
                data: Vec::new(),
                caused: Vec::new(),
            });
        })?;
        Ok(calls)
    }
}

fn said(got: &io::Result<usize>) -> Result<usize, String> {
    got.as_ref().map(|n| *n).map_err(errno)
}
