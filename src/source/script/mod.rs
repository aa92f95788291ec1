//! Scenarios: a capture that you can type.
//!
//! A `.pkt` script describes packets as an observer between the two ends sees them,
//! in packetdrill's segment grammar:
//!
//! ```text
//! tcp 10.0.0.1:40000 > 192.0.2.1:80
//! 0      > S  0:0(0) win 65535 <mss 1460,sackOK>   # orig=SYN-SENT
//! +.010  < S. 0:0(0) ack 1 win 65535               # resp=SYN-RECEIVED
//! +0     > .  1:1(0) ack 1                         # both=ESTABLISHED
//! +0     > P. 1:6(5) ack 1 "hello"
//! +.300  > P. 1:6(5) ack 1 "hello"                 # retransmission
//! end    conn_state=S1 history=ShADT
//! ```
//!
//! Lines, where `[…]` may be left out:
//!
//! - `tcp [LABEL] A:PORT > B:PORT`, `udp [LABEL] …` (IPv6: `[2001:db8::1]:80`) opens a
//!   connection; the same line again goes back to it. Segments belong to the last one
//!   opened, or to the one whose label stands before their direction: `0 c1 > S 0:0(0)`.
//! - `link ethernet|raw`: what frames start with, before any other line; `ethernet` if unsaid.
//! - `isn [LABEL] [orig N] [resp N]`: initial sequence numbers from here on. Unsaid, connection
//!   number n (from 0) has n × 10,000,000 + 1,000,000 and + 5,000,000.
//! - `TIME [LABEL] DIRECTION FLAGS [SEQ:END(LEN)] [ack N] [win N] [urg N] [<OPTIONS>]
//!   ["TEXT"] [EXTRAS]`: a segment.
//! - `TIME [LABEL] DIRECTION udp(LEN) ["TEXT"] [EXTRAS]`: a datagram.
//! - `TIME [LABEL] DIRECTION icmp ERROR [from ADDRESS] [EXTRAS]`: an ICMP error about the last
//!   packet of the other side: `unreachable net|host|protocol|port|admin`, `frag-needed MTU`,
//!   `time-exceeded ttl|reassembly`; IPv6 `unreachable no-route|admin|address|port`,
//!   `too-big MTU`, `time-exceeded …`; either `type N code N`.
//! - `TIME dup [snap N] [wire N]`: the frame before, captured once more.
//! - `end [LABEL] KEY=VALUE…`: what the analysis must say at the end; behind all segments.
//!
//! `TIME` is seconds since 1970 (`0`, `1.5`), or `+SECONDS` after the line before, or
//! `-SECONDS` before it. `DIRECTION` is `>` for left to right in the connection's line,
//! `<` for the other way. `FLAGS` are tcpdump's letters (`S F R P . U E W`, `e` for AE),
//! `-` for none. Sequence numbers count from the sender's ISN, acknowledgments and SACK
//! edges from the other side's; `SEQ:END(LEN)` left out is the next number and no payload.
//! `win` is the field as on the wire; left out it is the side's last one, 65535 at first.
//! `OPTIONS`: see [`ScriptOption`]; zeros fill them to four octets (RFC 9293 section 3.1).
//!
//! `EXTRAS`: `ipid N`, `ttl N` (64), `ecn ect0|ect1|ce`, `vlan N` (again for an inner tag),
//! `snap N` (octets captured), `wire N` (the length that the capture claims), `badcsum`,
//! `offload` (the checksum left to the network card), `nocsum` (UDP: 0), `rawack N` (the
//! field as it is, without the flag). Left out, the n-th packet of a side has IP ID n.
//!
//! Behind `#` on a packet's line stands what the analysis must say of it (see
//! [`Expectations`]); behind a second `#`, and on lines of their own, remarks.

mod build;
mod expect;
mod lex;
mod options;
mod packet;
mod parse;
mod step;
#[cfg(test)]
mod tests;

use std::io::Read;

pub use expect::{EndExpectation, Expectations, ExpectedEvent};
pub use lex::ParseError;
pub use options::ScriptOption;
pub use step::{Above, Body, Checksum, Connection, Step};

use super::{Interface, PacketSource, Progress, SourceError, SourceErrorKind};
use crate::model::{LinkType, Packet, PerSide, SeqNum};

/// Octets of a script at most. Enough for tens of thousands of lines.
pub const LARGEST: u64 = 4 << 20;

