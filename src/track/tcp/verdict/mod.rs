//! What really happened, with evidence.
//!
//! Labels compare a segment with numbers; verdicts ask what must have happened for it to
//! be there. Each names its evidence and says how sure it is: `certain` only when the
//! packets leave no other reading.

mod acks;
mod cause;
mod copies;
mod holes;
mod late;
mod life;
mod memory;
mod probes;
mod repairs;
mod resent;
mod reset;
mod window;

pub(in crate::track) use memory::{Memory, SideMemory};

use crate::decode::TcpSegment;
use crate::model::{Protocol, SeqNum, Side, StreamId, TcpFlags, TcpState};
use crate::track::{Analysis, Confidence, Event, EventKind, Evidence, Labels};

use super::conversation::{Begin, Digest};
use super::label::LabelSide;
use super::outstanding::Pool;
use super::scale::Scale;
use super::stats::Stats;
use memory::{Print, Skip};

/// A segment with everything that a verdict may look at.
pub(super) struct Scene<'a> {
    pub s: &'a TcpSegment,
    pub digest: &'a Digest<'a>,
    pub analysis: &'a Analysis,
    /// Sender and receiver as the labels see them, after the segment.
    pub fwd: &'a LabelSide,
    pub rev: &'a LabelSide,
    /// Their figures, before the segment.
    pub sender: &'a Stats,
    pub receiver: &'a Stats,
    pub pool: &'a Pool,
    pub stream: u32,
    pub side: Side,
    /// Each end's state before the segment, and after: sender, receiver.
    pub before: [Option<TcpState>; 2],
    pub after: [Option<TcpState>; 2],
    pub port_reuse: bool,
    pub first: bool,
    /// It has octets, a SYN or a FIN.
    pub occupies: bool,
    pub begin: &'a Begin,
    /// The receiver's own SYN, where it was seen.
    pub receiver_syn: Option<SeqNum>,
}

/// Where verdicts go.
pub(super) type Emit<'e> = &'e mut dyn FnMut(Event);

impl Scene<'_> {
    /// An event of the sender.
    pub fn event(&self, kind: EventKind, confidence: Confidence, evidence: Evidence) -> Event {
        Event {
            packet: self.s.ip.frame,
            ts: self.s.ip.ts,
            stream: StreamId { protocol: Protocol::Tcp, number: self.stream },
            side: self.side,
            kind,
            confidence,
            evidence,
            labels: self.analysis.labels,
        }
    }

    pub fn flags(&self) -> TcpFlags {
        self.s.flags
    }

    /// One past its last octet; SYN and FIN count as one together.
    pub fn end(&self) -> SeqNum {
        self.s.seq.plus(self.s.len).plus(u32::from(self.flags().any(TcpFlags::SYN | TcpFlags::FIN)))
    }

    /// It acknowledges less than its sender had before: it was overtaken.
    pub fn is_old(&self) -> bool {
        let before = self.digest.peer_ack_of_sender;
        before.0 != 0 && self.s.ack.is_before(before)
    }

    /// A reset that answers the receiver's SYN, which was never answered by a SYN-ACK.
    pub fn refuses(&self) -> bool {
        let answers_syn = self.receiver_syn.is_some_and(|syn| self.s.ack == syn.plus(1));
        self.begin.refused && self.flags().has(TcpFlags::RST | TcpFlags::ACK) && answers_syn
    }

    /// Both ends permitted SACK in their SYNs.
    pub fn sack(&self) -> bool {
        self.sender.sack_permitted && self.receiver.sack_permitted
    }

    /// Both SYNs were seen, and SACK was not agreed on.
    pub fn no_sack(&self) -> bool {
        !self.sack() && self.fwd.scale != Scale::Unknown && self.rev.scale != Scale::Unknown
    }

    pub fn tsval(&self) -> Option<u32> {
        self.digest.options.timestamps.map(|t| t.0)
    }

    fn print(&self) -> Print {
        let s = self.s;
        Print {
            frame: s.ip.frame,
            ts: s.ip.ts,
            seq: s.seq,
            ack: s.ack,
            len: s.len,
            tsval: self.tsval().unwrap_or(0),
            ip_id: s.ip.ip_id.unwrap_or(0),
            checksum: s.checksum,
            flags: s.flags.0,
            ttl: s.ip.ttl,
        }
    }
}

/// What a segment is to those who count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// Nothing of it was sent before, as far as was seen.
    New,
    /// It was overtaken on its way.
    Late,
    /// It was sent again; so many of its octets the capture had not seen before.
    Resent { unseen: u32 },
    /// It is the same packet as one before.
    Copy,
}

