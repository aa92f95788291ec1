//! From a trace to panels: which series a graph has, over which ranges.

use std::collections::VecDeque;

use crate::model::{Side, TcpFlags, Timestamp};
use crate::report::{Conversation, Detail};

use super::axis::{Axis, Unit, octets};
use super::layout::{Bar, Chart, Layer, Panel, Point, Role, Shape};
use super::ranges::Ranges;
use super::trace::{Mark, Seen, Tcp, Trace};
use super::{Extra, Graph};

/// The layout of `kind`.
pub(super) fn chart(kind: Graph, detail: &Detail, conversation: &Conversation, extra: &[Extra<'_>]) -> Chart {
    let trace = Trace::new(detail, conversation);
    let plan = Plan { kind, trace: &trace, conversation, extra };
    Chart {
        title: format!(
            "{}, {}: {} and {}",
            kind.title(),
            conversation.id,
            conversation.endpoints[Side::Orig],
            conversation.endpoints[Side::Resp]
        ),
        panels: Side::BOTH.map(|side| plan.panel(side)).into(),
    }
}

struct Plan<'a> {
    kind: Graph,
    trace: &'a Trace,
    conversation: &'a Conversation,
    extra: &'a [Extra<'a>],
}

impl Plan<'_> {
    fn panel(&self, side: Side) -> Panel {
        let ends = &self.conversation.endpoints;
        let role = if side == Side::Orig { "originator" } else { "responder" };
        let mut panel = Panel {
            title: format!("{} of the {role}, {} → {}", self.subject(), ends[side], ends[side.other()]),
            side,
            x: self.time_axis(),
            y: Axis::new("", Unit::Octets, 0, 1),
            layers: Vec::new(),
            hole: self.trace.hole.map(|h| (h.from, h.to)),
            notes: Vec::new(),
        };
        if self.conversation.tcp.is_none() && self.kind != Graph::Throughput {
            panel.notes.push(
                "UDP has no sequence numbers and acknowledges nothing, so there is nothing to draw here; \
                 the throughput graph shows what it sent."
                    .into(),
            );
            return panel;
        }
        match self.kind {
            Graph::TimeSequence => self.time_sequence(&mut panel),
            Graph::Rtt => self.rtt(&mut panel),
            Graph::Flight => self.flight(&mut panel),
            Graph::Throughput => self.throughput(&mut panel),
        }
        let y = panel.y.lo..=panel.y.hi;
        panel.layers.retain(|layer| layer.shape.is_within(&y));
        panel.layers.sort_by_key(|layer| layer.role);
        if let Some(hole) = self.trace.hole.filter(|_| !panel.layers.is_empty()) {
            panel.notes.push(format!(
                "{} packets between {} and {} were not kept; the picture has nothing there.",
                hole.packets,
                panel.x.words(hole.from),
                panel.x.words(hole.to)
            ));
        }
        panel
    }

    const fn subject(&self) -> &'static str {
        match self.kind {
            Graph::TimeSequence => "Octets",
            Graph::Rtt => "Round trips",
            Graph::Flight => "Octets in flight",
            Graph::Throughput => "Rate",
        }
    }

    fn time_axis(&self) -> Axis {
        let times = || self.trace.seen.iter().map(|s| s.at);
        let (lo, hi) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
        Axis::new("time since the first packet", Unit::Time, lo.min(0), hi)
    }

    /// Segments of `side`.
    fn sent(&self, side: Side) -> impl Iterator<Item = (&Seen, &Tcp)> {
        self.all().filter(move |(seen, _)| seen.side == side)
    }

    fn all(&self) -> impl Iterator<Item = (&Seen, &Tcp)> {
        self.trace.seen.iter().filter_map(|seen| seen.tcp.as_ref().map(|tcp| (seen, tcp)))
    }

    /// tcptrace's picture: bars for segments, a line for the acknowledgments, one for the
    /// edge of the window, bars for selective acknowledgments.
    fn time_sequence(&self, panel: &mut Panel) {
        let side = panel.side;
        let (mut data, mut resent, mut late) = (Vec::new(), Vec::new(), Vec::new());
        let (mut syn, mut fin) = (Vec::new(), Vec::new());
        for (seen, tcp) in self.sent(side).filter(|(_, tcp)| tcp.seq.1 > tcp.seq.0) {
            let bar = Bar { x: seen.at, lo: tcp.seq.0, hi: tcp.seq.1, frame: seen.frame };
            match tcp.mark {
                Mark::Resent => resent.push(bar),
                Mark::Late => late.push(bar),
                Mark::Fresh if seen.len == 0 && tcp.flags.has(TcpFlags::SYN) => syn.push(bar),
                Mark::Fresh if seen.len == 0 => fin.push(bar),
                Mark::Fresh => data.push(bar),
            }
        }
        let bars = || data.iter().chain(&resent).chain(&late).chain(&syn).chain(&fin);
        let Some(lo) = bars().map(|b| b.lo).min() else {
            panel.notes.push(format!("The {} sent no octet, SYN or FIN.", who(side)));
            return;
        };
        let hi = bars().map(|b| b.hi).max().unwrap_or(lo);
        if bars().count() == 1 {
            let what = bars().next().map_or(0, |b| b.frame);
            panel.notes.push(format!(
                "The {} sent one segment with octets, SYN or FIN only: frame {what}, {}.",
                who(side),
                octets(hi.saturating_sub(lo))
            ));
            return;
        }
        let (mut acks, mut edge, mut sack) = (Vec::new(), Vec::new(), Vec::new());
        for (seen, tcp) in self.sent(side.other()) {
            let Some(ack) = tcp.ack.filter(|_| !tcp.flags.has(TcpFlags::RST)) else { continue };
            acks.push(Point { x: seen.at, y: ack });
            edge.extend(tcp.window.map(|w| Point { x: seen.at, y: ack.saturating_add(w) }));
            sack.extend(tcp.sack.iter().filter(|(l, r)| l < r).map(|&(lo, hi)| Bar {
                x: seen.at,
                lo,
                hi,
                frame: seen.frame,
            }));
        }
        let roof = hi.saturating_add(hi.saturating_sub(lo) / 2);
        panel.y =
            Axis::new("sequence number, from the initial one", Unit::Octets, lo, reach(hi, roof, &edge));
        panel.y.hi = panel.y.hi.saturating_add(panel.y.hi.saturating_sub(lo) / 40);
        panel.note_window(&edge, self.trace.unknown_scale, "edge of the window");
        panel.layers = vec![
            Layer { role: Role::Window, shape: Shape::Steps(edge) },
            Layer { role: Role::Ack, shape: Shape::Steps(acks) },
            Layer { role: Role::Data, shape: Shape::Bars(data) },
            Layer { role: Role::Sack, shape: Shape::Bars(sack) },
            Layer { role: Role::Late, shape: Shape::Bars(late) },
            Layer { role: Role::Resent, shape: Shape::Bars(resent) },
            Layer { role: Role::Syn, shape: Shape::Bars(syn) },
            Layer { role: Role::Fin, shape: Shape::Bars(fin) },
        ];
    }

    fn rtt(&self, panel: &mut Panel) {
        let side = panel.side;
        let samples: Vec<(Point, u64)> = self
            .sent(side.other())
            .filter_map(|(seen, tcp)| tcp.rtt.map(|(rtt, frame)| (Point { x: seen.at, y: rtt }, frame)))
            .collect();
        let word = match samples.as_slice() {
            [] => format!(
                "No round trip can be measured: nothing that the {} sent once was acknowledged exactly.",
                who(side)
            ),
            [(p, frame)] => {
                format!("One sample only: frame {frame} was acknowledged after {}.", panel.x.words(p.y))
            }
            _ => String::new(),
        };
        if !word.is_empty() {
            panel.notes.push(word);
            return;
        }
        let dots: Vec<Point> = samples.into_iter().map(|(p, _)| p).collect();
        let top = dots.iter().map(|p| p.y).max().unwrap_or(1);
        panel.y = Axis::new("round-trip time", Unit::Time, 0, top.saturating_add(top / 20));
        let mut least = i64::MAX;
        let floor = dots
            .iter()
            .map(|p| {
                least = least.min(p.y);
                Point { x: p.x, y: least }
            })
            .collect();
        panel.layers = vec![
            Layer { role: Role::Floor, shape: Shape::Steps(floor) },
            Layer { role: Role::Sample, shape: Shape::Dots(dots) },
        ];
    }

    fn flight(&self, panel: &mut Panel) {
        let side = panel.side;
        let (mut next, mut una) = (None::<i64>, None::<i64>);
        let (mut flight, mut window) = (Vec::new(), Vec::new());
        for (seen, tcp) in self.all() {
            if seen.side == side {
                next = Some(next.map_or(tcp.seq.1, |n| n.max(tcp.seq.1)));
                una = una.or(Some(tcp.seq.0));
            } else if let Some(ack) = tcp.ack.filter(|_| !tcp.flags.has(TcpFlags::RST)) {
                una = Some(una.map_or(ack, |u| u.max(ack)));
                window.extend(tcp.window.map(|y| Point { x: seen.at, y }));
            }
            if let (Some(n), Some(u)) = (next, una) {
                flight.push(Point { x: seen.at, y: n.saturating_sub(u).max(0) });
            }
        }
        flight.dedup_by_key(|p| p.y);
        let top = flight.iter().map(|p| p.y).max().unwrap_or(0);
        let flights = flight.iter().filter(|p| p.y > 0).count();
        if flights < 2 {
            panel.notes.push(match flight.iter().find(|p| p.y > 0) {
                None => format!("The {} never had an octet in flight.", who(side)),
                Some(p) => {
                    format!("Once only something was in flight: {} at {}.", octets(p.y), panel.x.words(p.x))
                }
            });
            return;
        }
        let congestion: Vec<Point> = self
            .extra
            .iter()
            .filter(|e| e.side == side)
            .flat_map(|e| e.points)
            .map(|&(ts, y)| Point { x: self.since(ts), y: i64::try_from(y).unwrap_or(i64::MAX) })
            .collect();
        let estimate = if congestion.is_empty() { Vec::new() } else { self.estimate(side, &flight) };
        let top = congestion.iter().map(|p| p.y).max().unwrap_or(0).max(top);
        let (hi, roof) = (top.saturating_add(top / 10), top.saturating_mul(3));
        panel.y = Axis::new("octets", Unit::Octets, 0, reach(hi, roof, &window));
        panel.note_window(&window, self.trace.unknown_scale, "window");
        panel.layers = vec![
            Layer { role: Role::Window, shape: Shape::Steps(window) },
            Layer { role: Role::Estimate, shape: Shape::Steps(estimate) },
            Layer { role: Role::Congestion, shape: Shape::Steps(congestion) },
            Layer { role: Role::Flight, shape: Shape::Steps(flight) },
        ];
    }

    fn since(&self, ts: Timestamp) -> i64 {
        ts.since(self.conversation.first)
    }

    /// The most octets that were in flight during the last round trip: what the congestion
    /// window was at least, while the sender had something to send.
    fn estimate(&self, side: Side, flight: &[Point]) -> Vec<Point> {
        let facts = self.conversation.tcp.as_ref();
        let rtt = facts
            .map(|t| t.sides[side].rtt.median)
            .filter(|&m| m > 0)
            .or_else(|| facts.and_then(|t| t.initial_rtt))
            .unwrap_or(0);
        let mut recent: VecDeque<Point> = VecDeque::new();
        let mut line = Vec::with_capacity(flight.len());
        for &point in flight {
            while recent.back().is_some_and(|p| p.y <= point.y) {
                recent.pop_back();
            }
            recent.push_back(point);
            while recent.front().is_some_and(|p| p.x < point.x.saturating_sub(rtt)) {
                recent.pop_front();
            }
            line.extend(recent.front().map(|p| Point { x: point.x, y: p.y }));
        }
        line.dedup_by_key(|p| p.y);
        line
    }

    fn throughput(&self, panel: &mut Panel) {
        let side = panel.side;
        let count = self.trace.seen.iter().filter(|s| s.side == side).count();
        let span = i128::from(panel.x.hi) - i128::from(panel.x.lo);
        if count < 2 || self.trace.seen.iter().all(|s| s.at == panel.x.lo) {
            panel.notes.push(match count {
                0 => format!("The {} sent nothing.", who(side)),
                1 => format!("The {} sent one packet: a rate needs two.", who(side)),
                _ => "All packets have one time: a rate needs two.".into(),
            });
            return;
        }
        let bin = panel.x.ticks(100).windows(2).find_map(|t| match t {
            [a, b] => b.at.checked_sub(a.at),
            _ => None,
        });
        let bin = bin.filter(|&b| b > 0).unwrap_or(1);
        // A short rest at the end would give a wild mean: it goes with the bin before it.
        let rest = span % i128::from(bin);
        let short = i128::from(rest < i128::from(bin) / 2);
        let bins = usize::try_from((span / i128::from(bin) + 1 - short).max(1)).unwrap_or(1).min(1000);
        let last = span - i128::from(bin) * (bins as i128 - 1);
        let (mut wire, mut fresh) = (vec![0u64; bins], vec![0u64; bins]);
        let mut known = Ranges::default();
        for seen in self.trace.seen.iter().filter(|s| s.side == side) {
            let at = usize::try_from(seen.at.saturating_sub(panel.x.lo) / bin).unwrap_or(0).min(bins - 1);
            let new = match &seen.tcp {
                Some(tcp) if seen.len > 0 => {
                    let lo = tcp.seq.0.saturating_add(i64::from(tcp.flags.has(TcpFlags::SYN)));
                    known.insert(lo, lo.saturating_add(seen.len.into()))
                }
                Some(_) => 0,
                None => seen.len.into(),
            };
            if let (Some(w), Some(f)) = (wire.get_mut(at), fresh.get_mut(at)) {
                *w += u64::from(seen.wire);
                *f += new;
            }
        }
        let rate = |sums: Vec<u64>| -> Vec<Point> {
            sums.into_iter()
                .enumerate()
                .map(|(i, n)| {
                    let over = if i + 1 == bins { last.max(1) } else { i128::from(bin) };
                    let bits = i128::from(n) * 8 * 1_000_000_000 / over;
                    Point {
                        x: panel.x.lo.saturating_add(bin.saturating_mul(i as i64)),
                        y: i64::try_from(bits).unwrap_or(i64::MAX),
                    }
                })
                .collect()
        };
        let (wire, fresh) = (rate(wire), rate(fresh));
        let top = wire.iter().chain(&fresh).map(|p| p.y).max().unwrap_or(1);
        let words = panel.x.words(bin);
        panel.y = Axis::new("bits a second", Unit::BitRate, 0, top.saturating_add(top / 20));
        panel.notes.push(format!("Each step is the mean over {words}."));
        panel.layers = vec![
            Layer { role: Role::Rate, shape: Shape::Steps(wire) },
            Layer { role: Role::Goodput, shape: Shape::Steps(fresh) },
        ];
    }
}

