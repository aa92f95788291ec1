//! What really happened to each connection, written beside the capture: one line of JSON
//! a connection, in the order of their ends.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::endpoint::{Cause, Packet};
use crate::frame::{FIN, Flow, SYN};

/// One direction. "Data" are segments that take up sequence space, SYN and FIN included.
#[derive(Debug, Default)]
struct Direction {
    sent: u64,
    sent_octets: u64,
    unique_octets: u64,
    resent: u64,
    resent_octets: u64,
    by_timeout: u64,
    lost_before: u64,
    lost_after: u64,
    /// Arrived though the receiver had all of it.
    needless: u64,
    seen: u64,
    seen_octets: u64,
    /// Captured below the highest number captured, and not a retransmission.
    late: u64,
    highest: u64,
    repeats: Vec<Repeat>,
    /// First captured frame of each segment, by its sequence number.
    first: BTreeMap<u64, u64>,
}

/// A retransmission that was captured.
#[derive(Debug)]
struct Repeat {
    frame: u64,
    /// The frame of an earlier copy; 0 where none was captured.
    original: u64,
    timeout: bool,
    ip_id: u16,
    /// What became of it behind the capture point: `lost`, `needed`, or `needless` where
    /// the receiver had all of it.
    fate: &'static str,
}

impl Direction {
    /// Notes what became of a retransmission.
    fn meets(&mut self, p: &Packet, fate: &'static str) {
        if p.cause != Cause::First
            && let Some(repeat) = self.repeats.iter_mut().rev().find(|r| r.ip_id == p.ip_id)
        {
            repeat.fate = fate;
        }
    }
}

/// Collects the truth; does nothing without a file.
pub struct Truth {
    out: Option<BufWriter<File>>,
    open: HashMap<u64, (String, [Direction; 2])>,
    /// The first error of writing.
    error: Option<io::Error>,
}

impl Truth {
    pub fn new(path: Option<&str>) -> io::Result<Self> {
        let out = path.map(File::create).transpose()?.map(BufWriter::new);
        Ok(Self { out, open: HashMap::new(), error: None })
    }

    fn direction(&mut self, number: u64, p: &Packet) -> Option<&mut Direction> {
        let takes_space = p.end() > p.seq;
        (self.out.is_some() && takes_space).then(|| &mut self.open.entry(number).or_default().1[p.from])
    }

    pub fn sent(&mut self, number: u64, p: &Packet) {
        let Some(d) = self.direction(number, p) else { return };
        d.sent += 1;
        d.sent_octets += u64::from(p.len);
        match p.cause {
            Cause::First => d.unique_octets += u64::from(p.len),
            Cause::Fast | Cause::Timeout => {
                d.resent += 1;
                d.resent_octets += u64::from(p.len);
                d.by_timeout += u64::from(p.cause == Cause::Timeout);
            }
        }
    }

    pub fn lost(&mut self, number: u64, p: &Packet, captured: bool) {
        let Some(d) = self.direction(number, p) else { return };
        *(if captured { &mut d.lost_after } else { &mut d.lost_before }) += 1;
        if captured {
            d.meets(p, "lost");
        }
    }

    pub fn delivered(&mut self, number: u64, p: &Packet, expected: u64) {
        let needless = p.end() <= expected;
        if let Some(d) = self.direction(number, p) {
            d.needless += u64::from(needless);
            d.meets(p, if needless { "needless" } else { "needed" });
        }
    }

    pub fn captured(&mut self, number: u64, flow: &Flow, p: &Packet, frame: u64) {
        let Some(d) = self.direction(number, p) else { return };
        d.seen += 1;
        d.seen_octets += u64::from(p.len);
        if p.cause == Cause::First {
            d.late += u64::from(p.seq < d.highest);
        } else {
            let original = d.first.get(&p.seq).copied().unwrap_or(0);
            let timeout = p.cause == Cause::Timeout;
            d.repeats.push(Repeat { frame, original, timeout, ip_id: p.ip_id, fate: "on its way" });
        }
        d.first.entry(p.seq).or_insert(frame);
        d.highest = d.highest.max(p.end());
        if p.flags & (SYN | FIN) != 0
            && let Some((name, _)) = self.open.get_mut(&number)
            && name.is_empty()
        {
            *name = format!("{} {}", endpoint(flow, 0), endpoint(flow, 1));
        }
    }

    pub fn ended(&mut self, number: u64) {
        let Some((name, directions)) = self.open.remove(&number) else { return };
        let Some(out) = &mut self.out else { return };
        let (client, server) = name.split_once(' ').unwrap_or_default();
        let sides = directions.iter().map(json).collect::<Vec<_>>();
        let line = format!(
            "{{\"connection\":{number},\"client\":\"{client}\",\"server\":\"{server}\",\"orig\":{},\"resp\":{}}}",
            sides[0], sides[1]
        );
        if let Err(e) = writeln!(out, "{line}") {
            self.error.get_or_insert(e);
        }
    }

    pub fn finish(self) -> io::Result<()> {
        if let Some(e) = self.error {
            return Err(e);
        }
        self.out.map_or(Ok(()), |mut out| out.flush())
    }
}

fn endpoint(flow: &Flow, side: usize) -> String {
    let a = flow.addresses[side];
    let port = flow.ports[side];
    if flow.v6 {
        format!("[{}]:{port}", Ipv6Addr::from(a))
    } else {
        format!("{}:{port}", Ipv4Addr::new(a[0], a[1], a[2], a[3]))
    }
}

fn json(d: &Direction) -> String {
    let repeats: Vec<String> = d
        .repeats
        .iter()
        .map(|r| {
            let cause = if r.timeout { "timeout" } else { "fast" };
            format!("[{},{},\"{cause}\",\"{}\"]", r.frame, r.original, r.fate)
        })
        .collect();
    format!(
        "{{\"sent\":{},\"sent_octets\":{},\"unique_octets\":{},\"resent\":{},\"resent_octets\":{},\
         \"by_timeout\":{},\"lost_before_capture\":{},\"lost_after_capture\":{},\"needless\":{},\
         \"captured\":{},\"captured_octets\":{},\"late\":{},\"repeats\":[{}]}}",
        d.sent,
        d.sent_octets,
        d.unique_octets,
        d.resent,
        d.resent_octets,
        d.by_timeout,
        d.lost_before,
        d.lost_after,
        d.needless,
        d.seen,
        d.seen_octets,
        d.late,
        repeats.join(",")
    )
}
