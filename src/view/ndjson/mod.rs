//! Records for other programs: a JSON object per header, per conversation and per event,
//! one on a line, as they come. It is a sink and not a view of the report, so that a
//! capture of any size streams through it.

mod ahead;
mod figures;
mod line;

use std::io::{self, Write};
use std::mem;

use ahead::STRETCHES;
use figures::{counts, ends, evidence, sides};
use line::Lines;

pub use ahead::Stretches;

use crate::decode::{Context, IcmpMessage, Record, TcpSegment, UdpDatagram};
use crate::model::{Side, StreamId, Timestamp};
use crate::track::{Event, Labels, SeenDatagram, SeenSegment, Sink, TcpConversation, UdpConversation};
use crate::view::buffer::{Key, key};

/// Writes records to `out`. An error of `out` is kept, and nothing is written after it.
#[derive(Debug)]
pub struct Ndjson<W: Write> {
    out: W,
    lines: Lines,
    ahead: Stretches,
    /// Packet records too, not only conversations and events.
    packets: bool,
    /// Each record is wanted as soon as it is there.
    prompt: bool,
    error: Option<io::Error>,
}

/// Octets gathered before they are written.
const GATHER: usize = 64 << 10;

impl<W: Write> Ndjson<W> {
    /// Records into `out`; with `packets` one for each header too.
    pub fn new(out: W, packets: bool) -> Self {
        Self {
            out,
            lines: Lines::default(),
            ahead: Stretches::default(),
            packets,
            prompt: false,
            error: None,
        }
    }

    /// With [`Ndjson::catch_up`] what is there is written, for whoever waits for it.
    #[must_use]
    pub fn promptly(self) -> Self {
        Self { prompt: true, ..self }
    }

    /// Packets have records, which can be written ahead.
    #[must_use]
    pub const fn has_packets(&self) -> bool {
        self.packets
    }

    /// Exchanges what is written ahead: of the records that come next for those that came.
    pub const fn exchange(&mut self, ahead: &mut Stretches) {
        mem::swap(&mut self.ahead, ahead);
    }

    /// No more records are at hand.
    pub fn catch_up(&mut self) {
        if self.prompt {
            self.flush();
        }
    }

    /// The first error of `out`, if there was one: the caller stops reading then.
    #[must_use]
    pub const fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// Writes what is gathered.
    ///
    /// # Errors
    /// The first error of `out`.
    pub fn finish(&mut self) -> io::Result<()> {
        self.flush();
        match self.error.take() {
            Some(e) => Err(e),
            None => self.out.flush(),
        }
    }

    /// Writes what is gathered so far, for a live capture.
    pub fn flush(&mut self) {
        if self.error.is_none()
            && let Err(e) = self.out.write_all(&self.lines.buffer.bytes)
        {
            self.error = Some(e);
        }
        self.lines.buffer.bytes.clear();
    }

    fn end_line(&mut self) {
        self.lines.close();
        if self.lines.buffer.bytes.len() >= GATHER {
            self.flush();
        }
    }

    /// The next stretch of a segment's record: as it was written ahead, or else now.
    #[inline]
    fn stretch(&mut self, at: usize, s: &TcpSegment) {
        match self.ahead.next() {
            Some(text) => self.lines.buffer.bytes.extend_from_slice(text),
            None => STRETCHES[at](&mut self.lines, s),
        }
    }
}

/// Whose packet it is.
fn conversation(l: &mut Lines, stream: u32, dir: u8) {
    l.num(key!("stream"), stream.into());
    l.num(key!("dir"), dir.into());
}

/// What the frame around a header tells.
fn tail(l: &mut Lines, ip: &Context) {
    l.num(key!("wire"), ip.wire.into());
    l.path(key!("encap"), ip.path);
    l.flag(key!("frag"), ip.fragmented);
    if !ip.problems.is_empty() {
        l.words(key!("problems"), ip.problems.iter().map(|p| p.text()));
        l.num(key!("problem_at"), ip.problems.offset() as u64);
    }
}

fn addresses(l: &mut Lines, ip: &Context) {
    l.addr(key!("src"), ip.src.addr);
    l.addr(key!("dst"), ip.dst.addr);
    l.num(key!("sport"), ip.src.port.into());
    l.num(key!("dport"), ip.dst.port.into());
}

/// A moment, where there is one.
fn time(l: &mut Lines, key: Key, ts: Timestamp) {
    l.maybe(key, ts.known());
}

fn head(l: &mut Lines, ip: &Context) {
    l.num(key!("frame"), ip.frame);
    l.num(key!("layer"), ip.layer.into());
    time(l, key!("ts"), ip.ts);
}

impl<W: Write> Sink for Ndjson<W> {
    fn tcp(&mut self, s: &TcpSegment, seen: &SeenSegment, _: &TcpConversation) {
        if !self.packets || self.failed() {
            return;
        }
        self.stretch(0, s);
        conversation(&mut self.lines, seen.stream, seen.dir);
        self.stretch(1, s);
        self.lines.num(key!("wsize"), seen.window(s).into());
        self.stretch(2, s);
        let l = &mut self.lines;
        let a = &seen.analysis;
        if !a.labels.is_empty() {
            l.words(key!("an"), a.labels.names());
        }
        if a.labels.has(Labels::DUPLICATE_ACK) {
            l.num(key!("duplicate_ack_num"), a.duplicate_ack_num.into());
            l.num(key!("duplicate_ack_frame"), a.duplicate_ack_frame);
        }
        if let Some(frame) = a.acks_frame {
            l.num(key!("acks_frame"), frame);
            // A clock too coarse to tell them apart measured nothing.
            if a.ack_rtt != 0 {
                l.int(key!("ack_rtt"), a.ack_rtt);
            }
        }
        l.maybe(key!("initial_rtt"), seen.initial_rtt);
        l.maybe(key!("bytes_in_flight"), a.bytes_in_flight.map(i64::from));
        l.maybe(key!("push_bytes_sent"), a.push_bytes_sent.map(i64::from));
        if let Some((frame, time)) = a.rto {
            l.num(key!("rto_frame"), frame);
            l.int(key!("rto"), time);
        }
        let [orig, resp] = seen.states.0;
        if let Some(state) = orig {
            l.word(key!("orig_state"), state.name());
        }
        if let Some(state) = resp {
            l.word(key!("resp_state"), state.name());
        }
        self.stretch(3, s);
        self.end_line();
    }

