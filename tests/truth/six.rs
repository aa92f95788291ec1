//! The same run as if it had been over IPv6: the same segments at the same times, without IP
//! IDs. The labs' wire knows IPv4 alone.

use synfin::lab::LabOutcome;

fn sum(bytes: &[u8]) -> u32 {
    bytes.chunks(2).map(|c| u32::from(c[0]) << 8 | u32::from(c.get(1).copied().unwrap_or(0))).sum()
}

/// An IPv4 packet's payload behind an IPv6 header; a right checksum stays right.
fn translate(packet: &[u8]) -> Option<Vec<u8>> {
    let header = usize::from(packet.first()? & 15) * 4;
    let (ttl, protocol) = (*packet.get(8)?, *packet.get(9)?);
    let (src, dst) = (packet.get(12..16)?, packet.get(16..20)?);
    let mut tcp = packet.get(header..)?.to_vec();
    let mapped = |v4: &[u8]| [&[0xfd, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], v4].concat();
    let (from, to) = (mapped(src), mapped(dst));
    let field = tcp.get(16..18)?;
    // RFC 1624: the pseudo-header changes by the new octets of the addresses alone.
    let mut total = u32::from(!u16::from_be_bytes([field[0], field[1]])) + sum(&from) + sum(&to);
    total += 2 * 0xffff - (sum(src) % 0xffff) - (sum(dst) % 0xffff);
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    tcp.get_mut(16..18)?.copy_from_slice(&(!(total as u16)).to_be_bytes());
    let len = u16::try_from(tcp.len()).ok()?.to_be_bytes();
    Some([&[0x60, 0, 0, 0, len[0], len[1], protocol, ttl], &from[..], &to[..], &tcp[..]].concat())
}

/// The run over IPv6.
pub fn six(run: &LabOutcome) -> LabOutcome {
    let mut run = run.clone();
    for frame in &mut run.frames {
        frame.bytes = translate(&frame.bytes).unwrap_or_default();
        frame.orig_len = frame.bytes.len() as u32;
        for d in &mut frame.deliveries {
            d.altered = d.altered.as_deref().and_then(translate);
        }
    }
    run
}
