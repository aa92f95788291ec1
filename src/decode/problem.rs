//! What can be wrong with headers. The malformed is named, counted and shown,
//! never dropped.

use std::fmt;

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident $text:literal,)*) => {
        /// One thing that is wrong with a header.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Problem { $($(#[$doc])* $name,)* }

        impl Problem {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What it is, in words.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

problems! {
    /// The frame was captured short of this header.
    Snapped "snapped: the capture kept too few octets for this header",
    /// The datagram ends inside this header, though nothing was snapped.
    Truncated "truncated: the packet itself ends inside this header",
    /// The IPv4 header length is below 20.
    BadIpHeaderLen "IP header length below 20",
    /// The IP version does not fit the link type.
    BadIpVersion "IP version is neither 4 nor 6",
    /// The IP total length is below the header length.
    BadIpLen "IP length below its header length",
    /// The IP length goes past the end of the frame.
    IpLenPastFrame "IP length goes past the end of the frame",
    /// IP length 0: left to the network card (segmentation offload).
    IpLenZero "IP length 0: segmentation offload",
    /// The TCP data offset is below 5.
    BadTcpHeaderLen "TCP data offset below 20 octets",
    /// The TCP data offset goes past the end of the segment.
    TcpHeaderPastEnd "TCP data offset past the end of the segment",
    /// An option length below 2 or past the end.
    BadTcpOption "TCP option length impossible",
    /// The UDP length is below 8.
    BadUdpLen "UDP length below 8",
    /// The UDP length goes past the end of the IP payload.
    UdpLenPastIp "UDP length past the end of the IP payload",
    /// A chain of extension headers or tunnels deeper than synfin follows.
    TooDeep "nested deeper than synfin follows",
    /// Fragments that overlap with different content, or are otherwise impossible.
    BadFragment "fragments that do not fit together",
    /// Fragments given up for want of room.
    FragmentsDropped "fragments given up for want of room",
    /// A header inside an encapsulation is malformed.
    BadEncapsulation "encapsulation header malformed",
    /// The link-layer header is malformed.
    BadLink "link-layer header malformed",
}

/// A set of problems, with the offset of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Problems {
    bits: u32,
    /// Octets into the frame (or into the reassembled datagram) of the first one.
    offset: u16,
}

impl Problems {
    /// None.
    pub const NONE: Self = Self { bits: 0, offset: 0 };

    /// Adds one, found `offset` octets into the frame.
    pub const fn add(&mut self, problem: Problem, offset: usize) {
        if self.bits == 0 {
            self.offset = if offset > u16::MAX as usize { u16::MAX } else { offset as u16 };
        }
        self.bits |= 1 << problem as u8;
    }

    /// Nothing is wrong.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// `problem` is among them.
    #[must_use]
    pub const fn has(self, problem: Problem) -> bool {
        self.bits & (1 << problem as u8) != 0
    }

    /// Octets into the frame of the first one.
    #[must_use]
    pub const fn offset(self) -> usize {
        self.offset as usize
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Problem> {
        Problem::ALL.iter().copied().filter(move |&p| self.has(p))
    }
}

impl fmt::Display for Problems {
    /// `TCP data offset below 20 octets, at byte 46`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, p) in self.iter().enumerate() {
            f.write_str(if i > 0 { "; " } else { "" })?;
            f.write_str(p.text())?;
        }
        write!(f, ", at byte {}", self.offset)
    }
}
