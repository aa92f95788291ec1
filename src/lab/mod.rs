//! Labs: real programs on the real Linux TCP/IP stack, joined by a wire that synfin owns.
//!
//! Each host is a network namespace of its own; the wire reads what one host sends,
//! does to it what its rules say, and hands it to the other. Nothing outside those
//! namespaces is touched, and they go away with the process.

mod bundled;
mod calls;
mod carried;
mod catalogue;
mod compare;
mod craft;
mod error;
mod expect;
mod figures;
mod hosts;
mod inject;
mod line;
mod lo;
mod means;
mod messages;
mod netlink;
mod notice;
mod outcome;
mod over;
mod peek;
mod port;
mod program;
mod resident;
mod rules;
mod run;
mod save;
mod script;
mod shape;
mod source;
#[cfg(test)]
mod tests;
mod truth;
mod wire;

pub use bundled::bundled;
pub use catalogue::{CHAPTERS, LabInfo, catalogue};
pub use craft::RawSegment;
pub use error::LabError;
pub use line::{LineOptions, OfHost, of_host};
pub use means::{Means, means};
pub use outcome::*;
pub use peek::summary;
pub use run::{LabOptions, Where, run};
pub use script::{duration, rate, validate};
pub use source::LabSource;
