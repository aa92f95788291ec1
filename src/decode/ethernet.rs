//! Ethernet and what EtherTypes lead to: VLAN tags, LLC/SNAP, MPLS, PBB, MACsec, NSH.

use crate::model::Proto;

use super::octets::Octets;
use super::walk::Walk;
use super::{ip, ppp};

/// Ethernet II or IEEE 802.3.
#[inline]
pub(super) fn ethernet(w: &mut Walk<'_>, o: Octets<'_>) {
    if !w.enter(Proto::Eth, &o) {
        return;
    }
    let Some(kind) = o.u16(12) else { return w.short(&o) };
    ethertype_or_length(w, kind, o.skip(14));
}

/// A field that is an EtherType from 0x0600 on, and a length of LLC octets below.
#[inline]
pub(super) fn ethertype_or_length(w: &mut Walk<'_>, kind: u16, o: Octets<'_>) {
    if kind > 1500 {
        ethertype(w, kind, o);
    } else {
        let o = if kind == 0 { o } else { o.limit(usize::from(kind)) };
        if o.u16(0) == Some(0xffff) { novell(o) } else { llc(w, o) }
    }
}

/// What an EtherType announces.
#[inline]
pub(super) fn ethertype(w: &mut Walk<'_>, kind: u16, o: Octets<'_>) {
    match kind {
        0x0800 => ip::v4(w, o),
        0x86dd => ip::v6(w, o),
        0x8100 | 0x9100 | 0x9200 => vlan(w, o, Proto::Vlan),
        0x88a8 => vlan(w, o, Proto::ServiceVlan),
        0x88e7 => pbb(w, o),
        0x8847 | 0x8848 => mpls(w, o),
        0x8864 => ppp::pppoe(w, o),
        0x880b => {
            w.path.push(Proto::Ppp);
            ppp::protocol(w, o);
        }
        0x6558 => ethernet(w, o),
        0x88e5 => macsec(w, o),
        0x894f => nsh(w, o),
        0x8909 => cisco_metadata(w, o),
        _ => {}
    }
}

/// A tag of IEEE 802.1Q or 802.1ad: priority and VLAN, then the next EtherType.
fn vlan(w: &mut Walk<'_>, o: Octets<'_>, proto: Proto) {
    let (Some(tag), Some(kind)) = (o.u16(0), o.u16(2)) else { return w.short(&o) };
    if w.enter(proto, &o) {
        w.realm(proto, u32::from(tag & 0x0fff));
        ethertype_or_length(w, kind, o.skip(4));
    }
}

/// Provider backbone bridging (IEEE 802.1ah): service tag, then a whole Ethernet header.
fn pbb(w: &mut Walk<'_>, o: Octets<'_>) {
    let (Some(service), Some(kind)) = (o.u32(0), o.u16(16)) else { return w.short(&o) };
    if w.enter(Proto::Pbb, &o) {
        w.realm(Proto::Pbb, service & 0x00ff_ffff);
        ethertype_or_length(w, kind, o.skip(18));
    }
}

/// LLC (IEEE 802.2): SNAP, or IP by its own service access point.
pub(super) fn llc(w: &mut Walk<'_>, o: Octets<'_>) {
    w.path.push(Proto::Llc);
    let (Some(dsap), Some(ssap), Some(control)) = (o.u8(0), o.u8(1), o.u8(2)) else { return w.short(&o) };
    // Unnumbered information only; numbered frames have a second control octet.
    if control & 0x03 != 0x03 {
        return;
    }
    match (dsap, ssap) {
        (0xaa, _) => snap(w, o.skip(3)),
        (0x06, _) => ip::v4(w, o.skip(3)),
        _ => {}
    }
}

/// SNAP: an organization code, then an EtherType when the code is 0 (or the tunnelled
/// one of RFC 1042 bridges).
pub(super) fn snap(w: &mut Walk<'_>, o: Octets<'_>) {
    let (Some([a, b, c]), Some(kind)) = (o.array::<3>(0), o.u16(3)) else { return w.short(&o) };
    match [a, b, c] {
        [0, 0, 0] | [0, 0, 0xf8] => ethertype(w, kind, o.skip(5)),
        // RFC 2427/2684 bridged Ethernet, with and without the frame check sequence.
        [0, 0x80, 0xc2] => match kind {
            0x0001 | 0x0007 => ethernet(w, o.skip(5)),
            _ => {}
        },
        _ => {}
    }
}

