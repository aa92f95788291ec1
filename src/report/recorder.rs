//! The sink that builds a report: conversations up to a limit, and the packets of those
//! that somebody wants to look at.

mod shards;

use std::collections::BTreeMap;

use crate::decode::{Context, IcmpMessage, TcpSegment, UdpDatagram};
use crate::model::{Protocol, Side, StreamId};
use crate::source::{Drops, Interface};
use crate::track::{Event, SeenDatagram, SeenSegment, Sink, TcpConversation, UdpConversation};

use super::frames::FrameTotals;
use super::segment::{Detail, Row, RowKind};
use super::{Conversation, Entry, Report};

/// Which conversations to keep packets of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// None.
    None,
    /// All, as long as there are no more than this many; beyond it none.
    Few(usize),
    /// The first so many.
    First(usize),
    /// These.
    Only(Vec<StreamId>),
}

/// What a recorder keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecorderOptions {
    /// Conversations to list at most; `None` for all.
    pub limit: Option<usize>,
    /// Whose packets to keep.
    pub select: Selection,
    /// Packets of one conversation at most: the first half of them and the latest half.
    pub rows: usize,
    /// Events at most, over all and in each detail; `None` for all.
    pub events: Option<usize>,
    /// List the events of all conversations, not only of those whose packets are kept.
    pub list_events: bool,
    /// List only these conversations.
    pub only: Option<Vec<StreamId>>,
    /// List entries: what a table shows, in a fraction of the time and room. Whole conversations are
    /// then kept only of those whose packets are.
    pub entries: bool,
}

impl Default for RecorderOptions {
    fn default() -> Self {
        Self {
            limit: Some(1000),
            select: Selection::Few(5),
            rows: 100_000,
            events: Some(10_000),
            only: None,
            list_events: true,
            entries: false,
        }
    }
}

/// Builds a report from what the tracker says.
#[derive(Debug, Default)]
pub struct Recorder {
    options: RecorderOptions,
    report: Report,
    details: BTreeMap<StreamId, Kept>,
    /// Which record all is about, for a recorder of one shard.
    ordinal: Option<u64>,
    /// The records that the events are about, for such a recorder.
    told_of: Vec<u64>,
}

/// The packets kept of one conversation: `rows[head..]` is a ring once it is full.
#[derive(Debug, Clone, Default)]
struct Kept {
    detail: Detail,
    ring: usize,
    /// The record that it began with, in a recorder of one shard.
    since: Option<u64>,
}

impl Recorder {
    /// A recorder with nothing in it.
    #[must_use]
    pub fn new(options: RecorderOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// The frames that were read.
    pub fn frames(&mut self, totals: &FrameTotals) {
        let FrameTotals { packets, bytes, first, last, other, tcp, udp, icmp, overhead, ref problems } =
            *totals;
        self.report.overhead = overhead;
        let s = &mut self.report.summary;
        (s.packets, s.bytes, s.first, s.last, s.other_packets) = (packets, bytes, first, last, other);
        (s.tcp_segments, s.udp_datagrams, s.icmp_messages) = (tcp, udp, icmp);
        s.problems = problems.iter().map(|(p, &(n, packet, at))| (p.text(), n, packet, at)).collect();
    }

    /// What the source says of itself.
    pub fn source(&mut self, interfaces: &[Interface], remarks: &[String], drops: Option<Drops>) {
        let s = &mut self.report.summary;
        s.interfaces = interfaces.to_vec();
        s.remarks = remarks.to_vec();
        s.drops = drops;
    }

    /// What was built, for a look while a capture goes on: conversations that are still
    /// open are not in it.
    #[must_use]
    pub const fn so_far(&self) -> &Report {
        &self.report
    }

    /// A copy of what was built, without packets, for a look while a capture goes on.
    #[must_use]
    pub fn snapshot(&self, totals: &FrameTotals) -> Report {
        let mut copy = Self { report: self.report.clone(), ..Self::default() };
        copy.frames(totals);
        copy.report
    }

    /// A copy of the packets of one conversation so far, if they are kept.
    #[must_use]
    pub fn detail_so_far(&self, id: StreamId) -> Option<Detail> {
        self.details.get(&id).map(|kept| kept.clone().finish())
    }

    /// The report. The tracker must have let every conversation go.
    #[must_use]
    pub fn finish(mut self) -> Report {
        self.report.conversations.sort();
        self.report.entries.sort();
        let (listed, limit) = (self.report.listed(), self.options.limit.unwrap_or(usize::MAX));
        if listed > limit {
            self.report.conversations_left_out += (listed - limit) as u64;
            if self.options.entries {
                self.report.entries.truncate(limit);
            } else {
                self.report.conversations.truncate(limit);
            }
        }
        if self.options.entries {
            let Self { details, report, .. } = &mut self;
            report.conversations.retain(|id| details.contains_key(&id) && report.entries.has(id));
        }
        self.report.details = self.details.into_values().map(Kept::finish).collect();
        self.report
    }

    /// Is this conversation to be listed?
    fn lists(&self, id: StreamId) -> bool {
        match &self.options.only {
            Some(only) => only.contains(&id),
            // Numbers grow, so that the first ones are those below the limit.
            None => self.options.limit.is_none_or(|limit| (id.number as usize) < limit),
        }
    }

    fn detail(&mut self, id: StreamId) -> Option<&mut Kept> {
        let wanted = match &self.options.select {
            Selection::None => false,
            Selection::Only(ids) => ids.contains(&id),
            Selection::First(n) => self.details.contains_key(&id) || self.details.len() < *n,
            Selection::Few(n) => {
                let too_many = !self.details.contains_key(&id) && self.details.len() >= *n;
                if too_many {
                    self.options.select = Selection::None;
                    self.details.clear();
                }
                !too_many
            }
        };
        if !wanted {
            return None;
        }
        let new = || Kept { since: self.ordinal, ..Kept::default() };
        let kept = self.details.entry(id).or_insert_with(new);
        kept.detail.id = Some(id);
        Some(kept)
    }

    #[inline]
    fn add(&mut self, id: StreamId, row: impl FnOnce() -> Row) {
        if self.options.select == Selection::None {
            return;
        }
        let rows = self.options.rows;
        if let Some(kept) = self.detail(id) {
            kept.push(row(), rows);
        }
    }

    fn end<'c, C>(&mut self, conversation: &'c C, id: StreamId)
    where
        Conversation: From<&'c C>,
        Entry: From<&'c C>,
    {
        if !self.lists(id) {
            self.report.conversations_left_out += u64::from(self.options.only.is_none());
            return;
        }
        if self.options.entries {
            self.report.entries.push(&conversation.into());
        }
        if !self.options.entries || self.details.contains_key(&id) {
            self.report.conversations.push(&conversation.into());
        }
    }
}

