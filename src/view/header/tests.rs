use super::*;
use crate::decode::headers::headers;
use crate::model::LinkType;
use etherparse::PacketBuilder;

const MAC: ([u8; 6], [u8; 6]) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);

/// A SYN with the usual options over Ethernet and IPv4.
fn syn() -> Vec<u8> {
    let options = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7];
    let mut out = Vec::new();
    PacketBuilder::ethernet2(MAC.0, MAC.1)
        .ipv4([10, 0, 0, 1], [192, 0, 2, 1], 64)
        .tcp(40000, 80, 1_000_000, 65535)
        .syn()
        .options_raw(&options)
        .unwrap()
        .write(&mut out, &[])
        .unwrap();
    out
}

/// A UDP datagram over IPv6.
fn udp6() -> Vec<u8> {
    let mut out = Vec::new();
    let (a, b) = ("2001:db8::1".parse::<std::net::Ipv6Addr>(), "2001:db8::2".parse::<std::net::Ipv6Addr>());
    PacketBuilder::ethernet2(MAC.0, MAC.1)
        .ipv6(a.unwrap().octets(), b.unwrap().octets(), 64)
        .udp(4242, 4243)
        .write(&mut out, b"Hello, <b>World</b>!\r\n")
        .unwrap();
    out
}

/// A TCP segment with much data.
fn data() -> Vec<u8> {
    let mut out = Vec::new();
    let payload: Vec<u8> = (0..200u8).collect();
    PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .tcp(40000, 80, 1, 512)
        .psh()
        .ack(77)
        .write(&mut out, &payload)
        .unwrap();
    out
}

fn frames() -> Vec<(&'static str, LinkType, Vec<u8>, usize)> {
    let mut malformed = syn();
    malformed[46] = 0xf0;
    malformed[55] = 99;
    vec![
        ("syn", LinkType::ETHERNET, syn(), 74),
        ("udp6", LinkType::ETHERNET, udp6(), 84),
        ("data", LinkType::RAW, data(), 240),
        ("snapped", LinkType::ETHERNET, syn(), 49),
        ("malformed", LinkType::ETHERNET, malformed, 74),
    ]
}

#[test]
fn in_text() {
    let usual = Style::default();
    let styles = [
        ("80", usual),
        ("200", Style { width: 200, ..usual }),
        ("ascii", Style { ascii: true, ..usual }),
        ("color", Style { color: true, ..usual }),
    ];
    for (name, link, frame, kept) in frames() {
        let tree = headers(link, &frame[..kept.min(frame.len())], frame.len() as u32);
        for (style_name, style) in styles {
            let mut out = Vec::new();
            HeaderDiagram.render_text(&tree, &style, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            if !style.color {
                let widest = text.lines().map(crate::view::drawing::columns).max().unwrap_or(0);
                assert!(widest <= style.width, "{name} at {style_name}: {widest} columns");
            }
            assert!(!style.ascii || text.is_ascii(), "{name} in ASCII");
            if style_name == "80" || name == "snapped" || name == "syn" {
                insta::assert_snapshot!(format!("{name}_{style_name}"), text);
            }
        }
    }
}

#[test]
fn in_svg() {
    for (name, link, frame, kept) in frames() {
        let tree = headers(link, &frame[..kept.min(frame.len())], frame.len() as u32);
        let svg = HeaderDiagram.render_svg(&tree);
        assert!(!svg.contains("<b>") && !svg.contains("script") && !svg.contains("href"), "{name}");
        assert_eq!(svg.matches("<g class=\"layer\"").count(), tree.layers.len(), "{name}");
        assert_eq!(svg.contains("class=\"hatch\""), matches!(name, "snapped" | "malformed"), "{name}");
        crate::view::drawing::assert_well_formed(&svg);
        insta::assert_snapshot!(format!("{name}_svg"), svg);
    }
}
