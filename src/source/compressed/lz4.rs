//! LZ4 frames one after another. The decoder ends quietly where a file is cut between
//! two blocks; so the shape of the frames is followed as their octets go by.

use std::io::{self, ErrorKind, Read};

use lz4_flex::frame::FrameDecoder;

/// All frames of `input`.
pub(super) struct Frames<R: Read> {
    decoder: FrameDecoder<Followed<R>>,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(input: R) -> Self {
        let followed = Followed { input, shape: Shape::default(), ended: false };
        Self { decoder: FrameDecoder::new(followed) }
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            // Nothing is the end of a frame, or of all.
            let n = self.decoder.read(buf)?;
            let followed = self.decoder.get_ref();
            if n > 0 {
                return Ok(n);
            }
            if followed.ended {
                let whole = followed.shape.between_frames();
                return if whole { Ok(0) } else { Err(ErrorKind::UnexpectedEof.into()) };
            }
        }
    }
}

/// A reader that keeps an eye on the frames in what it hands out.
struct Followed<R> {
    input: R,
    shape: Shape,
    ended: bool,
}

impl<R: Read> Read for Followed<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buf)?;
        self.ended = n == 0 && !buf.is_empty();
        self.shape.follow(buf.get(..n).unwrap_or_default());
        Ok(n)
    }
}

/// Where in the LZ4 frame format (lz4_Frame_format.md) a stream of octets is.
#[derive(Default)]
struct Shape {
    part: Part,
    /// Octets of this part that are still to come, once that is known.
    left: u64,
    /// Octets of a fixed-size part seen so far, and their little-endian value.
    seen: u32,
    value: u64,
    block_checksum: bool,
    content_checksum: bool,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Part {
    #[default]
    Magic,
    Flags,
    /// The rest of the descriptor; then blocks.
    Descriptor,
    BlockSize,
    Block,
    /// The content's checksum or a skippable frame; then another frame.
    Tail,
    SkipSize,
}

impl Shape {
    fn between_frames(&self) -> bool {
        self.part == Part::Magic && self.seen == 0
    }

    fn follow(&mut self, mut octets: &[u8]) {
        while let [first, rest @ ..] = octets {
            match self.part {
                Part::Descriptor | Part::Block | Part::Tail => {
                    let n = usize::try_from(self.left).unwrap_or(usize::MAX).min(octets.len());
                    octets = octets.get(n..).unwrap_or_default();
                    self.left -= n as u64;
                    if self.left == 0 {
                        let tail = self.part == Part::Tail;
                        self.part = if tail { Part::Magic } else { Part::BlockSize };
                    }
                }
                _ => {
                    self.value |= u64::from(*first) << (8 * self.seen);
                    self.seen += 1;
                    octets = rest;
                    if self.seen == if self.part == Part::Flags { 1 } else { 4 } {
                        let value = std::mem::take(&mut self.value);
                        self.number(value);
                        self.seen = 0;
                    }
                }
            }
        }
    }

    /// A fixed-size part is whole.
    fn number(&mut self, value: u64) {
        (self.part, self.left) = match self.part {
            Part::Magic if value & 0xffff_fff0 == 0x184d_2a50 => (Part::SkipSize, 0),
            Part::Magic => (Part::Flags, 0),
            Part::SkipSize if value == 0 => (Part::Magic, 0),
            Part::SkipSize => (Part::Tail, value),
            Part::Flags => {
                self.block_checksum = value & 0x10 != 0;
                self.content_checksum = value & 0x04 != 0;
                let size = if value & 0x08 != 0 { 8 } else { 0 };
                let dictionary = if value & 0x01 != 0 { 4 } else { 0 };
                (Part::Descriptor, 2 + size + dictionary)
            }
            Part::BlockSize if value == 0 && self.content_checksum => (Part::Tail, 4),
            Part::BlockSize if value == 0 => (Part::Magic, 0),
            _ => (Part::Block, (value & 0x7fff_ffff) + if self.block_checksum { 4 } else { 0 }),
        };
    }
}
