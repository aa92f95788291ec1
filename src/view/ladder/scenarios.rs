//! Reports made by hand, one for each kind of story.

use super::*;
use crate::decode::OptionBytes;
use crate::model::{Endpoint, Protocol, SeqNum, StreamId, TcpFlags as F, TcpState as S};
use crate::report::{Row, RowKind, TcpFacts, TcpSideFacts, Traffic, UdpFacts};
use crate::track::{Analysis, Confidence, Event, EventKind, Evidence, Handshake, Labels, Teardown};

const START: i64 = 1_700_000_000_000_000_000;
pub const A: Side = Side::Orig;
pub const B: Side = Side::Resp;

/// A report made by hand, packet by packet.
pub struct Script {
    pub conversation: Conversation,
    pub detail: Detail,
    states: [S; 2],
}

impl Script {
    pub fn new(protocol: Protocol, a: &str, b: &str) -> Self {
        let endpoint = |s: &str| {
            let at: std::net::SocketAddr = s.parse().unwrap();
            Endpoint { addr: at.ip(), port: at.port() }
        };
        let id = StreamId { protocol, number: 0 };
        let side =
            |isn| TcpSideFacts { isn: Some(SeqNum(isn)), base: Some(SeqNum(isn)), ..TcpSideFacts::default() };
        let tcp = TcpFacts {
            roles_known: true,
            handshake: Handshake::Complete,
            handshake_retries: 0,
            teardown: Teardown::Open,
            states: PerSide::default(),
            conn_state: "SF",
            history: String::new(),
            completeness: 0,
            initial_rtt: None,
            syn_rtt: None,
            sides: PerSide::new(side(100), side(200)),
        };
        let conversation = Conversation {
            id,
            endpoints: PerSide::new(endpoint(a), endpoint(b)),
            first_sender: A,
            first_frame: 1,
            first: Timestamp(START),
            last: Timestamp(START),
            traffic: PerSide::new(Traffic::default(), Traffic::default()),
            tcp: (protocol == Protocol::Tcp).then(|| Box::new(tcp)),
            udp: (protocol == Protocol::Udp).then(UdpFacts::default),
        };
        let detail = Detail { id: Some(id), ..Detail::default() };
        Self { conversation, detail, states: [S::Closed, S::Listen] }
    }

    pub fn tcp() -> Self {
        Self::new(Protocol::Tcp, "10.0.0.1:40000", "192.0.2.1:80")
    }

    pub fn push(&mut self, us: i64, side: Side, header_len: u8, len: u32, kind: RowKind) -> u64 {
        let frame = self.detail.rows.len() as u64 + 1;
        let row = Row {
            frame,
            ts: Timestamp(START + us * 1000),
            side,
            wire: len + 54,
            ip_header_len: 20,
            ip_id: None,
            ttl: 64,
            header_len,
            len,
            kind,
        };
        self.detail.rows.push(row);
        frame
    }

    /// A segment with relative numbers; the states after it as last set.
    pub fn seg(&mut self, us: i64, side: Side, flags: F, seq: u32, len: u32, ack: u32) -> u64 {
        let base = [100u32, 200];
        let options: &[u8] = if flags.has(F::SYN) { &[2, 4, 5, 0xb4, 4, 2, 1, 3, 3, 7] } else { &[] };
        let kind = RowKind::Tcp {
            flags,
            seq: SeqNum(base[side.index()] + seq),
            ack: SeqNum(base[side.other().index()] + ack),
            rel_seq: seq,
            rel_ack: flags.has(F::ACK).then_some(ack),
            window: 502,
            scaled_window: (!flags.has(F::SYN)).then_some(64256),
            options: OptionBytes::new(options),
            checksum_offloaded: false,
            states: PerSide(self.states.map(Some)),
            analysis: Analysis::default(),
        };
        self.push(us, side, 20, len, kind)
    }

    fn to(&mut self, a: S, b: S) -> &mut Self {
        self.states = [a, b];
        self
    }

    fn label(&mut self, labels: Labels, number: u32, of: u64) {
        if let Some(Row { kind: RowKind::Tcp { analysis, .. }, .. }) = self.detail.rows.last_mut() {
            analysis.labels.add(labels);
            analysis.duplicate_ack_num = number;
            analysis.duplicate_ack_frame = of;
        }
    }

    pub fn event(&mut self, kind: EventKind, confidence: Confidence, evidence: Evidence) {
        let row = self.detail.rows.last().unwrap();
        let event = Event {
            packet: row.frame,
            ts: row.ts,
            stream: self.conversation.id,
            side: row.side,
            kind,
            confidence,
            evidence,
            labels: Labels::NONE,
        };
        self.detail.events.push(event);
    }

    /// The three steps.
    fn opened(mut self) -> Self {
        self.to(S::SynSent, S::Listen).seg(0, A, F::SYN, 0, 0, 0);
        self.to(S::SynSent, S::SynReceived).seg(10_000, B, F::SYN | F::ACK, 0, 0, 1);
        self.to(S::Established, S::Established).seg(10_040, A, F::ACK, 1, 0, 1);
        self.event(EventKind::Established, Confidence::Certain, Evidence::default());
        self
    }

