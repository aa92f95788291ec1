//! What stands behind the direction: a segment, a datagram or an ICMP error.

use std::net::IpAddr;
use std::sync::Arc;

use crate::model::{PerSide, Protocol, SeqNum, Side, TcpFlags};

use super::lex::{Cursor, ParseError, decimal};
use super::options;
use super::step::{Above, Body, Checksum, Connection, Step};

/// What the next packet of a connection starts from.
pub(super) struct Numbering {
    /// The ISNs in force.
    pub isn: PerSide<SeqNum>,
    /// SND.NXT of each side, relative; `None` until it has sent anything.
    next: PerSide<Option<u32>>,
    /// The window that each side advertised last.
    window: PerSide<u16>,
    /// Packets that each side has sent.
    packets: PerSide<u16>,
    /// The last TCP segment or UDP datagram of each side: index of its step.
    last: PerSide<Option<usize>>,
}

impl Numbering {
    pub fn new(isn: PerSide<SeqNum>) -> Self {
        Self {
            isn,
            next: PerSide::new(None, None),
            window: PerSide::new(u16::MAX, u16::MAX),
            packets: PerSide::new(0, 0),
            last: PerSide::new(None, None),
        }
    }

    /// `side` starts again from `isn`, if that is given.
    pub fn restart(&mut self, side: Side, isn: Option<SeqNum>) {
        if let Some(isn) = isn {
            self.isn[side] = isn;
            self.next[side] = None;
        }
    }

    /// Step number `index` has been sent.
    pub fn sent(&mut self, step: &Step, index: usize) {
        let side = step.side;
        self.packets[side] = self.packets[side].wrapping_add(1);
        match step.body.above {
            Above::Tcp { flags, seq, window, .. } => {
                let phantom = u32::from(flags.has(TcpFlags::SYN)) + u32::from(flags.has(TcpFlags::FIN));
                let end = SeqNum(seq).plus(step.body.len).plus(phantom);
                let later = self.next[side].is_none_or(|next| end.is_after(SeqNum(next)));
                if later {
                    self.next[side] = Some(end.0);
                }
                self.window[side] = window;
            }
            Above::Udp => {}
            Above::Icmp { .. } => return,
        }
        self.last[side] = Some(index);
    }
}

/// Reads the packet into `step`, whose side is known.
pub(super) fn parse(
    cursor: &mut Cursor,
    connection: &Connection,
    numbering: &Numbering,
    step: &mut Step,
) -> Result<(), ParseError> {
    let side = step.side;
    let v4 = connection.endpoints[side].addr.is_ipv4();
    let start = cursor.column();
    let mut body = Body { ip_id: numbering.packets[side].wrapping_add(1), ..Body::default() };
    let mut text = None;
    if cursor.take_word("icmp") {
        let Some(quotes) = numbering.last[side.other()] else {
            return cursor.fail(start, "the other side has sent nothing that an ICMP error could quote");
        };
        body.above = icmp(cursor, v4, quotes)?;
    } else if connection.protocol == Protocol::Udp {
        if !cursor.take_word("udp") {
            return cursor.expected("udp(LEN) or icmp");
        }
        cursor.mark('(')?;
        body.len = cursor.number("octets of payload", 0xffff)? as u32;
        cursor.mark(')')?;
        body.above = Above::Udp;
    } else {
        segment(cursor, numbering, side, &mut body)?;
    }
    while !cursor.at_end() {
        if let Some(new) = cursor.take_text() {
            match text.replace(new) {
                None => continue,
                Some((_, column)) => return cursor.fail(column, "two texts in one packet"),
            }
        }
        if !capture_extra(cursor, step)? && !extra(cursor, v4, &mut body)? {
            return cursor.expected("a text or an extra (ipid, ttl, ecn, vlan, snap, wire, badcsum, …)");
        }
    }
    if let Some((text, column)) = text {
        if matches!(body.above, Above::Icmp { .. }) || text.len() != body.len as usize {
            let len = body.len;
            return cursor
                .fail(column, format!("the text has {} octets and the packet {len} of payload", text.len()));
        }
        body.text = Some(text);
    }
    let header = if matches!(body.above, Above::Tcp { .. }) { 60 } else { 8 };
    let most = 0xffff - header - if v4 { 20 } else { 0 };
    if body.len > most {
        return cursor.fail(start, format!("{} octets of payload do not fit into one IP packet", body.len));
    }
    step.body = Arc::new(body);
    Ok(())
}

