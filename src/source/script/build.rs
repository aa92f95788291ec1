//! Steps into frames, with etherparse's headers and checksums.

use std::net::IpAddr;

use etherparse::{
    EtherType, Ethernet2Header, Icmpv4Header, Icmpv4Type, Icmpv6Header, Icmpv6Type, IpEcn, IpNumber,
    Ipv4Header, Ipv6FlowLabel, Ipv6Header, SingleVlanHeader, TcpHeader, UdpHeader, VlanId,
};

use super::step::{Above, Body, Checksum, Step};
use super::{Script, ScriptOption};
use crate::model::{LinkType, PerSide, SeqNum, Side, TcpFlags};

/// Octets of a packet that an ICMP error quotes at most: what keeps the error within
/// 576 octets (RFC 1812 section 4.3.2.3) or 1280 (RFC 4443 section 2.4).
const QUOTED: PerSide<usize> = PerSide::new(576 - 28, 1280 - 48);

/// Builds the captured octets of `step` into `frame`; returns the length on the wire.
pub(super) fn frame(script: &Script, step: &Step, frame: &mut Vec<u8>) -> Option<u32> {
    frame.clear();
    let connection = script.connections.get(step.connection)?;
    let v4 = connection.endpoints[step.side].addr.is_ipv4();
    if script.link == LinkType::ETHERNET {
        link(step, if v4 { EtherType::IPV4 } else { EtherType::IPV6 }, frame);
    }
    packet(script, step, true, frame)?;
    let length = frame.len() as u32;
    if let Some(snap) = step.snap {
        frame.truncate(snap as usize);
    }
    Some(step.wire.unwrap_or(length))
}

/// Locally administered addresses, the last octet 1 for the left side and 2 for the right.
fn mac(side: Side) -> [u8; 6] {
    [2, 0, 0, 0, 0, side.index() as u8 + 1]
}

fn link(step: &Step, ip: EtherType, frame: &mut Vec<u8>) {
    let tag = |rest: &[u16]| if rest.is_empty() { ip } else { EtherType::VLAN_TAGGED_FRAME };
    let header = Ethernet2Header {
        source: mac(step.side),
        destination: mac(step.side.other()),
        ether_type: tag(&step.body.vlans),
    };
    frame.extend(header.to_bytes());
    let mut rest = step.body.vlans.as_slice();
    while let Some((&vlan, after)) = rest.split_first() {
        rest = after;
        let header = SingleVlanHeader {
            vlan_id: VlanId::try_new(vlan).unwrap_or_default(),
            ether_type: tag(after),
            ..Default::default()
        };
        frame.extend(header.to_bytes());
    }
}

/// Appends the IP packet of `step`. `outer` is false for a packet that an ICMP error
/// quotes, which has none in it.
fn packet(script: &Script, step: &Step, outer: bool, out: &mut Vec<u8>) -> Option<()> {
    let body = &*step.body;
    let ends = script.connections.get(step.connection)?.endpoints;
    let (src, dst) = (ends[step.side], ends[step.side.other()]);
    match &body.above {
        Above::Tcp { .. } => {
            let payload = payload(body);
            let mut header = tcp_header(step, src.port, dst.port);
            let (segment_len, octets) = (header.header_len() + payload.len(), IpNumber::TCP);
            let sum = match (src.addr, dst.addr) {
                (IpAddr::V4(s), IpAddr::V4(d)) => {
                    header.calc_checksum_ipv4_raw(s.octets(), d.octets(), &payload).ok()?
                }
                (IpAddr::V6(s), IpAddr::V6(d)) => {
                    header.calc_checksum_ipv6_raw(s.octets(), d.octets(), &payload).ok()?
                }
                _ => return None,
            };
            header.checksum = field(body.checksum, sum, src.addr, dst.addr, octets, segment_len);
            ip(body, src.addr, dst.addr, octets, segment_len, out)?;
            out.extend(header.to_bytes());
            out.extend(payload);
        }
        Above::Udp => {
            let payload = payload(body);
            let length = u16::try_from(payload.len() + 8).ok()?;
            let mut header =
                UdpHeader { source_port: src.port, destination_port: dst.port, length, checksum: 0 };
            let sum = match (src.addr, dst.addr) {
                (IpAddr::V4(s), IpAddr::V4(d)) => {
                    header.calc_checksum_ipv4_raw(s.octets(), d.octets(), &payload).ok()?
                }
                (IpAddr::V6(s), IpAddr::V6(d)) => {
                    header.calc_checksum_ipv6_raw(s.octets(), d.octets(), &payload).ok()?
                }
                _ => return None,
            };
            header.checksum = field(body.checksum, sum, src.addr, dst.addr, IpNumber::UDP, length.into());
            ip(body, src.addr, dst.addr, IpNumber::UDP, length.into(), out)?;
            out.extend(header.to_bytes());
            out.extend(payload);
        }
        &Above::Icmp { icmp_type, code, rest, from, quotes } if outer => {
            let mut quoted = Vec::new();
            packet(script, script.steps.get(quotes)?, false, &mut quoted)?;
            icmp(body, from.unwrap_or(src.addr), dst.addr, (icmp_type, code, rest), quoted, out)?;
        }
        Above::Icmp { .. } => return None,
    }
    Some(())
}

