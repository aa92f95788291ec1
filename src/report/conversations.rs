//! A list of conversations: packed, in chunks that never move.

use std::fmt;

use super::packed::{self, Packer, unpack};
use super::{Conversation, Glance};
use crate::model::StreamId;

/// Conversations in the order in which they came, or in that of their numbers once they
/// are sorted. Each takes some 200 octets, and is made anew whenever it is asked for.
#[derive(Clone, Default)]
pub struct Conversations {
    chunks: Vec<Vec<u8>>,
    places: Vec<Place>,
    packer: Packer,
}

/// Where a conversation begins.
#[derive(Clone, Copy)]
struct Place {
    /// As it is now; in the octets it is as it was when it was added.
    id: StreamId,
    chunk: u32,
    at: u32,
}

/// Octets of a chunk.
const CHUNK: usize = 256 << 10;
/// Octets that no conversation is known to need more of; one that did would make its chunk grow.
const ROOM: usize = 1024;

impl Conversations {
    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.places.len()
    }

    /// None at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Adds one at the end.
    pub fn push(&mut self, conversation: &Conversation) {
        if self.chunks.last().is_none_or(|chunk| chunk.len() + ROOM > CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let at = self.chunks.len() - 1;
        if let Some(chunk) = self.chunks.last_mut() {
            self.places.push(Place { id: conversation.id, chunk: at as u32, at: chunk.len() as u32 });
            self.packer.pack(conversation, chunk);
        }
    }

    /// Adds those of `other` at the end.
    pub fn append(&mut self, other: Self) {
        let before = self.chunks.len() as u32;
        self.chunks.extend(other.chunks);
        self.places.extend(other.places.into_iter().map(|p| Place { chunk: p.chunk + before, ..p }));
    }

    /// Puts them in the order of their numbers, TCP first.
    pub fn sort(&mut self) {
        self.places.sort_by_key(|place| place.id);
    }

    /// The ids of all.
    pub fn ids(&self) -> impl Iterator<Item = StreamId> + '_ {
        self.places.iter().map(|place| place.id)
    }

    /// Gives each another id.
    pub fn renumber(&mut self, to: impl Fn(StreamId) -> StreamId) {
        self.places.iter_mut().for_each(|place| place.id = to(place.id));
    }

    /// Keeps the first `most`.
    pub fn truncate(&mut self, most: usize) {
        self.places.truncate(most);
    }

    /// The one at `at`.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<Conversation> {
        self.places.get(at).and_then(|place| self.at(place))
    }

    /// What a row of a table begins with of the one at `at`, in a fraction of the time.
    #[must_use]
    pub fn glance(&self, at: usize) -> Option<Glance> {
        let place = self.places.get(at)?;
        let glance = packed::glance(self.chunks.get(place.chunk as usize)?.get(place.at as usize..)?)?;
        Some(Glance { id: place.id, ..glance })
    }

    /// The one with a number; the list must be sorted.
    #[must_use]
    pub fn find(&self, id: StreamId) -> Option<Conversation> {
        self.get(self.places.binary_search_by_key(&id, |place| place.id).ok()?)
    }

    /// All of them, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = Conversation> + '_ {
        self.places.iter().filter_map(|place| self.at(place))
    }

    fn at(&self, place: &Place) -> Option<Conversation> {
        let (c, _) =
            unpack::<Conversation>(self.chunks.get(place.chunk as usize)?.get(place.at as usize..)?)?;
        Some(Conversation { id: place.id, ..c })
    }
}

impl fmt::Debug for Conversations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl FromIterator<Conversation> for Conversations {
    fn from_iter<I: IntoIterator<Item = Conversation>>(conversations: I) -> Self {
        let mut list = Self::default();
        conversations.into_iter().for_each(|c| list.push(&c));
        list
    }
}
