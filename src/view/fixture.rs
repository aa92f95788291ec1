//! Conversations made by hand for the tests of views.

use crate::decode::OptionBytes;
use crate::model::{Endpoint, PerSide, Protocol, SeqNum, Side, StreamId, TcpFlags, TcpState, Timestamp};
use crate::report::{Conversation, Detail, Report, Row, RowKind, TcpFacts, TcpSideFacts, Traffic};
use crate::track::{Analysis, Confidence, Event, EventKind, Evidence, Handshake, Labels, Teardown};

/// A TCP conversation under construction. Numbers are relative; times in microseconds.
pub(crate) struct Talk {
    pub(crate) detail: Detail,
    isn: [u32; 2],
    now: i64,
    ends: Vec<(Side, u32, u64, i64)>,
    acked: [u32; 2],
    sent: [u32; 2],
    frame: u64,
}

/// Segments of a conversation that began at this moment.
pub(crate) const START: Timestamp = Timestamp(1_700_000_000_000_000_000);

impl Talk {
    pub(crate) fn new(number: u32, isn: [u32; 2]) -> Self {
        let id = StreamId { protocol: Protocol::Tcp, number };
        Self {
            detail: Detail { id: Some(id), ..Detail::default() },
            isn,
            now: 0,
            ends: Vec::new(),
            acked: [0; 2],
            sent: [0; 2],
            frame: 0,
        }
    }

    /// One segment, `after` microseconds after the one before: `seq`, `len`, `ack` relative.
    pub(crate) fn seg(
        &mut self,
        after: i64,
        side: Side,
        flags: &str,
        seq: u32,
        len: u32,
        ack: u32,
    ) -> &mut Self {
        self.full(after, side, flags, seq, len, ack, 65_535, &[])
    }

    /// The same with a window and SACK blocks (relative edges).
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn full(
        &mut self,
        after: i64,
        side: Side,
        flags: &str,
        seq: u32,
        len: u32,
        ack: u32,
        window: u16,
        sack: &[(u32, u32)],
    ) -> &mut Self {
        self.now += after * 1000;
        self.frame += 1;
        let bits = flags.chars().filter_map(TcpFlags::from_letter).fold(TcpFlags::default(), TcpFlags::with);
        let (own, peer) = (self.isn[side.index()], self.isn[side.other().index()]);
        let mut options = Vec::new();
        if !sack.is_empty() {
            options.extend([1, 1, 5, 2 + 8 * sack.len() as u8]);
            for &(l, r) in sack {
                options.extend(peer.wrapping_add(l).to_be_bytes());
                options.extend(peer.wrapping_add(r).to_be_bytes());
            }
        }
        let mut analysis = Analysis::default();
        if bits.has(TcpFlags::ACK) {
            let found = self.ends.iter().rev().find(|e| e.0 == side.other() && e.1 == ack);
            if let Some(&(_, _, frame, at)) = found
                && ack > self.acked[side.other().index()]
            {
                (analysis.acks_frame, analysis.ack_rtt) = (Some(frame), self.now - at);
            }
            let acked = &mut self.acked[side.other().index()];
            *acked = (*acked).max(ack);
        }
        let end = seq.wrapping_add(len).wrapping_add(u32::from(bits.any(TcpFlags::SYN | TcpFlags::FIN)));
        if end != seq {
            if seq < self.sent[side.index()] {
                analysis.labels.add(Labels::RETRANSMISSION);
            }
            self.sent[side.index()] = self.sent[side.index()].max(end);
            self.ends.push((side, end, self.frame, self.now));
        }
        let header_len = 20 + options.len() as u8;
        self.detail.rows.push(Row {
            frame: self.frame,
            ts: START.plus(self.now),
            side,
            wire: len.saturating_add(34 + u32::from(header_len)),
            ip_header_len: 20,
            ip_id: Some(self.frame as u16),
            ttl: 64,
            header_len,
            len,
            kind: RowKind::Tcp {
                flags: bits,
                seq: SeqNum(own).plus(seq),
                ack: SeqNum(if bits.has(TcpFlags::ACK) { peer.wrapping_add(ack) } else { 0 }),
                rel_seq: seq,
                rel_ack: bits.has(TcpFlags::ACK).then_some(ack),
                window,
                scaled_window: Some(window.into()),
                options: OptionBytes::new(&options),
                checksum_offloaded: false,
                states: PerSide::new(Some(TcpState::Established), Some(TcpState::Established)),
                analysis,
            },
        });
        self
    }

