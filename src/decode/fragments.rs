//! IP reassembly (RFC 791 section 3.2, RFC 8200 section 4.5), bounded.

use std::collections::VecDeque;
use std::net::IpAddr;

use foldhash::quality::RandomState;
use hashbrown::HashMap;

use crate::model::Timestamp;

use super::problem::Problem;

/// What makes fragments belong to one datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct FragmentKey {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub id: u32,
    pub protocol: u8,
    pub realm: u32,
}

/// Where a fragment lies in its datagram.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    /// Octets from the start of the datagram's payload.
    pub offset: usize,
    /// There are octets after it.
    pub more: bool,
}

/// A datagram being put together.
#[derive(Debug, Default)]
struct Partial {
    octets: Vec<u8>,
    /// Stretches `[start, end)` that are there, sorted, not touching.
    have: Vec<(usize, usize)>,
    /// Its whole length, once the last fragment came.
    len: Option<usize>,
    /// Tells this one from an earlier datagram with the same key, in `order`.
    serial: u64,
    /// Fragments so far.
    pieces: usize,
    last: Timestamp,
}

/// Datagrams that wait for more fragments.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    waiting: HashMap<FragmentKey, Partial, RandomState>,
    /// Keys in the order their first fragment came, for giving up the oldest.
    order: VecDeque<(FragmentKey, u64)>,
    held: usize,
    serial: u64,
    spare: Vec<Vec<u8>>,
}

impl Reassembly {
    /// Octets held for datagrams that are not whole.
    const MAX_HELD: usize = 16 << 20;
    /// Datagrams that may wait at once.
    const MAX_WAITING: usize = 4096;
    /// Keys in `order` at most: those of datagrams that are whole again are among them.
    const MAX_ORDER: usize = 4 * Self::MAX_WAITING;
    /// Separate stretches of one datagram; each is at least 8 octets of 65,535.
    const MAX_STRETCHES: usize = 8192;
    /// The longest payload an IP datagram can have.
    const MAX_DATAGRAM: usize = 65_535;

    /// Adds a fragment. The whole datagram's payload once it is there.
    ///
    /// # Errors
    /// A problem when the fragment cannot belong to the datagram.
    pub fn add(
        &mut self,
        key: FragmentKey,
        piece: Piece,
        data: &[u8],
        ts: Timestamp,
    ) -> Result<Option<Vec<u8>>, Problem> {
        let end = piece.offset + data.len();
        if end > Self::MAX_DATAGRAM || (piece.more && data.is_empty()) {
            return Err(Problem::BadFragment);
        }
        let dropped = self.make_room(data.len());
        let spare = &mut self.spare;
        let serial = &mut self.serial;
        let order = &mut self.order;
        let partial = self.waiting.entry(key).or_insert_with(|| {
            *serial += 1;
            order.push_back((key, *serial));
            Partial { octets: spare.pop().unwrap_or_default(), serial: *serial, ..Partial::default() }
        });
        partial.last = ts;
        partial.pieces += 1;
        if !piece.more {
            match partial.len {
                Some(len) if len != end => return Err(Problem::BadFragment),
                _ => partial.len = Some(end),
            }
        }
        if partial.len.is_some_and(|len| end > len) || partial.have.len() >= Self::MAX_STRETCHES {
            return Err(Problem::BadFragment);
        }
        let before = partial.octets.len();
        if before < end {
            partial.octets.resize(end, 0);
            self.held += end - before;
        }
        let clash = partial.place(piece.offset, data);
        let whole = partial.len.is_some_and(|len| partial.have == [(0, len)]);
        if whole && let Some(mut done) = self.waiting.remove(&key) {
            self.held -= done.octets.len();
            done.octets.truncate(done.len.unwrap_or(done.octets.len()));
            return Ok(Some(done.octets));
        }
        match (clash, dropped) {
            (true, _) => Err(Problem::BadFragment),
            (_, true) => Err(Problem::FragmentsDropped),
            _ => Ok(None),
        }
    }

    /// Takes back the buffer of a datagram that has been decoded.
    pub fn recycle(&mut self, mut octets: Vec<u8>) {
        if self.spare.len() < 16 {
            octets.clear();
            self.spare.push(octets);
        }
    }

    /// Gives up the oldest datagrams until `more` octets fit.
    fn make_room(&mut self, more: usize) -> bool {
        let mut dropped = false;
        while self.held + more > Self::MAX_HELD || self.waiting.len() >= Self::MAX_WAITING {
            let Some((key, serial)) = self.order.pop_front() else { break };
            if self.waiting.get(&key).is_some_and(|p| p.serial == serial)
                && let Some(old) = self.waiting.remove(&key)
            {
                self.held -= old.octets.len();
                self.recycle(old.octets);
                dropped = true;
            }
        }
        // Keys of datagrams that were completed leave with the oldest that wait, and before
        // that if it waits too long.
        if self.order.len() > Self::MAX_ORDER {
            let waiting = &self.waiting;
            self.order.retain(|(key, serial)| waiting.get(key).is_some_and(|p| p.serial == *serial));
        }
        while let Some(&(key, serial)) = self.order.front() {
            if self.waiting.get(&key).is_some_and(|p| p.serial == serial) {
                break;
            }
            self.order.pop_front();
        }
        dropped
    }
}

