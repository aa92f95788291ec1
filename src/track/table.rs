//! Conversations by their endpoints: a hash table of slots, and the slots in chunks that never
//! move, so that growth copies no conversation.

use hashbrown::HashTable;

use crate::model::Endpoint;

/// Something that lies in a flow table.
pub(super) trait Flow {
    /// Its endpoints in either order, and its realm.
    fn ends(&self) -> (&[Endpoint; 2], u32);
}

const CHUNK: usize = 1024;

/// Whose packet it is: sender and receiver, their realm (0 where conversations are not kept
/// apart by VLANs and tunnels), and the hash of all that, equal in both directions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whose {
    pub ends: [Endpoint; 2],
    pub realm: u32,
    pub hash: u32,
}

impl Whose {
    #[inline]
    pub fn is(&self, flow: &impl Flow) -> bool {
        let ([a, b], realm) = flow.ends();
        let [src, dst] = &self.ends;
        self.realm == realm && ((src == a && dst == b) || (src == b && dst == a))
    }
}

/// What the index holds: where a flow lies, and its hash, so that neither another flow of
/// the same bucket nor growth has to touch the flow itself.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u32,
    slot: u32,
    hint: u32,
}

/// hashbrown takes the bucket from the low bits and a tag from the high ones.
const fn spread(hash: u32) -> u64 {
    (hash as u64) << 32 | hash as u64
}

/// A table of flows. Slots are used again after a flow has left.
#[derive(Debug)]
pub(super) struct FlowTable<T> {
    index: HashTable<Entry>,
    chunks: Vec<Vec<Option<T>>>,
    /// The hash of each slot's flow.
    hashes: Vec<u32>,
    free: Vec<u32>,
    live: usize,
}

impl<T> Default for FlowTable<T> {
    fn default() -> Self {
        Self { index: HashTable::new(), chunks: Vec::new(), hashes: Vec::new(), free: Vec::new(), live: 0 }
    }
}

impl<T> FlowTable<T> {
    /// Flows there are, those among them included that no packet finds any more.
    pub const fn len(&self) -> usize {
        self.live
    }

    /// The slot of the flow with this hash that is `the_one`.
    #[inline]
    pub fn find(&self, hash: u32, the_one: impl Fn(&T) -> bool) -> Option<u32> {
        self.find_by(hash, |slot, _| self.get(slot).is_some_and(&the_one)).map(|(slot, _)| slot)
    }

    /// Slot and hint of the flow with this hash that is `the_one` by these two.
    #[inline]
    pub fn find_by(&self, hash: u32, the_one: impl Fn(u32, u32) -> bool) -> Option<(u32, u32)> {
        let same = |e: &Entry| e.hash == hash && the_one(e.slot, e.hint);
        self.index.find(spread(hash), same).map(|e| (e.slot, e.hint))
    }

    /// Slot and hint that the hash leads to, without a look at the flow: nearly always the right one.
    #[inline]
    pub fn likely(&self, hash: u32) -> Option<(u32, u32)> {
        self.find_by(hash, |_, _| true)
    }

    /// Changes what may be known of a flow without a look at it.
    pub fn hint(&mut self, slot: u32, hint: u32) {
        let Some(&hash) = self.hashes.get(slot as usize) else { return };
        if let Some(entry) = self.index.find_mut(spread(hash), |e| e.slot == slot) {
            entry.hint = hint;
        }
    }

    #[inline]
    pub fn get(&self, slot: u32) -> Option<&T> {
        self.chunks.get(slot as usize / CHUNK)?.get(slot as usize % CHUNK)?.as_ref()
    }

    #[inline]
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.chunks.get_mut(slot as usize / CHUNK)?.get_mut(slot as usize % CHUNK)?.as_mut()
    }

    /// Adds a flow with a hint, which may be known without a look at it; from now on its packets find it,
    /// and no longer the `older`.
    pub fn insert(&mut self, hash: u32, hint: u32, flow: T, older: Option<u32>) -> u32 {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.chunks[slot as usize / CHUNK][slot as usize % CHUNK] = Some(flow);
                self.hashes[slot as usize] = hash;
                slot
            }
            None => {
                if self.chunks.last().is_none_or(|c| c.len() == CHUNK) {
                    self.chunks.push(Vec::with_capacity(CHUNK));
                }
                let chunk = self.chunks.len() - 1;
                self.chunks[chunk].push(Some(flow));
                self.hashes.push(hash);
                (chunk * CHUNK + self.chunks[chunk].len() - 1) as u32
            }
        };
        self.live += 1;
        match older.and_then(|old| self.index.find_mut(spread(hash), |e| e.slot == old)) {
            Some(entry) => (entry.slot, entry.hint) = (slot, hint),
            None => {
                self.index.insert_unique(spread(hash), Entry { hash, slot, hint }, |e| spread(e.hash));
            }
        }
        slot
    }

    /// Lets a flow go, where it lies.
    pub fn remove(&mut self, slot: u32) {
        let Some(&hash) = self.hashes.get(slot as usize) else { return };
        if let Ok(entry) = self.index.find_entry(spread(hash), |e| e.slot == slot) {
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