    pub fn ladder(&self, options: &Options) -> Ladder {
        Ladder::new(&self.conversation, &self.detail, options)
    }
}

const PSH: F = F(0x18);
const FIN: F = F(0x11);

/// A request, its answer, and four segments to close.
pub fn whole() -> Script {
    let mut s = Script::tcp().opened();
    s.seg(10_300, A, PSH, 1, 72, 1);
    s.seg(20_400, B, F::ACK, 1, 0, 73);
    s.seg(21_000, B, PSH, 1, 1448, 73);
    s.seg(21_050, A, F::ACK, 73, 0, 1449);
    s.to(S::FinWait1, S::Established).seg(1_421_050, A, FIN, 73, 0, 1449);
    s.to(S::FinWait2, S::CloseWait).seg(1_431_100, B, F::ACK, 1449, 0, 74);
    s.to(S::FinWait2, S::LastAck).seg(1_432_000, B, FIN, 1449, 0, 74);
    s.to(S::TimeWait, S::Closed).seg(1_432_030, A, F::ACK, 74, 0, 1450);
    s.event(EventKind::Closed, Confidence::Certain, Evidence::default());
    s
}

fn refused() -> Script {
    let mut s = Script::tcp();
    s.to(S::SynSent, S::Closed).seg(0, A, F::SYN, 0, 0, 0);
    s.to(S::Closed, S::Closed).seg(150, B, F::RST | F::ACK, 0, 0, 1);
    let evidence = Evidence { original: Some(1), elapsed: Some(150_000), ..Evidence::default() };
    s.event(EventKind::Refused, Confidence::Certain, evidence);
    s
}

/// One segment of several is lost, and sent again after three duplicate acknowledgments.
fn loss() -> Script {
    let mut s = Script::tcp().opened();
    let mut lost = 0;
    for n in 0..5u32 {
        let frame = s.seg(10_300 + i64::from(n) * 12, A, PSH, 1 + n * 1448, 1448, 1);
        if n == 1 {
            lost = frame;
        }
    }
    let first_ack = s.seg(20_400, B, F::ACK, 1, 0, 1449);
    for n in 1..=3u32 {
        s.seg(20_400 + i64::from(n) * 15, B, F::ACK, 1, 0, 1449);
        s.label(Labels::DUPLICATE_ACK, n, first_ack);
    }
    s.seg(20_480, A, PSH, 1449, 1448, 1);
    let evidence = Evidence {
        original: Some(lost),
        elapsed: Some(10_168_000),
        duplicate_acks: Some(3),
        ..Evidence::default()
    };
    s.event(EventKind::FastRetransmit, Confidence::Certain, evidence);
    s.seg(30_520, B, F::ACK, 1, 0, 7241);
    // The last segment is lost too, and only a timeout finds that out.
    let tail = s.seg(30_600, A, PSH, 7241, 300, 1);
    s.seg(260_600, A, PSH, 7241, 300, 1);
    let evidence = Evidence { original: Some(tail), elapsed: Some(230_000_000), ..Evidence::default() };
    s.event(EventKind::TimeoutRetransmit, Confidence::Likely, evidence);
    s.seg(270_700, B, F::ACK, 1, 0, 7541);
    s
}

fn simultaneous() -> Script {
    let mut s = Script::tcp().opened();
    s.to(S::FinWait1, S::Established).seg(50_000, A, FIN, 1, 0, 1);
    s.to(S::Closing, S::FinWait1).seg(50_100, B, FIN, 1, 0, 1);
    s.to(S::Closing, S::Closing).seg(60_050, A, F::ACK, 2, 0, 2);
    s.to(S::TimeWait, S::TimeWait).seg(60_120, B, F::ACK, 2, 0, 2);
    s
}

fn udp() -> Script {
    let mut s = Script::new(Protocol::Udp, "10.0.0.1:5353", "10.0.0.2:9");
    let datagram = |len: u32| RowKind::Udp { length: len as u16 + 8, checksum: 0xbeef };
    s.push(0, A, 8, 5, datagram(5));
    s.push(400, B, 8, 512, datagram(512));
    s.push(2_000_000, A, 8, 5, datagram(5));
    s.push(2_000_120, B, 8, 0, RowKind::Icmp { version: 4, icmp_type: 3, code: 3 });
    let evidence = Evidence { original: Some(3), ..Evidence::default() };
    s.event(EventKind::IcmpError, Confidence::Certain, evidence);
    s
}

pub fn loopback() -> Script {
    let mut s = whole();
    s.conversation.endpoints.0 = ["127.0.0.1:40000", "127.0.0.1:7"].map(|a| {
        let at: std::net::SocketAddr = a.parse().unwrap();
        Endpoint { addr: at.ip(), port: at.port() }
    });
    s
}

