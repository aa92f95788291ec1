//! TCP connections: labels, states, how they begin and end, figures and verdicts.

mod conversation;
mod facts;
mod history;
mod label;
mod outstanding;
mod state;
mod stats;
mod verdict;

pub use conversation::TcpConversation;
pub use stats::{Rtt, Stats};

pub(super) use outstanding::Pool;
