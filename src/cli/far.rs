//! A second capture of the same packets, made at their other end: it tells how long each
//! was on its way, and which never arrived.
//!
//! Packets are the same where addresses, ports, IP identification, numbers and lengths are.
//! The two clocks are set against each other as NTP does it: the fastest packets of the
//! two directions count as equally fast.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;

use crate::decode::{Decoder, Record};
use crate::model::{Endpoint, PerSide, Side, Timestamp};
use crate::report::{Conversation, Detail, Report, Row, RowKind};
use crate::source::{CaptureFile, PacketSource, SourceError};
use crate::view::ladder::Transit;

/// What makes two packets the same: the ends, the IP identification, and numbers, flags and
/// length (UDP: length and checksum).
type Key = (Endpoint, Endpoint, Option<u16>, [u32; 4]);

/// What the capture at `path` tells of the packets that `report` has in detail, and what to
/// say of it.
///
/// # Errors
/// Those of the file.
pub(super) fn transit(path: &Path, report: &Report) -> Result<(Transit, String), SourceError> {
    let mut source = CaptureFile::open(path)?;
    let mut known = Known::new(report);
    let (mut decoder, mut records) = (Decoder::default(), Vec::new());
    while let Some(packet) = source.next_packet()? {
        records.clear();
        decoder.decode(&packet, &mut records);
        for record in &records {
            known.see(record, packet.ts);
        }
    }
    let mut transit = Transit::default();
    let mut told = Vec::new();
    for (detail, conversation) in report.in_detail() {
        told.extend(known.judge(detail, &conversation, &mut transit));
    }
    let name = path.display();
    Ok(match told.as_slice() {
        [] => (transit, format!("{name} has none of these packets")),
        told => (transit, format!("{name}: {}", told.join("; "))),
    })
}

/// By the number of the first octet: how many, and when.
type Pieces = BTreeMap<u32, Vec<(u32, Timestamp)>>;

/// The packets of the report, and when the other capture saw them.
#[derive(Default)]
struct Known {
    /// Frames that wait to be seen there, the first first.
    waiting: HashMap<Key, VecDeque<u64>>,
    seen: BTreeMap<u64, Timestamp>,
    /// Octets of TCP seen there that no frame here has just so, by sender and receiver.
    pieces: HashMap<(Endpoint, Endpoint), Pieces>,
    /// The other capture's first and last packet.
    span: Option<(Timestamp, Timestamp)>,
}

impl Known {
    fn new(report: &Report) -> Self {
        let mut known = Self::default();
        for (detail, c) in report.in_detail() {
            for row in &detail.rows {
                if let Some(key) = key_of(row, &c) {
                    known.waiting.entry(key).or_default().push_back(row.frame);
                }
            }
            known.pieces.insert((c.endpoints[Side::Orig], c.endpoints[Side::Resp]), BTreeMap::new());
            known.pieces.insert((c.endpoints[Side::Resp], c.endpoints[Side::Orig]), BTreeMap::new());
        }
        known
    }

    fn see(&mut self, record: &Record, ts: Timestamp) {
        let (first, last) = self.span.unwrap_or((ts, ts));
        self.span = Some((first.min(ts), last.max(ts)));
        let key = match record {
            Record::Tcp(t) => {
                let numbers = [t.seq.0, t.ack.0, u32::from(t.flags.0), t.len];
                (t.ip.src, t.ip.dst, t.ip.ip_id, numbers)
            }
            Record::Udp(u) => {
                let numbers = [u32::from(u.length), u32::from(u.checksum), 0, 0];
                (u.ip.src, u.ip.dst, u.ip.ip_id, numbers)
            }
            _ => return,
        };
        if let Some(frame) = self.waiting.get_mut(&key).and_then(VecDeque::pop_front) {
            self.seen.insert(frame, ts);
        } else if let Record::Tcp(t) = record
            && let Some(pieces) = self.pieces.get_mut(&(t.ip.src, t.ip.dst))
        {
            pieces.entry(t.seq.0).or_default().push((t.len, ts));
        }
    }

