//! Segments that were sent and are not acknowledged yet: one short list for each side of
//! each connection, all of them in one arena, so that nothing is allocated per packet.

use crate::model::{SeqNum, Timestamp};
use crate::track::packed::{Packed, Packer, Unpacker};

/// A segment that waits for its acknowledgment.
#[derive(Debug, Clone, Copy)]
pub(in crate::track) struct Sent {
    /// First octet not yet acknowledged.
    pub seq: SeqNum,
    /// One past its last octet; SYN and FIN count as one together.
    pub end: SeqNum,
    pub frame: u64,
    pub ts: Timestamp,
    /// TSval, 0 without the option.
    pub tsval: u32,
    pub ip_id: u16,
    pub ttl: u8,
    /// It carries octets that were sent before.
    pub resent: bool,
}

const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Node {
    sent: Sent,
    next: u32,
}

/// The arena of all lists of one tracker.
#[derive(Debug)]
pub(in crate::track) struct Pool {
    nodes: Vec<Node>,
    free: u32,
    live: usize,
}

impl Default for Pool {
    fn default() -> Self {
        Self { nodes: Vec::new(), free: NONE, live: 0 }
    }
}

/// One list. It owns its nodes in the pool: clear it before dropping it.
///
/// Nearly every segment starts where the one before it ended or later. Those that do not, sent again or late, are
/// kept beside them: so what is acknowledged of the others is always at their head, and what waits lies between
/// their first and their last, however many there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outstanding {
    /// Each starts where the one before it ended or later: the oldest, and the newest.
    head: u32,
    tail: u32,
    /// Those that started below the end of the others when they came: the newest of them, which leads to the older.
    below: u32,
    /// How many those are, and how many there are in all.
    below_len: u16,
    len: u16,
    /// A segment did not fit: the list no longer knows everything.
    pub overflowed: bool,
}

impl Default for Outstanding {
    fn default() -> Self {
        Self { head: NONE, tail: NONE, below: NONE, below_len: 0, len: 0, overflowed: false }
    }
}

impl Outstanding {
    /// Segments that a list holds at most, as in Wireshark.
    pub const MAX: u16 = 10_000;
    /// Segments among them that were sent again or came late: whatever is sent next is compared with each.
    pub const MAX_BELOW: u16 = 1_000;

    /// No segment waits.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Segments that wait.
    pub const fn len(&self) -> u16 {
        self.len
    }

    /// Touches the memory of the oldest of those in order.
    #[inline]
    pub fn fetch(&self, pool: &Pool) -> u64 {
        pool.nodes.get(self.head as usize).map_or(0, |node| u64::from(node.sent.end.0))
    }

