//! Values in few octets: what rests, and long lists.
//!
//! What is so or not takes a bit. Every figure is a number, and every number takes no more octets than it
//! needs: a nibble says how many those are, and 0 to 7 stand in the nibble itself. Moments are differences
//! from the one before, sequence numbers from one of two before, for there are two directions.
//! What is packed is only ever unpacked by the same program.

mod values;

/// Takes numbers; it is used again and again.
///
/// Both ways a number costs the same whatever its size, without a branch that depends on it: which sizes
/// follow one another nobody could foretell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Packer {
    /// Room for nibbles, two in an octet, the earlier one high; 0 behind those that there are.
    nibbles: Vec<u8>,
    /// Nibbles so far.
    count: usize,
    /// Room for octets.
    octets: Vec<u8>,
    /// Octets so far.
    len: usize,
    /// Bits, the first one lowest.
    bits: Vec<u8>,
    /// Bits so far.
    said: usize,
    time: i64,
    /// The latest sequence numbers of two directions, whichever is which.
    seqs: [u32; 2],
}

/// What is packed begins with four octets: how many octets there are of bits, in so many bits of them, and
/// how many of nibbles.
const BITS: u32 = 12;

/// The nibble of a number, and how many octets it takes beside that.
#[inline]
const fn measured(n: u64) -> (u8, usize) {
    let small = matches!(n, 1..=7);
    let needed = (71 - n.leading_zeros()) / 8;
    if small { (8 + n as u8, 0) } else { (needed as u8, needed as usize) }
}

impl Packer {
    /// Appends `value` to `to`.
    pub fn pack(&mut self, value: &impl Packed, to: &mut Vec<u8>) {
        let used = self.count.div_ceil(2);
        self.nibbles.iter_mut().take(used).for_each(|both| *both = 0);
        self.bits.clear();
        (self.count, self.len, self.said) = (0, 0, 0);
        (self.time, self.seqs) = (0, [0; 2]);
        value.pack(self);
        let used = self.count.div_ceil(2);
        debug_assert!(self.bits.len() < 1 << BITS && used < 1 << (32 - BITS), "the lengths fit");
        to.extend_from_slice(&((used << BITS | self.bits.len()) as u32).to_le_bytes());
        to.extend_from_slice(&self.bits);
        to.extend_from_slice(self.nibbles.get(..used).unwrap_or_default());
        to.extend_from_slice(self.octets.get(..self.len).unwrap_or_default());
    }

    #[inline]
    fn put(&mut self, n: u64) {
        let (nibble, octets) = measured(n);
        if self.octets.len() < self.len + 8 || self.nibbles.len() * 2 <= self.count {
            self.grow();
        }
        if let Some(room) = self.octets.get_mut(self.len..).and_then(<[u8]>::first_chunk_mut) {
            *room = n.to_le_bytes();
        }
        self.len += octets;
        if let Some(both) = self.nibbles.get_mut(self.count / 2) {
            *both |= nibble << (4 - 4 * (self.count % 2));
        }
        self.count += 1;
    }

    #[inline]
    fn bit(&mut self, so: bool) {
        if self.said.is_multiple_of(8) {
            self.bits.push(0);
        }
        if let Some(eight) = self.bits.last_mut() {
            *eight |= u8::from(so) << (self.said % 8);
        }
        self.said += 1;
    }

    #[cold]
    fn grow(&mut self) {
        self.octets.resize(self.octets.len() * 2 + 1024, 0);
        self.nibbles.resize(self.nibbles.len() * 2 + 512, 0);
    }
}

/// Gives the numbers back in the same order.
pub(crate) struct Unpacker<'a> {
    nibbles: &'a [u8],
    /// Nibbles taken.
    count: usize,
    octets: &'a [u8],
    bits: &'a [u8],
    /// Bits taken.
    said: usize,
    time: i64,
    seqs: [u32; 2],
}

impl<'a> Unpacker<'a> {
    /// Begins to read; `None` of what nothing packed.
    pub fn new(from: &'a [u8]) -> Option<Self> {
        let (lengths, rest) = from.split_first_chunk()?;
        let lengths = u32::from_le_bytes(*lengths) as usize;
        let (bits, rest) = rest.split_at_checked(lengths & ((1 << BITS) - 1))?;
        let (nibbles, octets) = rest.split_at_checked(lengths >> BITS)?;
        Some(Self { nibbles, count: 0, octets, bits, said: 0, time: 0, seqs: [0; 2] })
    }

    /// Nothing is left.
    fn is_empty(&self) -> bool {
        self.count >= self.nibbles.len() * 2
    }

    #[inline]
    fn bit(&mut self) -> bool {
        let eight = self.bits.get(self.said / 8).copied().unwrap_or(0);
        self.said += 1;
        eight >> ((self.said - 1) % 8) & 1 != 0
    }

    #[inline]
    fn take(&mut self) -> u64 {
        /// By nibble: the octets it is followed by, the bits of those that count, the number itself.
        const MEANS: [(usize, u64, u64); 16] = {
            let mut all = [(0, 0, 0); 16];
            let mut nibble = 1;
            while nibble < 16 {
                all[nibble] = match nibble {
                    1..=8 => (nibble, u64::MAX >> (64 - 8 * nibble), 0),
                    _ => (0, 0, nibble as u64 - 8),
                };
                nibble += 1;
            }
            all
        };
        let both = self.nibbles.get(self.count / 2).copied().unwrap_or(0);
        let nibble = both >> (4 - 4 * (self.count % 2)) & 15;
        self.count += 1;
        let (len, bits, number) = MEANS[usize::from(nibble)];
        let n = match self.octets.first_chunk() {
            // What does not count belongs to the next number.
            Some(&eight) => u64::from_le_bytes(eight) & bits,
            None => self.octets.iter().take(len).rev().fold(0, |n, &octet| n << 8 | u64::from(octet)),
        };
        self.octets = self.octets.get(len..).unwrap_or_default();
        n + number
    }
}

/// What `from` begins with, and what is behind it.
pub(crate) fn unpack<T: Packed>(from: &[u8]) -> Option<(T, &[u8])> {
    let mut unpacker = Unpacker::new(from)?;
    Some((T::unpack(&mut unpacker), unpacker.octets))
}

/// What can be packed.
pub(crate) trait Packed {
    /// Puts it behind what was put before.
    fn pack(&self, to: &mut Packer);
    /// Takes it, in the same order.
    fn unpack(from: &mut Unpacker<'_>) -> Self;
}

/// One list of fields for both ways; a field that is missing here does not compile.
macro_rules! packed {
    ($($of:ident { $($field:ident),* $(,)? })*) => {$(
        impl $crate::track::packed::Packed for $of {
            #[inline]
            fn pack(&self, to: &mut $crate::track::packed::Packer) {
                $($crate::track::packed::Packed::pack(&self.$field, to);)*
            }

            #[inline]
            fn unpack(from: &mut $crate::track::packed::Unpacker<'_>) -> Self {
                $(let $field = $crate::track::packed::Packed::unpack(from);)*
                Self { $($field),* }
            }
        }
    )*};
}

pub(crate) use packed;
