use std::fmt::Write;

use etherparse::PacketBuilder;
use proptest::prelude::*;

use super::*;

const MAC: ([u8; 6], [u8; 6]) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);

fn built(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

pub fn syn() -> Vec<u8> {
    let options = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7];
    let b = PacketBuilder::ethernet2(MAC.0, MAC.1)
        .ipv4([10, 0, 0, 1], [192, 0, 2, 1], 64)
        .tcp(40000, 80, 100, 65535)
        .syn()
        .options_raw(&options)
        .unwrap();
    built(|out| b.write(out, &[]).unwrap())
}

fn udp4(payload: &[u8]) -> Vec<u8> {
    let b = PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).udp(4242, 53);
    built(|out| b.write(out, payload).unwrap())
}

fn udp6(payload: &[u8]) -> Vec<u8> {
    let (a, z) = ([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], [0xff; 16]);
    let b = PacketBuilder::ethernet2(MAC.0, MAC.1).ipv6(a, z, 64).udp(4242, 4243);
    built(|out| b.write(out, payload).unwrap())
}

/// An ICMP error that quotes `quote`, raw IPv4.
fn unreachable(quote: &[u8]) -> Vec<u8> {
    use etherparse::{Icmpv4Type, icmpv4::DestUnreachableHeader};
    let b = PacketBuilder::ipv4([10, 0, 0, 2], [10, 0, 0, 1], 64)
        .icmpv4(Icmpv4Type::DestinationUnreachable(DestUnreachableHeader::Port));
    built(|out| b.write(out, quote).unwrap())
}

fn tunnelled() -> Vec<u8> {
    let mut inner = vec![0x08, 0, 0, 0, 0, 0, 42, 0];
    inner.extend(syn());
    let b = PacketBuilder::ethernet2(MAC.0, MAC.1)
        .single_vlan(7.try_into().unwrap())
        .ipv4([10, 1, 0, 1], [10, 1, 0, 2], 9)
        .udp(5555, 4789);
    built(|out| b.write(out, &inner).unwrap())
}

/// All of a tree in lines, for people to read.
fn outline(tree: &HeaderTree) -> String {
    let mut out = String::new();
    for (layer, share) in tree.layers.iter().zip(tree.shares()) {
        let quoted = if layer.quoted { ", quoted" } else { "" };
        writeln!(
            out,
            "{} [{}] OSI {:?}, byte {} +{}, {} of {} ({:.1} %){quoted}",
            layer.name,
            layer.standard,
            layer.osi,
            layer.offset,
            layer.len,
            share.octets,
            tree.wire,
            share.share * 100.0
        )
        .unwrap();
        for f in &layer.fields {
            let group = f.group.map(|g| format!("<{g}> ")).unwrap_or_default();
            let shown = match f.value {
                Value::Missing(m) => format!("MISSING {} ({} bits there)", m.why.text(), m.bits_there),
                _ => f.shown.clone(),
            };
            let problem = f.problem.map(|p| format!(" !! {}", p.text())).unwrap_or_default();
            let (at, bits) = (f.bit_offset, f.bit_len);
            writeln!(out, "  {at}+{bits} {group}{}: {shown} | {}{problem}", f.name, f.meaning).unwrap();
        }
    }
    out
}

fn read(link: LinkType, data: &[u8]) -> HeaderTree {
    headers(link, data, data.len() as u32)
}

fn field<'a>(tree: &'a HeaderTree, layer: &str, name: &str) -> &'a Field {
    let layer = tree.layers.iter().rev().find(|l| l.name == layer).expect("layer");
    layer.fields.iter().find(|f| f.name == name).expect("field")
}

#[test]
fn a_syn_in_full() {
    insta::assert_snapshot!(outline(&read(LinkType::ETHERNET, &syn())));
}