impl Partial {
    /// Writes `data` at `offset`, keeping what came first where they overlap (as Linux
    /// and tshark do); true when the overlap differs.
    fn place(&mut self, offset: usize, data: &[u8]) -> bool {
        let (start, end) = (offset, offset + data.len());
        let mut clash = false;
        let mut at = start;
        let near = self.have.partition_point(|&(_, b)| b <= start);
        for &(a, b) in self.have.get(near..).unwrap_or_default() {
            if a >= end {
                break;
            }
            if at < a {
                self.octets[at..a].copy_from_slice(&data[at - start..a - start]);
            }
            let (from, to) = (a.max(at), b.min(end));
            clash |= self.octets[from..to] != data[from - start..to - start];
            at = to;
        }
        if at < end {
            self.octets[at..end].copy_from_slice(&data[at - start..end - start]);
        }
        let first = self.have.partition_point(|&(_, b)| b < start);
        let last = self.have.partition_point(|&(a, _)| a <= end);
        let merged = self.have[first..last].iter().fold((start, end), |(s, e), &(a, b)| (s.min(a), e.max(b)));
        self.have.splice(first..last, [merged]);
        clash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: u32) -> FragmentKey {
        let addr = IpAddr::from([10, 0, 0, 1]);
        FragmentKey { src: addr, dst: addr, id, protocol: 17, realm: 0 }
    }

    fn piece(offset: usize, more: bool) -> Piece {
        Piece { offset, more }
    }

    #[test]
    fn any_order_makes_the_same_datagram() {
        let octets: Vec<u8> = (0..100u8).collect();
        let parts = [(0usize, 40usize), (40, 80), (80, 100)];
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1], [0, 2, 1], [1, 2, 0]] {
            let mut r = Reassembly::default();
            let mut result = None;
            for (n, i) in order.into_iter().enumerate() {
                let (a, b) = parts[i];
                result = r.add(key(1), piece(a, b != 100), &octets[a..b], Timestamp(0)).unwrap();
                assert_eq!(result.is_some(), n == 2);
            }
            assert_eq!(result.as_deref(), Some(&octets[..]));
            assert_eq!(r.held, 0);
        }
    }

    #[test]
    fn what_cannot_fit_is_named() {
        let mut r = Reassembly::default();
        assert_eq!(r.add(key(1), piece(65_528, false), &[0; 16], Timestamp(0)), Err(Problem::BadFragment));
        assert_eq!(r.add(key(2), piece(0, true), &[1; 16], Timestamp(0)), Ok(None));
        assert_eq!(r.add(key(2), piece(8, true), &[2; 16], Timestamp(0)), Err(Problem::BadFragment));
        assert_eq!(r.add(key(3), piece(8, false), &[2; 8], Timestamp(0)), Ok(None));
        assert_eq!(r.add(key(3), piece(8, false), &[2; 16], Timestamp(0)), Err(Problem::BadFragment));
    }

    #[test]
    fn what_is_whole_leaves_nothing_behind_one_that_waits() {
        let mut r = Reassembly::default();
        assert_eq!(r.add(key(0), piece(0, true), &[0; 8], Timestamp(0)), Ok(None));
        for id in 1..100_000 {
            assert_eq!(r.add(key(id), piece(0, true), &[0; 8], Timestamp(0)), Ok(None));
            assert!(r.add(key(id), piece(8, false), &[0; 8], Timestamp(0)).unwrap().is_some());
        }
        assert_eq!(r.waiting.len(), 1);
        assert!(r.order.len() <= Reassembly::MAX_ORDER + 1, "{}", r.order.len());
    }

    #[test]
    fn any_stretches_make_the_datagram_that_octet_by_octet_would() {
        // Every start and length within 32 units of 8 octets, by a generator that repeats itself.
        let (mut random, mut r) = (1u32, Reassembly::default());
        for id in 0..300 {
            let (mut model, mut whole) = ([None::<u8>; 256], None);
            let mut clash = false;
            for n in 0..200u8 {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let start = (random >> 8) as usize % 32 * 8;
                let len = ((random >> 16) as usize % 6 + 1) * 8;
                let (end, data) = ((start + len).min(256), vec![n; len]);
                let data = &data[..end - start];
                let differs = model[start..end].iter().flatten().any(|octet| *octet != n);
                model[start..end].iter_mut().for_each(|octet| *octet = octet.or(Some(n)));
                clash |= differs;
                match r.add(key(id), piece(start, end < 256), data, Timestamp(0)) {
                    Ok(Some(datagram)) => {
                        whole = Some(datagram);
                        break;
                    }
                    Ok(None) => assert!(!differs),
                    Err(problem) => assert!(differs && problem == Problem::BadFragment),
                }
            }
            let model: Option<Vec<u8>> = model.into_iter().collect();
            assert!(whole.is_some() && whole == model, "{id}, clash: {clash}");
        }
    }

    #[test]
    fn a_flood_of_first_fragments_stays_bounded() {
        let mut r = Reassembly::default();
        let mut dropped = 0;
        for id in 0..20_000 {
            dropped += usize::from(
                r.add(key(id), piece(0, true), &[0; 1480], Timestamp(0)) == Err(Problem::FragmentsDropped),
            );
        }
        assert!(r.held <= Reassembly::MAX_HELD && r.waiting.len() <= Reassembly::MAX_WAITING);
        assert_eq!(dropped, 20_000 - Reassembly::MAX_WAITING);
    }
}
