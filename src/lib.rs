//! synfin: every connection, from SYN to FIN.
//!
//! Layers, each of which may use only those before it:
//!
//! - [`model`]: time, endpoints, sequence numbers, flags, states, packets
//! - [`source`]: where packets come from and where they are written
//! - [`decode`]: frames into headers
//! - [`track`]: headers into conversations, events and verdicts
//! - [`report`]: owned facts for the views
//! - [`view`]: tables, pictures and records
//! - [`lab`]: real programs on the real kernel, joined by a wire of our own

pub mod apps;
pub mod cli;
pub mod decode;
pub mod lab;
pub mod model;
pub mod report;
pub mod source;
pub mod track;
pub mod view;
