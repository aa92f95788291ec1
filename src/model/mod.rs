//! The words that every layer shares: time, link types, endpoints, flow keys,
//! sides, sequence numbers, flags, states and packets. No I/O, no allocation.

mod flags;
mod flow;
mod link;
mod packet;
mod path;
mod seq;
mod side;
mod state;
mod text;
mod time;

pub use flags::TcpFlags;
pub use flow::{Endpoint, FlowKey, Protocol, StreamId};
pub use link::LinkType;
pub use packet::Packet;
pub use path::{Proto, ProtoPath};
pub use seq::SeqNum;
pub use side::{PerSide, Side};
pub use state::TcpState;
pub use text::Printable;
pub use time::Timestamp;