/// Each rarer link layer is read through to the TCP header inside, and its header looks right.
#[test]
fn rarer_links_lead_to_tcp() {
    let ip = syn()[14..].to_vec();
    let llc = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], ip.as_slice()].concat();
    let mac = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    let wlan = [&[0x88, 1, 0, 0][..], &mac, &mac[..6], &[0x10, 0, 0, 0], &llc].concat();
    let tlv = |kind: u16, value: &[u8]| {
        let len = value.len() as u16 + 4;
        [&len.to_le_bytes()[..], &kind.to_le_bytes(), value].concat()
    };
    let routed = [0x82, 0, 0, 0, 0, 2, 0x06, 0x30, 0, 0x11, 0, 0x20];
    let pktap = [&[108, 0, 0, 0, 1, 0, 0, 0, 12, 0, 0, 0][..], &[0; 96], &ip].concat();
    let cases: Vec<(&str, LinkType, Vec<u8>)> = vec![
        ("fddi", LinkType::FDDI, [&[0x57][..], &mac, &llc].concat()),
        ("token ring", LinkType::TOKEN_RING, [&[0x10, 0x40][..], &mac[..6], &routed, &llc].concat()),
        ("arcnet, BSD", LinkType::ARCNET_BSD, [&[1, 2, 212, 0, 0, 7][..], &ip].concat()),
        ("arcnet, Linux", LinkType::ARCNET_LINUX, [&[1, 2, 0, 0, 240][..], &ip].concat()),
        ("ipoib", LinkType::IPOIB, [&[0; 40][..], &[8, 0, 0, 0], &ip].concat()),
        ("nflog", LinkType::NFLOG, [&[2, 0, 0, 0][..], &tlv(10, b"abc\0"), &tlv(9, &ip)].concat()),
        ("pflog", LinkType::PFLOG, [&[61, 2, 0, 0][..], &[0; 60], &ip].concat()),
        ("ppp", LinkType::PPP_WITH_DIR, [&[1, 0xff, 3, 0, 0x21][..], &ip].concat()),
        ("wlan", LinkType::IEEE802_11, wlan.clone()),
        (
            "radiotap",
            LinkType::IEEE802_11_RADIOTAP,
            [&[0, 0, 9, 0, 2, 0, 0, 0, 0x10][..], &wlan, &[1, 2, 3, 4]].concat(),
        ),
        ("ppi", LinkType::PPI, [&[0, 0, 12, 0, 105, 0, 0, 0, 9, 0, 0, 0][..], &wlan].concat()),
        ("pktap", LinkType::PKTAP, pktap),
    ];
    let mut all = String::new();
    for (name, link, frame) in cases {
        let tree = read(link, &frame);
        assert!(tree.layers.iter().any(|l| l.name == "TCP"), "{name}: {}", outline(&tree));
        assert_eq!(field(&tree, "TCP", "Destination Port").shown, "80", "{name}");
        let text = outline(&tree);
        let before = text.find("IPv4 [").unwrap_or(text.len());
        let after = text.find("Frame check sequence").map_or("", |at| &text[at..]);
        writeln!(all, "== {name}\n{}{after}", &text[..before]).unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_quoted_datagram_ends_early() {
    let frame = unreachable(&udp4(b"hello")[..28]);
    insta::assert_snapshot!(outline(&read(LinkType::RAW, &frame)));
}

#[test]
fn a_tunnel_shows_both_packets() {
    insta::assert_snapshot!(outline(&read(LinkType::ETHERNET, &tunnelled())));
}

#[test]
fn a_snapped_syn_keeps_its_fields() {
    let frame = syn();
    let tree = headers(LinkType::ETHERNET, &frame[..60], frame.len() as u32);
    insta::assert_snapshot!(outline(&tree));
}

#[test]
fn checksums_are_judged() {
    let good = syn();
    let with = |at: usize, bytes: [u8; 2]| {
        let mut frame = good.clone();
        frame[at..at + 2].copy_from_slice(&bytes);
        frame
    };
    let stored = u16::from_be_bytes([good[50], good[51]]);
    // What the kernel leaves for the card: the pseudo-header's sum, not complemented.
    let pseudo = checksum::fold(checksum::sum(&good[26..34]) + 6 + 40);
    let cases: [(Vec<u8>, &str, &str, String); 5] = [
        (good.clone(), "TCP", "Checksum", "correct".into()),
        (with(50, [1, 2]), "TCP", "Checksum", format!("wrong: should be 0x{stored:04x}")),
        (
            with(50, pseudo.to_be_bytes()),
            "TCP",
            "Checksum",
            format!(
                "left to offload: holds the folded pseudo-header sum, the network card \
                 was to make it 0x{stored:04x}"
            ),
        ),
        (good.clone(), "IPv4", "Header Checksum", "correct".into()),
        (good[..70].to_vec(), "TCP", "Checksum", "not computed: not all of what it covers is here".into()),
    ];
    for (frame, layer, name, expected) in cases {
        let tree = headers(LinkType::ETHERNET, &frame, good.len() as u32);
        assert_eq!(field(&tree, layer, name).meaning, expected);
    }
    let six = read(LinkType::ETHERNET, &udp6(b"odd"));
    assert_eq!(field(&six, "UDP", "Checksum").meaning, "correct");
}

#[test]
fn what_is_wrong_is_named() {
    let edit = |at: usize, byte: u8| {
        let mut frame = syn();
        frame[at] = byte;
        frame
    };
    let cases: [(Vec<u8>, &str, &str, Problem); 6] = [
        (edit(14, 0x43), "IPv4", "IHL", Problem::BadIpHeaderLen),
        (edit(14, 0x95), "IP", "Version", Problem::BadIpVersion),
        (edit(16, 0xff), "IPv4", "Total Length", Problem::IpLenPastFrame),
        (edit(46, 0x30), "TCP", "Data Offset", Problem::BadTcpHeaderLen),
        (edit(46, 0xf0), "TCP", "Data Offset", Problem::TcpHeaderPastEnd),
        (edit(55, 99), "TCP", "Length", Problem::BadTcpOption),
    ];
    for (frame, layer, name, expected) in cases {
        let tree = read(LinkType::ETHERNET, &frame);
        assert_eq!(field(&tree, layer, name).problem, Some(expected), "{name}");
    }
}

#[test]
fn padding_is_a_layer_of_its_own() {
    let b = PacketBuilder::ethernet2(MAC.0, MAC.1).ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).udp(1, 2);
    let mut frame = built(|out| b.write(out, b"hi").unwrap());
    frame.resize(60, 0);
    let tree = read(LinkType::ETHERNET, &frame);
    let names: Vec<_> = tree.layers.iter().map(|l| (l.name, l.len)).collect();
    let expected = [("Ethernet", 14), ("IPv4", 20), ("UDP", 8), ("Payload", 2), ("Trailer after IPv4", 16)];
    assert_eq!(names, expected);
}

