//! Compressed captures, by their magic: gzip (RFC 1952), zstd (RFC 8878) and LZ4
//! frames. They are unpacked on a thread of their own, a few blocks ahead.

mod ahead;
mod lz4;
mod zstd;

use std::io::{self, BufReader, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;

use self::ahead::Ahead;

/// Compressed octets read at a time.
const INPUT_BLOCK: usize = 1 << 18;
/// Compressions around one another at most.
pub(crate) const LAYERS: usize = 2;

/// A compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Zstd,
    Lz4,
}

impl Packing {
    /// The compression of a file that starts with `head`.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            [0x04, 0x22, 0x4d, 0x18, ..] => Some(Self::Lz4),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
        }
    }

    /// What `input` unpacks to.
    pub(crate) fn unpack(self, input: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
        let input = BufReader::with_capacity(INPUT_BLOCK, input);
        let unpacked: Box<dyn Read + Send> = match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(input)),
            Self::Zstd => Box::new(zstd::Frames::new(input)),
            Self::Lz4 => Box::new(lz4::Frames::new(input)),
        };
        Ok(Box::new(Ahead::new(Named { packing: self, inner: unpacked })?))
    }
}

/// Says in its errors which compression they are of.
struct Named {
    packing: Packing,
    inner: Box<dyn Read + Send>,
}

impl Read for Named {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buf).map_err(|e| {
            let name = self.packing.name();
            match e.kind() {
                ErrorKind::Interrupted => e,
                _ if e.raw_os_error().is_some() => e,
                ErrorKind::UnexpectedEof => {
                    io::Error::new(ErrorKind::InvalidData, format!("the {name} data is cut short"))
                }
                _ => io::Error::new(ErrorKind::InvalidData, format!("in the {name} data: {e}")),
            }
        })
    }
}
