//! Records for other programs: a JSON object per header, per conversation and per event,
//! one on a line, as they come. It is a sink and not a view of the report, so that a
//! capture of any size streams through it.

mod line;

use std::io::{self, Write};

use line::Lines;

use crate::decode::{Context, IcmpMessage, Record, TcpSegment, UdpDatagram};
use crate::model::{Endpoint, Side, StreamId, Timestamp};
use crate::track::{
    Counts, Event, Evidence, Labels, Rtt, SeenDatagram, SeenSegment, Sink, Stats, TcpConversation,
    UdpConversation,
};

/// Writes records to `out`. An error of `out` is kept, and nothing is written after it.
#[derive(Debug)]
pub struct Ndjson<W: Write> {
    out: W,
    lines: Lines,
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
        Self { out, lines: Lines::default(), packets, prompt: false, error: None }
    }

    /// With [`Ndjson::catch_up`] what is there is written, for whoever waits for it.
    #[must_use]
    pub fn promptly(self) -> Self {
        Self { prompt: true, ..self }
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

    fn context(&mut self, ip: &Context, stream: u32, dir: u8) {
        let l = &mut self.lines;
        head(l, ip);
        l.num("stream", stream.into());
        l.num("dir", dir.into());
        addresses(l, ip);
    }

    fn tail(&mut self, ip: &Context) {
        let l = &mut self.lines;
        l.num("wire", ip.wire.into());
        l.path("encap", ip.path);
        l.flag("frag", ip.fragmented);
        if !ip.problems.is_empty() {
            l.words("problems", ip.problems.iter().map(|p| p.text()));
            l.num("problem_at", ip.problems.offset() as u64);
        }
    }
}

fn addresses(l: &mut Lines, ip: &Context) {
    l.addr("src", ip.src.addr);
    l.addr("dst", ip.dst.addr);
    l.num("sport", ip.src.port.into());
    l.num("dport", ip.dst.port.into());
}

/// A moment, where there is one.
fn time(l: &mut Lines, key: &str, ts: Timestamp) {
    if ts != Timestamp::NONE {
        l.int(key, ts.nanos());
    }
}

fn head(l: &mut Lines, ip: &Context) {
    l.num("frame", ip.frame);
    l.num("layer", ip.layer.into());
    time(l, "ts", ip.ts);
}

impl<W: Write> Sink for Ndjson<W> {
    fn tcp(&mut self, s: &TcpSegment, seen: &SeenSegment, _: &TcpConversation) {
        if !self.packets || self.failed() {
            return;
        }
        self.lines.open("tcp");
        self.context(&s.ip, seen.stream, seen.dir);
        let l = &mut self.lines;
        l.num("seq", s.seq.0.into());
        l.num("ack", s.ack.0.into());
        l.num("flags", s.flags.0.into());
        l.num("win", s.window.into());
        l.num("wsize", seen.window(s).into());
        if !s.len_unknown {
            l.num("len", s.len.into());
        }
        l.num("hdr_len", s.header_len.into());
        l.options("opts", s.options.as_slice());
        let a = &seen.analysis;
        if !a.labels.is_empty() {
            l.words("an", a.labels.names());
        }
        if a.labels.has(Labels::DUPLICATE_ACK) {
            l.num("duplicate_ack_num", a.duplicate_ack_num.into());
            l.num("duplicate_ack_frame", a.duplicate_ack_frame);
        }
        if let Some(frame) = a.acks_frame {
            l.num("acks_frame", frame);
            // A clock too coarse to tell them apart measured nothing.
            if a.ack_rtt != 0 {
                l.int("ack_rtt", a.ack_rtt);
            }
        }
        l.maybe("initial_rtt", seen.initial_rtt);
        l.maybe("bytes_in_flight", a.bytes_in_flight.map(i64::from));
        l.maybe("push_bytes_sent", a.push_bytes_sent.map(i64::from));
        if let Some((frame, time)) = a.rto {
            l.num("rto_frame", frame);
            l.int("rto", time);
        }
        let [orig, resp] = seen.states.0;
        if let Some(state) = orig {
            l.word("orig_state", state.name());
        }
        if let Some(state) = resp {
            l.word("resp_state", state.name());
        }
        self.tail(&s.ip);
        self.end_line();
    }

