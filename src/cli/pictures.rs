//! What pictures show beyond the report: names of ports, the octets of frames, and what
//! only a lab knows: calls, and what became of each frame on the wire.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::lab::{Fate, LabOutcome, Observer};
use crate::model::{PerSide, Side, Timestamp};
use crate::report::{Conversation, Detail};
use crate::view::calls::CallRow;
use crate::view::graph::Extra;
use crate::view::ladder::{Lane, LaneCall, Options, Transit};
use crate::view::services::Services;

use super::flow::KeptFrame;

/// Octets of frames that are kept for a page.
pub(super) const ROOM: usize = 4 << 20;

/// What is known beside the report.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// The octets of some frames.
    pub frames: BTreeMap<u64, KeptFrame>,
    /// A lab's calls.
    pub calls: Option<Vec<CallRow>>,
    /// Who made each of those calls: its host's index and address.
    pub callers: Vec<(usize, IpAddr)>,
    /// A lab's own account, for JSON.
    pub lab: Option<serde_json::Value>,
    /// What became of frames on the wire.
    pub transit: Transit,
    /// The congestion windows of a lab's sockets, by TCP_INFO.
    pub congestion: BTreeMap<SocketKey, Vec<(Timestamp, u64)>>,
}

/// A socket: its address, its port and the peer's.
type SocketKey = (IpAddr, u16, u16);

impl Beside {
    /// What a lab knows of the packets that `at` saw.
    pub fn lab(outcome: &LabOutcome, at: Observer) -> Self {
        let numbers = outcome.numbers(at);
        let mut beside = Self::default();
        let mut calls = Vec::new();
        for (call, carried) in outcome.calls.iter().zip(outcome.carried()) {
            let Some(host) = outcome.hosts.get(call.host) else { continue };
            // What carried its octets says more of it than what left meanwhile.
            let of = if carried.is_empty() { &call.caused } else { &carried };
            let seen = of.iter().filter_map(|&i| numbers.get(i).copied().flatten());
            let mut packets: Vec<u64> = seen.map(|n| n as u64).collect();
            packets.sort_unstable();
            calls.push(CallRow {
                ts: call.ts,
                returned: call.returned,
                host: host.name.clone(),
                text: call.text.clone(),
                result: call.result.clone(),
                packets,
            });
            beside.callers.push((call.host, host.addr));
        }
        beside.calls = Some(calls);
        for (i, seen) in outcome.capture(at).iter().enumerate() {
            let Some(frame) = outcome.frames.get(seen.frame) else { continue };
            let number = i as u64 + 1;
            if !seen.sent {
                beside.transit.departures.insert(number, frame.ts);
            } else if let Some(arrival) = frame.deliveries.first() {
                beside.transit.arrivals.insert(number, arrival.ts);
            } else if frame.fate.iter().any(|f| matches!(f, Fate::Dropped | Fate::QueueFull | Fate::Lost)) {
                beside.transit.lost.insert(number);
            }
        }
        for sample in &outcome.states {
            let (Some(host), Some(info)) = (outcome.hosts.get(sample.host), sample.info) else { continue };
            let window = u64::from(info.snd_cwnd) * u64::from(info.snd_mss);
            let socket = (host.addr, sample.local_port, sample.remote_port);
            let points = beside.congestion.entry(socket).or_default();
            if sample.remote_port != 0 && points.last().is_none_or(|&(_, last)| last != window) {
                points.push((sample.ts, window));
            }
        }
        beside
    }

    /// The congestion windows of this conversation's two ends.
    pub fn extra(&self, c: &Conversation) -> Vec<Extra<'_>> {
        let points = |side: Side| {
            let (own, peer) = (c.endpoints[side], c.endpoints[side.other()]);
            let points = self.congestion.get(&(own.addr, own.port, peer.port))?;
            c.tcp.as_ref().map(|_| Extra { side, points })
        };
        Side::BOTH.into_iter().filter_map(points).collect()
    }

    /// What a ladder of this conversation may know.
    pub fn ladder(&self, c: &Conversation, detail: &Detail) -> Options {
        let lane = self.calls.as_ref().map(|calls| self.lane(calls, c, detail));
        Options { names: names(c), lane, transit: self.transit.clone(), ..Options::default() }
    }

    fn lane(&self, calls: &[CallRow], c: &Conversation, detail: &Detail) -> Lane {
        let own: BTreeSet<u64> = detail.rows.iter().map(|row| row.frame).collect();
        let ends = c.endpoints;
        let one_address = ends[Side::Orig].addr == ends[Side::Resp].addr;
        let side = |&(host, addr): &(usize, IpAddr)| match Side::BOTH.iter().find(|&&s| ends[s].addr == addr)
        {
            // A lab's first host is its client.
            Some(_) if one_address => Some(if host == 0 { Side::Orig } else { Side::Resp }),
            found => found.copied(),
        };
        let of_this =
            |call: &CallRow| call.packets.is_empty() || call.packets.iter().any(|n| own.contains(n));
        let made = calls.iter().zip(&self.callers).filter(|(call, _)| of_this(call));
        let calls = made.filter_map(|(call, caller)| {
            let text = format!("{} {}", call.text, call.result);
            Some(LaneCall { ts: call.ts, side: side(caller)?, text })
        });
        Lane { calls: calls.collect() }
    }
}

/// What the ports of the two ends are registered for.
fn names(c: &Conversation) -> PerSide<Option<String>> {
    let name = |side: Side| {
        let port = c.endpoints[side].port;
        // The originator's port is chosen by its kernel, unless it is a privileged one.
        let telling = side == Side::Resp || port < 1024;
        Services::system().name(port, c.id.protocol).filter(|_| telling).map(str::to_owned)
    };
    PerSide::new(name(Side::Orig), name(Side::Resp))
}
