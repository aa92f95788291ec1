//! What a graph consists of, before any pen draws it: panels with axes, layers of
//! shapes in the axes' own units, and what there is to say in words.

use std::ops::RangeInclusive;

use crate::model::Side;

use super::axis::Axis;

/// One graph of one conversation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) panels: Vec<Panel>,
}

/// One picture with its axes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Panel {
    pub(super) title: String,
    /// Whose octets it shows.
    pub(super) side: Side,
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// In drawing order; empty when there is nothing to draw, and `notes` says why.
    pub(super) layers: Vec<Layer>,
    /// Packets missing between these two times.
    pub(super) hole: Option<(i64, i64)>,
    pub(super) notes: Vec<String>,
}

/// Shapes that mean one thing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    pub(super) role: Role,
    pub(super) shape: Shape,
}

/// Shapes of one kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// Vertical bars.
    Bars(Vec<Bar>),
    /// A line that holds its value until the next point.
    Steps(Vec<Point>),
    /// Dots.
    Dots(Vec<Point>),
}

impl Shape {
    /// Is anything of it between those heights?
    pub(super) fn is_within(&self, y: &RangeInclusive<i64>) -> bool {
        match self {
            Self::Bars(bars) => bars.iter().any(|b| b.lo <= *y.end() && b.hi >= *y.start()),
            Self::Steps(points) | Self::Dots(points) => points.iter().any(|p| y.contains(&p.y)),
        }
    }

    /// How many pieces there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Bars(bars) => bars.len(),
            Self::Steps(points) | Self::Dots(points) => points.len(),
        }
    }
}

/// A vertical bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) x: i64,
    pub(super) lo: i64,
    pub(super) hi: i64,
    pub(super) frame: u64,
}

/// A point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) x: i64,
    pub(super) y: i64,
}

/// What a layer shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// The receiver's window: the edge that may be sent up to, or its size.
    Window,
    /// The congestion window as the packets suggest it.
    Estimate,
    /// The congestion window by TCP_INFO.
    Congestion,
    /// Acknowledged by the receiver.
    Ack,
    /// Octets in flight.
    Flight,
    /// Octets on the wire in a second.
    Rate,
    /// New payload in a second.
    Goodput,
    /// A round-trip sample.
    Sample,
    /// The smallest round trip so far.
    Floor,
    /// A segment sent for the first time.
    Data,
    /// Selectively acknowledged.
    Sack,
    /// A segment that was overtaken.
    Late,
    /// A segment sent again.
    Resent,
    /// A SYN.
    Syn,
    /// A FIN.
    Fin,
}

impl Role {
    /// All of them, in drawing order.
    pub(super) const ALL: [Self; 15] = [
        Self::Window,
        Self::Estimate,
        Self::Congestion,
        Self::Ack,
        Self::Flight,
        Self::Rate,
        Self::Goodput,
        Self::Sample,
        Self::Floor,
        Self::Data,
        Self::Sack,
        Self::Late,
        Self::Resent,
        Self::Syn,
        Self::Fin,
    ];

    /// For legends.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Window => "receive window",
            Self::Estimate => "congestion window, estimated from packets",
            Self::Congestion => "congestion window, by TCP_INFO",
            Self::Ack => "acknowledged",
            Self::Flight => "in flight",
            Self::Rate => "throughput (whole frames)",
            Self::Goodput => "goodput (payload, each octet once)",
            Self::Sample => "round-trip time",
            Self::Floor => "smallest so far",
            Self::Data => "segment",
            Self::Sack => "selectively acknowledged",
            Self::Late => "out of order",
            Self::Resent => "retransmission",
            Self::Syn => "SYN",
            Self::Fin => "FIN",
        }
    }

    /// One word, for style classes.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::Estimate => "estimate",
            Self::Congestion => "congestion",
            Self::Ack => "ack",
            Self::Flight => "flight",
            Self::Rate => "rate",
            Self::Goodput => "goodput",
            Self::Sample => "sample",
            Self::Floor => "floor",
            Self::Data => "data",
            Self::Sack => "sack",
            Self::Late => "late",
            Self::Resent => "resent",
            Self::Syn | Self::Fin => "control",
        }
    }

    /// tcptrace's letter beside a bar, so that no meaning hangs on colour alone.
    pub(super) const fn letter(self) -> Option<char> {
        match self {
            Self::Resent => Some('R'),
            Self::Late => Some('O'),
            Self::Syn => Some('S'),
            Self::Fin => Some('F'),
            _ => None,
        }
    }
}
