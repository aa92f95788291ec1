//! TCP connections: those with packets lately as they are, the others packed.
//!
//! A connection that is awake lies in eighteen cache lines; one that rests, in a few hundred octets.
//! Which of them rest tells in no output.

use super::packed::{Packer, unpack};
use super::table::{FlowTable, Whose};
use super::tcp::{Name, TcpConversation};

/// Of so many connections one more may be awake, so that the more there are, the more may have packets
/// in turn.
const SHARE: usize = 16;

/// Where a connection lies.
#[derive(Debug)]
enum Place {
    /// By its number among those that are awake.
    Awake(u32),
    Rests(Resting),
}

/// A connection at rest, packed, and what is asked of it while it rests.
#[derive(Debug)]
struct Resting {
    octets: Box<[u8]>,
    stream: u32,
    touched: bool,
    half_open: bool,
}

impl Resting {
    fn connection(&self) -> Option<TcpConversation> {
        let (mut connection, _) = unpack::<TcpConversation>(&self.octets)?;
        connection.touched = self.touched;
        Some(connection)
    }
}

/// Where a connection was found: its slot, and 0 or one more than its number among those that are awake.
pub(super) type Found = (u32, u32);

/// What is kept of a connection that is awake, beside it.
#[derive(Debug, Clone, Copy)]
struct Mark {
    slot: u32,
    /// It was looked for since the hand came by.
    stirred: bool,
}

/// All TCP connections of a shard, by slots as in a [`FlowTable`].
#[derive(Debug)]
pub(super) struct Connections {
    places: FlowTable<Place>,
    /// Those that are awake; none where one has left.
    awake: Vec<Option<TcpConversation>>,
    marks: Vec<Mark>,
    free: Vec<u32>,
    /// Connections awake at once, and a [`SHARE`] of all beside.
    most: usize,
    hand: usize,
    packer: Packer,
    scratch: Vec<u8>,
}

impl Connections {
    /// None yet; so many will be awake at once (one at least), and a [`SHARE`] of all beside.
    pub fn new(most: usize) -> Self {
        // Untouched it takes no memory, and nothing is copied when it grows.
        let ahead = most.min(4096);
        Self {
            places: FlowTable::default(),
            awake: Vec::with_capacity(ahead),
            marks: Vec::with_capacity(ahead),
            free: Vec::new(),
            most: most.max(1),
            hand: 0,
            packer: Packer::default(),
            scratch: Vec::new(),
        }
    }

    /// Connections there are, those among them included that no packet finds any more.
    pub const fn len(&self) -> usize {
        self.places.len()
    }

    /// Slots there are, in use or not.
    pub fn capacity(&self) -> u32 {
        self.places.capacity()
    }