    /// Sets the clocks of one conversation against each other, and says what became of its
    /// packets.
    fn judge(&self, detail: &Detail, c: &Conversation, transit: &mut Transit) -> Option<String> {
        let mut away = PerSide::new(Vec::new(), Vec::new());
        for row in &detail.rows {
            if let Some(ts) = self.seen.get(&row.frame) {
                away[row.side].push(ts.since(row.ts));
            }
        }
        let found = away[Side::Orig].len() + away[Side::Resp].len();
        let near = nearer(&away)?;
        let (out, back) = (&away[near], &away[near.other()]);
        // Outward packets are seen there later, the others earlier, by their time on the way.
        let (least_out, least_back) = (out.iter().min().copied(), back.iter().max().copied());
        let (ahead, round) = match (least_out, least_back) {
            (Some(o), Some(b)) => (b.saturating_add(o.saturating_sub(b) / 2), o.saturating_sub(b)),
            (one, other) => (one.or(other)?, 0),
        };
        let here = |ts: Timestamp| Timestamp(ts.0.saturating_sub(ahead));
        let mut lost = 0;
        for row in &detail.rows {
            let seen = self.seen.get(&row.frame).map(|&ts| here(ts));
            match seen.or_else(|| self.piece(row, c, here, row.side == near)) {
                Some(ts) if row.side == near => {
                    transit.arrivals.insert(row.frame, ts.max(row.ts));
                }
                Some(ts) => {
                    transit.departures.insert(row.frame, ts.min(row.ts));
                }
                None => {
                    let within = self.span.is_some_and(|(a, b)| here(a) < row.ts && row.ts < here(b));
                    if row.side == near && within && key_of(row, c).is_some() {
                        transit.lost.insert(row.frame);
                        lost += 1;
                    }
                }
            }
        }
        Some(format!(
            "{found} of {} packets of {} were seen there, {lost} lost on the way, round trip {} at least",
            detail.rows.len(),
            c.id,
            crate::view::number::duration(round)
        ))
    }

    /// When the first piece of a segment was seen that a network card cut in pieces, or put
    /// together from some.
    fn piece(
        &self,
        row: &Row,
        c: &Conversation,
        here: impl Fn(Timestamp) -> Timestamp,
        outward: bool,
    ) -> Option<Timestamp> {
        let RowKind::Tcp { seq, .. } = &row.kind else { return None };
        if row.len == 0 {
            return None;
        }
        let pieces = self.pieces.get(&(c.endpoints[row.side], c.endpoints[row.side.other()]))?;
        let (first, end) = (seq.0, seq.0.wrapping_add(row.len));
        // Those that begin within the segment, also across the wrap, and the one before it.
        let within = match end.checked_sub(1) {
            Some(last) if last >= first => pieces.range(first..=last).chain(pieces.range(1..1)),
            Some(last) => pieces.range(first..).chain(pieces.range(..=last)),
            None => pieces.range(first..).chain(pieces.range(1..1)),
        };
        let over = |(start, len): (u32, u32)| first.wrapping_sub(start) < len;
        let before = pieces.range(..first).next_back().into_iter();
        let before = before.flat_map(|(&start, all)| all.iter().filter(move |p| over((start, p.0))));
        let found = within
            .flat_map(|(_, all)| all)
            .chain(before)
            .filter(|(len, _)| *len > 0)
            .map(|&(_, ts)| here(ts))
            .filter(|&ts| (ts >= row.ts) == outward);
        if outward { found.min() } else { found.max() }
    }
}

/// The side at which this capture was made: what it sends is seen elsewhere later.
fn nearer(away: &PerSide<Vec<i64>>) -> Option<Side> {
    let middle = |side: Side| {
        let mut all = away[side].clone();
        all.sort_unstable();
        all.get(all.len() / 2).copied()
    };
    match (middle(Side::Orig), middle(Side::Resp)) {
        (None, None) => None,
        (Some(orig), Some(resp)) if orig < resp => Some(Side::Resp),
        (None, Some(_)) => Some(Side::Resp),
        _ => Some(Side::Orig),
    }
}

fn key_of(row: &Row, c: &Conversation) -> Option<Key> {
    let numbers = match &row.kind {
        RowKind::Tcp { flags, seq, ack, .. } => [seq.0, ack.0, u32::from(flags.0), row.len],
        RowKind::Udp { length, checksum } => [u32::from(*length), u32::from(*checksum), 0, 0],
        RowKind::Icmp { .. } => return None,
    };
    Some((c.endpoints[row.side], c.endpoints[row.side.other()], row.ip_id, numbers))
}