impl Kept {
    fn push(&mut self, row: Row, most: usize) {
        let rows = &mut self.detail.rows;
        if rows.len() < most {
            rows.push(row);
            return;
        }
        let half = most / 2;
        let at = half + self.ring % (most - half).max(1);
        if let Some(slot) = rows.get_mut(at) {
            *slot = row;
        }
        self.ring += 1;
        self.detail.left_out += 1;
        self.detail.left_out_at = half;
    }

    fn finish(mut self) -> Detail {
        if self.detail.left_out > 0 {
            let tail = self.detail.rows.get_mut(self.detail.left_out_at..).unwrap_or_default();
            let len = tail.len().max(1);
            tail.rotate_left(self.ring % len);
        }
        self.detail
    }
}

fn row(ip: &Context, side: Side, header_len: u8, len: u32, kind: RowKind) -> Row {
    Row {
        frame: ip.frame,
        ts: ip.ts,
        side,
        wire: ip.wire,
        ip_header_len: ip.ip_header_len,
        ip_id: ip.ip_id,
        ttl: ip.ttl,
        header_len,
        len,
        kind,
    }
}

const fn tcp(number: u32) -> StreamId {
    StreamId { protocol: Protocol::Tcp, number }
}

const fn udp(number: u32) -> StreamId {
    StreamId { protocol: Protocol::Udp, number }
}

impl Sink for Recorder {
    #[inline]
    fn tcp(&mut self, s: &TcpSegment, seen: &SeenSegment, _: &TcpConversation) {
        self.add(tcp(seen.stream), || {
            let kind = RowKind::Tcp {
                flags: s.flags,
                seq: s.seq,
                ack: s.ack,
                rel_seq: s.seq.relative_to(seen.base),
                rel_ack: seen.ack_base.map(|base| s.ack.relative_to(base)),
                window: s.window,
                scaled_window: seen.scaled_window,
                options: s.options,
                checksum_offloaded: s.checksum_offloaded,
                states: seen.states,
                analysis: seen.analysis,
            };
            row(&s.ip, seen.side, s.header_len, s.len, kind)
        });
    }

    #[inline]
    fn udp(&mut self, d: &UdpDatagram, seen: &SeenDatagram, _: &UdpConversation) {
        self.add(udp(seen.stream), || {
            let kind = RowKind::Udp { length: d.length, checksum: d.checksum };
            row(&d.ip, seen.side, 8, d.payload, kind)
        });
    }

    fn icmp(&mut self, m: &IcmpMessage, quoted: Option<StreamId>) {
        let Some(id) = quoted else { return };
        // Whoever reports the error stands on the side that the quoted packet was going to.
        self.add(id, || {
            let kind = RowKind::Icmp { version: m.version, icmp_type: m.icmp_type, code: m.code };
            row(&m.ip, Side::Resp, 8, 0, kind)
        });
    }

    #[inline]
    fn ordinal(&mut self, record: u64) {
        self.ordinal = Some(record);
    }

    fn event(&mut self, event: &Event) {
        let most = self.options.events.unwrap_or(usize::MAX);
        let lists = self.options.list_events;
        if lists && self.options.only.as_ref().is_none_or(|only| only.contains(&event.stream)) {
            if self.report.events.len() < most {
                self.report.events.push(event);
                self.told_of.extend(self.ordinal);
            } else {
                self.report.events_left_out += 1;
            }
        }
        // A conversation's first event comes before its first packet.
        if let Some(kept) = self.detail(event.stream)
            && kept.detail.events.len() < most
        {
            kept.detail.events.push(*event);
        }
    }

    fn tcp_ended(&mut self, c: &TcpConversation) {
        if !c.icmp_only {
            self.report.summary.tcp_streams += 1;
        }
        self.end(c, tcp(c.stream));
    }

    fn udp_ended(&mut self, c: &UdpConversation) {
        if !c.icmp_only {
            self.report.summary.udp_streams += 1;
        }
        self.end(c, udp(c.stream));
    }
}
