//! A connection of a lab as a run of its own, between two hosts over plain IP: what the truth and the
//! score are about.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use synfin::lab::{Fate, LabFrame, LabOutcome, Observer};
use synfin::model::LinkType;

use crate::account::SYN;
use crate::fields::ip_header;

/// Whose segment a packet is, and its flags and sequence number.
struct Segment {
    from: SocketAddr,
    to: SocketAddr,
    flags: u8,
    seq: u32,
}

fn segment(packet: &[u8]) -> Option<Segment> {
    let header = ip_header(packet)?;
    let six = packet.first()? >> 4 == 6;
    let (protocol, source) = if six { (6, 8) } else { (9, 12) };
    if *packet.get(protocol)? != 6 {
        return None;
    }
    // The rest of a fragmented packet has no header of TCP.
    if !six && u16::from_be_bytes(packet.get(6..8)?.try_into().ok()?) & 0x1fff != 0 {
        return None;
    }
    let address = |which: usize| -> Option<std::net::IpAddr> {
        Some(match six {
            true => {
                <[u8; 16]>::try_from(packet.get(source + 16 * which..source + 16 * which + 16)?).ok()?.into()
            }
            false => {
                <[u8; 4]>::try_from(packet.get(source + 4 * which..source + 4 * which + 4)?).ok()?.into()
            }
        })
    };
    let tcp = packet.get(header..header + 20)?;
    let port = |at: usize| u16::from_be_bytes([tcp[at], tcp[at + 1]]);
    Some(Segment {
        from: SocketAddr::new(address(0)?, port(0)),
        to: SocketAddr::new(address(1)?, port(2)),
        flags: tcp[13],
        seq: u32::from_be_bytes(tcp[4..8].try_into().ok()?),
    })
}

/// A frame of plain IP; `None` for another kind.
fn plain(frame: &LabFrame, link: LinkType) -> Option<LabFrame> {
    if link != LinkType::ETHERNET {
        return Some(frame.clone());
    }
    let mut frame = frame.clone();
    if !matches!(frame.bytes.get(12..14)?, [8, 0] | [0x86, 0xdd]) {
        return None;
    }
    let strip = |bytes: &mut Vec<u8>| drop(bytes.drain(..bytes.len().min(14)));
    strip(&mut frame.bytes);
    frame.deliveries.iter_mut().filter_map(|d| d.altered.as_mut()).for_each(strip);
    frame.orig_len = frame.orig_len.saturating_sub(14);
    Some(frame)
}

/// The connections of a run, each by itself, and how many were left out, by why.
pub fn connections(run: &LabOutcome) -> (Vec<LabOutcome>, BTreeMap<&'static str, u64>) {
    let mut parts: BTreeMap<[SocketAddr; 2], Vec<(usize, LabFrame, Segment)>> = BTreeMap::new();
    for (index, frame) in run.frames.iter().enumerate() {
        let Some(frame) = plain(frame, run.link) else { continue };
        let Some(segment) = segment(&frame.bytes) else { continue };
        let mut ends = [segment.from, segment.to];
        ends.sort_unstable();
        parts.entry(ends).or_default().push((index, frame, segment));
    }
    let (mut alone, mut left_out) = (Vec::new(), BTreeMap::new());
    for frames in parts.into_values() {
        match part(run, &frames) {
            Ok(part) => alone.push(part),
            Err(why) => *left_out.entry(why).or_default() += 1,
        }
    }
    (alone, left_out)
}

fn part(run: &LabOutcome, all: &[(usize, LabFrame, Segment)]) -> Result<LabOutcome, &'static str> {
    if all.iter().any(|(_, f, _)| f.fate.contains(&Fate::Injected)) {
        return Err("the wire made some of its segments");
    }
    let opens = |from: SocketAddr| {
        let mut isns: Vec<u32> =
            all.iter().filter(|(.., s)| s.from == from && s.flags & SYN != 0).map(|(.., s)| s.seq).collect();
        isns.dedup();
        isns.len()
    };
    let Some((_, _, Segment { from, to, .. })) = all.first() else { return Err("it is empty") };
    if opens(*from) > 1 || opens(*to) > 1 {
        return Err("its ports served for two connections");
    }
    let host = |end: &SocketAddr| run.hosts.iter().position(|h| h.addr == end.ip());
    let (Some(a), Some(b)) = (host(from), host(to)) else { return Err("one end is no host of the lab") };
    let which = |host: usize| [a, b].iter().position(|h| *h == host);
    let mut part = LabOutcome {
        name: format!("{}, {from} to {to}", run.name),
        link: LinkType::RAW,
        at: Observer::Host(0),
        hosts: [a, b].iter().map(|h| run.hosts[*h].clone()).collect(),
        counters: [a, b].iter().filter_map(|h| run.counters.get(*h).cloned()).collect(),
        ..run.clone()
    };
    part.calls.clear();
    part.frames = all
        .iter()
        .map(|(_, frame, _)| {
            let mut frame = frame.clone();
            frame.from = frame.from.and_then(which);
            frame.deliveries.retain_mut(|d| which(d.to).map(|to| d.to = to).is_some());
            frame
        })
        .collect();
    let ports = [from.port(), to.port()];
    part.states.retain_mut(|s| {
        let Some(own) = which(s.host) else { return false };
        s.host = own;
        s.frame = s.frame.and_then(|f| all.iter().position(|(index, ..)| *index == f));
        (s.local_port, s.remote_port) == (ports[own], ports[1 - own])
    });
    if part.states.is_empty() {
        return Err("nobody asked the kernels about it");
    }
    Ok(part)
}
