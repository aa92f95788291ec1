//! A line of `--format ndjson`: which of the records it is.

// The variants are there to be described, no more.
#![allow(dead_code, clippy::large_enum_variant)]

use schemars::JsonSchema;
use serde::Deserialize;

use crate::records::{Event, Icmp, Tcp, TcpCut, TcpStream, Udp, UdpCut, UdpStream};

/// A line of `synfin --format ndjson`. Moments and durations are whole nanoseconds; what
/// is unknown is absent, or `null` inside a pair.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum Record {
    Tcp(Tcp),
    TcpCut(TcpCut),
    Udp(Udp),
    UdpCut(UdpCut),
    Icmp(Icmp),
    Event(Event),
    TcpStream(TcpStream),
    UdpStream(UdpStream),
}

/// What tells records apart.
#[derive(Deserialize)]
struct Head {
    r#type: String,
    #[serde(default)]
    cut: bool,
}

/// Reads a line as the record that it says it is: the name of its type here.
pub fn read(line: &str) -> Result<&'static str, serde_json::Error> {
    let head: Head = serde_json::from_str(line)?;
    macro_rules! is {
        ($name:ident) => {
            serde_json::from_str::<$name>(line).map(|_| stringify!($name))
        };
    }
    match (head.r#type.as_str(), head.cut) {
        ("tcp", false) => is!(Tcp),
        ("tcp", true) => is!(TcpCut),
        ("udp", false) => is!(Udp),
        ("udp", true) => is!(UdpCut),
        ("icmp", _) => is!(Icmp),
        ("event", _) => is!(Event),
        ("tcp_stream", _) => is!(TcpStream),
        ("udp_stream", _) => is!(UdpStream),
        (other, _) => Err(serde::de::Error::custom(format!("no record has the type {other:?}"))),
    }
}
