//! A list of events: packed, in chunks that never move.

use std::fmt;

use super::packed::{Packer, unpack};
use crate::track::Event;

/// Events in the order in which they came. Each takes some 30 octets.
#[derive(Clone, Default)]
pub struct Events {
    chunks: Vec<Vec<u8>>,
    len: usize,
    packer: Packer,
}

/// Octets of a chunk.
const CHUNK: usize = 256 << 10;
/// Octets that no event is known to need more of.
const ROOM: usize = 256;

impl Events {
    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// None at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds one at the end.
    pub fn push(&mut self, event: &Event) {
        if self.chunks.last().is_none_or(|chunk| chunk.len() + ROOM > CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            self.packer.pack(event, chunk);
            self.len += 1;
        }
    }

    /// All of them, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = Event> + '_ {
        self.chunks.iter().flat_map(|chunk| {
            let mut rest = chunk.as_slice();
            std::iter::from_fn(move || {
                let (event, behind) = unpack(rest)?;
                rest = behind;
                Some(event)
            })
        })
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl FromIterator<Event> for Events {
    fn from_iter<I: IntoIterator<Item = Event>>(events: I) -> Self {
        let mut list = Self::default();
        events.into_iter().for_each(|e| list.push(&e));
        list
    }
}
