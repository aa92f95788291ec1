//! What is remembered of one direction of a connection.

use crate::track::packed::packed;
use crate::track::traffic::Counts;

use super::label::LabelSide;
use super::state::StateSide;
use super::stats::Stats;
use super::verdict::SideMemory;

/// One direction: what its sender sent, and the state that this shows it in. In whole cache
/// lines, so that [`Half::touch`] can touch each of them.
#[derive(Debug, Clone, Default)]
#[repr(align(64))]
pub(super) struct Half {
    /// Packets and octets.
    pub counts: Counts,
    /// What Wireshark's labels need.
    pub labels: LabelSide,
    /// The sender's state.
    pub state: StateSide,
    /// The sender's figures.
    pub stats: Stats,
    /// What the verdicts need.
    pub memory: SideMemory,
}

/// `touch`, by a number of each cache line, and where those numbers lie.
macro_rules! touch {
    ($($($field:tt).+),+) => {
        /// Touches each cache line; what comes of it means nothing.
        #[inline]
        pub(super) fn touch(&self) -> u64 {
            0 $(^ self.$($field).+ as u64)+
        }

        #[cfg(test)]
        pub(super) const TOUCHED: &[usize] = &[$(std::mem::offset_of!(Self, $($field).+)),+];
    };
}

pub(super) use touch;

impl Half {
    touch! {
        labels.next_frame, labels.last_ack.0, memory.newest.1, memory.duplicate_acks, stats.idle_max,
        stats.data_segments, counts.packets
    }

    /// Sender and receiver of a packet in direction `dir`.
    #[inline]
    pub fn both(halves: &mut [Self; 2], dir: usize) -> (&mut Self, &mut Self) {
        let [a, b] = halves;
        if dir == 0 { (a, b) } else { (b, a) }
    }
}

packed! { Half { counts, labels, state, stats, memory } }