/// What holds for every tree.
fn check(tree: &HeaderTree) {
    let mut at = 0;
    for layer in &tree.layers {
        assert!(layer.offset <= at, "layers leave no gap: {} at {}", layer.name, layer.offset);
        assert_eq!(layer.fields.first().map(|f| f.bit_offset), Some(layer.offset * 8));
        let mut bit = layer.offset * 8;
        for f in &layer.fields {
            assert_eq!(f.bit_offset, bit, "fields tile {}: {}", layer.name, f.name);
            bit += f.bit_len;
            let there = f.bit_offset + f.bits_there() <= tree.data.len() * 8;
            assert!(there || f.bits_there() == 0, "{} is there", f.name);
            assert!(f.bit_len > 0);
        }
        assert_eq!(bit, (layer.offset + layer.len) * 8, "{}", layer.name);
        at = layer.offset + layer.len;
    }
    assert!(at >= tree.wire, "the layers cover the frame");
    assert_eq!(tree.shares().iter().map(|s| s.octets).sum::<usize>(), tree.wire);
    assert_eq!(tree.shares().iter().map(|s| s.captured).sum::<usize>(), tree.data.len());
}

const LINKS: [LinkType; 11] = [
    LinkType::ETHERNET,
    LinkType::RAW,
    LinkType::NULL,
    LinkType::LOOP,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    LinkType::PPP,
    LinkType::PPP_ETHER,
    LinkType::C_HDLC,
    LinkType::IPV6,
    LinkType(9999),
];

/// Headers, made to lead into one another, so that random octets get deep.
fn seeds() -> Vec<(LinkType, Vec<u8>)> {
    let gre =
        [&[0x45, 0, 0, 60, 0, 0, 0, 0, 9, 47, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2][..], &[0xb0, 0, 0x65, 0x58]]
            .concat();
    let six = |next: u8| {
        let mut p = vec![0x60, 0, 0, 0, 0, 60, next, 9];
        p.extend([0x20; 32]);
        p
    };
    let geneve = [udp4(&[0; 60])[..22].to_vec(), vec![0x17, 0xc1, 0, 68, 0, 0, 2, 0, 0x65, 0x58]].concat();
    let gtp = [udp4(&[0; 60])[..22].to_vec(), vec![8, 104, 0, 68, 0, 0, 0x37, 255, 0, 20]].concat();
    vec![
        (LinkType::ETHERNET, syn()),
        (LinkType::ETHERNET, tunnelled()),
        (LinkType::RAW, unreachable(&udp4(b"hello"))),
        (LinkType::ETHERNET, udp6(b"hello")),
        (LinkType::RAW, gre),
        (LinkType::RAW, six(0)),
        (LinkType::RAW, six(43)),
        (LinkType::RAW, six(44)),
        (LinkType::RAW, six(51)),
        (LinkType::RAW, six(58)),
        (LinkType::RAW, geneve),
        (LinkType::RAW, gtp),
        (LinkType::ETHERNET, [&[0; 12][..], &[0x88, 0x47, 0, 0, 0, 9], &[0, 0, 1, 9]].concat()),
        (LinkType::ETHERNET, [&[0; 12][..], &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]].concat()),
        (LinkType::ETHERNET, [&[0; 12][..], &[0, 40, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]].concat()),
    ]
}

#[test]
fn every_prefix_of_a_frame_reads() {
    for (link, frame) in seeds() {
        for n in 0..=frame.len() {
            for wire in [n, frame.len(), frame.len() + 9] {
                check(&headers(link, &frame[..n], wire as u32));
            }
        }
    }
}

proptest! {
    #[test]
    fn any_octets_read(link in 0..LINKS.len(), data in proptest::collection::vec(any::<u8>(), 0..200), more in 0u32..99) {
        check(&headers(LINKS[link], &data, data.len() as u32 + more));
    }

    #[test]
    fn any_change_of_a_frame_reads(
        seed in 0..seeds().len(),
        tail in proptest::collection::vec(any::<u8>(), 0..120),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        more in 0u32..99,
    ) {
        let (link, mut data) = seeds().swap_remove(seed);
        data.extend(tail);
        for (at, byte) in edits {
            let at = at.index(data.len());
            data[at] = byte;
        }
        check(&headers(link, &data, data.len() as u32 + more));
    }
}
