//! The segments of a conversation as points on a plane: time since the first packet,
//! and sequence numbers laid out straight, so that a wrap does not show.

use std::collections::HashMap;

use crate::decode::{TcpOption, TcpOptions};
use crate::model::{PerSide, SeqNum, Side, TcpFlags};
use crate::report::{Conversation, Detail, RowKind};
use crate::track::{EventKind, Labels};

use super::ranges::Ranges;

/// What a segment that carries octets is, for the graphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Sent for the first time.
    Fresh,
    /// Sent again.
    Resent,
    /// Overtaken on its way.
    Late,
}

/// One packet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    /// Nanoseconds since the first packet of the conversation.
    pub(super) at: i64,
    pub(super) frame: u64,
    pub(super) side: Side,
    /// Octets of the frame, and of its payload.
    pub(super) wire: u32,
    pub(super) len: u32,
    /// What only TCP has.
    pub(super) tcp: Option<Tcp>,
}

/// A TCP segment, its numbers counted from the base of the space they belong to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tcp {
    /// First octet and the one after the last; a SYN and a FIN take one each.
    pub(super) seq: (i64, i64),
    pub(super) mark: Mark,
    /// The acknowledgment, in the peer's space.
    pub(super) ack: Option<i64>,
    /// The advertised window, where its scale is known.
    pub(super) window: Option<i64>,
    /// Selective acknowledgments, in the peer's space.
    pub(super) sack: Vec<(i64, i64)>,
    /// SYN, FIN or RST is set.
    pub(super) flags: TcpFlags,
    /// The round trip that this segment's acknowledgment completes: nanoseconds, and the
    /// frame that it answers.
    pub(super) rtt: Option<(i64, u64)>,
}

/// All packets of a conversation that were kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace {
    pub(super) seen: Vec<Seen>,
    /// Where packets were not kept.
    pub(super) hole: Option<Hole>,
    /// Segments whose window has an unknown scale.
    pub(super) unknown_scale: bool,
}

/// Packets that were not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hole {
    pub(super) packets: u64,
    /// Time of the last one before and of the first one after, nanoseconds.
    pub(super) from: i64,
    pub(super) to: i64,
}

/// Sequence space of one sender, unrolled.
#[derive(Debug, Clone, Copy, Default)]
struct Space {
    /// A raw number, and where it stands on the straight line.
    anchor: Option<(SeqNum, i64)>,
}

/// The largest window there can be (RFC 7323 section 2.3): what is farther back than
/// this is not an old octet.
const LARGEST_WINDOW: i64 = 1 << 30;

impl Space {
    /// Where `raw` stands: the place nearest to the highest number so far. After a hole,
    /// in which the numbers may have gone on more than half around, rather ahead.
    fn place(&mut self, raw: SeqNum, after_hole: bool) -> i64 {
        let Some((near, at)) = self.anchor else {
            self.anchor = Some((raw, 0));
            return 0;
        };
        let distance = i64::from(raw.distance(near));
        let ahead = after_hole && distance < -LARGEST_WINDOW;
        at.saturating_add(if ahead { distance + (1 << 32) } else { distance })
    }

    /// Takes `raw` at `at` as the highest so far, if it is higher.
    fn advance(&mut self, raw: SeqNum, at: i64) {
        if let Some((_, highest)) = self.anchor
            && at > highest
        {
            self.anchor = Some((raw, at));
        }
    }
}

/// What the events and labels say of each frame.
fn verdicts(detail: &Detail) -> HashMap<u64, Mark> {
    use EventKind as K;
    let mut marks = HashMap::new();
    for event in &detail.events {
        let mark = match event.kind {
            K::FastRetransmit
            | K::RackRetransmit
            | K::TailLossProbe
            | K::TimeoutRetransmit
            | K::HandshakeRetransmit
            | K::SpuriousRetransmit
            | K::Retransmit => Mark::Resent,
            K::Reordered => Mark::Late,
            _ => continue,
        };
        marks.insert(event.packet, mark);
    }
    marks
}

