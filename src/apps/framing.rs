//! Messages on a stream: TCP keeps octets in order and keeps no boundaries, so a
//! program that wants messages marks them. A pure codec: no socket, no clock.

use std::fmt;

/// How messages are told apart on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framing {
    /// Not at all: a message is whatever one `recv` brought.
    Raw,
    /// By a delimiter: a message ends with LF, or with CR LF.
    #[default]
    Line,
    /// By a length prefix: four octets, big-endian, then that many octets.
    Length,
}

/// Octets of the length prefix.
const PREFIX: usize = 4;

/// What cannot be framed, or cannot be unframed. A stream is lost after an error:
/// nobody knows where the next message starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// No end of message within the limit, or an announced length beyond it.
    #[error("a message longer than {limit} octets")]
    TooLong {
        /// The limit in octets.
        limit: usize,
    },
    /// The stream ended inside a length-prefixed message.
    #[error("the stream ended inside a message: {have} of {need} octets came")]
    CutShort {
        /// Octets that came, prefix included.
        have: usize,
        /// Octets of the whole message, prefix included.
        need: usize,
    },
    /// The message holds its own delimiter: LF inside, or CR at the end.
    #[error("the message holds the delimiter, so it cannot be sent as a line")]
    HoldsDelimiter,
}

impl Framing {
    /// Appends `message` to `out` with its marks.
    ///
    /// # Errors
    /// The message holds the delimiter, or is longer than its length prefix can say.
    /// Nothing is appended then.
    pub fn encode(self, message: &[u8], out: &mut impl Extend<u8>) -> Result<(), FramingError> {
        match self {
            Self::Raw => out.extend(message.iter().copied()),
            Self::Line => {
                if message.contains(&b'\n') || message.ends_with(b"\r") {
                    return Err(FramingError::HoldsDelimiter);
                }
                out.extend(message.iter().copied());
                out.extend([b'\n']);
            }
            Self::Length => {
                let Ok(length) = u32::try_from(message.len()) else {
                    return Err(FramingError::TooLong { limit: u32::MAX as usize });
                };
                out.extend(length.to_be_bytes());
                out.extend(message.iter().copied());
            }
        }
        Ok(())
    }
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Raw => "raw",
            Self::Line => "line",
            Self::Length => "length",
        })
    }
}

/// Turns a stream, however it is cut, back into messages.
///
/// It holds at most one message of the limit beyond what was pushed last, so memory
/// is bounded as long as the caller takes messages before it pushes more.
#[derive(Debug)]
pub struct Decoder {
    framing: Framing,
    limit: usize,
    buffer: Vec<u8>,
    /// Where the first message not yet taken starts.
    start: usize,
    /// Up to where no LF was found, so that no octet is searched twice.
    searched: usize,
    failed: Option<FramingError>,
}

impl Decoder {
    /// A decoder for messages of at most `limit` octets (marks not counted).
    #[must_use]
    pub const fn new(framing: Framing, limit: usize) -> Self {
        Self { framing, limit, buffer: Vec::new(), start: 0, searched: 0, failed: None }
    }

    /// Takes in what came.
    pub fn push(&mut self, octets: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        self.buffer.extend_from_slice(octets);
    }

