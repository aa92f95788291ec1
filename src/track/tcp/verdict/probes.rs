//! Probes: of a closed window, and of a peer that says nothing.

use crate::model::{SeqNum, TcpFlags};
use crate::track::{Confidence, EventKind, Evidence, Labels};

use super::memory::{Opened, SideMemory};
use super::resent::SHORTEST_TIMEOUT;
use super::{Emit, Scene};

/// Keep-alives wait for two hours unless told otherwise (RFC 1122 section 4.2.3.6), and
/// nobody tells them to wait for less than a minute while a window is closed.
const KEEP_ALIVE_IDLE: i64 = 60_000_000_000;
/// The shortest wait that any common stack can be told.
const KEEP_ALIVE_LEAST: i64 = 900_000_000;

/// One octet or none below what comes next: a probe of a closed window, or a keep-alive.
pub(super) fn judge(fwd: &SideMemory, rev: &SideMemory, scene: &Scene<'_>, emit: Emit<'_>) -> bool {
    let plain = !scene.flags().any(TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST);
    let just_below = scene.s.seq == scene.digest.next_before.minus(1)
        || (scene.s.len == 0 && scene.s.seq == scene.digest.peer_ack_before.minus(1));
    let into_closed = scene.analysis.labels.has(Labels::ZERO_WINDOW_PROBE);
    let below = just_below && scene.s.seq.is_before(scene.digest.next_before);
    // An acknowledgment that was kept back until its sender had gone on looks the same.
    let late = scene.print().sent_after(fwd.newest) == Some(false) || scene.is_old();
    if late || !plain || scene.s.len > 1 || !(below || into_closed) {
        return false;
    }
    let acked = scene.digest.peer_ack_before;
    // Waits for its acknowledgment: sent again, which a keep-alive never does. A window
    // that is closed leaves nothing unacknowledged but a probe's octet.
    let waits = acked.0 != 0 && acked.is_before(scene.digest.next_before);
    let silent = silence(fwd, rev, scene);
    if let Some((frame, since)) = rev.rare().and_then(|r| r.zero_window) {
        let elapsed = scene.s.ip.ts.since(since);
        let evidence =
            Evidence { original: Some(frame), elapsed: Some(elapsed), rtt: fwd.rtt(), ..Evidence::default() };
        // What comes sooner may have been on its way before the window closed; and after a
        // minute's silence a keep-alive looks the same.
        let persists =
            elapsed >= SHORTEST_TIMEOUT && fwd.rtt().is_none_or(|rtt| elapsed > rtt.saturating_mul(2));
        let quiet = silent.is_some_and(|n| n >= KEEP_ALIVE_IDLE);
        let confidence = if persists && !quiet { Confidence::Certain } else { Confidence::Likely };
        emit(scene.event(EventKind::WindowProbe, confidence, evidence));
    } else if let Some(opened) = unaware(rev, scene, silent) {
        // The news that the window is open had not reached its sender.
        let evidence = Evidence {
            original: Some(opened.closed_by),
            elapsed: Some(scene.s.ip.ts.since(opened.closed)),
            rtt: fwd.rtt(),
            ..Evidence::default()
        };
        emit(scene.event(EventKind::WindowProbe, Confidence::Likely, evidence));
    } else if scene.s.seq == scene.digest.next_before.minus(1) && !waits {
        // A pure acknowledgment that was overtaken by one octet looks the same; so does a
        // single octet sent again whose acknowledgment was not captured, or was lost behind
        // the capture point.
        let keystroke = fwd.recent.len == 1 && fwd.recent.seq == scene.s.seq;
        let confidence = match silent {
            _ if scene.s.len == 1 && keystroke => Confidence::Likely,
            _ if acked.0 == 0 => Confidence::Undetermined,
            Some(n) if n >= 1_000_000_000 => Confidence::Certain,
            _ => Confidence::Likely,
        };
        let evidence = Evidence { elapsed: silent, ..Evidence::default() };
        emit(scene.event(EventKind::KeepAlive, confidence, evidence));
    } else {
        return false;
    }
    true
}

/// The window that was closed and is open again, where the sender of this cannot have known:
/// it echoes an older time stamp, or one of the same moment or none, and no keep-alive comes so soon.
fn unaware(rev: &SideMemory, scene: &Scene<'_>, silent: Option<i64>) -> Option<Opened> {
    let opened = rev.rare()?.opened?;
    let echo = scene.digest.options.timestamps.map(|(_, echo)| SeqNum(echo));
    let older = match (echo, opened.tsval) {
        (Some(echo), Some(tsval)) if echo != SeqNum(tsval) => echo.is_before(SeqNum(tsval)),
        _ => scene.s.ip.ts.since(opened.at) < KEEP_ALIVE_LEAST,
    };
    (older && silent.is_some_and(|n| n < KEEP_ALIVE_LEAST)).then_some(opened)
}

/// How long neither side has said anything.
fn silence(fwd: &SideMemory, rev: &SideMemory, scene: &Scene<'_>) -> Option<i64> {
    rev.last_any().max(fwd.last_any()).map(|t| scene.s.ip.ts.since(t))
}