    fn udp(&mut self, d: &UdpDatagram, seen: &SeenDatagram, _: &UdpConversation) {
        if !self.packets || self.failed() {
            return;
        }
        self.lines.open("udp");
        self.context(&d.ip, seen.stream, seen.dir);
        self.lines.num("length", d.length.into());
        self.lines.flag("lite", d.lite);
        self.tail(&d.ip);
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
            Record::Udp(d) => l.num("length", d.length.into()),
            Record::Tcp(_) | Record::Icmp(_) => {}
        }
        l.flag("cut", true);
        self.tail(ip);
        self.end_line();
    }

    fn icmp(&mut self, m: &IcmpMessage, quoted: Option<StreamId>) {
        if !self.packets || self.failed() {
            return;
        }
        self.lines.open("icmp");
        let l = &mut self.lines;
        head(l, &m.ip);
        l.num("v", m.version.into());
        l.num("icmp_type", m.icmp_type.into());
        l.num("icmp_code", m.code.into());
        l.addr("src", m.ip.src.addr);
        l.addr("dst", m.ip.dst.addr);
        if let Some(q) = m.quoted {
            l.nested("orig", |l| {
                match q.protocol {
                    6 => l.word("proto", "tcp"),
                    17 => l.word("proto", "udp"),
                    _ => {}
                }
                l.addr("src", q.src.addr);
                l.addr("dst", q.dst.addr);
                if q.has_ports {
                    l.num("sport", q.src.port.into());
                    l.num("dport", q.dst.port.into());
                }
                l.maybe("seq", q.seq.map(|s| s.0.into()));
                l.maybe("stream", quoted.map(|s| s.number.into()));
            });
        }
        self.tail(&m.ip);
        self.end_line();
    }

    fn event(&mut self, e: &Event) {
        if self.failed() {
            return;
        }
        let l = &mut self.lines;
        l.open("event");
        l.num("frame", e.packet);
        time(l, "ts", e.ts);
        l.word("protocol", e.stream.protocol.name());
        l.num("stream", e.stream.number.into());
        l.word("side", e.side.name());
        l.word("kind", e.kind.name());
        l.word("confidence", e.confidence.name());
        l.words("an", e.labels.names());
        evidence(l, &e.evidence);
        self.end_line();
    }

    fn tcp_ended(&mut self, c: &TcpConversation) {
        if self.failed() {
            return;
        }
        let l = &mut self.lines;
        l.open("tcp_stream");
        l.num("stream", c.stream.into());
        ends(l, c.ends);
        l.num("first_frame", c.first_frame);
        counts(l, c.counts());
        time(l, "first", c.first);
        time(l, "last", c.last);
        l.num("completeness", c.completeness().into());
        l.maybe("initial_rtt", c.initial_rtt());
        l.flag("icmp_only", c.icmp_only);
        l.word("orig", if c.dir(Side::Orig) == 0 { "a" } else { "b" });
        if !c.roles_known() {
            l.word("roles", "guessed");
        }
        l.word("handshake", c.handshake().name());
        l.word("teardown", c.teardown().name());
        if let Some(by) = c.teardown().by() {
            l.word("closed_by", by.name());
        }
        l.word("conn_state", c.conn_state());
        l.word("history", &c.history());
        let [orig, resp] = c.states().0;
        if let Some(state) = orig {
            l.word("orig_state", state.name());
        }
        if let Some(state) = resp {
            l.word("resp_state", state.name());
        }
        l.maybe("syn_rtt", c.syn_rtt());
        sides(l, c);
        self.end_line();
    }

    fn udp_ended(&mut self, c: &UdpConversation) {
        if self.failed() {
            return;
        }
        let l = &mut self.lines;
        l.open("udp_stream");
        l.num("stream", c.stream.into());
        ends(l, c.ends);
        l.num("first_frame", c.first_frame);
        counts(l, [&c.counts[0], &c.counts[1]]);
        time(l, "first", c.first);
        time(l, "last", c.last);
        if c.icmp_errors > 0 {
            l.num("icmp_errors", c.icmp_errors.into());
        }
        l.flag("icmp_only", c.icmp_only);
        l.flag("lite", c.lite);
        self.end_line();
    }
}

fn ends(l: &mut Lines, ends: [Endpoint; 2]) {
    l.addr("a", ends[0].addr);
    l.num("ap", ends[0].port.into());
    l.addr("b", ends[1].addr);
    l.num("bp", ends[1].port.into());
}

