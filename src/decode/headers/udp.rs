//! UDP (RFC 768) and UDP-Lite (RFC 3828).

use std::net::IpAddr;

use super::builder::{Next, Walk};
use super::ip::checksum;
use super::names;
use crate::decode::Problem;

pub(super) fn udp(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("UDP", "RFC 768", Some(4));
    let src = h.means("Source Port", 16, names::port);
    let dst = h.means("Destination Port", 16, names::port);
    let len = h.means("Length", 16, |n| format!("8 of header and {} of data", n.saturating_sub(8)));
    let len = len.and_then(|n| usize::try_from(n).ok());
    let room = w.limit.saturating_sub(w.at);
    // 0 in a jumbogram: the IP length counts (RFC 2675 section 4).
    let octets = match len {
        None | Some(0) => room,
        Some(n) => n,
    };
    match len {
        Some(0) => h.mean("a jumbogram: the IP length counts"),
        Some(n) if n < 8 => h.problem(Some(Problem::BadUdpLen)),
        Some(n) if n > room && w.quoted => h.mean("of the datagram that is quoted here"),
        Some(n) if n > room && !w.fragment => h.problem(Some(Problem::UdpLenPastIp)),
        _ => {}
    }
    let datagram = w.data.get(w.at..w.at.saturating_add(octets));
    let datagram = datagram.filter(|_| octets <= room && octets >= 8 && !w.fragment && !w.quoted);
    let pseudo = w.pseudo.map(|p| (p, 17, octets));
    let v4 = w.pseudo.is_some_and(|p| p.src.is_ipv4());
    checksum(&mut h, "Checksum", datagram.filter(|_| pseudo.is_some()), pseudo, 0xffff);
    if let Some(f) = h.last().filter(|f| f.value == super::Value::Number(0)) {
        f.wrong = false;
        h.mean(match w.pseudo.map(|p| p.src) {
            Some(IpAddr::V4(_)) => "none: the sender did not compute one",
            _ if v4 => "none",
            _ => "none: over IPv6 only tunnels may (RFC 6935)",
        });
    }
    if octets >= 8 {
        w.narrow(octets, "Trailer after UDP");
    }
    w.done(h);
    if w.quoted || w.fragment {
        return Next::Payload;
    }
    let known = |p: Option<u64>| p.and_then(|p| u16::try_from(p).ok()).filter(|&p| super::tunnel::is_port(p));
    known(dst).or(known(src)).map_or(Next::Payload, Next::Port)
}

pub(super) fn udp_lite(w: &mut Walk<'_>) -> Next {
    let mut h = w.head("UDP-Lite", "RFC 3828", Some(4));
    h.means("Source Port", 16, names::port);
    h.means("Destination Port", 16, names::port);
    let coverage = h.means("Checksum Coverage", 16, |n| match n {
        0 => "the whole packet".into(),
        _ => format!("the first {n} octets"),
    });
    let room = w.limit.saturating_sub(w.at);
    let covered = match coverage.and_then(|n| usize::try_from(n).ok()) {
        None | Some(0) => room,
        Some(n) => n,
    };
    let bad = coverage.is_some() && (covered < 8 || (covered > room && !w.quoted));
    h.problem(bad.then_some(Problem::BadUdpLen));
    let data = w.data.get(w.at..w.at.saturating_add(covered));
    let data = data.filter(|_| covered <= room && covered >= 8 && !w.fragment && !w.quoted);
    let pseudo = w.pseudo.map(|p| (p, 136, room));
    checksum(&mut h, "Checksum", data.filter(|_| pseudo.is_some()), pseudo, 0xffff);
    w.done(h);
    Next::Payload
}
