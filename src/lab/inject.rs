//! Segments that no kernel sent: a step of a script makes one, and a rule of the wire.

use std::net::SocketAddr;

use super::craft::{self, RawSegment};
use super::program::{Programs, payload};
use super::script::Token;
use super::wire::Wire;

/// A sequence or acknowledgment number as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    /// Raw.
    Is(u32),
    /// So far (modulo 2^32) from what its direction would send next: `nxt`, `nxt-100`.
    FromNext(u32),
}

impl Number {
    fn parse(text: &str) -> Result<Self, String> {
        let number = |digits: &str| {
            digits.parse::<u32>().map_err(|_| format!("{text:?}: say a number, nxt, nxt+100 or nxt-100"))
        };
        Ok(match text.strip_prefix("nxt") {
            Some("") => Self::FromNext(0),
            Some(by) => match (by.strip_prefix('+'), by.strip_prefix('-')) {
                (Some(more), _) => Self::FromNext(number(more)?),
                (_, Some(less)) => Self::FromNext(number(less)?.wrapping_neg()),
                _ => return number(text).map(Self::Is),
            },
            None => Self::Is(number(text)?),
        })
    }

    fn at(self, next: Option<u32>) -> Result<u32, String> {
        match (self, next) {
            (Self::Is(n), _) => Ok(n),
            (Self::FromNext(by), Some(next)) => Ok(next.wrapping_add(by)),
            (Self::FromNext(_), None) => Err("nxt: nothing was sent in this conversation yet".into()),
        }
    }
}

/// The fields of a segment to be made, as in `flags=P. seq=nxt-100 ack=nxt data=100`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    seq: Number,
    ack: Number,
    flags: u8,
    window: u16,
    options: Vec<u8>,
    payload: Vec<u8>,
}

impl Template {
    /// Reads the fields; quoted text is the payload.
    pub(super) fn parse(fields: &[Token]) -> Result<Self, String> {
        let mut t = Self {
            seq: Number::Is(0),
            ack: Number::Is(0),
            flags: 0,
            window: 64240,
            options: Vec::new(),
            payload: Vec::new(),
        };
        for field in fields {
            let word = match field {
                Token::Word(word) => word,
                Token::Text(text) => {
                    t.payload = text.clone().into_bytes();
                    continue;
                }
            };
            match word.split_once('=') {
                Some(("flags", "none")) => {}
                Some(("flags", letters)) => {
                    for c in letters.chars() {
                        let flag =
                            crate::model::TcpFlags::from_letter(c).ok_or(format!("{c:?} is no flag"))?;
                        t.flags |= (flag.0 & 0xff) as u8;
                    }
                }
                Some(("seq", v)) => t.seq = Number::parse(v)?,
                Some(("ack", v)) => t.ack = Number::parse(v)?,
                Some(("win", v)) => t.window = v.parse().map_err(|_| "win=: up to 65535")?,
                Some(("options", hex)) => {
                    let digits: Vec<u32> = hex.chars().map_while(|c| c.to_digit(16)).collect();
                    t.options = digits.chunks(2).map(|d| d.iter().fold(0, |a, d| a * 16 + d) as u8).collect();
                }
                Some(("data", n)) => t.payload = payload(&Token::Word(n.into()))?,
                _ => {
                    return Err(format!(
                        "{word:?}: fields are flags= seq= ack= win= options= data= or \"text\""
                    ));
                }
            }
        }
        Ok(t)
    }

    /// The packet, where `next` is what sender and receiver would send next, raw.
    pub(super) fn packet(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        next: [Option<u32>; 2],
    ) -> Result<Vec<u8>, String> {
        Ok(craft::segment(&RawSegment {
            src: from.ip(),
            dst: to.ip(),
            src_port: from.port(),
            dst_port: to.port(),
            seq: self.seq.at(next[0])?,
            ack: self.ack.at(next[1])?,
            flags: self.flags,
            window: self.window,
            options: self.options.clone(),
            payload: self.payload.clone(),
        }))
    }
}

impl Programs<'_> {
    /// A segment that no kernel sent: `HOST inject 40000>server:80 flags=SF seq=nxt-100 …`.
    pub(super) fn inject(&self, host: usize, tokens: &[Token], wire: &mut Wire) -> Result<(), String> {
        let say = "say inject PORT>HOST:PORT flags=… seq=…";
        let [ports, fields @ ..] = tokens else { return Err(say.into()) };
        let (port, to) = ports.as_str().split_once('>').ok_or(say)?;
        let to = self.target(to).map_err(|_| say)?;
        let own = self.hosts.get(host).ok_or("no such host")?.addr;
        let from = SocketAddr::new(own, port.parse().map_err(|_| say)?);
        let packet = Template::parse(fields)?.packet(from, to, wire.next(from, to))?;
        wire.inject(Some(host), packet);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Number;

    #[test]
    fn numbers_are_raw_or_so_far_from_the_next() {
        let at = |text: &str| Number::parse(text).and_then(|n| n.at(Some(50)));
        for (text, is) in
            [("7", 7), ("nxt", 50), ("nxt+100", 150), ("nxt-50", 0), ("nxt-51", u32::MAX), ("nxt+0", 50)]
        {
            assert_eq!(at(text), Ok(is), "{text}");
        }
        for wrong in ["", "next", "nxt5", "nxt+", "nxt-x", "nxt--1", "-1", "4294967296"] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
        assert!(Number::parse("nxt").is_ok_and(|n| n.at(None).is_err()));
    }
}
