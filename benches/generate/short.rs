//! Many short connections, and half-open ones: what a busy server or a SYN flood looks
//! like.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};

use crate::frame::{ACK, Capture, FIN, Flow, PSH, SYN, Segment, syn_options, timestamps};
use crate::random::Random;

const SERVER_PORTS: [u16; 4] = [5201, 7070, 9100, 4000];

/// The addresses and ports of connection `n`: never the same twice below 100 million.
pub fn flow(n: u64, random: &mut Random) -> Flow {
    const CLIENTS: u64 = 4096;
    let client = n % CLIENTS;
    let port = 32_768 + (n / CLIENTS) % 28_232;
    let server = random.range(0, 200);
    let mut addresses = [[0; 16]; 2];
    addresses[0][..4].copy_from_slice(&[
        10,
        (client / 1000) as u8,
        (client / 250 % 4) as u8,
        (client % 250 + 1) as u8,
    ]);
    addresses[1][..4].copy_from_slice(&[198, 51, 100, server as u8 + 1]);
    let service = SERVER_PORTS[random.range(0, 4) as usize];
    Flow { v6: false, addresses, ports: [port as u16, service], ttl: [64, 57] }
}

struct Connection {
    flow: Flow,
    iss: [u32; 2],
    ts: [u32; 2],
    ip_id: [u16; 2],
    lens: [u32; 2],
    rtt: u64,
    step: u8,
    started: u64,
}

impl Connection {
    fn new(n: u64, now: u64, random: &mut Random) -> Self {
        let iss = random.next();
        let ids = random.next();
        Self {
            flow: flow(n, random),
            iss: [iss as u32, (iss >> 32) as u32],
            ts: [(ids >> 32) as u32 & 0x0fff_ffff, (ids >> 8) as u32 & 0x0fff_ffff],
            ip_id: [ids as u16, (ids >> 16) as u16],
            lens: [random.range(80, 161) as u32, random.range(400, 660) as u32],
            rtt: random.range(4_000_000, 60_000_000),
            step: 0,
            started: now,
        }
    }

    /// Writes the next of the ten packets; how long until the one after it, `None` after
    /// the last. Numbers are relative: the request is 1..=q, the reply 1..=r.
    fn step<W: Write>(&mut self, now: u64, out: &mut Capture<W>) -> io::Result<Option<u64>> {
        let [q, r] = self.lens;
        let turn = self.rtt / 2;
        let (from, flags, seq, ack, payload, wait) = match self.step {
            0 => (0, SYN, 0, 0, 0, turn),
            1 => (1, SYN | ACK, 0, 1, 0, turn),
            2 => (0, ACK, 1, 1, 0, turn / 50),
            3 => (0, PSH | ACK, 1, 1, q, turn + turn / 4),
            4 => (1, PSH | ACK, 1, 1 + q, r, turn),
            5 => (0, ACK, 1 + q, 1 + r, 0, turn / 20),
            6 => (0, FIN | ACK, 1 + q, 1 + r, 0, turn),
            7 => (1, ACK, 1 + r, 2 + q, 0, turn / 20),
            8 => (1, FIN | ACK, 1 + r, 2 + q, 0, turn),
            _ => (0, ACK, 2 + q, 2 + r, 0, 0),
        };
        let peer = 1 - from;
        let clock = ((now - self.started) / 1_000_000) as u32;
        let value = self.ts[from].wrapping_add(clock);
        let echo = if flags & ACK == 0 {
            0
        } else {
            self.ts[peer].wrapping_add(clock - (turn / 1_000_000).min(u64::from(clock)) as u32)
        };
        let (mut options, mut len) = ([1; 20], 12);
        if flags & SYN == 0 {
            timestamps(&mut options[2..], value, echo);
        } else {
            (options, len) = syn_options(1460, true, Some((value, echo)), 7);
        }
        let raw_ack = if flags & ACK == 0 { 0 } else { self.iss[peer].wrapping_add(ack) };
        out.tcp(
            now,
            &self.flow,
            &Segment {
                from,
                seq: self.iss[from].wrapping_add(seq),
                ack: raw_ack,
                flags,
                window: if flags & SYN == 0 { 502 } else { 64240 },
                ip_id: self.ip_id[from],
                options: &options[..len],
                payload: payload as usize,
            },
        )?;
        self.ip_id[from] = self.ip_id[from].wrapping_add(1);
        self.step += 1;
        Ok((self.step < 10).then_some(wait))
    }
}

/// `connections` of ten packets each, about `live` of them open at a time.
pub fn short<W: Write>(out: &mut Capture<W>, connections: u64, live: usize, seed: u64) -> io::Result<()> {
    let mut random = Random::new(seed);
    let mut next = 0;
    let mut open = Vec::with_capacity(live);
    let mut due = BinaryHeap::with_capacity(live);
    while open.len() < live && next < connections {
        let now = random.range(0, 100_000_000);
        due.push(Reverse((now, open.len())));
        open.push(Connection::new(next, now, &mut random));
        next += 1;
    }
    while let Some(Reverse((now, slot))) = due.pop() {
        match open[slot].step(now, out)? {
            Some(wait) => due.push(Reverse((now + wait.max(2000), slot))),
            None if next < connections => {
                let now = now + random.range(1000, 5_000_000);
                open[slot] = Connection::new(next, now, &mut random);
                due.push(Reverse((now, slot)));
                next += 1;
            }
            None => {}
        }
    }
    Ok(())
}

/// A SYN flood: `connections` SYNs from as many addresses and ports, each answered by a
/// SYN-ACK that nobody acknowledges.
pub fn flood<W: Write>(out: &mut Capture<W>, connections: u64, seed: u64) -> io::Result<()> {
    let mut random = Random::new(seed);
    for n in 0..connections {
        let mut c = Connection::new(n, n * 2000, &mut random);
        c.flow.addresses[1][..4].copy_from_slice(&[198, 51, 100, 1]);
        c.flow.ports[1] = SERVER_PORTS[0];
        c.step(n * 2000, out)?;
        c.step(n * 2000 + 900, out)?;
    }
    Ok(())
}
