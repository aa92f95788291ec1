//! Tunnels over UDP, known by their ports: VXLAN, Geneve, GTP-U, L2TP, Teredo, MPLS.

use crate::model::Proto;

use super::octets::Octets;
use super::problem::Problem;
use super::transport::enter_udp;
use super::walk::Walk;
use super::{ethernet, ip, ppp};

const L2TP: u16 = 1701;
const GTP_U: u16 = 2152;
const TEREDO: u16 = 3544;
const VXLAN: u16 = 4789;
const VXLAN_GPE: u16 = 4790;
const GENEVE: u16 = 6081;
const MPLS: u16 = 6635;

/// A port that announces a tunnel.
#[inline]
pub(super) fn is_port(port: u16) -> bool {
    matches!(port, L2TP | GTP_U | TEREDO | VXLAN | VXLAN_GPE | GENEVE | MPLS)
}

/// The payload of a datagram from or to such a port.
pub(super) fn udp(w: &mut Walk<'_>, sport: u16, dport: u16, o: Octets<'_>) {
    if o.len == 0 {
        return;
    }
    let port = if is_port(dport) { dport } else { sport };
    let path = w.path;
    if !enter_udp(w, &o) {
        return;
    }
    match port {
        VXLAN => vxlan(w, o),
        VXLAN_GPE => vxlan_gpe(w, o),
        GENEVE => geneve(w, o),
        GTP_U => gtp_u(w, o),
        L2TP => l2tp_v2(w, o),
        TEREDO => teredo(w, o),
        MPLS => ethernet::mpls_payload(w, o),
        _ => w.path = path,
    }
}

/// VXLAN (RFC 7348): flags, VNI, Ethernet.
fn vxlan(w: &mut Walk<'_>, o: Octets<'_>) {
    let (Some(flags), Some(vni)) = (o.u8(0), o.u32(4)) else { return w.short(&o) };
    // Without the I flag there is no VNI to trust.
    if flags & 0x08 != 0 && w.enter(Proto::Vxlan, &o) {
        w.realm(Proto::Vxlan, vni >> 8);
        ethernet::ethernet(w, o.skip(8));
    }
}

/// VXLAN-GPE: as VXLAN, with a next protocol.
fn vxlan_gpe(w: &mut Walk<'_>, o: Octets<'_>) {
    let (Some(flags), Some(next), Some(vni)) = (o.u8(0), o.u8(3), o.u32(4)) else { return w.short(&o) };
    if !w.enter(Proto::Vxlan, &o) {
        return;
    }
    w.realm(Proto::Vxlan, vni >> 8);
    let payload = o.skip(8);
    match (flags & 0x04 != 0, next) {
        (false, _) | (true, 3) => ethernet::ethernet(w, payload),
        (true, 1) => ip::v4(w, payload),
        (true, 2) => ip::v6(w, payload),
        (true, 4) => ethernet::nsh(w, payload),
        (true, 5) => ethernet::mpls_payload(w, payload),
        _ => {}
    }
}

/// Geneve (RFC 8926): options in words, then an EtherType.
fn geneve(w: &mut Walk<'_>, o: Octets<'_>) {
    let (Some(first), Some(kind), Some(vni)) = (o.u8(0), o.u16(2), o.u32(4)) else { return w.short(&o) };
    if first >> 6 != 0 || !w.enter(Proto::Geneve, &o) {
        return;
    }
    w.realm(Proto::Geneve, vni >> 8);
    let len = 8 + usize::from(first & 0x3f) * 4;
    if len > o.len {
        return w.problem(Problem::BadEncapsulation, o.at);
    }
    ethernet::ethertype(w, kind, o.skip(len));
}

/// GTP-U (3GPP TS 29.281): a G-PDU carries a datagram, after extension headers.
fn gtp_u(w: &mut Walk<'_>, o: Octets<'_>) {
    let (Some(flags), Some(kind), Some(len), Some(teid)) = (o.u8(0), o.u8(1), o.u16(2), o.u32(4)) else {
        return w.short(&o);
    };
    // Version 1, protocol type GTP, and a G-PDU.
    if flags >> 4 != 3 || kind != 255 || !w.enter(Proto::Gtp, &o) {
        return;
    }
    w.realm(Proto::Gtp, teid);
    let body = o.limit(usize::from(len) + 8);
    let mut at = 8;
    if flags & 0x07 != 0 {
        let Some(mut next) = body.u8(11) else { return w.short(&o) };
        at = 12;
        if flags & 0x04 == 0 {
            next = 0;
        }
        // Each extension is at least four octets long, so this ends.
        while next != 0 {
            let Some(words) = body.u8(at) else { return w.short(&o) };
            if words == 0 {
                return w.problem(Problem::BadEncapsulation, o.at + at);
            }
            at += usize::from(words) * 4;
            let Some(following) = body.u8(at - 1) else { return w.short(&o) };
            next = following;
        }
    }
    let inner = body.skip(at);
    match inner.u8(0).map(|b| b >> 4) {
        Some(4) => ip::v4(w, inner),
        Some(6) => ip::v6(w, inner),
        _ => {}
    }
}

/// L2TP version 2 (RFC 2661): data messages carry PPP.
fn l2tp_v2(w: &mut Walk<'_>, o: Octets<'_>) {
    let Some(flags) = o.u16(0) else { return w.short(&o) };
    // Control messages, and other versions, carry no datagrams.
    if flags & 0x8000 != 0 || flags & 0x000f != 2 || !w.enter(Proto::L2tp, &o) {
        return;
    }
    let mut at = 2;
    if flags & 0x4000 != 0 {
        at += 2;
    }
    if let (Some(tunnel), Some(session)) = (o.u16(at), o.u16(at + 2)) {
        w.realm(Proto::L2tp, u32::from(tunnel) << 16 | u32::from(session));
    }
    at += 4;
    if flags & 0x0800 != 0 {
        at += 4;
    }
    if flags & 0x0200 != 0 {
        let Some(offset) = o.u16(at) else { return w.short(&o) };
        at += 2 + usize::from(offset);
    }
    let inner = o.skip(at);
    w.path.push(Proto::Ppp);
    ppp::protocol(w, if inner.u16(0) == Some(0xff03) { inner.skip(2) } else { inner });
}

/// L2TP version 3 over IP (RFC 3931): a session's payload needs its configuration to
/// be read, so nothing is guessed.
pub(super) fn l2tp_v3(w: &mut Walk<'_>, o: Octets<'_>) {
    if o.data.len() < 4 {
        w.short(&o);
    }
}

/// Teredo (RFC 4380): authentication and origin indications, then IPv6.
fn teredo(w: &mut Walk<'_>, o: Octets<'_>) {
    if !w.enter(Proto::Teredo, &o) {
        return;
    }
    let mut at = 0;
    if o.u16(0) == Some(0x0001) {
        let (Some(id), Some(value)) = (o.u8(2), o.u8(3)) else { return w.short(&o) };
        at += 13 + usize::from(id) + usize::from(value);
    }
    if o.u16(at) == Some(0x0000) {
        at += 8;
    }
    if o.u8(at).is_some_and(|b| b >> 4 == 6) {
        ip::v6(w, o.skip(at));
    }
}