    fn udp(&mut self, d: &UdpDatagram, seen: &SeenDatagram, _: &UdpConversation) {
        if !self.packets || self.failed() {
            return;
        }
        let l = &mut self.lines;
        l.open("udp");
        head(l, &d.ip);
        conversation(l, seen.stream, seen.dir);
        addresses(l, &d.ip);
        l.num(key!("length"), d.length.into());
        l.flag(key!("lite"), d.lite);
        tail(l, &d.ip);
        self.end_line();
    }

    fn cut(&mut self, record: &Record) {
        if !self.packets || self.failed() {
            return;
        }
        let l = &mut self.lines;
        l.open(if matches!(record, Record::Tcp(_)) { "tcp" } else { "udp" });
        let ip = record.context();
        head(l, ip);
        addresses(l, ip);
        match record {
            Record::Udp(d) => l.num(key!("length"), d.length.into()),
            Record::Tcp(_) | Record::Icmp(_) => {}
        }
        l.flag(key!("cut"), true);
        tail(l, ip);
        self.end_line();
    }

    fn icmp(&mut self, m: &IcmpMessage, quoted: Option<StreamId>) {
        if !self.packets || self.failed() {
            return;
        }
        self.lines.open("icmp");
        let l = &mut self.lines;
        head(l, &m.ip);
        l.num(key!("v"), m.version.into());
        l.num(key!("icmp_type"), m.icmp_type.into());
        l.num(key!("icmp_code"), m.code.into());
        l.addr(key!("src"), m.ip.src.addr);
        l.addr(key!("dst"), m.ip.dst.addr);
        if let Some(q) = m.quoted {
            l.nested(key!("orig"), |l| {
                match q.protocol {
                    6 => l.word(key!("proto"), "tcp"),
                    17 => l.word(key!("proto"), "udp"),
                    _ => {}
                }
                l.addr(key!("src"), q.src.addr);
                l.addr(key!("dst"), q.dst.addr);
                if q.has_ports {
                    l.num(key!("sport"), q.src.port.into());
                    l.num(key!("dport"), q.dst.port.into());
                }
                l.maybe(key!("seq"), q.seq.map(|s| s.0.into()));
                l.maybe(key!("stream"), quoted.map(|s| s.number.into()));
            });
        }
        tail(&mut self.lines, &m.ip);
        self.end_line();
    }

    fn event(&mut self, e: &Event) {
        if self.failed() {
            return;
        }
        let l = &mut self.lines;
        l.open("event");
        l.num(key!("frame"), e.packet);
        time(l, key!("ts"), e.ts);
        l.word(key!("protocol"), e.stream.protocol.name());
        l.num(key!("stream"), e.stream.number.into());
        l.word(key!("side"), e.side.name());
        l.word(key!("kind"), e.kind.name());
        l.word(key!("confidence"), e.confidence.name());
        l.words(key!("an"), e.labels.names());
        evidence(l, &e.evidence);
        self.end_line();
    }

    fn tcp_ended(&mut self, c: &TcpConversation) {
        if self.failed() {
            return;
        }
        let l = &mut self.lines;
        l.open("tcp_stream");
        l.num(key!("stream"), c.stream.into());
        ends(l, c.ends);
        l.num(key!("first_frame"), c.first_frame);
        counts(l, c.counts());
        time(l, key!("first"), c.first);
        time(l, key!("last"), c.last);
        l.num(key!("completeness"), c.completeness().into());
        l.maybe(key!("initial_rtt"), c.initial_rtt());
        l.flag(key!("icmp_only"), c.icmp_only);
        l.word(key!("orig"), if c.dir(Side::Orig) == 0 { "a" } else { "b" });
        if !c.roles_known() {
            l.word(key!("roles"), "guessed");
        }
        l.word(key!("handshake"), c.handshake().name());
        l.word(key!("teardown"), c.teardown().name());
        if let Some(by) = c.teardown().by() {
            l.word(key!("closed_by"), by.name());
        }
        l.word(key!("conn_state"), c.conn_state());
        l.word(key!("history"), &c.history());
        let [orig, resp] = c.states().0;
        if let Some(state) = orig {
            l.word(key!("orig_state"), state.name());
        }
        if let Some(state) = resp {
            l.word(key!("resp_state"), state.name());
        }
        l.maybe(key!("syn_rtt"), c.syn_rtt());
        sides(l, c);
        self.end_line();
    }

    fn udp_ended(&mut self, c: &UdpConversation) {
        if self.failed() {
            return;
        }
        let l = &mut self.lines;
        l.open("udp_stream");
        l.num(key!("stream"), c.stream.into());
        ends(l, c.ends);
        l.num(key!("first_frame"), c.first_frame);
        counts(l, [&c.counts[0], &c.counts[1]]);
        time(l, key!("first"), c.first);
        time(l, key!("last"), c.last);
        if c.icmp_errors > 0 {
            l.num(key!("icmp_errors"), c.icmp_errors.into());
        }
        l.flag(key!("icmp_only"), c.icmp_only);
        l.flag(key!("lite"), c.lite);
        self.end_line();
    }
}
