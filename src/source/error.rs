//! What can go wrong with a source, and where it did.

use std::fmt;
use std::io;

/// A fault of a source: what, where and what to do.
#[derive(Debug)]
pub struct SourceError {
    /// The file, interface or `-` for standard input; may be a stranger's text.
    pub origin: String,
    /// Octets into the (decompressed) file where the faulty thing starts.
    pub offset: Option<u64>,
    /// The number of the packet it belongs to: the one after the last that was yielded.
    pub packet: Option<u64>,
    /// What is wrong.
    pub kind: SourceErrorKind,
}

/// What is wrong with a source.
#[derive(Debug, thiserror::Error)]
pub enum SourceErrorKind {
    /// The file is empty.
    #[error(
        "the file is empty: no capture header (a capture that was never started, or a copy that failed?)"
    )]
    Empty,
    /// The first octets are of no format that synfin reads.
    #[error(
        "not a capture file: it starts with {0} (synfin reads pcap, pcapng, .pkt scripts, and these in gzip, zstd or lz4)"
    )]
    UnknownFormat(String),
    /// The file ends inside a header or a packet.
    #[error(
        "cut short: {what} needs {need} octets and {have} are left (was the capture interrupted, or the copy incomplete?)"
    )]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Octets it needs.
        need: u64,
        /// Octets that are there.
        have: u64,
    },
    /// A field has a value that cannot be.
    #[error("damaged: {0}")]
    Damaged(String),
    /// A format or version that synfin knows and does not read.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// A script that does not parse; the text names line and column.
    #[error("{0}")]
    Script(String),
    /// A filter that libpcap does not accept.
    #[error("bad filter: {0}")]
    Filter(String),
    /// No privilege to capture; the text has the commands that mend it.
    #[error("{0}")]
    Permission(String),
    /// An error of the capture library.
    #[error("{0}")]
    Capture(String),
    /// An error of the operating system.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl SourceError {
    /// An error of the operating system about `origin`.
    #[must_use]
    pub fn from_os(origin: &str, e: io::Error) -> Self {
        Self { origin: origin.to_owned(), offset: None, packet: None, kind: SourceErrorKind::Io(e) }
    }
}

impl fmt::Display for SourceError {
    /// `file.pcap: packet 7: byte 1234: what is wrong`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if let Some(packet) = self.packet {
            write!(f, "packet {packet}: ")?;
        }
        if let Some(offset) = self.offset {
            write!(f, "byte {offset}: ")?;
        }
        self.kind.fmt(f)
    }
}

impl std::error::Error for SourceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            SourceErrorKind::Io(e) => Some(e),
            _ => None,
        }
    }
}
