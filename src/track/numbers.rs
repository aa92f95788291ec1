//! The numbers of conversations: Wireshark's, in the order of their first packets.

use crate::model::Protocol;

/// Gives conversations their numbers, TCP and UDP each their own.
///
/// Where several threads track, each gives numbers of its own and notes after which records;
/// [`Numbers::merge`] says then what they are among all.
#[derive(Debug, Clone, Default)]
pub struct Numbers {
    given: [u32; 2],
    /// Which record of the capture is being tracked; only kept up by a shard of its own.
    pub(super) ordinal: u64,
    /// Of each number, how many records came since the one before: in base 128, the lowest
    /// digits first, all but the last with the high bit set.
    births: Option<[Births; 2]>,
}

#[derive(Debug, Clone, Default)]
struct Births {
    octets: Vec<u8>,
    latest: u64,
}

impl Births {
    fn push(&mut self, ordinal: u64) {
        let mut since = ordinal.saturating_sub(self.latest);
        self.latest = ordinal;
        while since >= 0x80 {
            self.octets.push(since as u8 | 0x80);
            since >>= 7;
        }
        self.octets.push(since as u8);
    }

    /// The record of each number.
    fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        let mut octets = self.octets.iter();
        let mut ordinal = 0;
        std::iter::from_fn(move || {
            let (mut since, mut shift) = (0, 0);
            loop {
                let octet = *octets.next()?;
                since |= u64::from(octet & 0x7f) << shift;
                if octet < 0x80 {
                    break;
                }
                shift += 7;
            }
            ordinal += since;
            Some(ordinal)
        })
    }
}

const fn index(protocol: Protocol) -> usize {
    match protocol {
        Protocol::Tcp => 0,
        Protocol::Udp => 1,
    }
}

impl Numbers {
    /// Numbers of one shard, which [`Numbers::merge`] can make those of all.
    #[must_use]
    pub fn of_a_shard() -> Self {
        Self { births: Some(Default::default()), ..Self::default() }
    }

    /// How many were given.
    #[must_use]
    pub const fn given(&self, protocol: Protocol) -> u32 {
        self.given[index(protocol)]
    }

    /// The next one.
    pub(super) fn next(&mut self, protocol: Protocol) -> u32 {
        let i = index(protocol);
        if let Some(births) = &mut self.births {
            births[i].push(self.ordinal);
        }
        let number = self.given[i];
        self.given[i] = number.wrapping_add(1);
        number
    }

    /// What the numbers of each shard that are below `upto` are among those of all shards.
    #[must_use]
    pub fn merge(shards: &[Self], upto: u32) -> Vec<Merged> {
        let mut merged = vec![Merged::default(); shards.len()];
        for protocol in 0..2 {
            let mut born: Vec<_> = shards
                .iter()
                .map(|shard| shard.births.iter().flat_map(move |b| b[protocol].iter()).peekable())
                .collect();
            let mut number = 0u32;
            loop {
                // No record begins a conversation in two shards.
                let next = born.iter_mut().enumerate().filter_map(|(i, b)| Some((*b.peek()?, i))).min();
                let Some((_, i)) = next else { break };
                born[i].next();
                let of = &mut merged[i].0[protocol];
                if of.len() < upto as usize {
                    of.push(number);
                } else if merged.iter().all(|m| m.0[protocol].len() >= upto as usize) {
                    break;
                }
                number = number.wrapping_add(1);
            }
        }
        merged
    }
}

/// The numbers of a shard among those of all.
#[derive(Debug, Clone, Default)]
pub struct Merged([Vec<u32>; 2]);

impl Merged {
    /// The number among all of what has the number `own` in the shard.
    #[must_use]
    pub fn number(&self, protocol: Protocol, own: u32) -> u32 {
        // Whoever merges says how many are asked for.
        self.0[index(protocol)].get(own as usize).copied().unwrap_or(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_numbers_are_those_that_one_would_have_given() {
        let births = [(0, 0), (1, 2), (0, 130), (2, 131), (2, 20_000), (1, 20_001), (0, 1 << 40)];
        let mut shards = vec![Numbers::of_a_shard(); 3];
        let own: Vec<u32> = births
            .iter()
            .map(|&(shard, ordinal): &(usize, u64)| {
                shards[shard].ordinal = ordinal;
                shards[shard].next(Protocol::Tcp)
            })
            .collect();
        for upto in [1, 2, 100] {
            let merged = Numbers::merge(&shards, upto);
            for (number, (&(shard, _), &own)) in (0..).zip(births.iter().zip(&own)) {
                if own < upto {
                    assert_eq!(merged[shard].number(Protocol::Tcp, own), number);
                }
            }
        }
    }
}
