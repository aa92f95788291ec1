//! The pen for xplot and its heirs (Tim Shepard's format, as tcptrace writes it).

use std::fmt::Write;

use super::Graph;
use super::axis::Unit;
use super::layout::{Chart, Panel, Role, Shape};
use crate::model::Side;
use crate::report::Conversation;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XplotFile {
    /// A name after tcptrace's habit: `tcp-3_orig2resp_time-sequence.xpl`.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A file for each panel with something to draw.
pub(super) fn files(chart: &Chart, kind: Graph, conversation: &Conversation) -> Vec<XplotFile> {
    let id = conversation.id;
    chart
        .panels
        .iter()
        .filter(|panel| !panel.layers.is_empty())
        .map(|panel| {
            let way = if panel.side == Side::Orig { "orig2resp" } else { "resp2orig" };
            XplotFile {
                name: format!("{}-{}_{way}_{}.xpl", id.protocol.name(), id.number, kind.name()),
                text: file(chart, panel, conversation),
            }
        })
        .collect()
}

fn file(chart: &Chart, panel: &Panel, conversation: &Conversation) -> String {
    let when = |x: i64| {
        let t = conversation.first.plus(x).nanos().max(0);
        format!("{}.{:06}", t / 1_000_000_000, t % 1_000_000_000 / 1000)
    };
    // Times up are in milliseconds; "unsigned" holds 32 bits in the old program.
    let value = |y: i64| match panel.y.unit {
        Unit::Time => format!("{:.6}", y as f64 / 1e6),
        Unit::Octets | Unit::BitRate => y.max(0).to_string(),
    };
    let wide = panel.y.unit == Unit::Time || panel.y.hi > i64::from(u32::MAX);
    let label = if panel.y.unit == Unit::Time { "milliseconds" } else { panel.y.name };
    let mut out = format!(
        "timeval {}\ntitle\n{}\nxlabel\ntime\nylabel\n{label}\n",
        if wide { "double" } else { "unsigned" },
        panel.title.replace('→', "->"),
    );
    debug_assert!(!chart.title.contains('\n'));
    for layer in &panel.layers {
        let _ = writeln!(out, "{}", colour(layer.role));
        match &layer.shape {
            Shape::Bars(bars) => {
                for b in bars {
                    let x = when(b.x);
                    let _ = writeln!(out, "line {x} {} {x} {}", value(b.lo), value(b.hi));
                    if layer.role == Role::Data {
                        let _ = writeln!(out, "darrow {x} {}\nuarrow {x} {}", value(b.lo), value(b.hi));
                    }
                    let letter = layer.role.letter().or((layer.role == Role::Sack).then_some('S'));
                    if let Some(letter) = letter {
                        let _ = writeln!(out, "atext {x} {}\n{letter}", value(b.hi));
                    }
                }
            }
            Shape::Dots(points) => {
                for p in points {
                    let _ = writeln!(out, "dot {} {}", when(p.x), value(p.y));
                }
            }
            Shape::Steps(points) => {
                for pair in points.windows(2) {
                    if let [a, b] = pair {
                        let (x0, x1) = (when(a.x), when(b.x));
                        let (y0, y1) = (value(a.y), value(b.y));
                        let _ = writeln!(out, "line {x0} {y0} {x1} {y0}");
                        if y0 != y1 {
                            let _ = writeln!(out, "line {x1} {y0} {x1} {y1}");
                        }
                    }
                }
                if let Some(p) = points.last() {
                    let y = value(p.y);
                    let _ = writeln!(out, "line {} {y} {} {y}", when(p.x), when(panel.x.hi));
                }
            }
        }
    }
    out.push_str("go\n");
    out
}

/// tcptrace's colours where it has one for the same thing.
const fn colour(role: Role) -> &'static str {
    match role {
        Role::Window => "yellow",
        Role::Ack | Role::Goodput | Role::Floor => "green",
        Role::Data | Role::Sample | Role::Rate | Role::Syn | Role::Fin => "white",
        Role::Resent | Role::Flight => "red",
        Role::Late => "pink",
        Role::Sack | Role::Congestion => "purple",
        Role::Estimate => "blue",
    }
}
