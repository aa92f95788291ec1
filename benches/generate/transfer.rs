//! Transfers over a simulated path that loses, delays and reorders: `mixed` and `bulk`.
//!
//! The capture point lies near the client, near the server or in between, so a lost
//! segment is seen in one capture and not in another.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::io::{self, Write};

use crate::endpoint::{Cause, Endpoint, Packet, Terms};
use crate::frame::{ACK, Capture, Flow, SYN, Segment, syn_options, timestamps};
use crate::random::Random;
use crate::truth::Truth;

/// What to simulate.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    /// Octets of the file to reach before no more connections begin.
    pub bytes: u64,
    /// Connections open at a time.
    pub live: usize,
    pub loss: f64,
    pub reorder: f64,
    /// Few long connections in place of many of all sizes.
    pub bulk: bool,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Open,
    Capture(Packet),
    Deliver(Packet),
    Timer(usize),
    Delayed(usize),
    Write(usize),
    Datagram { from: usize, len: u32, left: u32 },
}

struct Due {
    at: u64,
    serial: u64,
    slot: usize,
    generation: u32,
    what: What,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.serial).cmp(&(self.at, self.serial))
    }
}

/// A conversation, its path, and what its programs still want.
struct Conversation {
    number: u64,
    generation: u32,
    flow: Flow,
    ends: [Endpoint; 2],
    /// One-way delay from the client to the capture point, and from there to the server.
    delay: [u64; 2],
    /// Whether packets are lost on those two legs.
    lossy: [bool; 2],
    /// Last arrival for each leg and direction, for the order.
    last: [[u64; 2]; 2],
    /// Nanoseconds that an octet takes on the wire, in 1/16.
    slow: u64,
    scale: u8,
    /// Requests and replies still to come, and the octets that complete the present one.
    rounds: u32,
    sizes: [u64; 2],
    want: [u64; 2],
    flying: u32,
    timers: [bool; 2],
    closer: usize,
}

/// The simulation.
pub struct Simulation<'a, W> {
    plan: Plan,
    random: Random,
    due: BinaryHeap<Due>,
    serial: u64,
    slots: Vec<Conversation>,
    next: u64,
    out: &'a mut Capture<W>,
    truth: &'a mut Truth,
    answers: Vec<Packet>,
}

impl<'a, W: Write> Simulation<'a, W> {
    pub fn new(plan: Plan, out: &'a mut Capture<W>, truth: &'a mut Truth) -> Self {
        Self {
            plan,
            random: Random::new(plan.seed),
            due: BinaryHeap::new(),
            serial: 0,
            slots: Vec::new(),
            next: 0,
            out,
            truth,
            answers: Vec::new(),
        }
    }