/// A verdict where there is one, else Wireshark's label.
fn mark(verdict: Option<&Mark>, labels: Labels) -> Mark {
    const RESENT: Labels =
        Labels(Labels::RETRANSMISSION.0 | Labels::FAST_RETRANSMISSION.0 | Labels::SPURIOUS_RETRANSMISSION.0);
    match verdict {
        Some(&mark) => mark,
        None if labels.any(RESENT) => Mark::Resent,
        None if labels.any(Labels::OUT_OF_ORDER) => Mark::Late,
        None => Mark::Fresh,
    }
}

/// Where `detail` misses packets, in time.
fn hole(detail: &Detail, conversation: &Conversation) -> Option<Hole> {
    let time = |i: usize| detail.rows.get(i).map(|r| r.ts.since(conversation.first));
    let from = time(detail.left_out_at.saturating_sub(1)).unwrap_or(0);
    let to = time(detail.left_out_at).unwrap_or_else(|| conversation.last.since(conversation.first));
    (detail.left_out > 0).then_some(Hole { packets: detail.left_out, from, to })
}

impl Trace {
    pub(super) fn new(detail: &Detail, conversation: &Conversation) -> Self {
        let verdicts = verdicts(detail);
        let base = |side| {
            let raw = conversation.tcp.as_ref().and_then(|t| t.sides[side].base);
            Space { anchor: raw.map(|raw| (raw, 0)) }
        };
        let mut spaces = PerSide::new(base(Side::Orig), base(Side::Resp));
        let mut resent = PerSide::new(Ranges::default(), Ranges::default());
        let mut own = Self {
            seen: Vec::with_capacity(detail.rows.len()),
            hole: hole(detail, conversation),
            unknown_scale: false,
        };
        for (i, row) in detail.rows.iter().enumerate() {
            let after_hole = own.hole.is_some() && i >= detail.left_out_at;
            let tcp = match &row.kind {
                RowKind::Tcp { flags, seq, ack, options, analysis, scaled_window, .. } => {
                    let space = &mut spaces[row.side];
                    let lo = space.place(*seq, after_hole);
                    let control = i64::from(flags.has(TcpFlags::SYN)) + i64::from(flags.has(TcpFlags::FIN));
                    let hi = lo.saturating_add(i64::from(row.len) + control);
                    if !flags.has(TcpFlags::RST) || hi > lo {
                        space.advance(seq.plus(row.len.wrapping_add(control as u32)), hi);
                    }
                    let mark = mark(verdicts.get(&row.frame), analysis.tenable());
                    if mark == Mark::Resent && hi > lo {
                        resent[row.side].insert(lo, hi);
                    }
                    let peer = &mut spaces[row.side.other()];
                    let ack = flags.has(TcpFlags::ACK).then(|| peer.place(*ack, after_hole));
                    let mut sack = Vec::new();
                    for option in TcpOptions::new(options.as_slice()) {
                        if let TcpOption::Sack(blocks) = option {
                            sack.extend(
                                blocks
                                    .as_slice()
                                    .iter()
                                    .map(|&(l, r)| (peer.place(l, after_hole), peer.place(r, after_hole))),
                            );
                        }
                    }
                    // Karn: an acknowledgment of an octet that was sent twice measures nothing.
                    let rtt = analysis.acks_frame.filter(|_| {
                        let twice = &resent[row.side.other()];
                        analysis.ack_rtt >= 0 && ack.is_none_or(|a| !twice.has(a.saturating_sub(1)))
                    });
                    own.unknown_scale |= scaled_window.is_none();
                    Some(Tcp {
                        seq: (lo, hi),
                        mark,
                        ack,
                        window: scaled_window.map(i64::from),
                        sack,
                        flags: *flags,
                        rtt: rtt.map(|frame| (analysis.ack_rtt, frame)),
                    })
                }
                RowKind::Udp { .. } | RowKind::Icmp { .. } => None,
            };
            if matches!(row.kind, RowKind::Icmp { .. }) {
                continue;
            }
            own.seen.push(Seen {
                at: row.ts.since(conversation.first),
                frame: row.frame,
                side: row.side,
                wire: row.wire,
                len: row.len,
                tcp,
            });
        }
        own
    }
}