/// The longest addresses there are, and the SYN unseen.
fn six() -> Script {
    let (a, b) =
        ("[2001:db8:1111:2222:3333:4444:5555:6666]:50000", "[2001:db8:1111:2222:3333:4444:5555:7777]:60000");
    let mut s = Script::new(Protocol::Tcp, a, b);
    if let Some(tcp) = s.conversation.tcp.as_mut() {
        tcp.roles_known = false;
    }
    s.to(S::Established, S::Established);
    s.seg(0, A, PSH, 1, 1000, 1);
    s.seg(300, B, F::ACK, 1, 0, 1001);
    s
}

/// A transfer of 300 segments with one loss in the middle.
pub fn long() -> Script {
    let mut s = Script::tcp().opened();
    let mut us = 10_300;
    for n in 0..300u32 {
        us += 30;
        let frame = s.seg(us, B, PSH, 1 + n * 1448, 1448, 1);
        if n % 2 == 1 {
            s.seg(us + 5, A, F::ACK, 1, 0, 1 + n * 1448);
        }
        if n == 150 {
            us += 5000;
            s.seg(us, B, PSH, 1 + n * 1448, 1448, 1);
            let evidence =
                Evidence { original: Some(frame), elapsed: Some(5_000_000), ..Evidence::default() };
            s.event(EventKind::RackRetransmit, Confidence::Likely, evidence);
        }
    }
    s.to(S::FinWait1, S::Established).seg(us + 90, A, FIN, 1, 0, 434_401);
    s.to(S::TimeWait, S::LastAck).seg(us + 10_000, B, FIN, 434_401, 0, 2);
    s.to(S::TimeWait, S::Closed).seg(us + 10_050, A, F::ACK, 2, 0, 434_402);
    s
}

/// A lab: the calls of the programs, and when each segment arrived.
pub fn lab() -> (Script, Options) {
    // Each packet has the time at which its own end sent it.
    let mut s = Script::tcp();
    s.to(S::SynSent, S::SynReceived).seg(0, A, F::SYN, 0, 0, 0);
    s.to(S::Established, S::SynReceived).seg(4_950, B, F::SYN | F::ACK, 0, 0, 1);
    s.to(S::Established, S::Established).seg(9_990, A, F::ACK, 1, 0, 1);
    let lost = s.seg(10_300, A, PSH, 1, 72, 1);
    s.seg(40_300, A, PSH, 1, 72, 1);
    let evidence = Evidence { original: Some(lost), elapsed: Some(30_000_000), ..Evidence::default() };
    s.event(EventKind::TimeoutRetransmit, Confidence::Likely, evidence);
    s.seg(45_400, B, F::ACK, 1, 0, 73);
    s.seg(45_800, B, PSH, 1, 1448, 73);
    s.seg(50_800, A, F::ACK, 73, 0, 1449);
    s.to(S::FinWait1, S::CloseWait).seg(1_421_050, A, FIN, 73, 0, 1449);
    s.to(S::FinWait2, S::CloseWait).seg(1_426_000, B, F::ACK, 1449, 0, 74);
    s.to(S::TimeWait, S::LastAck).seg(1_432_000, B, FIN, 1449, 0, 74);
    s.to(S::TimeWait, S::Closed).seg(1_437_000, A, F::ACK, 74, 0, 1450);
    let mut transit = Transit::default();
    for row in s.detail.rows.iter().filter(|r| r.frame != lost) {
        transit.arrivals.insert(row.frame, row.ts.plus(4_900_000));
    }
    transit.lost.insert(lost);
    let call = |us: i64, side, text: &str| LaneCall {
        ts: Timestamp(START + us * 1000),
        side,
        text: text.to_owned(),
    };
    let calls = vec![
        call(-500, B, "listen(5)"),
        call(-30, A, "connect(192.0.2.1:80)"),
        call(9_920, A, "connect() = 0"),
        call(10_290, A, "send(b\"GET / HTTP/1.0\\r\\nHost: example.org\\r\\n\") = 72"),
        call(45_250, B, "recv(4096) = 72"),
        call(45_750, B, "send(1448) = 1448"),
        call(1_421_000, A, "close()"),
        call(1_431_990, B, "close()"),
    ];
    let names = PerSide::new(Some("client".to_owned()), Some("http".to_owned()));
    (s, Options { lane: Some(Lane { calls }), transit, names, ..Options::default() })
}

pub fn scenarios() -> Vec<(&'static str, Script, Options)> {
    let named = Options { names: PerSide::new(None, Some("http".to_owned())), ..Options::default() };
    let (lab, with_lane) = lab();
    vec![
        ("whole", whole(), named),
        ("refused", refused(), Options::default()),
        ("loss", loss(), Options::default()),
        ("simultaneous", simultaneous(), Options::default()),
        ("udp", udp(), Options::default()),
        ("loopback", loopback(), Options::default()),
        ("long", long(), Options::default()),
        ("six", six(), Options::default()),
        ("lab", lab, with_lane),
    ]
}