    /// Every slot that holds a connection.
    pub fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        self.places.slots()
    }

    /// The slot of the connection that it belongs to.
    #[inline]
    pub fn find(&self, whose: &Whose) -> Option<Found> {
        self.places.find_by(whose.hash, |slot, at| match at.checked_sub(1) {
            Some(at) => self.lying(at).is_some_and(|c| whose.is(c)),
            None => self.is_resting(slot, whose),
        })
    }

    #[cold]
    fn is_resting(&self, slot: u32, whose: &Whose) -> bool {
        let Some(Place::Rests(r)) = self.places.get(slot) else { return false };
        unpack::<Name>(&r.octets).is_some_and(|(name, _)| whose.is(&name))
    }

    #[inline]
    fn lying(&self, at: u32) -> Option<&TcpConversation> {
        self.awake.get(at as usize)?.as_ref()
    }

    /// Where the hash leads to: see [`FlowTable::likely`].
    #[inline]
    pub fn likely(&self, hash: u32) -> Option<Found> {
        self.places.likely(hash)
    }

    /// The connection that was found, if it is awake.
    #[inline]
    pub fn if_awake(&self, (_, at): Found) -> Option<&TcpConversation> {
        self.lying(at.checked_sub(1)?)
    }

    /// Touches the memory of a connection that rests; what comes of it means nothing.
    #[cold]
    pub fn touch(&self, (slot, _): Found) -> u8 {
        let Some(Place::Rests(r)) = self.places.get(slot) else { return 0 };
        r.octets.iter().step_by(64).fold(0, |all, octet| all ^ octet)
    }

    /// The number of the connection in a slot.
    pub fn stream(&self, slot: u32) -> Option<u32> {
        match self.places.get(slot)? {
            Place::Awake(at) => self.lying(*at).map(|c| c.stream),
            Place::Rests(r) => Some(r.stream),
        }
    }

    /// The connection that was found, which awakes.
    #[inline]
    pub fn wake(&mut self, (slot, at): Found) -> Option<&mut TcpConversation> {
        let at = match at.checked_sub(1) {
            Some(at) => at,
            None => self.unpacked(slot)?,
        };
        self.marks.get_mut(at as usize)?.stirred = true;
        self.awake.get_mut(at as usize)?.as_mut()
    }

    /// The connection in a slot, which awakes.
    pub fn wake_in(&mut self, slot: u32) -> Option<&mut TcpConversation> {
        let at = match self.places.get(slot)? {
            Place::Awake(at) => at + 1,
            Place::Rests(_) => 0,
        };
        self.wake((slot, at))
    }

    /// Unpacks a connection, unless it has been meanwhile; where it lies now.
    #[cold]
    fn unpacked(&mut self, slot: u32) -> Option<u32> {
        let connection = match self.places.get(slot)? {
            Place::Awake(at) => return Some(*at),
            Place::Rests(r) => r.connection()?,
        };
        let at = self.room();
        self.awake[at as usize] = Some(connection);
        self.marks[at as usize] = Mark { slot, stirred: true };
        *self.places.get_mut(slot)? = Place::Awake(at);
        self.places.hint(slot, at + 1);
        Some(at)
    }

    /// Adds a connection; from now on its packets find it, and no longer the `older`.
    #[inline]
    pub fn insert(
        &mut self,
        whose: &Whose,
        connection: impl FnOnce() -> TcpConversation,
        older: Option<u32>,
    ) -> Found {
        let at = self.room();
        let slot = self.places.insert(whose.hash, at + 1, Place::Awake(at), older);
        self.marks[at as usize] = Mark { slot, stirred: true };
        // Made where it will lie: to move it costs as much as to make it.
        self.awake[at as usize] = Some(connection());
        (slot, at + 1)
    }

    /// Where among those that are awake there is room for one.
    #[inline]
    fn room(&mut self) -> u32 {
        if self.free.is_empty() && self.awake.len() >= self.most.saturating_add(self.len() / SHARE) {
            self.rest_one();
        }
        self.free.pop().unwrap_or_else(|| {
            self.awake.push(None);
            self.marks.push(Mark { slot: 0, stirred: false });
            (self.awake.len() - 1) as u32
        })
    }

    /// Packs one: the hand goes round, and whoever was not looked for since it last came by rests.
    #[cold]
    fn rest_one(&mut self) {
        for _ in 0..=2 * self.awake.len() {
            let at = self.hand % self.awake.len();
            self.hand = at + 1;
            if std::mem::take(&mut self.marks[at].stirred) {
                continue;
            }
            let Some(connection) = &mut self.awake[at] else { continue };
            self.scratch.clear();
            self.packer.pack(connection, &mut self.scratch);
            let resting = Resting {
                octets: self.scratch.as_slice().into(),
                stream: connection.stream,
                touched: connection.touched,
                half_open: connection.is_half_open(),
            };
            self.awake[at] = None;
            let slot = self.marks[at].slot;
            if let Some(place) = self.places.get_mut(slot) {
                *place = Place::Rests(resting);
            }
            self.places.hint(slot, 0);
            self.free.push(at as u32);
            return;
        }
    }

    /// Of the connection in a slot: it had no packet since this was last asked of it, or nobody ever
    /// answered. `None` where there is none.
    pub fn may_go(&mut self, slot: u32) -> Option<bool> {
        let (touched, half_open) = match self.places.get_mut(slot)? {
            Place::Rests(r) => (&mut r.touched, r.half_open),
            Place::Awake(at) => {
                let connection = self.awake.get_mut(*at as usize)?.as_mut()?;
                let half_open = connection.is_half_open();
                (&mut connection.touched, half_open)
            }
        };
        Some(!std::mem::take(touched) || half_open)
    }

    /// Lets a connection go, once `told` has seen it.
    pub fn end(&mut self, slot: u32, told: impl FnOnce(&mut TcpConversation)) {
        match self.places.get(slot) {
            None => return,
            Some(Place::Rests(r)) => {
                if let Some(mut connection) = r.connection() {
                    told(&mut connection);
                }
            }
            Some(&Place::Awake(at)) => {
                let Some(awake) = self.awake.get_mut(at as usize) else { return };
                if let Some(connection) = awake {
                    told(connection);
                }
                *awake = None;
                self.free.push(at);
            }
        }
        self.places.remove(slot);
    }

    /// Shows every connection, without waking any.
    pub fn each(&self, mut told: impl FnMut(&TcpConversation)) {
        for place in self.slots().filter_map(|slot| self.places.get(slot)) {
            match place {
                Place::Awake(at) => self.lying(*at).into_iter().for_each(&mut told),
                Place::Rests(r) => r.connection().iter().for_each(&mut told),
            }
        }
    }

    /// Octets of a connection at rest, on average, and how many rest.
    #[cfg(test)]
    pub fn resting(&self) -> (usize, usize) {
        let octets = self.slots().filter_map(|slot| match self.places.get(slot)? {
            Place::Rests(r) => Some(r.octets.len()),
            Place::Awake(_) => None,
        });
        let (sum, n) = octets.fold((0, 0), |(sum, n), octets| (sum + octets, n + 1));
        (sum / n.max(1), n)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::decode::Decoder;
    use crate::source::{CaptureFile, PacketSource};
    use crate::track::{Sink, Tracker, TrackerOptions};

    /// Octets that a connection at rest may take: ARCHITECTURE.md states it.
    const ROOM: usize = 400;

    struct Nobody;

    impl Sink for Nobody {}

    #[test]
    fn a_connection_at_rest_takes_a_third() {
        // Three that have shaken hands and talked, and one of them has left.
        let mut source = CaptureFile::open(Path::new("captures/labs/chat.pcapng.gz")).unwrap();
        let (mut decoder, mut records) = (Decoder::default(), Vec::new());
        while let Some(packet) = source.next_packet().unwrap() {
            decoder.decode(&packet, &mut records);
        }
        let options = TrackerOptions { awake: 1, max_conversations: 100, ..TrackerOptions::default() };
        let mut tracker = Tracker::new(options);
        // As from ten places.
        for realm in 0..10 {
            for record in &records {
                let mut record = *record;
                if let crate::decode::Record::Tcp(segment) = &mut record {
                    segment.ip.src.port ^= realm << 8;
                    segment.ip.dst.port ^= realm << 8;
                }
                tracker.push(&record, &mut Nobody);
            }
        }
        let (octets, many) = tracker.shards()[0].tcp.resting();
        assert!(many >= 8 && octets <= ROOM, "{many} rest, each in {octets} octets");
    }
}
