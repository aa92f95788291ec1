//! The fields of an IP packet with TCP that the truth rests on, read anew here.

use std::collections::BTreeMap;

use synfin::lab::LabOutcome;

/// ACK, IP ID, time stamps and SACK edges of a packet, raw.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// 0 over IPv6, which has none.
    pub id: u16,
    pub seq: u32,
    pub ack: u32,
    /// TSval and TSecr.
    pub stamps: Option<(u32, u32)>,
    pub sack: Vec<(u32, u32)>,
}

fn be16(b: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(b.get(at..at + 2)?.try_into().ok()?))
}

fn be32(b: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(b.get(at..at + 4)?.try_into().ok()?))
}

/// The length of IPv6's header; IPv4's is shorter or, with ten words of options, never made here.
pub const SIX: usize = 40;

/// Octets before the TCP header.
pub fn ip_header(packet: &[u8]) -> Option<usize> {
    match packet.first()? {
        b if b >> 4 == 6 => Some(SIX),
        b => Some(usize::from(b & 15) * 4),
    }
}

/// Reads them.
pub fn fields(packet: &[u8]) -> Option<Fields> {
    let header = ip_header(packet)?;
    let tcp = packet.get(header..)?;
    let mut options = tcp.get(20..usize::from(*tcp.get(12)? >> 4) * 4)?;
    let (mut stamps, mut sack) = (None, Vec::new());
    while let Some(&kind) = options.first() {
        let len = if kind < 2 { 1 } else { usize::from(*options.get(1)?) };
        match kind {
            8 => stamps = Some((be32(options, 2)?, be32(options, 6)?)),
            5 => sack.extend(
                (2..len).step_by(8).filter_map(|at| Some((be32(options, at)?, be32(options, at + 4)?))),
            ),
            _ => {}
        }
        options = options.get(len.max(1)..)?;
    }
    let id = if header == SIX { 0 } else { be16(packet, 4)? };
    Some(Fields { id, seq: be32(tcp, 4)?, ack: be32(tcp, 8)?, stamps, sack })
}

/// The initial sequence number of each host.
pub fn isns(run: &LabOutcome) -> BTreeMap<usize, u32> {
    let mut isn = BTreeMap::new();
    for f in &run.frames {
        if let (Some(from), Some(fields)) = (f.from, fields(&f.bytes)) {
            isn.entry(from).or_insert(fields.seq);
        }
    }
    isn
}

/// `n` counted from `base`.
pub fn relative(n: u32, base: u32) -> i64 {
    i64::from(n.wrapping_sub(base).cast_signed())
}

/// The D-SACK of these fields, counted from `base`: a first block that is acknowledged already, or lies
/// in the second (RFC 2883 section 4).
pub fn dsack(f: &Fields, base: u32) -> Option<(i64, i64)> {
    let edges = |i: usize| f.sack.get(i).map(|&(a, b)| (relative(a, base), relative(b, base)));
    let first = edges(0)?;
    let old = first.1 <= relative(f.ack, base) || edges(1).is_some_and(|s| s.0 <= first.0 && first.1 <= s.1);
    old.then_some(first)
}
