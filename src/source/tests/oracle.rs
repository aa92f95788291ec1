//! The readers beside pcap-parser's.

use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};
use proptest::prelude::*;

use super::*;
use crate::model::{LinkType, Packet, Timestamp};
use crate::source::write::{FileSink, PacketSink, WriteOptions};

/// What pcap-parser reads of a file: time in nanoseconds, original length, octets.
fn theirs(octets: &[u8]) -> Vec<(i64, u32, Vec<u8>)> {
    let mut reader = create_reader(1 << 20, octets).unwrap();
    let (mut rows, mut unit) = (Vec::new(), 1000);
    loop {
        match reader.next() {
            Ok((offset, block)) => {
                match block {
                    PcapBlockOwned::LegacyHeader(header) if header.is_nanosecond_precision() => unit = 1,
                    PcapBlockOwned::Legacy(packet) => rows.push((
                        i64::from(packet.ts_sec) * 1_000_000_000 + i64::from(packet.ts_usec) * unit,
                        packet.origlen,
                        packet.data.to_vec(),
                    )),
                    PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => rows.push((
                        (i64::from(packet.ts_high) << 32) + i64::from(packet.ts_low),
                        packet.origlen,
                        packet.data[..packet.caplen as usize].to_vec(),
                    )),
                    _ => {}
                }
                reader.consume(offset);
            }
            Err(PcapError::Eof) => return rows,
            Err(PcapError::Incomplete(_)) => reader.refill().unwrap(),
            Err(e) => panic!("{e:?}"),
        }
    }
}

prop_compose! {
    fn rows()(
        rows in prop::collection::vec(
            (0..4_000_000_000_000_000_000i64, 0..2000u32, prop::collection::vec(any::<u8>(), 0..200)),
            0..40,
        )
    ) -> Vec<(i64, u32, Vec<u8>)> {
        rows.into_iter().map(|(ts, more, data)| (ts, data.len() as u32 + more, data)).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn writing_then_reading_is_identity_and_the_oracle_agrees(
        rows in rows(),
        form in prop::sample::select(vec![("a.pcapng", 9u8), ("a.pcap", 9), ("b.pcap", 6)]),
    ) {
        let (name, ts_digits) = form;
        let unit = if ts_digits == 9 { 1 } else { 1000 };
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        let mut sink = FileSink::create(&path, WriteOptions::default()).unwrap();
        sink.describe(&[Interface { name: None, link: LinkType::RAW, snaplen: 0, ts_digits }]).unwrap();
        for (index, (ts, orig_len, data)) in rows.iter().enumerate() {
            let (number, ts) = (index as u64 + 1, Timestamp(*ts));
            let packet = Packet { number, ts, orig_len: *orig_len, link: LinkType::RAW, interface: 0, data };
            sink.write(&packet, (index % 3 == 0).then_some("every third")).unwrap();
        }
        sink.finish(None).unwrap();
        let octets = std::fs::read(&path).unwrap();
        let expected: Vec<_> = rows.into_iter().map(|(ts, len, data)| (ts / unit * unit, len, data)).collect();
        let (ours, fault) = read_all(&octets);
        prop_assert!(fault.is_none());
        let ours: Vec<_> = ours.into_iter().map(|(ts, len, _, _, data)| (ts, len, data)).collect();
        prop_assert_eq!(&ours, &expected);
        prop_assert_eq!(theirs(&octets), expected);
    }
}
