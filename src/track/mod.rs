//! Conversations: who talks to whom, in which state, and what happened.

mod batch;
mod connections;
mod event;
mod labels;
mod numbers;
mod outcome;
pub(crate) mod packed;
mod shard;
mod sink;
mod table;
mod tcp;
mod tracker;
mod traffic;
mod udp;

pub use batch::{Batch, KeyHasher};
pub use event::{Confidence, Event, EventKind, Evidence};
pub use labels::{Analysis, Labels};
pub use numbers::{Merged, Numbers};
pub use outcome::{CONN_STATES, Handshake, Teardown};
pub use shard::Shard;
pub use sink::{SeenDatagram, SeenSegment, Sink};
pub use tcp::{Rtt, Stats, TcpConversation};
pub use tracker::{Tracker, TrackerOptions};
pub use traffic::Counts;
pub use udp::UdpConversation;