    /// The oldest for which `is` holds.
    pub fn oldest<'p>(&self, pool: &'p Pool, is: impl Fn(&Sent) -> bool) -> Option<&'p Sent> {
        let ahead = pool.chain(self.head).find(|sent| is(sent));
        let below = pool.chain(self.below).filter(|sent| is(sent)).last();
        ahead.into_iter().chain(below).min_by_key(|sent| sent.frame)
    }

    /// The newest for which `is` holds.
    pub fn newest<'p>(&self, pool: &'p Pool, is: impl Fn(&Sent) -> bool) -> Option<&'p Sent> {
        let ahead = pool.chain(self.head).filter(|sent| is(sent)).last();
        let below = pool.chain(self.below).find(|sent| is(sent));
        ahead.into_iter().chain(below).max_by_key(|sent| sent.frame)
    }

    /// Adds the newest segment; false when there is no room for it.
    pub fn push(&mut self, pool: &mut Pool, sent: Sent) -> bool {
        let below = pool.get(self.tail).is_some_and(|last| sent.seq.is_before(last.end));
        let room = self.len < Self::MAX && !(below && self.below_len >= Self::MAX_BELOW);
        let Some(index) = room.then(|| pool.take(sent)).flatten() else {
            self.overflowed = true;
            return false;
        };
        if below {
            pool.lead(index, self.below);
            self.below = index;
            self.below_len += 1;
        } else {
            match pool.nodes.get_mut(self.tail as usize) {
                Some(last) => last.next = index,
                None => self.head = index,
            }
            self.tail = index;
        }
        self.len += 1;
        true
    }

    /// Takes out what `ack` covers. `exact` is shown each segment that ends just there before it goes.
    pub fn acknowledge(&mut self, pool: &mut Pool, ack: SeqNum, mut exact: impl FnMut(&Sent)) {
        while let Some(next) = pool.cover(self.head, ack, &mut exact) {
            self.len -= 1;
            self.head = next;
            if next == NONE {
                self.tail = NONE;
            }
        }
        if self.below != NONE {
            self.acknowledge_below(pool, ack, &mut exact);
        }
    }

    /// The same of those that came again or late: any of them may be covered.
    fn acknowledge_below(&mut self, pool: &mut Pool, ack: SeqNum, exact: &mut dyn FnMut(&Sent)) {
        let (mut at, mut newer) = (self.below, NONE);
        while at != NONE {
            if let Some(next) = pool.cover(at, ack, exact) {
                self.len -= 1;
                self.below_len -= 1;
                match newer {
                    NONE => self.below = next,
                    newer => pool.lead(newer, next),
                }
                at = next;
            } else {
                newer = at;
                at = pool.nodes.get(at as usize).map_or(NONE, |node| node.next);
            }
        }
    }

    /// From the lowest octet that waits to the highest, counted from `base`.
    pub fn span(&self, pool: &Pool, base: SeqNum) -> u32 {
        let first = pool.get(self.head).map(|sent| sent.seq.relative_to(base));
        let last = pool.get(self.tail).map(|sent| sent.end.relative_to(base));
        if self.below == NONE {
            return first.zip(last).map_or(0, |(a, b)| b.wrapping_sub(a));
        }
        let widen = |(low, high): (u32, u32), sent: &Sent| {
            (low.min(sent.seq.relative_to(base)), high.max(sent.end.relative_to(base)))
        };
        let ahead = match first.zip(last) {
            Some((first, last)) if first <= last => (first, last),
            // None at all, or they lie on both sides of the base.
            _ => pool.chain(self.head).fold((u32::MAX, 0), widen),
        };
        let (low, high) = pool.chain(self.below).fold(ahead, widen);
        high.wrapping_sub(low)
    }

    /// Gives every node back.
    pub fn clear(&mut self, pool: &mut Pool) {
        for mut at in [self.head, self.below] {
            while let Some(node) = pool.nodes.get(at as usize) {
                let next = node.next;
                pool.give_back(at);
                at = next;
            }
        }
        *self = Self::default();
    }
}

impl Pool {
    /// Segments of all connections together: 1.5 M of them take 60 MB.
    const MAX: usize = 1_500_000;

    fn take(&mut self, sent: Sent) -> Option<u32> {
        let node = Node { sent, next: NONE };
        let index = self.free;
        if let Some(slot) = self.nodes.get_mut(index as usize) {
            self.free = slot.next;
            *slot = node;
            self.live += 1;
            return Some(index);
        }
        if self.nodes.len() >= Self::MAX {
            return None;
        }
        self.nodes.push(node);
        self.live += 1;
        Some((self.nodes.len() - 1) as u32)
    }

    fn get(&self, index: u32) -> Option<&Sent> {
        self.nodes.get(index as usize).map(|node| &node.sent)
    }

    /// From a node to those that it leads to.
    fn chain(&self, from: u32) -> impl Iterator<Item = &Sent> {
        let mut at = from;
        std::iter::from_fn(move || {
            let node = self.nodes.get(at as usize)?;
            at = node.next;
            Some(&node.sent)
        })
    }

    /// Has a node lead to another.
    fn lead(&mut self, index: u32, next: u32) {
        if let Some(node) = self.nodes.get_mut(index as usize) {
            node.next = next;
        }
    }

