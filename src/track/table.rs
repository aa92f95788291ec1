//! Conversations by their key: a seeded hash table of slots, and the slots in chunks
//! that never move, so that growth copies no conversation.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::model::FlowKey;

/// Something that lies in a flow table.
pub(super) trait Flow {
    fn key(&self) -> &FlowKey;
}

const CHUNK: usize = 1024;

/// A table of flows. Slots are used again after a flow has left.
#[derive(Debug)]
pub(super) struct FlowTable<T> {
    index: HashTable<u32>,
    chunks: Vec<Vec<Option<T>>>,
    free: Vec<u32>,
    live: usize,
    /// Seeded at random: addresses and ports are chosen by strangers.
    hasher: RandomState,
}

impl<T> Default for FlowTable<T> {
    fn default() -> Self {
        Self {
            index: HashTable::new(),
            chunks: Vec::new(),
            free: Vec::new(),
            live: 0,
            hasher: RandomState::default(),
        }
    }
}

impl<T: Flow> FlowTable<T> {
    fn hash(&self, key: &FlowKey) -> u64 {
        self.hasher.hash_one(key.words())
    }

    /// Flows there are, those among them included that no key finds any more.
    pub const fn len(&self) -> usize {
        self.live
    }

    /// The slot of the flow with that key.
    #[inline]
    pub fn find(&self, key: &FlowKey) -> Option<u32> {
        let hash = self.hash(key);
        self.index.find(hash, |&slot| self.get(slot).is_some_and(|f| f.key() == key)).copied()
    }

    #[inline]
    pub fn get(&self, slot: u32) -> Option<&T> {
        self.chunks.get(slot as usize / CHUNK)?.get(slot as usize % CHUNK)?.as_ref()
    }

    #[inline]
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.chunks.get_mut(slot as usize / CHUNK)?.get_mut(slot as usize % CHUNK)?.as_mut()
    }

    /// Adds a flow; from now on its key finds it, and no longer an older flow.
    pub fn insert(&mut self, flow: T) -> u32 {
        let hash = self.hash(flow.key());
        let key = *flow.key();
        let slot = match self.free.pop() {
            Some(slot) => {
                self.chunks[slot as usize / CHUNK][slot as usize % CHUNK] = Some(flow);
                slot
            }
            None => {
                if self.chunks.last().is_none_or(|c| c.len() == CHUNK) {
                    self.chunks.push(Vec::with_capacity(CHUNK));
                }
                let chunk = self.chunks.len() - 1;
                self.chunks[chunk].push(Some(flow));
                (chunk * CHUNK + self.chunks[chunk].len() - 1) as u32
            }
        };
        self.live += 1;
        let chunks = &self.chunks;
        let at = |slot: u32| chunks[slot as usize / CHUNK][slot as usize % CHUNK].as_ref();
        let hasher = &self.hasher;
        let entry = self.index.entry(
            hash,
            |&other| other != slot && at(other).is_some_and(|f| *f.key() == key),
            |&other| at(other).map_or(0, |f| hasher.hash_one(f.key().words())),
        );
        match entry {
            hashbrown::hash_table::Entry::Occupied(mut occupied) => *occupied.get_mut() = slot,
            hashbrown::hash_table::Entry::Vacant(vacant) => {
                vacant.insert(slot);
            }
        }
        slot
    }

    /// Lets a flow go, where it lies.
    pub fn remove(&mut self, slot: u32) {
        let Some(hash) = self.get(slot).map(|flow| self.hash(flow.key())) else { return };
        if let Ok(entry) = self.index.find_entry(hash, |&s| s == slot) {
            entry.remove();
        }
        if let Some(place) =
            self.chunks.get_mut(slot as usize / CHUNK).and_then(|c| c.get_mut(slot as usize % CHUNK))
        {
            *place = None;
        }
        self.free.push(slot);
        self.live -= 1;
    }

    /// Slots there are, in use or not.
    pub fn capacity(&self) -> u32 {
        self.chunks.last().map_or(0, |last| ((self.chunks.len() - 1) * CHUNK + last.len()) as u32)
    }

    /// Every slot that holds a flow.
    pub fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        self.chunks.iter().enumerate().flat_map(|(c, chunk)| {
            chunk.iter().enumerate().filter(|(_, f)| f.is_some()).map(move |(i, _)| (c * CHUNK + i) as u32)
        })
    }
}
