//! The fields of an IPv4 packet with TCP that the truth rests on, read anew here.

use std::collections::BTreeMap;

use synfin::lab::LabOutcome;

/// ACK, IP ID, time stamps and SACK edges of a packet, raw.
#[derive(Debug, Clone, Default)]
pub struct Fields {
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

/// Reads them.
pub fn fields(packet: &[u8]) -> Option<Fields> {
    let tcp = packet.get(usize::from(packet.first()? & 15) * 4..)?;
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
    Some(Fields { id: be16(packet, 4)?, seq: be32(tcp, 4)?, ack: be32(tcp, 8)?, stamps, sack })
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
