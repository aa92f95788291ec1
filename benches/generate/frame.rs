//! Ethernet frames with IPv4 or IPv6 and TCP or UDP, checksums included, written as a
//! classic pcap file.

use std::io::{self, Write};

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const PSH: u8 = 0x08;
pub const ACK: u8 = 0x10;

/// Both ends of a conversation; index 0 is the client.
#[derive(Debug, Clone, Copy)]
pub struct Flow {
    /// IPv6 addresses; otherwise IPv4 in the first four octets.
    pub v6: bool,
    pub addresses: [[u8; 16]; 2],
    pub ports: [u16; 2],
    pub ttl: [u8; 2],
}

/// The fields of one TCP segment, raw.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    pub from: usize,
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub window: u16,
    pub ip_id: u16,
    /// Option octets, padded to a multiple of four.
    pub options: &'a [u8],
    pub payload: usize,
}

/// What every payload is cut from: the octet at a sequence number is always the same, so
/// that a segment resent carries what it carried first.
fn pattern() -> Vec<u8> {
    let mut random = crate::random::Random::new(7);
    let line = b"abcdefghijklmnopqrstuvwxyz 0123456789 ";
    (0..2 * 65536)
        .scan(vec![0u8; 65536], |seen, i: usize| {
            let slot = &mut seen[i % 65536];
            if i < 65536 {
                *slot = line[random.next() as usize % line.len()];
            }
            Some(*slot)
        })
        .collect()
}

/// Writes frames as records of a classic pcap file (microseconds, link type Ethernet).
pub struct Capture<W> {
    out: W,
    pattern: Vec<u8>,
    frame: Vec<u8>,
    pub packets: u64,
    pub bytes: u64,
    last: u64,
}

impl<W: Write> Capture<W> {
    pub fn new(mut out: W) -> io::Result<Self> {
        let mut header = Vec::with_capacity(24);
        header.extend(0xa1b2_c3d4u32.to_le_bytes());
        header.extend(2u16.to_le_bytes());
        header.extend(4u16.to_le_bytes());
        header.extend([0; 8]);
        header.extend(262_144u32.to_le_bytes());
        header.extend(1u32.to_le_bytes());
        out.write_all(&header)?;
        Ok(Self { out, pattern: pattern(), frame: Vec::with_capacity(2048), packets: 0, bytes: 24, last: 0 })
    }

    /// Writes a TCP segment sent at `now` (nanoseconds from the start of the capture).
    pub fn tcp(&mut self, now: u64, flow: &Flow, s: &Segment<'_>) -> io::Result<()> {
        let header = 20 + s.options.len();
        self.link_and_ip(flow, s.from, 6, header + s.payload, s.ip_id);
        let start = self.frame.len();
        let f = &mut self.frame;
        f.extend(flow.ports[s.from].to_be_bytes());
        f.extend(flow.ports[1 - s.from].to_be_bytes());
        f.extend(s.seq.to_be_bytes());
        f.extend(s.ack.to_be_bytes());
        f.extend([(header as u8 / 4) << 4, s.flags]);
        f.extend(s.window.to_be_bytes());
        f.extend([0; 4]);
        f.extend(s.options);
        let at = (s.seq & 0xffff) as usize;
        f.extend(&self.pattern[at..at + s.payload]);
        self.checksum(flow, 6, start, 16);
        self.record(now)
    }

    /// Writes a UDP datagram of `payload` octets.
    pub fn udp(&mut self, now: u64, flow: &Flow, from: usize, ip_id: u16, payload: usize) -> io::Result<()> {
        self.link_and_ip(flow, from, 17, 8 + payload, ip_id);
        let start = self.frame.len();
        let f = &mut self.frame;
        f.extend(flow.ports[from].to_be_bytes());
        f.extend(flow.ports[1 - from].to_be_bytes());
        f.extend((8 + payload as u16).to_be_bytes());
        f.extend([0; 2]);
        f.extend(&self.pattern[usize::from(ip_id)..usize::from(ip_id) + payload]);
        self.checksum(flow, 17, start, 6);
        self.record(now)
    }