/// Flags and all that only TCP has, except options among the extras.
fn segment(
    cursor: &mut Cursor,
    numbering: &Numbering,
    side: Side,
    body: &mut Body,
) -> Result<(), ParseError> {
    let flags = flags(cursor)?;
    let at = cursor.column();
    let place = place(cursor)?;
    let (seq, len) = match (place, numbering.next[side]) {
        (Some(place), _) => place,
        (None, Some(next)) => (next, 0),
        (None, None) if flags.has(TcpFlags::SYN) => (0, 0),
        (None, None) => {
            return cursor.fail(at, "expected SEQ:END(LEN): this side has sent nothing to go on from");
        }
    };
    body.len = len;
    let (mut ack, mut raw_ack, mut window, mut urgent, mut list) = (None, None, None, None, None);
    let mut ack_column = at;
    loop {
        let column = cursor.column();
        let given_before = if cursor.take_mark('<') {
            list.replace(options::parse(cursor)?).is_some()
        } else {
            match cursor.peek_word() {
                Some("ack") => {
                    ack_column = column;
                    ack.replace(value(cursor, "the acknowledgment number")?).is_some()
                }
                Some("rawack") => raw_ack.replace(value(cursor, "the field's value")?).is_some(),
                Some("win") => window.replace(short(cursor, "the window")?).is_some(),
                Some("urg") => urgent.replace(short(cursor, "the urgent pointer")?).is_some(),
                _ => break,
            }
        };
        if given_before {
            return cursor.fail(column, "this is given twice");
        }
    }
    let here = cursor.column();
    match (flags.has(TcpFlags::ACK), ack, raw_ack) {
        (true, None, _) => return cursor.fail(here, "expected 'ack N': the flags have '.'"),
        (false, Some(_), _) => {
            return cursor
                .fail(ack_column, "'ack N' without '.' in the flags (the bare field is 'rawack N')");
        }
        (true, _, Some(_)) => return cursor.fail(ack_column, "'ack N' beside 'rawack N'"),
        _ => {}
    }
    if flags.has(TcpFlags::URG) && urgent.is_none() {
        return cursor.fail(here, "expected 'urg N': the flags have 'U'");
    }
    body.above = Above::Tcp {
        flags,
        seq,
        ack,
        raw_ack: raw_ack.unwrap_or(0),
        window: window.unwrap_or(numbering.window[side]),
        urgent: urgent.unwrap_or(0),
        options: list.unwrap_or_default(),
    };
    Ok(())
}

fn value(cursor: &mut Cursor, what: &str) -> Result<u32, ParseError> {
    cursor.word(what)?;
    cursor.number(what, u32::MAX.into()).map(|n| n as u32)
}

fn short(cursor: &mut Cursor, what: &str) -> Result<u16, ParseError> {
    cursor.word(what)?;
    cursor.number(what, 0xffff).map(|n| n as u16)
}

fn flags(cursor: &mut Cursor) -> Result<TcpFlags, ParseError> {
    const EXPECTED: &str = "flags (letters of SFRP.UEWe, or - for none) or icmp";
    let Some(word) = cursor.peek_word() else { return cursor.expected(EXPECTED) };
    let mut flags = TcpFlags::default();
    for c in word.chars().filter(|_| word != "-") {
        match TcpFlags::from_letter(c) {
            Some(flag) if !flags.has(flag) => flags = flags | flag,
            _ => return cursor.expected(EXPECTED),
        }
    }
    cursor.word(EXPECTED)?;
    Ok(flags)
}

/// `SEQ:END(LEN)`, if it stands here: SEQ and LEN.
fn place(cursor: &mut Cursor) -> Result<Option<(u32, u32)>, ParseError> {
    const EXPECTED: &str = "SEQ:END(LEN)";
    if !cursor.peek_word().is_some_and(|w| w.starts_with(|c: char| c.is_ascii_digit())) {
        return Ok(None);
    }
    let (word, column) = cursor.word(EXPECTED)?;
    let edge = |s: &str| decimal(s, u32::MAX.into()).map(|n| n as u32);
    let Some((Some(seq), Some(end))) = word.split_once(':').map(|(s, e)| (edge(s), edge(e))) else {
        return cursor.fail(column, format!("expected {EXPECTED}, found '{}'", word.escape_debug()));
    };
    cursor.mark('(')?;
    let len = cursor.number("octets of payload", 0xffff)? as u32;
    cursor.mark(')')?;
    if end.wrapping_sub(seq) != len {
        let span = end.wrapping_sub(seq).cast_signed();
        return cursor.fail(column, format!("{word} spans {span} octets, not {len}"));
    }
    Ok(Some((seq, len)))
}

