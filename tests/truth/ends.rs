//! States, resets and what D-SACKs tell, beside what the kernels and the wire know of them.

use std::collections::BTreeSet;

use synfin::lab::{Fate, LabFrame, LabOutcome, Observer};
use synfin::model::{Side, TcpState, Timestamp};
use synfin::track::{Event, EventKind};

use crate::account::{self, Segment};
use crate::fields::{dsack, fields, ip_header, isns, relative};
use crate::score::{COPY_TOLD, STATE, STATE_OTHER, Said, Score, Seen};

/// Did the wire copy a segment of `from` with some of these octets, and did two of it arrive before `left`?
fn doubled(
    run: &LabOutcome,
    segments: &[Option<Segment>],
    from: usize,
    octets: (i64, i64),
    left: Timestamp,
) -> bool {
    let of = |s: &Segment| s.from == from && s.seq < octets.1 && s.end > octets.0;
    segments.iter().zip(&run.frames).any(|(s, f)| {
        let came = f.deliveries.iter().filter(|d| d.altered.is_none() && d.ts <= left).count();
        s.as_ref().is_some_and(of) && came > 1 && f.fate.iter().any(|f| matches!(f, Fate::Duplicated(_)))
    })
}

/// Is it so that the wire made the copy that this event reads in a D-SACK? `None` if it reads none.
pub fn copied(
    run: &LabOutcome,
    segments: &[Option<Segment>],
    seen: &[Option<Seen<'_>>],
    e: &Event,
) -> Option<bool> {
    let (witness, (left, right)) = e.evidence.witness.zip(e.evidence.sack)?;
    let w = seen.get(witness as usize - 1)?.as_ref()?;
    let from = 1 - w.segment.from;
    let base = isns(run).get(&from).copied()?;
    let octets = (relative(left, base), relative(right, base));
    Some(doubled(run, segments, from, octets, run.frames[w.frame].ts))
}

/// Copies that only a D-SACK tells of: what was said of them, and what could have been said. A D-SACK of
/// octets that were sent again as well tells of one or the other; it is no miss to say the other.
pub fn told(
    score: &mut Score,
    run: &LabOutcome,
    segments: &[Option<Segment>],
    said: &Said,
    seen: &[Option<Seen<'_>>],
) {
    let mut read = BTreeSet::new();
    for e in said.events.iter().filter(|e| e.kind == EventKind::DuplicatedByNetwork) {
        let Some(so) = copied(run, segments, seen, e) else { continue };
        read.extend(e.evidence.witness);
        score.synfin.add(COPY_TOLD, so, true);
        score.synfin.stated(COPY_TOLD, so, e.confidence.name());
        if !so {
            score.others.push((COPY_TOLD, format!("packet {} wrongly said; found []", e.packet)));
        }
    }
    let isn = isns(run);
    for (number, p) in (1_u64..).zip(seen) {
        let Some(p) = p.as_ref().filter(|p| !p.sent && !p.copy && !read.contains(&number)) else { continue };
        let from = 1 - p.segment.from;
        let base = isn.get(&from).copied().unwrap_or(0);
        let frame = &run.frames[p.frame];
        let Some(octets) = fields(&frame.bytes).and_then(|f| dsack(&f, base)) else { continue };
        let again = |s: &Segment| s.from == from && s.resent && s.seq < octets.1 && s.end > octets.0;
        if !doubled(run, segments, from, octets, frame.ts) {
            continue;
        }
        if segments[..p.frame].iter().flatten().any(again) {
            *score.left_out.entry("a D-SACK of octets that were copied and sent again").or_default() += 1;
            continue;
        }
        score.synfin.add(COPY_TOLD, true, false);
        score.others.push((COPY_TOLD, format!("packet {number} missed; found []")));
    }
}

/// Why a host reset a connection, by what its kernel counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Refused,
    Aborted,
    AfterClose,
    /// There is no such connection (any more).
    NoSocket,
}

/// The number of the first reset in a capture, and its reason.
pub fn reset(
    run: &LabOutcome,
    segments: &[Option<Segment>],
    seen: &[Option<Seen<'_>>],
) -> Option<(u64, Why)> {
    let at = seen.iter().position(|p| p.as_ref().is_some_and(|p| p.segment.flags & account::RST != 0))?;
    let first = seen[at].as_ref()?;
    let host = first.segment.from;
    let counted = |name: &str| run.counters.get(host).and_then(|c| c.get(name)).is_some_and(|by| *by > 0);
    let own = |f: &LabFrame| f.from == Some(host);
    let flags = |f: &LabFrame| ip_header(&f.bytes).and_then(|h| f.bytes.get(h + 13).copied()).unwrap_or(0);
    let before = run.frames.get(..first.frame).unwrap_or_default();
    // Another reset of this host went before, and did not come through: what follows is no abort.
    let again = before.iter().any(|f| own(f) && flags(f) & account::RST != 0);
    let fin = before.iter().any(|f| own(f) && flags(f) & account::FIN != 0);
    let acks = first.segment.flags & 16 != 0;
    // What it answers: new data of a peer that has not closed itself.
    let sent = run.frames[first.frame].ts;
    // Of a packet that the wire copied, what had come by then.
    let reached =
        |f: &LabFrame| f.deliveries.iter().filter(|d| d.to == host && d.ts <= sent).map(|d| d.ts).max();
    let last = (0..first.frame).filter(|&i| reached(&run.frames[i]).is_some());
    let cause = last.max_by_key(|&i| reached(&run.frames[i]));
    let when = cause.and_then(|i| reached(&run.frames[i]));
    let cause = cause.and_then(|i| segments[i].as_ref());
    let provoked = cause.is_some_and(|c| {
        let closed = segments
            .iter()
            .flatten()
            .any(|s| s.from == c.from && s.flags & account::FIN != 0 && s.arrived && s.end <= c.seq);
        let earlier = (0..first.frame).filter(|&i| reached(&run.frames[i]).is_some_and(|t| Some(t) < when));
        let had = earlier.filter_map(|i| segments[i].as_ref()).filter(|s| s.from == c.from);
        let new = !account::covered(had.map(|s| (s.seq, s.end)), c.seq, c.end);
        c.end > c.seq && c.flags & account::FIN == 0 && !closed && new
    });
    let why = if !run.frames.iter().any(|f| own(f) && flags(f) & account::RST == 0) {
        Why::Refused
    } else if again {
        Why::NoSocket
    } else if !fin && acks && (counted("TcpExt.TCPAbortOnClose") || counted("TcpExt.TCPAbortOnData")) {
        Why::Aborted
    } else if fin && !acks && provoked {
        Why::AfterClose
    } else {
        Why::NoSocket
    };
    Some((at as u64 + 1, why))
}

/// The observer's own socket, and the other end's: the kernels know.
pub fn states(score: &mut Score, run: &LabOutcome, host: usize, said: &Said, seen: &[Option<Seen<'_>>]) {
    let capture = run.capture(Observer::Host(host));
    let sides = [Side::Orig, Side::Resp];
    let gone = |s: Option<TcpState>| matches!(s, None | Some(TcpState::Closed));
    // Only what is said can be right: saying nothing of a socket that is gone is not.
    let same = |found: Option<TcpState>, kernel: Option<TcpState>| {
        found.is_some() && (found == kernel || gone(found) && gone(kernel))
    };
    // A close that waits behind data is no FIN yet; packets show the state before it.
    let unclosed = |found: Option<TcpState>, kernel: Option<TcpState>| match kernel {
        Some(TcpState::FinWait1 | TcpState::FinWait2) => found == Some(TcpState::Established),
        Some(TcpState::Closing) => matches!(found, Some(TcpState::Established | TcpState::CloseWait)),
        Some(TcpState::LastAck) => found == Some(TcpState::CloseWait),
        _ => false,
    };
    let (mut fin, mut spoke) = ([false; 2], [false; 2]);
    let mut newest = None;
    for (i, p) in seen.iter().enumerate() {
        let Some(p) = p else { continue };
        let from = p.segment.from;
        spoke[from] = true;
        fin[from] |= p.segment.flags & account::FIN != 0;
        let Some(found) = said.states.get(&(i as u64 + 1)) else { continue };
        let mut answer =
            |kind: &'static str, found: Option<TcpState>, kernel: [Option<TcpState>; 2], of: usize| {
                // Before a host has said anything packets cannot show what it has: a listener, or nothing.
                if !spoke[of] && (kernel[0] == Some(TcpState::SynReceived) || found.is_none()) {
                    *score.left_out.entry("the state of a socket that has sent nothing yet").or_default() +=
                        1;
                    return;
                }
                let right = kernel.iter().any(|k| same(found, *k) || !fin[of] && unclosed(found, *k));
                score.synfin.answer(kind, (right || found.is_some()).then_some(right));
                if !right {
                    let what = format!(
                        "packet {} missed; found [{found:?}], sent={} the kernel {kernel:?}",
                        i + 1,
                        p.sent
                    );
                    score.others.push((kind, what));
                }
            };
        let kernel = account::state(run, host, capture.get(i + 1).map(|c| c.ts));
        answer(STATE, found[sides[host]], [kernel; 2], host);
        // Of the other end a packet shows the state that it was sent in; what was sent to it
        // since may have arrived.
        if !p.sent && newest < Some(p.frame) {
            newest = Some(p.frame);
            let sent = run.frames[p.frame].ts;
            let then = account::state(run, 1 - host, Some(Timestamp(sent.0 + 1)));
            let now = account::state(run, 1 - host, Some(capture[i].ts));
            answer(STATE_OTHER, found[sides[1 - host]], [then, now], 1 - host);
        }
    }
}
