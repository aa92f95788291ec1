//! PPP (RFC 1661, RFC 1662) and PPPoE (RFC 2516).

use crate::model::Proto;

use super::ethernet;
use super::ip;
use super::octets::Octets;
use super::walk::Walk;

/// PPP as a link layer: with or without the address and control octets of HDLC framing.
pub(super) fn ppp_link(w: &mut Walk<'_>, o: Octets<'_>) {
    w.path.push(Proto::Ppp);
    match (o.u8(0), o.u8(1)) {
        // Cisco HDLC on a link that calls itself PPP.
        (Some(0x0f | 0x8f), Some(0)) => match o.u16(2) {
            Some(kind) => ethernet::ethertype(w, kind, o.skip(4)),
            None => w.short(&o),
        },
        (Some(0xff), Some(0x03)) => protocol(w, o.skip(2)),
        _ => protocol(w, o),
    }
}

/// PPPoE session data (EtherType 0x8864): six octets, then PPP without framing.
pub(super) fn pppoe(w: &mut Walk<'_>, o: Octets<'_>) {
    let (Some(session), Some(len)) = (o.u16(2), o.u16(4)) else { return w.short(&o) };
    if !w.enter(Proto::Pppoe, &o) {
        return;
    }
    w.realm(Proto::Pppoe, u32::from(session));
    w.path.push(Proto::Ppp);
    protocol(w, o.skip(6).limit(usize::from(len)));
}

/// The protocol field: one octet when it is odd (protocol field compression), else two.
pub(super) fn protocol(w: &mut Walk<'_>, o: Octets<'_>) {
    let Some(first) = o.u8(0) else { return w.short(&o) };
    let (number, rest) = if first & 1 == 1 {
        (u16::from(first), o.skip(1))
    } else {
        let Some(number) = o.u16(0) else { return w.short(&o) };
        (number, o.skip(2))
    };
    match number {
        0x0021 => ip::v4(w, rest),
        0x0057 => ip::v6(w, rest),
        0x0281 | 0x0283 => ethernet::mpls_payload(w, rest),
        // Bridged Ethernet (RFC 3518): flags and MAC type first.
        0x0031 if rest.u8(1) == Some(1) => ethernet::ethernet(w, rest.skip(2)),
        _ => {}
    }
}
