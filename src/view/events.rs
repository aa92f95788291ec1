//! What happened, one line each.

use std::fmt;

use crate::track::Event;

/// One event as a line of text.
pub fn line(event: &Event) -> impl fmt::Display + '_ {
    event.kind.name()
}