/// A script that has been read: every packet is decided, none is built yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// What each frame starts with: [`LinkType::ETHERNET`] or [`LinkType::RAW`].
    pub link: LinkType,
    /// The connections in the order that they were opened.
    pub connections: Vec<Connection>,
    /// The packets in capture order.
    pub steps: Vec<Step>,
    /// What `end` lines expect.
    pub ends: Vec<EndExpectation>,
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// The first thing that does not parse, with line and column.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::script(text)
    }

    /// Moves every initial sequence number: the same story elsewhere on the circle.
    /// (Octets given as `raw`, `kind` or `rawack` stay.)
    pub fn shift_isn(&mut self, by: PerSide<u32>) {
        for step in &mut self.steps {
            let PerSide([orig, resp]) = step.isn;
            step.isn = PerSide::new(orig.plus(by.0[0]), resp.plus(by.0[1]));
        }
    }

    /// Builds the frame of step `index` into `frame` (captured octets only) and returns its
    /// length on the wire; `None` when there is no such step.
    pub fn build(&self, index: usize, frame: &mut Vec<u8>) -> Option<u32> {
        build::frame(self, self.steps.get(index)?, frame)
    }

    /// The script as a source of packets.
    #[must_use]
    pub fn into_source(self) -> ScriptSource {
        let interface = Interface { name: None, link: self.link, snaplen: 0, ts_digits: 9 };
        ScriptSource { script: self, next: 0, frame: Vec::new(), interfaces: [interface], length: 0 }
    }
}

/// Does a file that starts with these octets look like a script? True when its first
/// line that is neither empty nor a remark starts with a word of the grammar.
#[must_use]
pub fn is_script(start: &[u8]) -> bool {
    let start = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(e) => std::str::from_utf8(start.get(..e.valid_up_to()).unwrap_or(&[])).unwrap_or(""),
    };
    let start = start.strip_prefix('\u{feff}').unwrap_or(start);
    let mut lines = start.lines().map(str::trim_start).filter(|l| !l.is_empty());
    match lines.find(|l| !l.starts_with('#')) {
        Some(line) => {
            let word = line.split_whitespace().next().unwrap_or("");
            line.len() > word.len() && ["tcp", "udp", "link"].contains(&word)
        }
        None => false,
    }
}

/// Opens a script that is read from `input`; `origin` is its name in errors.
///
/// # Errors
/// Those of `input`, and the first thing that does not parse.
pub fn open(input: impl Read, origin: &str) -> Result<ScriptSource, SourceError> {
    let error = |kind| SourceError { origin: origin.into(), offset: None, packet: None, kind };
    let mut octets = Vec::new();
    input.take(LARGEST + 1).read_to_end(&mut octets).map_err(|e| error(SourceErrorKind::Io(e)))?;
    let length = octets.len() as u64;
    if length > LARGEST {
        let what = format!("a script of more than {LARGEST} octets");
        return Err(error(SourceErrorKind::Unsupported(what)));
    }
    let text = String::from_utf8(octets).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        let line = 1 + e.as_bytes().iter().take(at).filter(|&&b| b == b'\n').count();
        error(SourceErrorKind::Script(format!("line {line}: a script is UTF-8, and byte {at} is not")))
    })?;
    match Script::parse(&text) {
        Ok(script) => Ok(ScriptSource { length, ..script.into_source() }),
        Err(e) => Err(error(SourceErrorKind::Script(e.to_string()))),
    }
}

/// A script's packets, built one at a time.
#[derive(Debug)]
pub struct ScriptSource {
    script: Script,
    next: usize,
    frame: Vec<u8>,
    interfaces: [Interface; 1],
    length: u64,
}

impl ScriptSource {
    /// The script behind it.
    #[must_use]
    pub const fn script(&self) -> &Script {
        &self.script
    }
}

impl PacketSource for ScriptSource {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, SourceError> {
        let Some(step) = self.script.steps.get(self.next) else { return Ok(None) };
        let Some(orig_len) = build::frame(&self.script, step, &mut self.frame) else { return Ok(None) };
        self.next += 1;
        Ok(Some(Packet {
            number: self.next as u64,
            ts: step.ts,
            orig_len,
            link: self.script.link,
            interface: 0,
            data: &self.frame,
        }))
    }

    fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    fn progress(&self) -> Progress {
        Progress { bytes: self.length, total: Some(self.length) }
    }
}

/// The ISNs of connection number `n` where the script says none.
fn default_isn(n: usize) -> PerSide<SeqNum> {
    let base = (n as u32).wrapping_mul(10_000_000);
    PerSide::new(SeqNum(base).plus(1_000_000), SeqNum(base).plus(5_000_000))
}
