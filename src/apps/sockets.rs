//! Sockets for the programs, and clear words when the system refuses one.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use nix::errno::Errno;
use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait for `accept`.
pub const BACKLOG: i32 = 128;

/// A socket that could not be had, with what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {error}{advice}")]
pub struct SocketError {
    doing: String,
    /// The system's error.
    pub error: io::Error,
    advice: String,
}

impl SocketError {
    /// Explains `error`, which came of `doing` something with `address`.
    #[must_use]
    pub fn new(doing: &str, address: SocketAddr, error: io::Error) -> Self {
        let advice = advice(address, &error, privileged_below());
        Self { doing: format!("{doing} {address}"), error, advice }
    }
}

/// The first port that needs no privilege on this machine.
fn privileged_below() -> u16 {
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(1024)
}

fn advice(address: SocketAddr, error: &io::Error, privileged_below: u16) -> String {
    let port = address.port();
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EADDRINUSE) => format!(
            "\n  Another program holds port {port}; `ss -tulnp 'sport = :{port}'` shows which.\n  \
             End that program, or take any free port with `--bind {}`.",
            SocketAddr::new(address.ip(), 0)
        ),
        Some(Errno::EACCES) if port < privileged_below => format!(
            "\n  Ports below {privileged_below} are privileged: only root, or a program with \
             CAP_NET_BIND_SERVICE, may bind port {port}.\n  Take a port from {privileged_below} up \
             (the default is 1898), or run it with sudo."
        ),
        Some(Errno::EADDRNOTAVAIL) => {
            format!(
                "\n  No interface of this machine has the address {}; `ip address` lists those it has.",
                address.ip()
            )
        }
        Some(Errno::EAFNOSUPPORT) => "\n  This machine has no IPv6; take an IPv4 address.".to_owned(),
        Some(Errno::ECONNREFUSED) => {
            format!("\n  Nobody listens there: start `synfin serve` first, or check port {port}.")
        }
        _ => String::new(),
    }
}

fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        // One address means one address: `[::]` does not take the IPv4 port with it.
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// `socket`, `SO_REUSEADDR`, `bind`, `listen`. With `reuse` the port of a connection in
/// TIME-WAIT can be bound again (RFC 9293 §3.6.1); a port that is listened on cannot.
///
/// # Errors
/// What the system refused, and what to do about it.
pub fn listen(address: SocketAddr, reuse: bool, backlog: i32) -> Result<TcpListener, SocketError> {
    let listen = || {
        let socket = socket(address, Type::STREAM, Protocol::TCP)?;
        socket.set_reuse_address(reuse)?;
        socket.bind(&address.into())?;
        socket.listen(backlog)?;
        Ok(socket.into())
    };
    listen().map_err(|e| SocketError::new("cannot listen on", address, e))
}

/// `socket`, `bind` for UDP. Without SO_REUSEADDR, which for UDP would let two programs
/// share a port and each miss half.
///
/// # Errors
/// What the system refused, and what to do about it.
pub fn bind_udp(address: SocketAddr) -> Result<UdpSocket, SocketError> {
    let bind = || {
        let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
        socket.bind(&address.into())?;
        Ok(socket.into())
    };
    bind().map_err(|e| SocketError::new("cannot bind", address, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_explained() {
        let cases = [
            (Errno::EADDRINUSE, "127.0.0.1:1898", "--bind 127.0.0.1:0"),
            (Errno::EADDRINUSE, "[::1]:1898", "--bind [::1]:0"),
            (Errno::EACCES, "127.0.0.1:80", "CAP_NET_BIND_SERVICE"),
            (Errno::EADDRNOTAVAIL, "192.0.2.1:1898", "No interface"),
            (Errno::ECONNREFUSED, "127.0.0.1:9", "Nobody listens there"),
        ];
        for (errno, address, words) in cases {
            let text = advice(address.parse().unwrap(), &errno.into(), 1024);
            assert!(text.contains(words), "{errno}: {text}");
        }
    }

    #[test]
    fn an_occupied_port_is_told_and_a_free_one_is_given() {
        let first = listen("127.0.0.1:0".parse().unwrap(), true, BACKLOG).unwrap();
        let error = listen(first.local_addr().unwrap(), true, BACKLOG).unwrap_err();
        assert_eq!(error.error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains("Another program holds port"), "{error}");
    }
}