fn counts(l: &mut Lines, [a, b]: [&Counts; 2]) {
    l.pair("pkts", [a.packets, b.packets]);
    l.pair("bytes", [a.bytes, b.bytes]);
    l.pair("payload", [a.payload, b.payload]);
    l.pair("header_bytes", [a.header_bytes, b.header_bytes]);
}

/// The figures of both sides, `[a, b]` as the counts are; unknown is `null`.
fn sides(l: &mut Lines, c: &TcpConversation) {
    let sides = [c.side(0), c.side(1)];
    let both = sides.map(|side| c.stats(side));
    let of = |figure: fn(&Stats) -> u64| both.map(figure);
    l.maybe_pair("isn", sides.map(|side| c.isn(side).map(|n| n.0.into())));
    l.maybe_pair("mss", both.map(|s| s.mss.map(i64::from)));
    l.maybe_pair("window_scale", sides.map(|side| c.window_shift(side).map(i64::from)));
    l.pair("data_segments", of(|s| s.data_segments.into()));
    l.pair("unique_bytes", of(|s| s.unique_bytes));
    l.pair("retransmitted_segments", of(|s| s.trouble().retransmitted_segments.into()));
    l.pair("retransmitted_bytes", of(|s| s.trouble().retransmitted_bytes));
    l.pair("out_of_order_segments", of(|s| s.trouble().out_of_order_segments.into()));
    l.pair("out_of_order_depth", of(|s| s.trouble().out_of_order_depth.into()));
    l.pair("duplicate_acks", of(|s| s.trouble().duplicate_acks.into()));
    l.pair("pure_acks", of(|s| s.pure_acks.into()));
    l.pair("pushes", of(|s| s.pushes.into()));
    l.maybe_pair("segment_min", both.map(|s| s.segment_sizes().map(|w| w.0.into())));
    l.maybe_pair("segment_max", both.map(|s| s.segment_sizes().map(|w| w.1.into())));
    l.maybe_pair("window_min", both.map(|s| s.windows().map(|w| w.0.into())));
    l.maybe_pair("window_max", both.map(|s| s.windows().map(|w| w.1.into())));
    l.pair("zero_windows", of(|s| s.trouble().zero_windows.into()));
    l.maybe_pair("zero_window_time", both.map(|s| Some(s.trouble().zero_window_time)));
    l.pair("flight_max", of(|s| s.flight_max.into()));
    let first_flight = |s: &Stats| s.initial_window().map(i64::from);
    l.maybe_pair("initial_window", both.map(first_flight));
    let rtt = |figure: fn(&Rtt) -> i64| both.map(|s| (s.rtt.samples > 0).then(|| figure(&s.rtt)));
    l.pair("rtt_samples", of(|s| s.rtt.samples.into()));
    l.maybe_pair("rtt_min", rtt(|r| r.min));
    l.maybe_pair("rtt_max", rtt(|r| r.max));
    l.maybe_pair("rtt_mean", rtt(Rtt::mean));
    l.maybe_pair("rtt_median", rtt(|r| r.quantile(50)));
    l.maybe_pair("rtt_p95", rtt(|r| r.quantile(95)));
    l.maybe_pair("rtt_jitter", rtt(Rtt::jitter));
    l.maybe_pair("idle_max", both.map(|s| Some(s.idle_max)));
    l.maybe_pair("data_first", both.map(|s| s.data_times().map(|t| t.0.nanos())));
    l.maybe_pair("data_last", both.map(|s| s.data_times().map(|t| t.1.nanos())));
}

fn evidence(l: &mut Lines, e: &Evidence) {
    l.maybe("original", e.original.map(u64::cast_signed));
    l.maybe("witness", e.witness.map(u64::cast_signed));
    l.maybe("seq", e.seq.map(i64::from));
    l.maybe("len", e.len.map(i64::from));
    for (key, pair) in [
        ("ip_id", e.ip_id.map(|(a, b)| (a.into(), b.into()))),
        ("tsval", e.tsval.map(|(a, b)| (a.into(), b.into()))),
        ("ttl", e.ttl.map(|(a, b)| (a.into(), b.into()))),
        ("sack", e.sack.map(|(a, b)| (a.into(), b.into()))),
    ] {
        if let Some((a, b)) = pair {
            l.pair(key, [a, b]);
        }
    }
    l.maybe("duplicate_acks", e.duplicate_acks.map(i64::from));
    l.maybe("elapsed", e.elapsed);
    l.maybe("rtt", e.rtt);
    l.maybe("count", e.count.map(u64::cast_signed));
}
