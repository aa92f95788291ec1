//! Windows that close and open, senders that stand still, and what offload leaves.

use crate::model::TcpFlags;
use crate::track::{Confidence, EventKind, Evidence, Labels};

use super::memory::{Opened, SideMemory};
use super::{Emit, Scene};

/// A sender that held data back for an acknowledgment sends it at once when that comes.
const AT_ONCE: i64 = 5_000_000;

#[inline]
pub(super) fn judge(fwd: &mut SideMemory, rev: &mut SideMemory, scene: &Scene<'_>, emit: Emit<'_>) {
    let s = scene.s;
    // An old acknowledgment says nothing of the window now (RFC 9293 section 3.10.7.4).
    let plain = !scene.flags().any(TcpFlags::SYN | TcpFlags::RST) && !scene.is_old();
    if plain {
        if s.window == 0 {
            if !std::mem::replace(&mut fwd.window_closed, true) {
                fwd.trouble().zero_window = Some((s.ip.frame, s.ip.ts));
                emit(scene.event(EventKind::ZeroWindow, Confidence::Certain, Evidence::default()));
            }
        } else if std::mem::take(&mut fwd.window_closed)
            && let Some((frame, since)) = fwd.trouble().zero_window.take()
        {
            let opened = Opened { closed_by: frame, closed: since, at: s.ip.ts, tsval: scene.tsval() };
            fwd.trouble().opened = Some(opened);
            let evidence = Evidence {
                original: Some(frame),
                elapsed: Some(s.ip.ts.since(since)),
                ..Evidence::default()
            };
            emit(scene.event(EventKind::WindowOpened, Confidence::Certain, evidence));
        }
    }
    if s.len > 0 {
        sender(fwd, rev, scene, emit);
    }
    checksums(fwd, scene, emit);
}

fn sender(fwd: &mut SideMemory, _rev: &SideMemory, scene: &Scene<'_>, emit: Emit<'_>) {
    let s = scene.s;
    if scene.analysis.labels.has(Labels::WINDOW_FULL) && !std::mem::replace(&mut fwd.window_limited, true) {
        let evidence =
            Evidence { len: scene.analysis.bytes_in_flight, rtt: fwd.rtt(), ..Evidence::default() };
        emit(scene.event(EventKind::WindowLimited, Confidence::Likely, evidence));
    }
    if let Some(mss) = scene.receiver.mss
        && s.len > u32::from(mss)
        && !std::mem::replace(&mut fwd.offload_segments, true)
    {
        let evidence = Evidence { len: Some(s.len), count: Some(mss.into()), ..Evidence::default() };
        // A sender that counts its options wrongly exceeds it by a few octets.
        let joined = s.len >= 2 * u32::from(mss);
        let confidence = if joined { Confidence::Certain } else { Confidence::Likely };
        emit(scene.event(EventKind::OffloadSegments, confidence, evidence));
    }
    // Nagle (RFC 1122 section 4.2.3.4): a small segment under way holds the next one back.
    if let Some((frame, acked, waited)) = fwd.rare_mut().and_then(|r| r.late_ack.take())
        && !fwd.nagle_said
        && s.ip.ts.since(acked) < AT_ONCE
        && s.seq == scene.digest.next_before
    {
        fwd.nagle_said = true;
        let evidence = Evidence {
            original: Some(frame),
            elapsed: Some(waited),
            rtt: fwd.min_rtt(),
            seq: Some(s.seq.0),
            len: Some(s.len),
            ..Evidence::default()
        };
        emit(scene.event(EventKind::NagleDelayedAck, Confidence::Likely, evidence));
    }
    let small = scene.receiver.mss.is_some_and(|mss| s.len < u32::from(mss));
    let alone = scene.fwd.outstanding.len() == 1;
    fwd.small = (small && alone && s.seq == scene.digest.next_before).then(|| s.seq.plus(s.len));
}

/// Checksums that hold just the pseudo-header's sum: one may be chance, three are not.
fn checksums(fwd: &mut SideMemory, scene: &Scene<'_>, emit: Emit<'_>) {
    if fwd.offload_checksums {
        return;
    }
    if !scene.s.checksum_offloaded {
        fwd.offloaded_in_a_row = 0;
        return;
    }
    fwd.offloaded_in_a_row = fwd.offloaded_in_a_row.saturating_add(1);
    if fwd.offloaded_in_a_row >= 3 {
        fwd.offload_checksums = true;
        emit(scene.event(EventKind::OffloadChecksums, Confidence::Certain, Evidence::default()));
    }
}