    /// A verdict on the last segment.
    pub(crate) fn event(&mut self, kind: EventKind, confidence: Confidence, evidence: Evidence) -> &mut Self {
        if let (Some(row), Some(stream)) = (self.detail.rows.last(), self.detail.id) {
            let (packet, ts, side) = (row.frame, row.ts, row.side);
            self.detail.events.push(Event {
                packet,
                ts,
                stream,
                side,
                kind,
                confidence,
                evidence,
                labels: Labels::RETRANSMISSION,
            });
        }
        self
    }

    /// The conversation in numbers that goes with the segments.
    pub(crate) fn conversation(&self) -> Conversation {
        let mut traffic = PerSide::<Traffic>::default();
        for row in &self.detail.rows {
            let t = &mut traffic[row.side];
            t.packets += 1;
            t.bytes += u64::from(row.wire);
            t.payload += u64::from(row.len);
            t.header_bytes += u64::from(row.header_len);
        }
        let side = |s: Side| TcpSideFacts {
            isn: Some(SeqNum(self.isn[s.index()])),
            base: Some(SeqNum(self.isn[s.index()])),
            mss: Some(1460),
            unique_bytes: traffic[s].payload,
            ..TcpSideFacts::default()
        };
        let (number, id) = (self.detail.id.map_or(0, |i| i.number), self.detail.id);
        let endpoint = |last: u8, port| Endpoint { addr: [10, 0, 0, last].into(), port };
        Conversation {
            id: id.unwrap_or(StreamId { protocol: Protocol::Tcp, number }),
            endpoints: PerSide::new(endpoint(1, 40_000 + number as u16), endpoint(2, 80)),
            first_sender: Side::Orig,
            first_frame: 1,
            first: START,
            last: self.detail.rows.last().map_or(START, |r| r.ts),
            traffic,
            tcp: Some(Box::new(TcpFacts {
                roles_known: true,
                handshake: Handshake::Complete,
                handshake_retries: 0,
                teardown: Teardown::Closed { first: Side::Orig, three_segments: true, acknowledged: true },
                states: PerSide::new(Some(TcpState::TimeWait), Some(TcpState::Closed)),
                conn_state: "SF",
                history: "ShADadFf".into(),
                completeness: 31,
                initial_rtt: Some(20_000_000),
                syn_rtt: Some(19_000_000),
                sides: PerSide::new(side(Side::Orig), side(Side::Resp)),
            })),
            udp: None,
        }
    }

    /// A report of this one conversation.
    pub(crate) fn report(&self) -> Report {
        let conversation = self.conversation();
        let mut report = Report::default();
        report.summary.origins = vec!["lesson.pcapng".into()];
        report.summary.packets = self.detail.rows.len() as u64;
        report.summary.tcp_segments = report.summary.packets;
        report.summary.bytes = self.detail.rows.iter().map(|r| u64::from(r.wire)).sum();
        report.summary.tcp_streams = 1;
        (report.summary.first, report.summary.last) = (Some(conversation.first), Some(conversation.last));
        report.events = self.detail.events.iter().copied().collect();
        report.details = vec![self.detail.clone()];
        report.conversations.push(&conversation);
        report
    }
}

/// Handshake, a flight of ten with the third lost and repaired, a small answer, teardown.
/// `isn` may stand anywhere, also just before the wrap.
pub(crate) fn lesson(number: u32, isn: [u32; 2]) -> Talk {
    use Side::{Orig as O, Resp as R};
    let mut t = Talk::new(number, isn);
    t.seg(0, O, "S", 0, 0, 0).seg(10_000, R, "S.", 0, 0, 1).seg(10_000, O, ".", 1, 0, 1);
    for i in 0..10 {
        t.seg(200, O, "P.", 1 + i * 1000, 1000, 1);
    }
    t.seg(18_000, R, ".", 1, 0, 2001);
    for i in 4..=10 {
        t.full(400, R, ".", 1, 0, 2001, 60_000, &[(3001, 1 + i * 1000)]);
    }
    t.seg(4_000, O, "P.", 2001, 1000, 1).event(
        EventKind::FastRetransmit,
        Confidence::Certain,
        Evidence {
            original: Some(6),
            witness: Some(18),
            seq: Some(isn[0].wrapping_add(2001)),
            len: Some(1000),
            duplicate_acks: Some(7),
            elapsed: Some(26_000_000),
            rtt: Some(20_000_000),
            ..Evidence::default()
        },
    );
    t.seg(20_000, R, ".", 1, 0, 10_001).seg(300, R, "P.", 1, 600, 10_001);
    t.seg(20_000, O, "F.", 10_001, 0, 601)
        .seg(20_000, R, "F.", 601, 0, 10_002)
        .seg(20_000, O, ".", 10_002, 0, 602);
    t
}
