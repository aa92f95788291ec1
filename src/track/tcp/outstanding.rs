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

/// One list, oldest first. It owns its nodes in the pool: clear it before dropping it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outstanding {
    head: u32,
    tail: u32,
    len: u32,
    /// Every segment starts where the one before it ended or later, so that what is
    /// acknowledged is always at the head.
    sorted: bool,
    /// A segment did not fit: the list no longer knows everything.
    pub overflowed: bool,
}

impl Default for Outstanding {
    fn default() -> Self {
        Self { head: NONE, tail: NONE, len: 0, sorted: true, overflowed: false }
    }
}

impl Outstanding {
    /// Segments that a list holds at most, as in Wireshark.
    pub const MAX: u32 = 10_000;

    /// No segment waits.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Segments that wait.
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Touches the memory of the oldest.
    #[inline]
    pub fn fetch(&self, pool: &Pool) -> u64 {
        pool.nodes.get(self.head as usize).map_or(0, |node| u64::from(node.sent.end.0))
    }

    /// Oldest first.
    pub fn iter<'p>(&self, pool: &'p Pool) -> impl Iterator<Item = &'p Sent> + use<'p> {
        let mut at = self.head;
        std::iter::from_fn(move || {
            let node = pool.nodes.get(at as usize)?;
            at = node.next;
            Some(&node.sent)
        })
    }

    /// Adds the newest segment; false when there is no room for it.
    pub fn push(&mut self, pool: &mut Pool, sent: Sent) -> bool {
        if self.len >= Self::MAX {
            self.overflowed = true;
            return false;
        }
        let Some(index) = pool.take(sent) else {
            self.overflowed = true;
            return false;
        };
        match pool.nodes.get_mut(self.tail as usize) {
            Some(last) => {
                self.sorted &= sent.seq.is_at_or_after(last.sent.end);
                last.next = index;
            }
            None => {
                self.head = index;
                self.sorted = true;
            }
        }
        self.tail = index;
        self.len += 1;
        true
    }

    /// Takes out what `ack` covers. `exact` is shown each segment that ends just there,
    /// oldest first, before it goes.
    pub fn acknowledge(&mut self, pool: &mut Pool, ack: SeqNum, mut exact: impl FnMut(&Sent)) {
        let (mut at, mut before) = (self.head, NONE);
        while let Some(node) = pool.nodes.get_mut(at as usize) {
            let next = node.next;
            let sent = &mut node.sent;
            if sent.end.is_after(ack) {
                if sent.seq.is_before(ack) {
                    sent.seq = ack;
                }
                if self.sorted {
                    return;
                }
                before = at;
            } else {
                if sent.end == ack {
                    exact(sent);
                }
                pool.give_back(at);
                self.len -= 1;
                match pool.nodes.get_mut(before as usize) {
                    Some(previous) => previous.next = next,
                    None => self.head = next,
                }
                if self.tail == at {
                    self.tail = before;
                }
            }
            at = next;
        }
        if self.len == 0 {
            self.sorted = true;
        }
    }

    /// From the lowest octet that waits to the highest, counted from `base`.
    pub fn span(&self, pool: &Pool, base: SeqNum) -> u32 {
        if self.sorted {
            let first = pool.nodes.get(self.head as usize).map(|n| n.sent.seq.relative_to(base));
            let last = pool.nodes.get(self.tail as usize).map(|n| n.sent.end.relative_to(base));
            return first.zip(last).map_or(0, |(a, b)| b.wrapping_sub(a));
        }
        let (low, high) = self.iter(pool).fold((u32::MAX, 0), |(low, high), s| {
            (low.min(s.seq.relative_to(base)), high.max(s.end.relative_to(base)))
        });
        high.wrapping_sub(low)
    }

    /// Gives every node back.
    pub fn clear(&mut self, pool: &mut Pool) {
        let mut at = self.head;
        while let Some(node) = pool.nodes.get(at as usize) {
            let next = node.next;
            pool.give_back(at);
            at = next;
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
        let Self { head, tail, len, sorted, overflowed } = *self;
        sorted.pack(to);
        overflowed.pack(to);
        (len > 0).then_some([head, tail, len]).pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let (sorted, overflowed) = (bool::unpack(from), bool::unpack(from));
        let [head, tail, len] = Option::unpack(from).unwrap_or([NONE, NONE, 0]);
        Self { head, tail, len, sorted, overflowed }
    }
}

#[cfg(test)]
mod tests {
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
        list.iter(pool).map(|s| s.frame).collect()
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
        // Sent again: the list is no longer sorted, and the copy leaves with the original.
        list.push(&mut pool, sent(20, 30, 9));
        list.acknowledge(&mut pool, SeqNum(25), |_| {});
        assert_eq!(list.span(&pool, SeqNum(0)), 25);
        let mut exact = Vec::new();
        list.acknowledge(&mut pool, SeqNum(30), |s| exact.push(s.frame));
        assert_eq!((exact, frames(&list, &pool)), (vec![2, 9], vec![3, 4]));
        list.clear(&mut pool);
        assert_eq!((pool.live(), pool.nodes.len()), (0, 5));
    }

    #[test]
    fn a_full_list_says_so() {
        let (mut pool, mut list) = (Pool::default(), Outstanding::default());
        for i in 0..Outstanding::MAX {
            assert!(list.push(&mut pool, sent(i, i + 1, 0)));
        }
        assert!(!list.push(&mut pool, sent(0, 1, 0)) && list.overflowed);
    }
}