    pub fn run(mut self) -> io::Result<()> {
        for slot in 0..self.plan.live {
            let c = self.conversation(0);
            self.slots.push(c);
            let at = self.random.range(0, 200_000_000);
            self.begin(slot, at);
        }
        while let Some(due) = self.due.pop() {
            if self.slots[due.slot].generation == due.generation {
                self.step(due)?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, slot: usize, at: u64) {
        let udp = !self.plan.bulk && self.random.chance(0.15);
        let what = if udp {
            let len = self.random.range(40, 1200) as u32;
            What::Datagram { from: 0, len, left: self.random.range(1, 60) as u32 }
        } else {
            What::Open
        };
        self.push(slot, at, what);
    }

    fn push(&mut self, slot: usize, at: u64, what: What) {
        self.serial += 1;
        let generation = self.slots[slot].generation;
        self.due.push(Due { at, serial: self.serial, slot, generation, what });
    }

    /// Makes up the next conversation.
    fn conversation(&mut self, generation: u32) -> Conversation {
        let Plan { bytes, live, bulk, .. } = self.plan;
        let number = self.next;
        self.next += 1;
        let r = &mut self.random;
        let mut flow = crate::short::flow(number, r);
        let old = !bulk && r.chance(0.1);
        if !bulk && r.chance(0.2) {
            flow.v6 = true;
            for (i, a) in flow.addresses.iter_mut().enumerate() {
                let v4 = [a[0], a[1], a[2], a[3]];
                *a = [0x20, 1, 0x0d, 0xb8, 0, i as u8, 0, 0, 0, 0, 0, 0, v4[0], v4[1], v4[2], v4[3]];
            }
        }
        let mss = if flow.v6 { 1428 } else { 1448 };
        let mss = if old { mss + 12 } else { mss };
        let terms = Terms { mss, sack: !old, timestamps: !old, window: if bulk { 256 } else { 128 } };
        let bits = [r.next(), r.next()];
        let way = r.log_range(200_000, 40_000_000);
        let (delay, lossy) = match r.range(0, 3) {
            0 => ([20_000, way], [false, true]),
            1 => ([way, 20_000], [true, false]),
            _ => ([way / 2, way / 2], [true, true]),
        };
        let most = (bytes / 16).clamp(4_000, 6_000_000);
        let rounds = if bulk { 1 } else { r.log_range(1, 20) as u32 };
        let reply =
            if bulk { bytes / live as u64 / 1572 * 1448 } else { r.log_range(300, most) / u64::from(rounds) };
        let mut sizes = [r.log_range(60, 2000), reply.max(1)];
        if !bulk && r.chance(0.2) {
            sizes.swap(0, 1); // an upload
        }
        Conversation {
            number,
            generation,
            flow,
            ends: [Endpoint::new(0, terms, bits[0]), Endpoint::new(1, terms, bits[1])],
            delay,
            lossy,
            last: [[0; 2]; 2],
            slow: if bulk { 16 } else { r.log_range(16, 1280) },
            scale: 8,
            rounds,
            sizes,
            want: [0; 2],
            flying: 0,
            timers: [false; 2],
            closer: usize::from(r.chance(0.4)),
        }
    }

    fn step(&mut self, Due { at, slot, what, .. }: Due) -> io::Result<()> {
        let c = &mut self.slots[slot];
        let mut answers = std::mem::take(&mut self.answers);
        match what {
            What::Open => c.ends[0].open(at, &mut answers),
            What::Capture(p) => self.capture(slot, at, p)?,
            What::Deliver(p) => {
                c.flying -= 1;
                let to = 1 - p.from;
                self.truth.delivered(c.number, &p, c.ends[to].rcv_nxt);
                let opening = p.flags & SYN != 0;
                c.ends[to].receive(at, &p, &mut answers);
                self.programs(slot, to, at, opening);
            }
            What::Timer(side) => {
                c.timers[side] = false;
                if c.ends[side].timer.is_some_and(|t| t <= at) {
                    c.ends[side].timeout(at, &mut answers);
                }
            }
            What::Delayed(side) => {
                if c.ends[side].delayed.is_some_and(|t| t <= at) {
                    c.ends[side].acknowledge(at, &mut answers);
                }
            }
            What::Write(side) => c.ends[side].pump(at, Cause::First, &mut answers),
            What::Datagram { from, len, left } => {
                return self.datagram(slot, at, from, len, left);
            }
        }
        for p in answers.drain(..) {
            self.send(slot, at, p);
        }
        self.answers = answers;
        self.timers(slot, at);
        let c = &self.slots[slot];
        if c.flying == 0 && c.ends.iter().all(Endpoint::finished) {
            self.replace(slot, at);
        }
        Ok(())
    }

    /// What the programs do when data has arrived at `side`.
    fn programs(&mut self, slot: usize, side: usize, at: u64, opening: bool) {
        let think = self.random.log_range(50_000, 20_000_000);
        let c = &mut self.slots[slot];
        let arrived = c.ends[side].received() >= c.want[side];
        if side == 0 && arrived && (opening || c.want[0] > 0) && !c.ends[0].peer_closed() {
            c.want[0] = 0;
            if c.rounds > 0 {
                c.rounds -= 1;
                c.ends[0].write(c.sizes[0]);
                c.want[1] = c.ends[1].received() + c.sizes[0];
                // Its reply is due in full, too.
                c.want[0] = c.ends[0].received() + c.sizes[1];
            } else if c.closer == 0 {
                c.ends[0].close();
            }
        } else if side == 1 && c.want[1] > 0 && arrived {
            c.want[1] = 0;
            c.ends[1].write(c.sizes[1]);
            if c.rounds == 0 && c.closer == 1 {
                c.ends[1].close();
            }
        }
        if c.ends[side].peer_closed() {
            c.ends[side].close();
        }
        self.push(slot, at + think, What::Write(side));
    }

    /// Puts a packet on the leg from its sender to the capture point.
    fn send(&mut self, slot: usize, now: u64, p: Packet) {
        let leg = p.from;
        let c = &self.slots[slot];
        self.truth.sent(c.number, &p);
        if c.lossy[leg] && self.random.chance(self.plan.loss) {
            self.truth.lost(c.number, &p, false);
        } else {
            let at = self.arrival(slot, now, leg, &p);
            self.slots[slot].flying += 1;
            self.push(slot, at, What::Capture(p));
        }
    }

    fn arrival(&mut self, slot: usize, now: u64, leg: usize, p: &Packet) -> u64 {
        let reorder = self.plan.reorder;
        let late = p.len > 0 && self.random.chance(reorder);
        let jitter = self.random.range(0, 20_000);
        let c = &mut self.slots[slot];
        let wire = (u64::from(p.len) + 80) * 8 * c.slow / 16;
        let last = &mut c.last[leg][p.from];
        let at = (now + c.delay[leg] + jitter).max(*last) + wire;
        if late {
            return at + 4 * wire + c.delay[leg] / 8;
        }
        *last = at;
        at
    }

    fn capture(&mut self, slot: usize, at: u64, p: Packet) -> io::Result<()> {
        let c = &self.slots[slot];
        let (me, peer) = (&c.ends[p.from], &c.ends[1 - p.from]);
        let (mut options, mut len) = ([1; 40], 0);
        if p.flags & SYN != 0 {
            let ts = me.terms.timestamps.then_some(p.ts);
            let mss = if c.flow.v6 { 1440 } else { 1460 };
            let (o, n) = syn_options(mss, me.terms.sack, ts, c.scale);
            options[..n].copy_from_slice(&o[..n]);
            len = n;
        } else {
            if me.terms.timestamps {
                len = 2 + timestamps(&mut options[2..], p.ts.0, p.ts.1);
            }
            if p.sacks > 0 {
                options[len..len + 4].copy_from_slice(&[1, 1, 5, 2 + 8 * p.sacks as u8]);
                len += 4;
                for &(left, right) in &p.sack[..p.sacks] {
                    for edge in [left, right] {
                        let raw = peer.iss.wrapping_add(edge as u32);
                        options[len..len + 4].copy_from_slice(&raw.to_be_bytes());
                        len += 4;
                    }
                }
            }
        }
        let ack = if p.flags & ACK == 0 { 0 } else { peer.iss.wrapping_add(p.ack as u32) };
        let segment = Segment {
            from: p.from,
            seq: me.iss.wrapping_add(p.seq as u32),
            ack,
            flags: p.flags,
            window: if p.flags & SYN == 0 { 2053 } else { 64240 },
            ip_id: p.ip_id,
            options: &options[..len],
            payload: p.len as usize,
        };
        self.out.tcp(at, &c.flow, &segment)?;
        self.truth.captured(c.number, &c.flow, &p, self.out.packets);
        let leg = 1 - p.from;
        if c.lossy[leg] && self.random.chance(self.plan.loss) {
            self.truth.lost(c.number, &p, true);
            self.slots[slot].flying -= 1;
        } else {
            let at = self.arrival(slot, at, leg, &p);
            self.push(slot, at, What::Deliver(p));
        }
        Ok(())
    }

    fn timers(&mut self, slot: usize, now: u64) {
        for side in [0, 1] {
            let c = &mut self.slots[slot];
            let timer = c.ends[side].timer.filter(|_| !c.timers[side]);
            let delayed = c.ends[side].delayed.filter(|&t| t == now + 40_000_000);
            if let Some(t) = timer {
                c.timers[side] = true;
                self.push(slot, t.max(now + 1), What::Timer(side));
            }
            if let Some(t) = delayed {
                self.push(slot, t, What::Delayed(side));
            }
        }
    }

    fn datagram(&mut self, slot: usize, at: u64, from: usize, len: u32, left: u32) -> io::Result<()> {
        let id = self.random.next() as u16;
        let len = len.max(12);
        self.out.udp(at, &self.slots[slot].flow, from, id, len as usize)?;
        if left == 0 {
            self.replace(slot, at);
        } else {
            let wait = self.random.log_range(100_000, 20_000_000);
            let next = self.random.range(12, 1200) as u32;
            self.push(slot, at + wait, What::Datagram { from: 1 - from, len: next, left: left - 1 });
        }
        Ok(())
    }

    fn replace(&mut self, slot: usize, at: u64) {
        self.truth.ended(self.slots[slot].number);
        let generation = self.slots[slot].generation.wrapping_add(1);
        if !self.plan.bulk && self.out.bytes < self.plan.bytes {
            let c = self.conversation(generation);
            self.slots[slot] = c;
            let wait = self.random.range(1_000_000, 100_000_000);
            self.begin(slot, at + wait);
        } else {
            self.slots[slot].generation = generation;
        }
    }
}
