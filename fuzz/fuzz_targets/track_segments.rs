//! Segments of few connections with numbers near each other, so that they overlap, leave
//! gaps, are acknowledged, selectively and not, wrap around and reuse ports.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use arbitrary::Arbitrary;
use synfin::decode::{Context, OptionBytes, Problems, Record, TcpSegment};
use synfin::model::{Endpoint, ProtoPath, SeqNum, TcpFlags, Timestamp};
use synfin::track::TrackerOptions;
use synfin_fuzz::Analysis;

#[derive(Arbitrary, Debug)]
struct Input {
    isn: [u32; 2],
    few: bool,
    segments: Vec<Segment>,
}

#[derive(Arbitrary, Debug)]
struct Segment {
    connection: u8,
    reply: bool,
    flags: u8,
    seq: u16,
    ack: u16,
    /// Far from the others, now and then.
    far: Option<u32>,
    len: u16,
    window: u16,
    micros: i32,
    ip_id: Option<u16>,
    ttl: bool,
    odd: u8,
    options: Options,
}

#[derive(Arbitrary, Debug)]
enum Options {
    None,
    Syn { scale: u8, mss: u16 },
    Timestamps(u16, u16),
    Sack([(u16, u16); 3]),
    Raw(Vec<u8>),
}

fn options(o: &Options, isn: u32) -> OptionBytes {
    let mut out = Vec::new();
    match o {
        Options::None => {}
        Options::Syn { scale, mss } => {
            out.extend([2, 4]);
            out.extend(mss.to_be_bytes());
            out.extend([4, 2, 3, 3, *scale, 1]);
        }
        Options::Timestamps(a, b) => {
            out.extend([8, 10]);
            out.extend(u32::from(*a).to_be_bytes());
            out.extend(u32::from(*b).to_be_bytes());
        }
        Options::Sack(blocks) => {
            out.extend([5, 26]);
            for (l, r) in blocks {
                out.extend(isn.wrapping_add(u32::from(*l)).to_be_bytes());
                out.extend(isn.wrapping_add(u32::from(*r)).to_be_bytes());
            }
        }
        Options::Raw(bytes) => out.extend(bytes),
    }
    OptionBytes::new(&out)
}

fn endpoint(last: u8, port: u16) -> Endpoint {
    Endpoint { addr: IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)), port }
}

libfuzzer_sys::fuzz_target!(|input: Input| {
    let tracker = if input.few {
        TrackerOptions { max_conversations: 2, linger: 1, ..TrackerOptions::default() }
    } else {
        TrackerOptions::default()
    };
    let mut analysis = Analysis::new(tracker);
    let mut ts = Timestamp::new(1, 0);
    for (frame, s) in (1..).zip(&input.segments) {
        ts = ts.plus(i64::from(s.micros) * 1000);
        let ends = [endpoint(1, 1000 + u16::from(s.connection % 4)), endpoint(2, 80)];
        let (me, peer) = (usize::from(s.reply), usize::from(!s.reply));
        let options = options(&s.options, input.isn[peer]);
        let ip = Context {
            frame,
            ts,
            wire: 54 + u32::from(s.len),
            layer: 0,
            src: ends[me],
            dst: ends[peer],
            realm: 0,
            ip_id: s.ip_id,
            ttl: if s.ttl { 64 } else { 63 },
            ip_header_len: 20,
            ecn: 0,
            fragmented: false,
            path: ProtoPath::EMPTY,
            problems: Problems::NONE,
        };
        let base = s.far.unwrap_or(input.isn[me]);
        analysis.record(&Record::Tcp(TcpSegment {
            ip,
            seq: SeqNum(base.wrapping_add(u32::from(s.seq % 4096))),
            ack: SeqNum(input.isn[peer].wrapping_add(u32::from(s.ack % 4096))),
            flags: TcpFlags(u16::from(s.flags)),
            window: s.window,
            len: u32::from(s.len % 2000),
            header_len: 20 + options.as_slice().len() as u8,
            checksum: 0,
            checksum_offloaded: false,
            urgent: 0,
            cut: s.odd == 1,
            len_unknown: s.odd == 2,
            options,
        }));
    }
    analysis.finish();
});
