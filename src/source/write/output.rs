//! The file that is written: whole records at a time, every error told, and after an
//! error no half a record left behind.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::super::SourceError;
use super::super::SourceErrorKind;
use super::WriteOptions;

/// Octets gathered before they are written: a core's cache has room for them.
const GATHER: usize = 256 << 10;

/// An output file or stream.
pub(super) struct Output {
    path: PathBuf,
    to: To,
    gathered: Vec<u8>,
    /// Where in `gathered` each record ends.
    ends: Vec<usize>,
    /// Octets written before `gathered`.
    before: u64,
    failed: bool,
}

enum To {
    File(File),
    /// A FIFO, a device or standard output: what was written cannot be cut back.
    Stream(Box<dyn Write + Send>),
}

impl Output {
    /// Creates or truncates `path`; `-` is standard output.
    pub(super) fn create(path: &Path, options: &WriteOptions) -> Result<Self, SourceError> {
        let open = || {
            if path == Path::new("-") {
                return Ok(To::Stream(match &options.stdout {
                    Some(file) => Box::new(Arc::clone(file)),
                    None => Box::new(io::stdout()),
                }));
            }
            refuse_inputs(path, &options.inputs)?;
            let (file, made) = make(path)?;
            if !file.metadata()?.is_file() {
                return Ok(To::Stream(Box::new(file)));
            }
            if let Some((user, group)) = options.owner.filter(|_| made) {
                fchown(&file, Some(user), Some(group))?;
            }
            Ok(To::File(file))
        };
        let to = open().map_err(|e| fault(path, e))?;
        Ok(Self {
            path: path.to_owned(),
            to,
            gathered: Vec::new(),
            ends: Vec::new(),
            before: 0,
            failed: false,
        })
    }

    /// Adds a record, which `encode` appends; `None` where it cannot be encoded.
    pub(super) fn record(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>) -> Option<()>,
    ) -> Result<Option<()>, SourceError> {
        let whole = self.gathered.len();
        if encode(&mut self.gathered).is_none() {
            self.gathered.truncate(whole);
            return Ok(None);
        }
        self.ends.push(self.gathered.len());
        if self.gathered.len() >= GATHER {
            self.flush()?;
        }
        Ok(Some(()))
    }

    /// Octets of the file, those gathered included.
    pub(super) fn len(&self) -> u64 {
        self.before + self.gathered.len() as u64
    }

    /// Writes what is gathered.
    pub(super) fn flush(&mut self) -> Result<(), SourceError> {
        if self.failed {
            return Err(fault(&self.path, io::Error::other("an earlier write failed")));
        }
        let mut written = 0;
        let result = loop {
            let rest = self.gathered.get(written..).unwrap_or_default();
            if rest.is_empty() {
                break Ok(());
            }
            match self.to.write(rest) {
                Ok(0) => break Err(ErrorKind::WriteZero.into()),
                Ok(n) => written += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => break Err(e),
            }
        };
        let result = result.and_then(|()| match &mut self.to {
            To::Stream(stream) => stream.flush(),
            To::File(_) => Ok(()),
        });
        if let Err(e) = result {
            return Err(self.fail(written, e));
        }
        self.before += written as u64;
        self.gathered.clear();
        self.ends.clear();
        Ok(())
    }

    /// Cuts the file back to the last whole record.
    #[cold]
    fn fail(&mut self, written: usize, e: io::Error) -> SourceError {
        self.failed = true;
        let whole = self.ends.iter().rev().find(|end| **end <= written).copied().unwrap_or(0);
        let length = self.before + whole as u64;
        self.gathered = Vec::new();
        if let To::File(file) = &self.to
            && let Err(also) = file.set_len(length)
        {
            return fault(&self.path, io::Error::other(format!("{e}; the last packet is cut ({also})")));
        }
        SourceError { offset: Some(length), ..fault(&self.path, e) }
    }

    /// Writes what is gathered and waits until it is on the disk. A disk that fails may
    /// tell it only here.
    pub(super) fn sync(&mut self) -> Result<(), SourceError> {
        self.flush()?;
        let To::File(file) = &self.to else { return Ok(()) };
        if let Err(e) = file.sync_all() {
            self.failed = true;
            return Err(fault(&self.path, e));
        }
        Ok(())
    }
}

impl To {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(octets),
            Self::Stream(stream) => stream.write(octets),
        }
    }
}

/// Opens an output, and says whether it was made: what was there before, or what a link
/// leads to, is somebody's already.
fn make(path: &Path) -> io::Result<(File, bool)> {
    // Not for reading: a confined process may not.
    match File::options().write(true).create_new(true).open(path) {
        Ok(file) => Ok((file, true)),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => match path.metadata() {
            Ok(there) if there.file_type().is_fifo() => Ok((fifo(path)?, false)),
            _ => Ok((File::create(path)?, false)),
        },
        Err(e) => Err(e),
    }
}

/// Opens a FIFO that somebody reads; `NotConnected` where nobody does, for which an
/// ordinary open would wait, deaf to signals.
fn fifo(path: &Path) -> io::Result<File> {
    let open = File::options().write(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path);
    let file = open.map_err(|e| match e.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENXIO) => io::Error::new(ErrorKind::NotConnected, "nobody has opened it for reading"),
        _ => e,
    })?;
    // Writing waits for the reader, as it does elsewhere.
    let flags = OFlag::from_bits_retain(fcntl(&file, FcntlArg::F_GETFL)?);
    fcntl(&file, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK))?;
    Ok(file)
}

/// An output must not be one of the files that are read, by whatever name.
fn refuse_inputs(path: &Path, inputs: &[PathBuf]) -> io::Result<()> {
    let Ok(output) = path.metadata() else { return Ok(()) };
    for input in inputs {
        let same =
            input.metadata().is_ok_and(|input| (input.dev(), input.ino()) == (output.dev(), output.ino()));
        if same && output.is_file() {
            return Err(io::Error::new(
                ErrorKind::AlreadyExists,
                "it is being read; writing would destroy it (choose another name)",
            ));
        }
    }
    Ok(())
}

/// A fault of the output at `path`.
pub(super) fn fault(path: &Path, e: io::Error) -> SourceError {
    let text = match e.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some("the disk is full"),
        ErrorKind::FileTooLarge => Some("the file may not grow any more"),
        ErrorKind::BrokenPipe => Some("nobody reads it any more"),
        _ => None,
    };
    let e = match text {
        Some(text) => io::Error::new(e.kind(), format!("{text}: what was written before stands ({e})")),
        None if e.raw_os_error().map(Errno::from_raw) == Some(Errno::EIO) => {
            io::Error::new(e.kind(), format!("the disk fails: what was written last may not be there ({e})"))
        }
        None => e,
    };
    let origin = path.to_string_lossy().into_owned();
    SourceError { origin, offset: None, packet: None, kind: SourceErrorKind::Io(e) }
}