    /// Octets that came and are no whole message yet.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// The next whole message, `None` when more must come first.
    ///
    /// # Errors
    /// The message is too long; the error stays.
    pub fn take(&mut self) -> Result<Option<Vec<u8>>, FramingError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        match self.framing {
            Framing::Raw => {
                let message = rest.to_vec();
                self.consume(message.len());
                Ok((!message.is_empty()).then_some(message))
            }
            Framing::Line => {
                let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
                let Some(at) = unsearched.iter().position(|&octet| octet == b'\n') else {
                    // A CR may be the first half of the delimiter.
                    if rest.len() > self.limit + 1 {
                        return self.fail(FramingError::TooLong { limit: self.limit });
                    }
                    self.searched = self.buffer.len();
                    return Ok(None);
                };
                let length = self.searched + at - self.start;
                let line = rest.get(..length).unwrap_or_default();
                let message = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
                if message.len() > self.limit {
                    return self.fail(FramingError::TooLong { limit: self.limit });
                }
                self.consume(length + 1);
                Ok(Some(message))
            }
            Framing::Length => {
                let Some((prefix, body)) = rest.split_first_chunk::<PREFIX>() else { return Ok(None) };
                let length = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
                if length > self.limit {
                    return self.fail(FramingError::TooLong { limit: self.limit });
                }
                let Some(message) = body.get(..length).map(<[u8]>::to_vec) else { return Ok(None) };
                self.consume(PREFIX + length);
                Ok(Some(message))
            }
        }
    }

    /// The stream has ended: what is left, once. A last line without its delimiter
    /// is a message; half of a length-prefixed message is none.
    ///
    /// # Errors
    /// The stream ended inside a length-prefixed message.
    pub fn finish(&mut self) -> Result<Option<Vec<u8>>, FramingError> {
        if let Some(message) = self.take()? {
            return Ok(Some(message));
        }
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        if self.framing == Framing::Length {
            let body = rest.first_chunk::<PREFIX>().map_or(0, |prefix| u32::from_be_bytes(*prefix));
            let need = PREFIX.saturating_add(usize::try_from(body).unwrap_or(usize::MAX));
            let have = rest.len();
            return self.fail(FramingError::CutShort { have, need });
        }
        let message = rest.to_vec();
        if message.len() > self.limit {
            return self.fail(FramingError::TooLong { limit: self.limit });
        }
        self.consume(message.len());
        Ok(Some(message))
    }

    fn consume(&mut self, octets: usize) {
        self.start += octets;
        self.searched = self.start;
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
            self.searched = 0;
        }
    }

    fn fail<T>(&mut self, error: FramingError) -> Result<T, FramingError> {
        self.failed = Some(error);
        self.buffer = Vec::new();
        self.start = 0;
        self.searched = 0;
        Err(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FRAMINGS: [Framing; 2] = [Framing::Line, Framing::Length];

    /// Pushes `stream` cut at `cuts` and takes all messages.
    fn decode(
        framing: Framing,
        limit: usize,
        stream: &[u8],
        cuts: &[usize],
    ) -> Result<Vec<Vec<u8>>, FramingError> {
        let mut decoder = Decoder::new(framing, limit);
        let mut messages = Vec::new();
        let mut rest = stream;
        let mut cuts = cuts.iter().copied().chain(std::iter::repeat(usize::MAX));
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(cuts.next().unwrap_or(1).clamp(1, rest.len()));
            decoder.push(piece);
            rest = after;
            while let Some(message) = decoder.take()? {
                messages.push(message);
            }
        }
        messages.extend(decoder.finish()?);
        Ok(messages)
    }

    proptest! {
        #[test]
        fn messages_come_whole_however_the_stream_is_cut(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..20),
            cuts in prop::collection::vec(1usize..40, 0..60),
        ) {
            for framing in FRAMINGS {
                let mut stream = Vec::new();
                let sent: Vec<_> =
                    messages.iter().filter(|m| framing.encode(m, &mut stream).is_ok()).cloned().collect();
                prop_assert_eq!(decode(framing, 60, &stream, &cuts), Ok(sent.clone()));
                prop_assert_eq!(decode(framing, 60, &stream, &vec![1; stream.len()]), Ok(sent));
            }
        }

        #[test]
        fn no_stream_makes_it_panic_or_hold_more_than_its_limit(
            stream in prop::collection::vec(any::<u8>(), 0..600),
            cuts in prop::collection::vec(1usize..40, 0..60),
        ) {
            for framing in [Framing::Raw, Framing::Line, Framing::Length] {
                let mut decoder = Decoder::new(framing, 50);
                let mut rest = stream.as_slice();
                for cut in &cuts {
                    let (piece, after) = rest.split_at((*cut).min(rest.len()));
                    decoder.push(piece);
                    rest = after;
                    while let Ok(Some(message)) = decoder.take() {
                        prop_assert!(message.len() <= 50);
                    }
                    prop_assert!(decoder.pending() <= 50 + 1 + PREFIX);
                }
                let _ = decoder.finish();
            }
        }
    }

    #[test]
    fn delimiters_and_lengths() {
        type Case = (Framing, &'static [u8], Result<&'static [&'static [u8]], FramingError>);
        let cases: &[Case] = &[
            (Framing::Line, b"a\nb\r\n\nlast", Ok(&[b"a", b"b", b"", b"last"])),
            (Framing::Line, b"0123456789\r\n", Ok(&[b"0123456789"])),
            (Framing::Line, b"0123456789a\n", Err(FramingError::TooLong { limit: 10 })),
            (Framing::Line, b"0123456789ab", Err(FramingError::TooLong { limit: 10 })),
            (Framing::Length, b"\0\0\0\x02hi\0\0\0\0\0\0\0\x01!", Ok(&[b"hi", b"", b"!"])),
            (Framing::Length, b"\xff\xff\xff\xff", Err(FramingError::TooLong { limit: 10 })),
            (Framing::Length, b"\0\0\0\x05hi", Err(FramingError::CutShort { have: 6, need: 9 })),
            (Framing::Length, b"\0\0", Err(FramingError::CutShort { have: 2, need: 4 })),
            (Framing::Raw, b"as it comes\n", Ok(&[b"as it comes\n"])),
        ];
        for (framing, stream, expected) in cases {
            let expected = expected.map(|m| m.iter().map(|m| m.to_vec()).collect::<Vec<_>>());
            assert_eq!(
                decode(*framing, 10.max(12 * usize::from(*framing == Framing::Raw)), stream, &[]),
                expected,
                "{framing} {stream:?}"
            );
        }
    }

    #[test]
    fn a_message_with_its_delimiter_inside_is_refused() {
        for message in [&b"two\nlines"[..], b"ends in CR\r"] {
            let mut out = Vec::new();
            assert_eq!(Framing::Line.encode(message, &mut out), Err(FramingError::HoldsDelimiter));
            assert!(out.is_empty());
        }
    }

    #[test]
    fn an_error_stays() {
        let mut decoder = Decoder::new(Framing::Line, 4);
        decoder.push(b"far too long");
        assert!(decoder.take().is_err());
        decoder.push(b"\nok\n");
        assert!(decoder.take().is_err());
        assert_eq!(decoder.pending(), 0);
    }
}