/// How far up the axis goes: to `hi`, or on to the largest of `values` that is not above
/// `roof`, so that a window much larger than the data does not squeeze the data.
fn reach(hi: i64, roof: i64, values: &[Point]) -> i64 {
    values.iter().map(|p| p.y).filter(|&y| y <= roof).max().unwrap_or(hi).max(hi)
}

impl Panel {
    /// Says where the window is when the picture does not show it.
    fn note_window(&mut self, values: &[Point], unknown_scale: bool, what: &str) {
        if unknown_scale {
            self.notes.push("The window's scale is unknown where the capture misses the SYNs.".into());
        }
        let above = values.iter().filter(|p| p.y > self.y.hi).count();
        if above == 0 {
            return;
        }
        let (lo, hi) = values.iter().fold((i64::MAX, i64::MIN), |(l, h), p| (l.min(p.y), h.max(p.y)));
        let how = if above == values.len() { "lies above the picture" } else { "goes beyond the picture" };
        self.notes.push(if lo == hi {
            format!("The {what} {how}: {}.", octets(lo))
        } else {
            format!("The {what} {how}: {} to {}.", octets(lo), octets(hi))
        });
    }
}

const fn who(side: Side) -> &'static str {
    match side {
        Side::Orig => "originator",
        Side::Resp => "responder",
    }
}
