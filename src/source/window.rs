//! A window over a stream of octets: what is wanted next is read ahead into one
//! block, and frames are borrowed from it where they lie.

use std::io::{self, ErrorKind, Read};

/// Octets read ahead at a time.
const BLOCK: usize = 1 << 19;

/// A block reader. It grows only as octets really arrive, so a length that a
/// stranger wrote allocates nothing by itself.
pub(crate) struct Window {
    input: Box<dyn Read + Send>,
    block: Vec<u8>,
    /// Where in `block` the unread octets start and end.
    start: usize,
    end: usize,
    /// Octets of the stream before `block`.
    before: u64,
    ended: bool,
}

impl Window {
    /// A window at the start of `input`.
    pub(crate) fn new(input: Box<dyn Read + Send>) -> Self {
        Self { input, block: Vec::new(), start: 0, end: 0, before: 0, ended: false }
    }

    /// Octets of the stream before what is unread.
    #[inline]
    pub(crate) fn offset(&self) -> u64 {
        self.before + self.start as u64
    }

    /// Makes at least `need` octets available, fewer only where the stream ends;
    /// how many are.
    #[inline]
    pub(crate) fn fill(&mut self, need: usize) -> io::Result<usize> {
        let have = self.end - self.start;
        if have >= need { Ok(have) } else { self.read_more(need) }
    }

    /// The unread octets that [`fill`](Self::fill) made available.
    #[inline]
    pub(crate) fn ahead(&self) -> &[u8] {
        self.block.get(self.start..self.end).unwrap_or_default()
    }

    /// Steps over `n` octets (at most those available) and hands them out.
    #[inline]
    pub(crate) fn take(&mut self, n: usize) -> &[u8] {
        let from = self.start;
        self.start = (from + n).min(self.end);
        self.block.get(from..self.start).unwrap_or_default()
    }

    /// The last `n` octets stepped over; they stay until the next `fill`.
    pub(crate) fn behind(&self, n: usize) -> &[u8] {
        self.block.get(self.start.saturating_sub(n)..self.start).unwrap_or_default()
    }

    /// Steps over `n` octets without keeping them; how many there were.
    pub(crate) fn skip(&mut self, n: u64) -> io::Result<u64> {
        let mut left = n;
        while left > 0 {
            let have = self.fill(1)?;
            if have == 0 {
                break;
            }
            let step = usize::try_from(left).unwrap_or(usize::MAX).min(have);
            self.start += step;
            left -= step as u64;
        }
        Ok(n - left)
    }

    /// Forgets what is unread and reads no more.
    pub(crate) fn close(&mut self) {
        self.start = self.end;
        self.ended = true;
    }

    #[cold]
    fn read_more(&mut self, need: usize) -> io::Result<usize> {
        if self.start > 0 {
            self.block.copy_within(self.start..self.end, 0);
            self.before += self.start as u64;
            self.end -= self.start;
            self.start = 0;
        }
        while self.end < need && !self.ended {
            if self.end == self.block.len() {
                // Not far beyond what is needed: a stranger decides how much that is.
                let enough = need.div_ceil(BLOCK).saturating_mul(BLOCK);
                let larger = (self.block.len() * 2).min(enough).max(self.block.len() + BLOCK);
                self.block.resize(larger, 0);
            }
            let Some(room) = self.block.get_mut(self.end..) else { break };
            match self.input.read(room) {
                Ok(0) => self.ended = true,
                Ok(n) => self.end += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out `0`s, at most `step` at a time.
    struct Zeros {
        left: usize,
        step: usize,
    }

    impl Read for Zeros {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = buf.len().min(self.step).min(self.left);
            self.left -= n;
            Ok(n)
        }
    }

    #[test]
    fn a_length_that_is_not_there_allocates_nothing() {
        let mut window = Window::new(Box::new(Zeros { left: 100, step: 7 }));
        assert_eq!(window.fill(usize::MAX / 4).unwrap(), 100);
        assert_eq!(window.block.len(), BLOCK);
    }

    #[test]
    fn what_is_there_takes_no_more_than_it_is() {
        let need = 9 * BLOCK + 1;
        let mut window = Window::new(Box::new(Zeros { left: 20 * BLOCK, step: usize::MAX }));
        assert!(window.fill(need).unwrap() >= need);
        assert_eq!(window.block.len(), 10 * BLOCK);
    }

    #[test]
    fn offsets_go_on_across_blocks_and_skips() {
        let mut window = Window::new(Box::new(Zeros { left: 5 * BLOCK, step: 4096 }));
        assert_eq!(window.skip(3 * BLOCK as u64 + 5).unwrap(), 3 * BLOCK as u64 + 5);
        assert!(window.fill(BLOCK).unwrap() >= BLOCK);
        assert_eq!(window.take(BLOCK).len(), BLOCK);
        assert_eq!(window.behind(10).len(), 10);
        assert_eq!(window.offset(), 4 * BLOCK as u64 + 5);
        assert_eq!(window.skip(u64::MAX).unwrap(), BLOCK as u64 - 5);
    }
}
