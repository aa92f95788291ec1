//! A list of conversations, or of what tables list of them: packed, in chunks that never move.

use std::fmt;
use std::marker::PhantomData;

use super::packed::{Packed, Packer, unpack};
use super::{Conversation, Entry};
use crate::model::StreamId;

/// Conversations, some 200 octets each.
pub type Conversations = List<Conversation>;
/// What tables list of conversations, some 60 octets each.
pub type Entries = List<Entry>;

/// Conversations in the order in which they came, or in that of their numbers once they
/// are sorted. Each is made anew whenever it is asked for.
#[derive(Clone)]
pub struct List<T> {
    chunks: Vec<Vec<u8>>,
    places: Vec<Place>,
    packer: Packer,
    of: PhantomData<T>,
}

/// What a list is of.
pub(crate) trait Numbered {
    /// Its number.
    fn id(&self) -> StreamId;
    /// The same with another number.
    #[must_use]
    fn with_id(self, id: StreamId) -> Self;
}

impl Numbered for Conversation {
    fn id(&self) -> StreamId {
        self.id
    }

    fn with_id(self, id: StreamId) -> Self {
        Self { id, ..self }
    }
}

impl Numbered for Entry {
    fn id(&self) -> StreamId {
        self.id
    }

    fn with_id(self, id: StreamId) -> Self {
        Self { id, ..self }
    }
}

/// Where an item begins.
#[derive(Clone, Copy)]
struct Place {
    /// As it is now; in the octets it is as it was when it was added.
    id: StreamId,
    chunk: u32,
    at: u32,
}

/// Octets of a chunk.
const CHUNK: usize = 256 << 10;
/// Octets that none is known to need more of; one that did would make its chunk grow.
const ROOM: usize = 1024;

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), places: Vec::new(), packer: Packer::default(), of: PhantomData }
    }
}

impl<T> List<T> {
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

    /// Keeps those whose number is wanted.
    pub fn retain(&mut self, wanted: impl Fn(StreamId) -> bool) {
        self.places.retain(|place| wanted(place.id));
    }

    /// One has this number; the list must be sorted.
    #[must_use]
    pub fn has(&self, id: StreamId) -> bool {
        self.places.binary_search_by_key(&id, |place| place.id).is_ok()
    }

    /// Keeps the first `most`.
    pub fn truncate(&mut self, most: usize) {
        self.places.truncate(most);
    }
}

#[allow(private_bounds, reason = "what is packed is only ever unpacked here")]
impl<T: Numbered + Packed> List<T> {
    /// Adds one at the end.
    pub fn push(&mut self, item: &T) {
        if self.chunks.last().is_none_or(|chunk| chunk.len() + ROOM > CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let at = self.chunks.len() - 1;
        if let Some(chunk) = self.chunks.last_mut() {
            self.places.push(Place { id: item.id(), chunk: at as u32, at: chunk.len() as u32 });
            self.packer.pack(item, chunk);
        }
    }

    /// The one at `at`.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<T> {
        self.places.get(at).and_then(|place| self.at(place))
    }

    /// The one with a number; the list must be sorted.
    #[must_use]
    pub fn find(&self, id: StreamId) -> Option<T> {
        self.get(self.places.binary_search_by_key(&id, |place| place.id).ok()?)
    }

    /// All of them, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.places.iter().filter_map(|place| self.at(place))
    }

    fn at(&self, place: &Place) -> Option<T> {
        let (item, _) = unpack::<T>(self.chunks.get(place.chunk as usize)?.get(place.at as usize..)?)?;
        Some(item.with_id(place.id))
    }
}

#[allow(private_bounds, reason = "what is packed is only ever unpacked here")]
impl<T: Numbered + Packed + fmt::Debug> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[allow(private_bounds, reason = "what is packed is only ever unpacked here")]
impl<T: Numbered + Packed> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut list = Self::default();
        items.into_iter().for_each(|item| list.push(&item));
        list
    }
}
