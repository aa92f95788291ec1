//! The facts of a connection's life: opening, established, closing, closed.

use crate::model::{TcpFlags, TcpState};
use crate::track::{Confidence, EventKind, Evidence};

use super::memory::{Said, SideMemory};
use super::{Emit, Scene};

/// The first packet of a connection.
pub(super) fn opening(scene: &Scene<'_>, emit: Emit<'_>) {
    if scene.port_reuse {
        emit(scene.event(EventKind::PortReused, Confidence::Certain, Evidence::default()));
    }
    if !scene.first {
        return;
    }
    let event = match (scene.flags().has(TcpFlags::SYN), scene.flags().has(TcpFlags::ACK)) {
        (true, false) => scene.event(EventKind::Opening, Confidence::Certain, Evidence::default()),
        _ => {
            let confidence = if scene.begin.roles_known { Confidence::Certain } else { Confidence::Likely };
            scene.event(EventKind::Midstream, confidence, Evidence::default())
        }
    };
    emit(event);
}

/// What the states tell: that the handshake is complete, a FIN, both FINs acknowledged.
#[inline]
pub(super) fn states(
    said: &mut Said,
    fwd: &mut SideMemory,
    rev: &mut SideMemory,
    scene: &Scene<'_>,
    emit: Emit<'_>,
) {
    let open = [Some(TcpState::Established); 2];
    // Whose SYN-ACK crosses another has still to get that one.
    if !said.established && scene.after == open && !scene.flags().has(TcpFlags::SYN) {
        said.established = true;
        let evidence = Evidence { rtt: scene.begin.syn_rtt, ..Evidence::default() };
        emit(scene.event(EventKind::Established, Confidence::Certain, evidence));
    }
    if scene.flags().has(TcpFlags::FIN) {
        fwd.sent_fin = true;
        if !std::mem::replace(&mut fwd.fin_said, true) {
            emit(scene.event(EventKind::Fin, Confidence::Certain, Evidence::default()));
        }
    }
    if !said.closed && fwd.sent_fin && rev.sent_fin {
        let gone = |s: Option<TcpState>| matches!(s, Some(TcpState::Closed | TcpState::TimeWait));
        if gone(scene.after[0]) && gone(scene.after[1]) && !said.reset {
            said.closed = true;
            emit(scene.event(EventKind::Closed, Confidence::Certain, Evidence::default()));
        }
    }
}
