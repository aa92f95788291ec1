//! The command line.

pub mod confine;
pub mod doctor;
pub mod serve;
pub mod talk;