/// Judges one segment from `fwd` to `rev`: emits what happened, and remembers it.
#[inline]
pub(super) fn judge(
    memory: &mut Memory,
    fwd: &mut SideMemory,
    rev: &mut SideMemory,
    scene: &Scene<'_>,
    emit: Emit<'_>,
) -> Nature {
    let mut nature = Nature::New;
    memory.packets = memory.packets.saturating_add(1);
    if scene.first || scene.port_reuse {
        life::opening(scene, emit);
    }
    let print = scene.print();
    let copy = copies::find(memory, fwd, rev, scene, &print);
    if let Some(original) = copy {
        copies::say(memory, rev, scene, &original, emit);
        // Of a capture that has each packet twice a copy says nothing about the network.
        if !memory.said.captured_twice {
            repairs::doubled(fwd, original.frame);
        }
        // Whoever gets a copy of an acknowledgment counts it.
        if !scene.occupies && scene.analysis.labels.has(Labels::DUPLICATE_ACK) {
            fwd.duplicate_acks = fwd.duplicate_acks.saturating_add(1);
        }
        remember(fwd, scene, print);
        fwd.latest_is_copy = true;
        return Nature::Copy;
    }
    // A one-octet segment into a closed window may be numbered like new data.
    let into_closed = scene.analysis.labels.has(Labels::ZERO_WINDOW_PROBE);
    if rev.rare().is_some_and(|r| r.doubt.is_some()) {
        repairs::answered(rev, scene, emit);
    }
    if scene.flags().has(TcpFlags::RST) {
        if !memory.said.reset {
            memory.said.reset = true;
            reset::judge(fwd, rev, scene, emit);
        }
    } else {
        if scene.digest.next_known && (scene.s.seq != scene.digest.next_before || into_closed) {
            nature = resent::judge(fwd, rev, scene, emit);
        } else if !scene.digest.next_known && scene.fwd.base.is_some_and(|b| scene.s.seq.is_after(b.plus(1)))
        {
            // What lies below its first segment was sent, and was not seen.
            fwd.trouble().begins = Some(scene.s.seq);
        }
        if scene.occupies && passed_over(fwd, scene, &print) {
            let Print { ip_id, tsval, .. } = print;
            let (seq, after) = (scene.digest.next_before, fwd.newest.0);
            fwd.note_skip(Skip { seq, ip_id, tsval, after });
        }
        if scene.flags().has(TcpFlags::ACK) {
            acks::judge(fwd, rev, scene, emit);
        }
        window::judge(fwd, rev, scene, emit);
    }
    life::states(&mut memory.said, fwd, rev, scene, emit);
    if scene.fwd.outstanding.overflowed && !std::mem::replace(&mut memory.said.list_full, true) {
        emit(scene.event(EventKind::ListFull, Confidence::Certain, Evidence::default()));
    }
    remember(fwd, scene, print);
    nature
}

/// Octets after a pause, and by its IP IDs their sender sent something before them that was
/// not seen: it may come yet, and where these are new they may be its repair.
#[inline]
fn passed_over(fwd: &SideMemory, scene: &Scene<'_>, print: &Print) -> bool {
    /// A probe waits for two round trips at least.
    const PAUSE: i64 = 20_000_000;
    /// Farther apart they are no counter of this connection.
    const NEAR: std::ops::RangeInclusive<u16> = 2..=16;
    scene.s.seq.is_at_or_before(scene.digest.next_before)
        && NEAR.contains(&print.ip_id.wrapping_sub(fwd.newest.0))
        && fwd.newest.0 != 0
        && fwd.last_any().is_some_and(|t| print.ts.since(t) >= PAUSE)
}

/// What the next segments are compared with.
#[inline]
fn remember(fwd: &mut SideMemory, scene: &Scene<'_>, print: Print) {
    if scene.flags().has(TcpFlags::SYN) && fwd.syn == (0, 0) {
        fwd.syn = (print.ip_id, print.tsval);
    }
    if print.sent_after(fwd.newest) != Some(false) {
        let (id, tsval) = fwd.newest;
        fwd.newest = (
            if print.ip_id == 0 { id } else { print.ip_id },
            if print.tsval == 0 { tsval } else { print.tsval },
        );
    }
    if !scene.flags().has(TcpFlags::RST) {
        fwd.ttl_settled = fwd.ttl == print.ttl;
        fwd.ttl = print.ttl;
    }
    fwd.recent = print;
    fwd.latest_is_copy = false;
}
