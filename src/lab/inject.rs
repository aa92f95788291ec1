//! Segments that no kernel sent, as a step of a script.

use super::craft::{self, RawSegment};
use super::program::{Programs, payload};
use super::script::Token;
use super::wire::Wire;

impl Programs<'_> {
    /// A segment that no kernel sent: `HOST inject 40000>server:80 flags=SF seq=nxt-100 …`.
    pub(super) fn inject(
        &self,
        host: usize,
        args: &[&str],
        tokens: &[Token],
        wire: &mut Wire,
    ) -> Result<(), String> {
        let [ports, fields @ ..] = args else {
            return Err("say inject PORT>HOST:PORT flags=… seq=…".into());
        };
        let (src_port, to) = ports.split_once('>').ok_or("say PORT>HOST:PORT")?;
        let to = self.target(to).map_err(|_| "say PORT>HOST:PORT")?;
        let src = self.hosts.get(host).ok_or("no such host")?.addr;
        let mut s = RawSegment {
            src,
            dst: to.ip(),
            src_port: src_port.parse().map_err(|_| "say PORT>HOST:PORT")?,
            dst_port: to.port(),
            seq: 0,
            ack: 0,
            flags: 0,
            window: 64240,
            options: Vec::new(),
            payload: Vec::new(),
        };
        let own = wire.notice.next_seq(s.src, s.src_port, s.dst, s.dst_port);
        let peer = wire.notice.next_seq(s.dst, s.dst_port, s.src, s.src_port);
        let number = |text: &str, next: Option<u32>| -> Result<u32, String> {
            let fault = || format!("{text:?}: say a number, nxt, nxt+100 or nxt-100");
            let Some(rest) = text.strip_prefix("nxt") else { return text.parse().map_err(|_| fault()) };
            let next = next.ok_or("nxt: nothing was sent in this conversation yet")?;
            let by = |digits: &str| digits.parse::<u32>().map_err(|_| fault());
            match (rest.strip_prefix('+'), rest.strip_prefix('-')) {
                _ if rest.is_empty() => Ok(next),
                (Some(more), _) => Ok(next.wrapping_add(by(more)?)),
                (_, Some(less)) => Ok(next.wrapping_sub(by(less)?)),
                _ => Err(fault()),
            }
        };
        for field in fields {
            match field.split_once('=') {
                Some(("flags", "none")) => {}
                Some(("flags", letters)) => {
                    for c in letters.chars() {
                        let flag =
                            crate::model::TcpFlags::from_letter(c).ok_or(format!("{c:?} is no flag"))?;
                        s.flags |= (flag.0 & 0xff) as u8;
                    }
                }
                Some(("seq", v)) => s.seq = number(v, own)?,
                Some(("ack", v)) => s.ack = number(v, peer)?,
                Some(("win", v)) => s.window = v.parse().map_err(|_| "win=: up to 65535")?,
                Some(("options", hex)) => {
                    let digits: Vec<u32> = hex.chars().map_while(|c| c.to_digit(16)).collect();
                    s.options = digits.chunks(2).map(|d| d.iter().fold(0, |a, d| a * 16 + d) as u8).collect();
                }
                Some(("data", n)) => s.payload = payload(&Token::Word(n.into()))?,
                _ if tokens.iter().any(|t| matches!(t, Token::Text(x) if x == field)) => {
                    s.payload = field.as_bytes().to_vec();
                }
                _ => {
                    return Err(format!(
                        "{field:?}: fields are flags= seq= ack= win= options= data= or \"text\""
                    ));
                }
            }
        }
        wire.inject(Some(host), craft::segment(&s));
        Ok(())
    }
}
