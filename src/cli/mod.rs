//! The command line.

pub mod completions;
pub mod confine;
pub mod doctor;
pub mod serve;
pub mod talk;