fn icmp(
    body: &Body,
    src: IpAddr,
    dst: IpAddr,
    (type_u8, code_u8, rest): (u8, u8, u32),
    mut quoted: Vec<u8>,
    out: &mut Vec<u8>,
) -> Option<()> {
    let bytes5to8 = rest.to_be_bytes();
    match (src, dst) {
        (IpAddr::V4(_), IpAddr::V4(_)) => {
            quoted.truncate(QUOTED.0[0]);
            let icmp_type = Icmpv4Type::Unknown { type_u8, code_u8, bytes5to8 };
            ip(body, src, dst, IpNumber::ICMP, quoted.len() + 8, out)?;
            out.extend(Icmpv4Header::with_checksum(icmp_type, &quoted).to_bytes());
        }
        (IpAddr::V6(s), IpAddr::V6(d)) => {
            quoted.truncate(QUOTED.0[1]);
            let icmp_type = Icmpv6Type::Unknown { type_u8, code_u8, bytes5to8 };
            ip(body, src, dst, IpNumber::IPV6_ICMP, quoted.len() + 8, out)?;
            let header = Icmpv6Header::with_checksum(icmp_type, s.octets(), d.octets(), &quoted).ok()?;
            out.extend(header.to_bytes());
        }
        _ => return None,
    }
    out.extend(quoted);
    Some(())
}

fn ip(
    body: &Body,
    src: IpAddr,
    dst: IpAddr,
    protocol: IpNumber,
    len: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    match (src, dst) {
        (IpAddr::V4(s), IpAddr::V4(d)) => {
            let len = u16::try_from(len).ok()?;
            let mut header = Ipv4Header::new(len, body.ttl, protocol, s.octets(), d.octets()).ok()?;
            header.identification = body.ip_id;
            header.ecn = IpEcn::try_new(body.ecn).unwrap_or_default();
            header.dont_fragment = protocol != IpNumber::ICMP;
            header.header_checksum = header.calc_header_checksum();
            out.extend(header.to_bytes());
        }
        (IpAddr::V6(s), IpAddr::V6(d)) => {
            let header = Ipv6Header {
                traffic_class: body.ecn & 3,
                flow_label: Ipv6FlowLabel::ZERO,
                payload_length: u16::try_from(len).ok()?,
                next_header: protocol,
                hop_limit: body.ttl,
                source: s.octets(),
                destination: d.octets(),
            };
            out.extend(header.to_bytes());
        }
        _ => return None,
    }
    Some(())
}

fn tcp_header(step: &Step, source_port: u16, destination_port: u16) -> TcpHeader {
    let mut header = TcpHeader::new(source_port, destination_port, 0, 0);
    if let Above::Tcp { flags, seq, ack, raw_ack, window, urgent, options } = &step.body.above {
        header.sequence_number = step.isn[step.side].plus(*seq).0;
        let other = step.isn[step.side.other()];
        header.acknowledgment_number = ack.map_or(*raw_ack, |ack| other.plus(ack).0);
        header.ns = flags.has(TcpFlags::AE);
        header.fin = flags.has(TcpFlags::FIN);
        header.syn = flags.has(TcpFlags::SYN);
        header.rst = flags.has(TcpFlags::RST);
        header.psh = flags.has(TcpFlags::PSH);
        header.ack = flags.has(TcpFlags::ACK);
        header.urg = flags.has(TcpFlags::URG);
        header.ece = flags.has(TcpFlags::ECE);
        header.cwr = flags.has(TcpFlags::CWR);
        header.window_size = *window;
        header.urgent_pointer = *urgent;
        // The parser holds options to 40 octets, so this cannot fail.
        let fits = header.set_options_raw(&option_octets(options, other));
        debug_assert!(fits.is_ok());
    }
    header
}

fn option_octets(options: &[ScriptOption], base: SeqNum) -> Vec<u8> {
    let mut octets = Vec::new();
    for option in options {
        option.encode(base, &mut octets);
    }
    octets
}

/// The payload: what the script spells out, or a letter for each place in the stream, so
/// that an octet sent again is the same octet.
fn payload(body: &Body) -> Vec<u8> {
    if let Some(text) = &body.text {
        return text.clone();
    }
    let first = match body.above {
        Above::Tcp { seq, .. } => seq,
        _ => 0,
    };
    (0..body.len).map(|i| b'a' + (first.wrapping_add(i) % 26) as u8).collect()
}

/// What the checksum field of a segment of `len` octets holds, `sum` being the right sum.
fn field(kind: Checksum, sum: u16, src: IpAddr, dst: IpAddr, protocol: IpNumber, len: usize) -> u16 {
    match kind {
        Checksum::Right => sum,
        // Neither the right sum, nor its other form (0 and 0xffff), nor 0 (no checksum).
        Checksum::Bad => {
            if sum == 0x5555 {
                0x1234
            } else {
                sum ^ 0x5555
            }
        }
        Checksum::None => 0,
        Checksum::Offloaded => pseudo_sum(src, dst, protocol, len),
    }
}

/// The folded sum of the pseudo-header, not complemented.
fn pseudo_sum(src: IpAddr, dst: IpAddr, protocol: IpNumber, len: usize) -> u16 {
    let mut octets = Vec::with_capacity(40);
    for addr in [src, dst] {
        match addr {
            IpAddr::V4(a) => octets.extend(a.octets()),
            IpAddr::V6(a) => octets.extend(a.octets()),
        }
    }
    let mut sum: u32 = u32::from(protocol.0) + (len >> 16) as u32 + (len & 0xffff) as u32;
    for pair in octets.chunks(2) {
        sum += pair.iter().fold(0, |all, &b| all << 8 | u32::from(b));
    }
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    sum as u16
}
