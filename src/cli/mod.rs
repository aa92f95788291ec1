//! The command line.

pub mod confine;
pub mod serve;
pub mod talk;
