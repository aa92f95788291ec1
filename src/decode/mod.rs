//! Frames into headers: link → IP → TCP, UDP, ICMP, and into tunnels and on.

pub mod headers;
mod options;
mod problem;
mod record;

pub use options::{OptionField, SackBlocks, TcpOption, TcpOptions};
pub use problem::{Problem, Problems};
pub use record::{Context, IcmpMessage, OptionBytes, Quoted, Record, TcpSegment, UdpDatagram};