    fn link_and_ip(&mut self, flow: &Flow, from: usize, protocol: u8, len: usize, ip_id: u16) {
        let f = &mut self.frame;
        f.clear();
        f.extend([2, 0, 0, 0, 0, 1 + (1 - from as u8), 2, 0, 0, 0, 0, 1 + from as u8]);
        let (source, destination) = (&flow.addresses[from], &flow.addresses[1 - from]);
        if flow.v6 {
            f.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            f.extend((len as u16).to_be_bytes());
            f.extend([protocol, flow.ttl[from]]);
            f.extend(source);
            f.extend(destination);
        } else {
            f.extend([8, 0, 0x45, 0]);
            f.extend((20 + len as u16).to_be_bytes());
            f.extend(ip_id.to_be_bytes());
            f.extend([0x40, 0, flow.ttl[from], protocol, 0, 0]);
            f.extend(&source[..4]);
            f.extend(&destination[..4]);
            let sum = fold(sum(&f[14..34]));
            f[24..26].copy_from_slice(&sum.to_be_bytes());
        }
    }

    fn checksum(&mut self, flow: &Flow, protocol: u8, start: usize, field: usize) {
        let octets = if flow.v6 { 16 } else { 4 };
        let pseudo = sum(&flow.addresses[0][..octets])
            + sum(&flow.addresses[1][..octets])
            + u64::from(protocol)
            + (self.frame.len() - start) as u64;
        let mut value = fold(pseudo + sum(&self.frame[start..]));
        if protocol == 17 && value == 0 {
            value = 0xffff; // RFC 768: 0 would say that there is none
        }
        self.frame[start + field..start + field + 2].copy_from_slice(&value.to_be_bytes());
    }

    fn record(&mut self, now: u64) -> io::Result<()> {
        const EPOCH: u64 = 1_750_000_000;
        self.last = now.max(self.last);
        let len = (self.frame.len() as u32).to_le_bytes();
        let mut header = [0; 16];
        header[..4].copy_from_slice(&((EPOCH + self.last / 1_000_000_000) as u32).to_le_bytes());
        header[4..8].copy_from_slice(&((self.last / 1000 % 1_000_000) as u32).to_le_bytes());
        header[8..12].copy_from_slice(&len);
        header[12..].copy_from_slice(&len);
        self.out.write_all(&header)?;
        self.out.write_all(&self.frame)?;
        self.packets += 1;
        self.bytes += 16 + self.frame.len() as u64;
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<(u64, u64)> {
        self.out.flush()?;
        Ok((self.packets, self.bytes))
    }
}

/// The sum of 16-bit words, not yet folded (RFC 1071).
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let mut total: u64 = words.iter().map(|w| u64::from(u32::from_be_bytes(*w))).sum();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    total += u64::from(u32::from_be_bytes(last));
    (total >> 32) + (total & 0xffff_ffff)
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

/// The options of a SYN: MSS, SACK permitted, timestamps, window scale.
pub fn syn_options(mss: u16, sack: bool, ts: Option<(u32, u32)>, scale: u8) -> ([u8; 20], usize) {
    let mut o = [1; 20];
    o[..2].copy_from_slice(&[2, 4]);
    o[2..4].copy_from_slice(&mss.to_be_bytes());
    let mut at = 4;
    match ts {
        Some((value, echo)) => {
            o[at..at + 2].copy_from_slice(if sack { &[4, 2] } else { &[1, 1] });
            at += 2;
            at += timestamps(&mut o[at..], value, echo);
        }
        None if sack => {
            o[at..at + 4].copy_from_slice(&[1, 1, 4, 2]);
            at += 4;
        }
        None => {}
    }
    o[at..at + 4].copy_from_slice(&[1, 3, 3, scale]);
    (o, at + 4)
}

/// Writes a timestamps option without padding; the octets written.
pub fn timestamps(out: &mut [u8], value: u32, echo: u32) -> usize {
    out[..2].copy_from_slice(&[8, 10]);
    out[2..6].copy_from_slice(&value.to_be_bytes());
    out[6..10].copy_from_slice(&echo.to_be_bytes());
    10
}
