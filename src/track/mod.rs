//! Conversations: who talks to whom, in which state, and what happened.

mod event;
mod labels;
mod outcome;

pub use event::{Confidence, Event, EventKind, Evidence};
pub use labels::{Analysis, Labels};
pub use outcome::{Handshake, Teardown};
