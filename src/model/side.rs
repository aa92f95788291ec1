//! The two ends of a conversation.

use std::ops::{Index, IndexMut};

/// Which end sent something, in Zeek's words.
///
/// For TCP the originator is the sender of the SYN where one was seen; otherwise
/// the roles are a guess and the report says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The originator (client).
    Orig,
    /// The responder (server).
    Resp,
}

impl Side {
    /// The other end.
    #[must_use]
    #[inline]
    pub const fn other(self) -> Self {
        match self {
            Self::Orig => Self::Resp,
            Self::Resp => Self::Orig,
        }
    }

    /// 0 for the originator, 1 for the responder.
    #[must_use]
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// `orig` or `resp`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Orig => "orig",
            Self::Resp => "resp",
        }
    }

    /// Both sides, originator first.
    pub const BOTH: [Self; 2] = [Self::Orig, Self::Resp];
}

/// One value for each side: `[originator, responder]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PerSide<T>(pub [T; 2]);

impl<T> PerSide<T> {
    /// The originator's value and the responder's.
    pub const fn new(orig: T, resp: T) -> Self {
        Self([orig, resp])
    }

    /// The same two values with the sides changed over.
    pub fn swap(&mut self) {
        self.0.swap(0, 1);
    }
}

impl<T> Index<Side> for PerSide<T> {
    type Output = T;
    #[inline]
    fn index(&self, side: Side) -> &T {
        match side {
            Side::Orig => &self.0[0],
            Side::Resp => &self.0[1],
        }
    }
}

impl<T> IndexMut<Side> for PerSide<T> {
    #[inline]
    fn index_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Orig => &mut self.0[0],
            Side::Resp => &mut self.0[1],
        }
    }
}
