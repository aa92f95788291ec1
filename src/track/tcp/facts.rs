//! What the tracker needs of a segment's options, read once.

use crate::decode::{SackBlocks, TcpOption, TcpOptions};

/// The options that matter to tracking.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::track) struct OptionFacts {
    pub mss: Option<u16>,
    pub window_scale: Option<u8>,
    pub sack_permitted: bool,
    /// TSval and TSecr.
    pub timestamps: Option<(u32, u32)>,
    pub sack: SackBlocks,
    pub fast_open: bool,
}

impl OptionFacts {
    #[inline]
    pub fn read(octets: &[u8]) -> Self {
        match octets {
            [] => Self::default(),
            // What nearly every data segment has: two octets of padding and timestamps.
            [1, 1, 8, 10, a, b, c, d, e, f, g, h] => Self {
                timestamps: Some((
                    u32::from_be_bytes([*a, *b, *c, *d]),
                    u32::from_be_bytes([*e, *f, *g, *h]),
                )),
                ..Self::default()
            },
            _ => Self::walk(octets),
        }
    }

    fn walk(octets: &[u8]) -> Self {
        let mut facts = Self::default();
        for option in TcpOptions::new(octets) {
            match option {
                TcpOption::MaxSegmentSize(n) => facts.mss = Some(n),
                TcpOption::WindowScale(n) => facts.window_scale = Some(n.min(14)),
                TcpOption::SackPermitted => facts.sack_permitted = true,
                TcpOption::Sack(blocks) => facts.sack = blocks,
                TcpOption::Timestamps { value, echo } => facts.timestamps = Some((value, echo)),
                TcpOption::FastOpen(_) | TcpOption::FastOpenExperimental(_) => facts.fast_open = true,
                _ => {}
            }
        }
        facts
    }
}
