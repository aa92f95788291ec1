//! Messages on a stream, framed as `synfin serve` and `synfin talk` frame them.

use std::io::{self, Read};

use nix::poll::PollFlags;

use super::program::{Fault, Got, Outcome, Programs};
use super::script::Token;
use super::wire::Wire;
use crate::apps::{Decoder, Framing};

/// Octets of the longest message.
const LONGEST: usize = 1 << 20;

fn framing(text: &str) -> Result<Framing, Fault> {
    Ok(match text {
        "line" => Framing::Line,
        "length" => Framing::Length,
        _ => return Err(Fault::Words(format!("{text:?}: messages are framed by line or by length"))),
    })
}

/// The pieces of a stream that is cut at these offsets.
fn pieces<'a>(stream: &'a [u8], cuts: &[usize]) -> Option<Vec<&'a [u8]>> {
    let ends = cuts.iter().copied().chain([stream.len()]);
    let starts = std::iter::once(0).chain(cuts.iter().copied());
    starts.zip(ends).map(|(from, to)| stream.get(from..to).filter(|p| !p.is_empty())).collect()
}

impl Programs<'_> {
    /// Frames messages and sends them: with one `send`, or, behind `cut`, with one for each piece of the
    /// stream that ends at one of those offsets, each once the piece before it has arrived.
    pub(super) fn send_message(
        &mut self,
        host: usize,
        tokens: &[Token],
        wire: &mut Wire,
    ) -> Result<(String, Vec<usize>, Outcome), Fault> {
        let say = || Fault::Words("say send-message NAME line|length \"text\" … [cut AT …]".into());
        let [name, kind, rest @ ..] = tokens else { return Err(say()) };
        let (name, kind) = (name.as_str(), framing(kind.as_str())?);
        let at = rest.iter().position(|t| *t == Token::Word("cut".into())).unwrap_or(rest.len());
        let (messages, cuts) = rest.split_at(at);
        let mut stream = Vec::new();
        for message in messages {
            let Token::Text(text) = message else { return Err(say()) };
            kind.encode(text.as_bytes(), &mut stream).map_err(|e| Fault::Words(e.to_string()))?;
        }
        let cuts = cuts.iter().skip(1).map(|t| t.as_str().parse().map_err(|_| say()));
        let cuts = cuts.collect::<Result<Vec<usize>, Fault>>()?;
        let pieces = pieces(&stream, &cuts).filter(|p| !p.is_empty()).ok_or_else(say)?;
        let before = wire.frames.len();
        let mut sent = 0;
        for (i, piece) in pieces.iter().enumerate() {
            if i > 0 {
                wire.settle()?;
            }
            match self.socket(host, name)?.socket.send(piece) {
                Ok(n) if n == piece.len() => sent += n,
                other => {
                    return Ok((
                        format!("send({name}, {})", piece.len()),
                        Vec::new(),
                        other.map(Got::Number),
                    ));
                }
            }
        }
        let own = |f: &usize| wire.frames.get(*f).is_some_and(|f| f.from == Some(host));
        let caused = (before..wire.frames.len()).filter(own).collect();
        let text = match pieces.len() {
            1 => format!("send({name}, {sent})"),
            n => format!("sendall({name}, {sent}) in {n} sends"),
        };
        Ok((text, caused, Ok(Got::Number(sent))))
    }

    /// Calls `recv` until a whole message has come, and gives it; nothing at the end of the stream. What
    /// came of the next one is kept for it.
    pub(super) fn recv_message(
        &mut self,
        host: usize,
        name: &str,
        kind: &str,
        wire: &mut Wire,
    ) -> Result<(String, Vec<usize>, Outcome), Fault> {
        let kind = framing(kind)?;
        let broken = |e: &dyn std::fmt::Display| Fault::Words(e.to_string());
        let (mut early, mut calls, mut moved) = (Vec::new(), 0, 0);
        let mut room = vec![0; 1 << 16];
        self.socket(host, name)?;
        let mut decoder = match self.decoders.remove(name) {
            Some((framed, decoder)) if framed == kind => decoder,
            Some((framed, decoder)) if decoder.pending() > 0 => {
                let left = decoder.pending();
                return Err(Fault::Words(format!("{left} octets are left of messages framed by {framed}")));
            }
            _ => Decoder::new(kind, LONGEST),
        };
        let got = loop {
            if let Some(message) = decoder.take().map_err(|e| broken(&e))? {
                break Ok(message);
            }
            self.ready(host, name, PollFlags::POLLIN, wire)?;
            early.extend(wire.intake()?);
            match (&self.socket(host, name)?.socket).read(&mut room) {
                Ok(0) => break Ok(decoder.finish().map_err(|e| broken(&e))?.unwrap_or_default()),
                Ok(n) => {
                    (calls, moved) = (calls + 1, moved + n);
                    decoder.push(room.get(..n).unwrap_or_default());
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => break Err(e),
            }
        };
        self.decoders.insert(name.to_owned(), (kind, decoder));
        let text = match calls {
            1 => format!("recv({name}) until a message"),
            n => format!("recv({name}) until a message, {n} times"),
        };
        Ok((text, early, got.map(|octets| Got::Message { octets, moved })))
    }
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn a_stream_is_cut_where_it_says() {
        let whole = b"abcdef".as_slice();
        assert_eq!(pieces(whole, &[]), Some(vec![whole]));
        assert_eq!(pieces(whole, &[1, 4]), Some(vec![b"a".as_slice(), b"bcd", b"ef"]));
        for wrong in [&[0][..], &[6], &[4, 1], &[9]] {
            assert_eq!(pieces(whole, wrong), None, "{wrong:?}");
        }
    }
}
