//! The command line.

pub mod serve;
pub mod talk;
