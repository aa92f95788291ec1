use super::*;
use crate::model::Timestamp;

/// An Ethernet frame with an IPv4 TCP segment from 10.0.0.1:40000 to 192.0.2.1:80.
fn frame() -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    frame.extend([0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 192, 0, 2, 1]);
    frame.extend([0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0]);
    frame
}

fn packet(data: &[u8], link: LinkType, orig_len: u32) -> Packet<'_> {
    Packet { number: 1, ts: Timestamp(0), orig_len, link, interface: 0, data }
}

#[test]
fn filters_pass_what_libpcap_passes() {
    let frame = frame();
    let cases = [
        ("tcp", true),
        ("udp", false),
        ("tcp port 80", true),
        ("port 443", false),
        ("src host 10.0.0.1 and dst port 80", true),
        ("net 192.0.2.0/24", true),
        ("tcp[tcpflags] & tcp-syn != 0", true),
        ("tcp[13] & 1 = 1 or tcp[2:2] > 100", false),
        ("ip[2:2] = 40 and len < 60", true),
        ("greater 60", false),
        ("ip proto 6 and not broadcast", true),
        ("vlan", false),
        ("ip6", false),
        ("portrange 70-90", true),
        ("(ip[8] * 2 + 1) / 3 = 43 and (ip[8] << 2) = 256", true),
    ];
    for (text, expected) in cases {
        let mut filter = Filter::new(text, &[LinkType::ETHERNET]).unwrap();
        let whole = packet(&frame, LinkType::ETHERNET, 54);
        assert_eq!(filter.matches(&whole), Ok(expected), "{text}");
        let dead = Capture::dead(Linktype(1)).unwrap();
        let theirs = dead.compile(text, true).unwrap();
        for cut in 0..=frame.len() {
            let part = packet(&frame[..cut], LinkType::ETHERNET, u32::try_from(cut).unwrap());
            assert_eq!(filter.matches(&part), Ok(theirs.filter(&frame[..cut])), "{text}, cut at {cut}");
        }
    }
}

#[test]
fn lengths_are_those_on_the_wire() {
    let frame = frame();
    let mut filter = Filter::new("greater 1000", &[]).unwrap();
    assert_eq!(filter.matches(&packet(&frame, LinkType::ETHERNET, 1514)), Ok(true));
    assert_eq!(filter.matches(&packet(&frame, LinkType::ETHERNET, 999)), Ok(false));
}

#[test]
fn one_program_for_each_link_type() {
    let frame = frame();
    let mut filter = Filter::new("tcp dst port 80", &[LinkType::ETHERNET]).unwrap();
    assert_eq!(filter.matches(&packet(&frame, LinkType::ETHERNET, 54)), Ok(true));
    assert_eq!(filter.matches(&packet(&frame[14..], LinkType::RAW, 40)), Ok(true));
    assert_eq!(filter.matches(&packet(&frame[14..], LinkType::ETHERNET, 40)), Ok(false));
    // A link type that libpcap cannot filter: said once, then quiet.
    assert!(filter.matches(&packet(&frame, LinkType(65_000), 54)).is_err());
    assert_eq!(filter.matches(&packet(&frame, LinkType(65_000), 54)), Ok(false));
}

#[test]
fn a_bad_filter_is_told_before_the_first_packet() {
    for text in ["tcp prot 80", "(tcp", "port 99999999", "vlan frob"] {
        for links in [&[][..], &[LinkType::ETHERNET][..]] {
            let fault = Filter::new(text, links).unwrap_err();
            assert!(fault.to_string().contains("bad filter: "), "{fault}");
        }
    }
}