    /// Gives a node back if `ack` covers its segment, shown to `exact` if it ends just there: what it led to. `None`
    /// where some of it still waits.
    #[inline]
    fn cover(&mut self, index: u32, ack: SeqNum, exact: &mut (impl FnMut(&Sent) + ?Sized)) -> Option<u32> {
        let node = self.nodes.get_mut(index as usize)?;
        let (sent, next) = (&mut node.sent, node.next);
        if sent.end.is_after(ack) {
            if sent.seq.is_before(ack) {
                sent.seq = ack;
            }
            return None;
        }
        if sent.end == ack {
            exact(sent);
        }
        self.give_back(index);
        Some(next)
    }

    fn give_back(&mut self, index: u32) {
        if let Some(node) = self.nodes.get_mut(index as usize) {
            node.next = self.free;
            self.free = index;
            self.live -= 1;
        }
    }

    /// Nodes in use.
    #[cfg(test)]
    pub const fn live(&self) -> usize {
        self.live
    }
}

/// What holds nothing is nowhere.
impl Packed for Outstanding {
    fn pack(&self, to: &mut Packer) {
        let Self { head, tail, below, below_len, len, overflowed } = *self;
        overflowed.pack(to);
        (len > 0).then_some(([head, tail], len)).pack(to);
        (below != NONE).then_some((below, below_len)).pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let overflowed = bool::unpack(from);
        let ([head, tail], len) = Option::unpack(from).unwrap_or(([NONE; 2], 0));
        let (below, below_len) = Option::unpack(from).unwrap_or((NONE, 0));
        Self { head, tail, below, below_len, len, overflowed }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(seq: u32, end: u32, frame: u64) -> Sent {
        Sent {
            seq: SeqNum(seq),
            end: SeqNum(end),
            frame,
            ts: Timestamp(0),
            tsval: 0,
            ip_id: 0,
            ttl: 64,
            resent: false,
        }
    }

    fn frames(list: &Outstanding, pool: &Pool) -> Vec<u64> {
        let mut frames: Vec<_> =
            pool.chain(list.head).chain(pool.chain(list.below)).map(|s| s.frame).collect();
        frames.sort_unstable();
        frames
    }

    #[test]
    fn a_segment_that_waits_takes_40_octets() {
        assert_eq!(size_of::<Node>(), 40);
    }

    #[test]
    fn what_is_acknowledged_leaves_and_its_node_is_used_again() {
        let (mut pool, mut list) = (Pool::default(), Outstanding::default());
        for (i, seq) in (0..50u32).step_by(10).enumerate() {
            assert!(list.push(&mut pool, sent(seq, seq + 10, i as u64)));
        }
        let mut exact = Vec::new();
        list.acknowledge(&mut pool, SeqNum(20), |s| exact.push(s.frame));
        assert_eq!((exact, frames(&list, &pool)), (vec![1], vec![2, 3, 4]));
        assert_eq!(list.span(&pool, SeqNum(0)), 30);
        // Sent again: it is listed as the newest, and leaves with the original.
        list.push(&mut pool, sent(20, 30, 9));
        list.push(&mut pool, sent(50, 60, 10));
        list.push(&mut pool, sent(25, 30, 11));
        assert_eq!((frames(&list, &pool), list.len()), (vec![2, 3, 4, 9, 10, 11], 6));
        let within = |from: u32| move |s: &Sent| s.seq.0 >= from && s.seq.0 < 40;
        let oldest = |from| list.oldest(&pool, within(from)).map(|s| s.frame);
        assert_eq!([0, 21, 26, 31].map(oldest), [Some(2), Some(3), Some(3), None]);
        let newest = |from| list.newest(&pool, within(from)).map(|s| s.frame);
        assert_eq!([0, 26, 31].map(newest), [Some(11), Some(3), None]);
        list.acknowledge(&mut pool, SeqNum(25), |_| {});
        assert_eq!(list.span(&pool, SeqNum(0)), 35);
        let mut exact = Vec::new();
        list.acknowledge(&mut pool, SeqNum(30), |s| exact.push(s.frame));
        assert_eq!((exact, frames(&list, &pool)), (vec![2, 11, 9], vec![3, 4, 10]));
        // Late, and all that waits: it lies below what was acknowledged since.
        list.push(&mut pool, sent(5, 15, 12));
        assert_eq!(list.span(&pool, SeqNum(0)), 55);
        list.acknowledge(&mut pool, SeqNum(60), |_| {});
        assert_eq!((frames(&list, &pool), list.len()), (vec![], 0));
        list.push(&mut pool, sent(60, 70, 13));
        list.push(&mut pool, sent(60, 65, 14));
        list.clear(&mut pool);
        assert_eq!((pool.live(), pool.nodes.len(), list.len()), (0, 6, 0));
    }

    proptest! {
        /// Whatever comes again, late or beyond a hole: all that is asked of it is as of a list that is
        /// gone through from end to end.
        #[test]
        fn it_is_as_a_plain_list(
            steps in prop::collection::vec((0u32..90, 1u32..30, 0u8..3), 1..80),
            from in prop::sample::select(vec![0, 7, u32::MAX - 60, u32::MAX - 5]),
            base in prop::sample::select(vec![0, 40]),
        ) {
            let base = SeqNum(from).plus(base);
            let (mut pool, mut list, mut plain) = (Pool::default(), Outstanding::default(), Vec::<Sent>::new());
            for (frame, (at, len, kind)) in (1..).zip(steps) {
                let at = SeqNum(from).plus(at);
                if kind > 0 {
                    let segment = sent(at.0, at.plus(len).0, frame);
                    prop_assert!(list.push(&mut pool, segment));
                    plain.push(segment);
                } else {
                    let ack = at;
                    let mut exact = Vec::new();
                    list.acknowledge(&mut pool, ack, |s| exact.push(s.frame));
                    exact.sort_unstable();
                    let ends: Vec<_> = plain.iter().filter(|s| s.end == ack).map(|s| s.frame).collect();
                    prop_assert_eq!(exact, ends);
                    plain.retain(|s| s.end.is_after(ack));
                    plain.iter_mut().filter(|s| s.seq.is_before(ack)).for_each(|s| s.seq = ack);
                }
                prop_assert_eq!(frames(&list, &pool), plain.iter().map(|s| s.frame).collect::<Vec<_>>());
                prop_assert_eq!(usize::from(list.len()), plain.len());
                let low = plain.iter().map(|s| s.seq.relative_to(base)).min();
                let high = plain.iter().map(|s| s.end.relative_to(base)).max();
                let in_order = plain.first().zip(plain.last()).map(|(a, b)| b.end.relative_to(a.seq));
                let span = match low.zip(high) {
                    // As it was: numbers on both sides of the base are understood where all are in order.
                    _ if list.below == NONE => in_order.unwrap_or(0),
                    span => span.map_or(0, |(low, high)| high.wrapping_sub(low)),
                };
                prop_assert_eq!(list.span(&pool, base), span);
                let is = |s: &Sent| s.seq.is_at_or_after(at);
                let (oldest, newest) = (plain.iter().find(|s| is(s)), plain.iter().rfind(|s| is(s)));
                prop_assert_eq!(list.oldest(&pool, is).map(|s| s.frame), oldest.map(|s| s.frame));
                prop_assert_eq!(list.newest(&pool, is).map(|s| s.frame), newest.map(|s| s.frame));
            }
            list.clear(&mut pool);
            prop_assert_eq!(pool.live(), 0);
        }
    }

    #[test]
    fn a_full_list_says_so() {
        let (mut pool, mut list) = (Pool::default(), Outstanding::default());
        for i in 0..u32::from(Outstanding::MAX) {
            assert!(list.push(&mut pool, sent(i, i + 1, 0)));
        }
        assert!(!list.push(&mut pool, sent(0, 1, 0)) && list.overflowed);
        let mut list = Outstanding::default();
        for i in (1..=u32::from(Outstanding::MAX_BELOW) + 1).rev() {
            assert!(list.push(&mut pool, sent(i, i + 1, 0)) && !list.overflowed, "{i}");
        }
        assert!(!list.push(&mut pool, sent(0, 1, 0)) && list.overflowed);
        assert!(list.push(&mut pool, sent(5_000, 5_001, 0)), "what is new has room");
    }
}
