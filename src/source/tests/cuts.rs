//! Files cut at every octet, with bits flipped, and with lengths that cannot be.

use proptest::prelude::*;

use super::build::{Builder, everything};
use super::*;
use crate::source::bytes::Order;

fn classic(order: Order, magic: u32, extra: usize) -> (Builder, Vec<Row>) {
    let mut b = Builder::new(order);
    b.pcap(magic, (2, 4), 1);
    let mut rows = Vec::new();
    for n in 0..5u32 {
        let data = vec![n as u8; n as usize * 7];
        let length = data.len() as u32;
        b.record((100 + n, 5), (length, length + n), extra, &data);
        let unit = if magic == 0xa1b2_3c4d { 1 } else { 1000 };
        rows.push((i64::from(100 + n) * 1_000_000_000 + 5 * unit, length + n, 1, 0, data));
    }
    (b, rows)
}

fn all() -> Vec<(&'static str, Builder, Vec<Row>)> {
    let mut all = Vec::new();
    for order in [Order::Little, Order::Big] {
        for (name, magic, extra) in
            [("micro", 0xa1b2_c3d4, 0), ("nano", 0xa1b2_3c4d, 0), ("modified", 0xa1b2_cd34, 8)]
        {
            let (b, rows) = classic(order, magic, extra);
            all.push((name, b, rows));
        }
        let (b, rows) = everything(order);
        all.push(("pcapng", b, rows));
    }
    all
}

#[test]
fn every_form_is_read_in_both_byte_orders() {
    for (name, b, expected) in all() {
        let (rows, fault) = read_all(&b.octets);
        assert!(fault.is_none(), "{name}: {fault:?}");
        assert_eq!(rows, expected, "{name} {:?}", b.order);
    }
}

#[test]
fn a_file_cut_at_any_octet_yields_what_is_whole_and_says_where_it_ends() {
    for (name, b, expected) in all() {
        let header = if name == "pcapng" { b.ends[0] } else { 24 };
        for cut in 0..b.octets.len() {
            let (rows, fault) = read_all(&b.octets[..cut]);
            assert_eq!(rows, expected[..rows.len()], "{name} cut at {cut}");
            let whole = b.ends.iter().rev().find(|end| **end <= cut).copied().unwrap_or(0).max(header);
            if cut == whole {
                assert!(fault.is_none(), "{name} cut at {cut}, between records: {fault:?}");
                continue;
            }
            let fault = fault.unwrap_or_else(|| panic!("{name} cut at {cut}: no fault"));
            match &fault.kind {
                SourceErrorKind::Empty => assert_eq!(cut, 0),
                SourceErrorKind::UnknownFormat(_) => assert!(cut < 4, "{name} cut at {cut}"),
                SourceErrorKind::Truncated { need, have, .. } if cut < header => {
                    assert_eq!((fault.offset, fault.packet), (Some(0), None), "{name} cut at {cut}");
                    assert_eq!(*have, cut as u64);
                    assert!(need > have);
                }
                SourceErrorKind::Truncated { need, have, .. } => {
                    assert_eq!(fault.offset, Some(whole as u64), "{name} cut at {cut}");
                    // The file's first block may be the only one: no packet is known yet.
                    let packet = fault.packet.unwrap_or(1);
                    assert_eq!(packet, rows.len() as u64 + 1, "{name} cut at {cut}");
                    assert_eq!(*have, (cut - whole) as u64, "{name} cut at {cut}");
                    assert!(need > have);
                }
                other => panic!("{name} cut at {cut}: {other:?}"),
            }
            // What is whole before the cut was yielded.
            let (before, _) = read_all(&b.octets[..whole.min(cut)]);
            assert_eq!(rows, before, "{name} cut at {cut}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_never_panics_and_lies_about_length_allocate_nothing(
        form in 0usize..8,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let (_, b, expected) = all().swap_remove(form);
        let mut octets = b.octets;
        for (at, value) in flips {
            let at = at.index(octets.len());
            octets[at] = value;
        }
        let (rows, _) = read_all(&octets);
        prop_assert!(rows.len() <= octets.len() / 12 + expected.len());
    }
}
