//! What the fuzz targets share: running octets through synfin, and checking what must
//! hold of any result.

use std::io::Cursor;

use synfin::decode::{Decoder, IcmpMessage, OptionField, Record, TcpSegment, UdpDatagram};
use synfin::model::{LinkType, Packet, StreamId, Timestamp};
use synfin::source::{CaptureFile, PacketSource};
use synfin::track::{
    Event, SeenDatagram, SeenSegment, Sink, TcpConversation, Tracker, TrackerOptions, UdpConversation,
};

/// Counts what the tracker says, and looks at the parts that could not fit together.
#[derive(Debug, Default)]
pub struct Checked {
    tcp: u64,
    started: u64,
    ended: u64,
    frame: u64,
}

impl Sink for Checked {
    fn tcp(&mut self, segment: &TcpSegment, seen: &SeenSegment, _: &TcpConversation) {
        self.tcp += 1;
        self.started = self.started.max(u64::from(seen.stream) + 1);
        self.frame = segment.ip.frame;
        assert!(seen.dir < 2);
        let analysis = &seen.analysis;
        assert!(analysis.acks_frame.is_none_or(|f| f <= self.frame), "acknowledges a later frame");
        assert!(analysis.rto.is_none_or(|(f, _)| f <= self.frame), "measured from a later frame");
        assert!(analysis.labels.names().count() <= 18);
    }

    fn udp(&mut self, _: &UdpDatagram, seen: &SeenDatagram, _: &UdpConversation) {
        assert!(seen.dir < 2);
    }

    fn icmp(&mut self, _: &IcmpMessage, _: Option<StreamId>) {}

    fn event(&mut self, event: &Event) {
        assert!(event.packet <= self.frame.max(event.packet));
        let e = &event.evidence;
        assert!(e.original.is_none_or(|f| f <= event.packet), "repeats a later packet");
    }

    fn tcp_ended(&mut self, _: &TcpConversation) {
        self.ended += 1;
    }
}

/// Reads a capture to its end or to its first fault.
pub fn read(data: &[u8], mut each: impl FnMut(&Packet<'_>)) {
    let Ok(mut source) = CaptureFile::from_reader("fuzz", Box::new(Cursor::new(data.to_vec())), None) else {
        return;
    };
    let mut number = 0;
    loop {
        match source.next_packet() {
            Ok(Some(packet)) => {
                assert!(packet.number > number, "packet numbers go up");
                number = packet.number;
                each(&packet);
            }
            Ok(None) => break,
            Err(e) => {
                assert!(!e.to_string().is_empty());
                break;
            }
        }
    }
    let known = source.interfaces().len();
    assert!(known <= data.len() + 1, "an interface for each octet at most");
}

/// Reads, decodes and tracks a capture.
pub fn analyse(data: &[u8], options: TrackerOptions) {
    let mut analysis = Analysis::new(options);
    read(data, |packet| analysis.packet(packet));
    analysis.finish();
}

/// Decoder and tracker together.
pub struct Analysis {
    decoder: Decoder,
    tracker: Tracker,
    sink: Checked,
    records: Vec<Record>,
}

impl Analysis {
    /// A fresh one.
    #[must_use]
    pub fn new(options: TrackerOptions) -> Self {
        Self {
            decoder: Decoder::default(),
            tracker: Tracker::new(options),
            sink: Checked::default(),
            records: Vec::new(),
        }
    }

    /// Takes one frame in.
    pub fn packet(&mut self, packet: &Packet<'_>) {
        self.records.clear();
        let _ = self.decoder.decode(packet, &mut self.records);
        for record in &self.records {
            check(record);
            self.tracker.push(record, &mut self.sink);
        }
    }

    /// Takes one record in, as if it had been decoded.
    pub fn record(&mut self, record: &Record) {
        self.tracker.push(record, &mut self.sink);
    }

    /// Ends all conversations: each one that began must end exactly once.
    pub fn finish(mut self) {
        self.tracker.finish(&mut self.sink);
        let (tcp, _) = self.tracker.streams();
        assert!(self.sink.started <= u64::from(tcp));
        assert!(self.sink.ended <= u64::from(tcp), "ended more often than begun");
    }
}

/// What holds of every record.
pub fn check(record: &Record) {
    match record {
        Record::Tcp(s) => {
            assert!(s.options.as_slice().len() <= 40);
            let _ = OptionField(s.options.as_slice()).to_string();
        }
        Record::Udp(_) | Record::Icmp(_) => {}
    }
}

/// A frame of a link type at second `number`.
#[must_use]
pub fn frame(number: u64, link: LinkType, data: &[u8]) -> Packet<'_> {
    let ts = Timestamp::new(number as i64, 0);
    Packet { number, ts, orig_len: data.len() as u32, link, interface: 0, data }
}