/// Novell's raw 802.3 carries IPX alone.
pub(super) fn novell(_: Octets<'_>) {}

/// MPLS (RFC 3032): labels to the bottom of the stack, then what the first half-octet says.
fn mpls(w: &mut Walk<'_>, o: Octets<'_>) {
    let mut o = o;
    loop {
        let Some(entry) = o.u32(0) else { return w.short(&o) };
        if !w.enter(Proto::Mpls, &o) {
            return;
        }
        w.realm(Proto::Mpls, entry >> 12);
        o = o.skip(4);
        let label = entry >> 12;
        if entry & 0x100 != 0 {
            // IPv4 and IPv6 explicit null say what follows; the others leave it to a look.
            return match (label, o.u8(0).map(|b| b >> 4)) {
                (0, _) | (_, Some(4)) => ip::v4(w, o),
                (2, _) | (_, Some(6)) => ip::v6(w, o),
                // A pseudowire, of a kind that only its configuration tells.
                _ => {}
            };
        }
    }
}

/// Cisco MetaData: version, length, option, security group tag, then the EtherType.
fn cisco_metadata(w: &mut Walk<'_>, o: Octets<'_>) {
    match o.u16(6) {
        Some(kind) if w.enter_unnamed(&o) => ethertype(w, kind, o.skip(8)),
        Some(_) => {}
        None => w.short(&o),
    }
}

/// MACsec (IEEE 802.1AE): only frames that are authenticated but not encrypted can be read.
fn macsec(w: &mut Walk<'_>, o: Octets<'_>) {
    let (Some(control), Some(short)) = (o.u8(0), o.u8(1)) else { return w.short(&o) };
    if !w.enter(Proto::MacSec, &o) || control & 0x0c != 0 {
        return;
    }
    let tag = if control & 0x20 != 0 { 14 } else { 6 };
    let body = o.skip(tag);
    let body = if short & 0x3f != 0 {
        body.limit(usize::from(short & 0x3f))
    } else {
        body.limit(body.len.saturating_sub(16))
    };
    match body.u16(0) {
        Some(kind) => ethertype(w, kind, body.skip(2)),
        None => w.short(&body),
    }
}

/// Network service header (RFC 8300): its own length in words, then the next protocol.
pub(super) fn nsh(w: &mut Walk<'_>, o: Octets<'_>) {
    let (Some(first), Some(next)) = (o.u16(0), o.u8(3)) else { return w.short(&o) };
    if !w.enter(Proto::Nsh, &o) {
        return;
    }
    let payload = o.skip(usize::from(first & 0x3f) * 4);
    match next {
        1 => ip::v4(w, payload),
        2 => ip::v6(w, payload),
        3 => ethernet(w, payload),
        4 => nsh(w, payload),
        5 => mpls(w, payload),
        _ => {}
    }
}

/// MPLS from elsewhere (GRE, UDP, PPP).
pub(super) fn mpls_payload(w: &mut Walk<'_>, o: Octets<'_>) {
    mpls(w, o);
}

#[cfg(test)]
mod tests {
    use crate::decode::{Decoder, Problem};
    use crate::model::{LinkType, Packet, Timestamp};

    /// Headers that lead to themselves, as many as the largest frame holds: each is a step
    /// down, so none of them may go on for ever.
    #[test]
    fn every_nest_has_a_bottom() {
        let ethernet = |kind: &[u8]| [&[2; 12], kind].concat();
        let cases: [(&str, Vec<u8>, Vec<u8>); 7] = [
            ("Ethernet", vec![], ethernet(&[0x65, 0x58])),
            ("Cisco MetaData", ethernet(&[0x89, 0x09]), vec![0, 0, 0, 0, 0, 0, 0x89, 0x09]),
            ("MACsec", ethernet(&[0x88, 0xe5]), vec![0, 0, 0, 0, 0, 0, 0x88, 0xe5]),
            ("VLAN", ethernet(&[0x81, 0x00]), vec![0, 1, 0x81, 0x00]),
            ("MPLS", ethernet(&[0x88, 0x47]), vec![0, 1, 0, 64]),
            ("NSH", ethernet(&[0x89, 0x4f]), vec![0, 2, 0, 4, 0, 0, 0, 0]),
            ("bridged in SNAP", vec![], [&[2; 12][..], &[0, 0, 0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 1]].concat()),
        ];
        for (what, start, again) in cases {
            let count = (262_144 - start.len()) / again.len();
            let data = [start, again.repeat(count)].concat();
            let (ts, link) = (Timestamp(0), LinkType::ETHERNET);
            let packet =
                Packet { number: 1, ts, orig_len: data.len() as u32, link, interface: 0, data: &data };
            let mut records = Vec::new();
            let problems = Decoder::default().decode(&packet, &mut records);
            assert!(problems.has(Problem::TooDeep) && records.is_empty(), "{what}: {problems:?}");
        }
    }
}
