//! Names of ports, from the system's own list.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::OnceLock;

use super::number::push_digits;
use crate::model::{Endpoint, Printable, Protocol};

/// Registered names of ports. A name says what the port is registered for, not what
/// the programs at it speak.
#[derive(Debug, Clone, Default)]
pub struct Services {
    names: HashMap<(u16, Protocol), String, foldhash::fast::RandomState>,
}

impl Services {
    /// The names in `text`, a list in the form of `/etc/services`; the first name wins.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut names = HashMap::default();
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or("").split_whitespace();
            let (Some(name), Some((port, protocol))) =
                (words.next(), words.next().and_then(|w| w.split_once('/')))
            else {
                continue;
            };
            let protocol = match protocol {
                "tcp" => Protocol::Tcp,
                "udp" => Protocol::Udp,
                _ => continue,
            };
            if let Ok(port) = port.parse() {
                names.entry((port, protocol)).or_insert_with(|| Printable(name).to_string());
            }
        }
        Self { names }
    }

    /// The list of this system, read once; empty where there is none.
    pub fn system() -> &'static Self {
        static SYSTEM: OnceLock<Services> = OnceLock::new();
        SYSTEM.get_or_init(|| match std::fs::read("/etc/services") {
            Ok(octets) => Self::parse(&String::from_utf8_lossy(&octets)),
            Err(_) => Self::default(),
        })
    }

    /// The name that `port` is registered under.
    #[must_use]
    pub fn name(&self, port: u16, protocol: Protocol) -> Option<&str> {
        self.names.get(&(port, protocol)).map(String::as_str)
    }

    /// `192.0.2.1:80 http`, or without a name where none is registered.
    #[must_use]
    pub fn endpoint(&self, end: Endpoint, protocol: Protocol) -> String {
        let mut out = String::new();
        self.push_endpoint(end, protocol, &mut out);
        out
    }

    /// Appends what [`Services::endpoint`] returns.
    pub fn push_endpoint(&self, end: Endpoint, protocol: Protocol, to: &mut String) {
        push_endpoint(end, to);
        if let Some(name) = self.name(end.port, protocol) {
            to.push(' ');
            to.push_str(name);
        }
    }
}

/// Appends `192.0.2.1:80` or `[2001:db8::1]:80`.
pub fn push_endpoint(end: Endpoint, to: &mut String) {
    match end.addr {
        IpAddr::V4(addr) => {
            for (i, octet) in addr.octets().into_iter().enumerate() {
                to.push_str(if i > 0 { "." } else { "" });
                push_digits(octet.into(), 1, to);
            }
        }
        // Writing to a string cannot fail.
        IpAddr::V6(addr) => {
            let _ = write!(to, "[{addr}]");
        }
    }
    to.push(':');
    push_digits(end.port.into(), 1, to);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_the_system_writes_them() {
        let list = "# list\nhttp\t80/tcp\twww # WorldWideWeb\nhttp2 80/tcp\ndomain 53/udp\nx 1/sctp\nbad\ny 99999/tcp\n";
        let services = Services::parse(list);
        assert_eq!(services.name(80, Protocol::Tcp), Some("http"));
        assert_eq!(services.name(80, Protocol::Udp), None);
        assert_eq!(services.name(53, Protocol::Udp), Some("domain"));
        let end = |port| Endpoint { addr: [192, 0, 2, 1].into(), port };
        assert_eq!(services.endpoint(end(80), Protocol::Tcp), "192.0.2.1:80 http");
        assert_eq!(services.endpoint(end(81), Protocol::Tcp), "192.0.2.1:81");
        for text in ["0.0.0.0:0", "255.10.1.99:65535", "[2001:db8::1]:443", "[::ffff:192.0.2.1]:7"] {
            let end: std::net::SocketAddr = text.parse().unwrap();
            let mut out = String::new();
            push_endpoint(Endpoint { addr: end.ip(), port: end.port() }, &mut out);
            assert_eq!(out, text);
        }
    }
}