fn icmp(cursor: &mut Cursor, v4: bool, quotes: usize) -> Result<Above, ParseError> {
    const ERRORS: &str = "unreachable, time-exceeded, frag-needed (IPv4), too-big (IPv6) or type";
    let (name, column) = cursor.word(ERRORS)?;
    let choose = |cursor: &mut Cursor, table: &[(&str, u8)]| {
        let names = table.iter().map(|(n, _)| *n).collect::<Vec<_>>().join(", ");
        let found =
            cursor.peek_word().and_then(|w| table.iter().find(|(n, _)| *n == w)).map(|&(_, code)| code);
        match found {
            Some(code) => cursor.word(&names).map(|_| code),
            None => cursor.expected(&format!("one of {names}")),
        }
    };
    const REASONS_4: [(&str, u8); 5] = [("net", 0), ("host", 1), ("protocol", 2), ("port", 3), ("admin", 13)];
    const REASONS_6: [(&str, u8); 4] = [("no-route", 0), ("admin", 1), ("address", 3), ("port", 4)];
    const EXCEEDED: [(&str, u8); 2] = [("ttl", 0), ("reassembly", 1)];
    let mut rest = 0;
    let (icmp_type, code) = match (name.as_str(), v4) {
        ("unreachable", true) => (3, choose(cursor, &REASONS_4)?),
        ("unreachable", false) => (1, choose(cursor, &REASONS_6)?),
        ("time-exceeded", true) => (11, choose(cursor, &EXCEEDED)?),
        ("time-exceeded", false) => (3, choose(cursor, &EXCEEDED)?),
        ("frag-needed", true) => {
            rest = cursor.number("the MTU", 0xffff)? as u32;
            (3, 4)
        }
        ("too-big", false) => {
            rest = cursor.number("the MTU", u32::MAX.into())? as u32;
            (2, 0)
        }
        ("type", _) => {
            let icmp_type = cursor.number("the ICMP type", 255)? as u8;
            if !cursor.take_word("code") {
                return cursor.expected("'code'");
            }
            (icmp_type, cursor.number("the ICMP code", 255)? as u8)
        }
        _ => return cursor.fail(column, format!("expected {ERRORS}, found '{}'", name.escape_debug())),
    };
    let mut from = None;
    if cursor.take_word("from") {
        let family = if v4 { "an IPv4 address" } else { "an IPv6 address" };
        let addr = cursor.peek_word().and_then(|w| w.parse::<IpAddr>().ok()).filter(|a| a.is_ipv4() == v4);
        if addr.is_none() {
            return cursor.expected(family);
        }
        cursor.word(family)?;
        from = addr;
    }
    Ok(Above::Icmp { icmp_type, code, rest, from, quotes })
}

/// Takes an extra that concerns the capture and not the packet: `snap N`, `wire N`.
pub(super) fn capture_extra(cursor: &mut Cursor, step: &mut Step) -> Result<bool, ParseError> {
    let column = cursor.column();
    let earlier = if cursor.take_word("snap") {
        step.snap.replace(cursor.number("octets captured", u32::MAX.into())? as u32)
    } else if cursor.take_word("wire") {
        step.wire.replace(cursor.number("octets on the wire", u32::MAX.into())? as u32)
    } else {
        return Ok(false);
    };
    if earlier.is_some() { cursor.fail(column, "this is given twice") } else { Ok(true) }
}

/// VLAN tags that a frame may carry here.
const MOST_VLANS: usize = 8;

/// Takes an extra that concerns the packet.
fn extra(cursor: &mut Cursor, v4: bool, body: &mut Body) -> Result<bool, ParseError> {
    let column = cursor.column();
    let transport = !matches!(body.above, Above::Icmp { .. });
    let Some(word) = cursor.peek_word().map(str::to_owned) else { return Ok(false) };
    let checksum = match word.as_str() {
        "badcsum" if transport => Checksum::Bad,
        "offload" if transport => Checksum::Offloaded,
        "nocsum" if body.above == Above::Udp => Checksum::None,
        _ => Checksum::Right,
    };
    if checksum != Checksum::Right {
        cursor.word("an extra")?;
        if body.checksum != Checksum::Right {
            return cursor.fail(column, "two words about one checksum");
        }
        body.checksum = checksum;
        return Ok(true);
    }
    match word.as_str() {
        "ipid" if !v4 => return cursor.fail(column, "IPv6 has no identification field"),
        "ipid" => body.ip_id = short(cursor, "the IP identification")?,
        "ttl" => {
            cursor.word("ttl")?;
            body.ttl = cursor.number("the TTL", 255)? as u8;
        }
        "ecn" => {
            cursor.word("ecn")?;
            body.ecn = match cursor.peek_word() {
                Some("ect1") => 1,
                Some("ect0") => 2,
                Some("ce") => 3,
                _ => return cursor.expected("ect0, ect1 or ce"),
            };
            cursor.word("ect0, ect1 or ce")?;
        }
        "vlan" => {
            cursor.word("vlan")?;
            body.vlans.push(cursor.number("the VLAN number", 4095)? as u16);
            if body.vlans.len() > MOST_VLANS {
                return cursor.fail(column, format!("more than {MOST_VLANS} VLAN tags"));
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}
