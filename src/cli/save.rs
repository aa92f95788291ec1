//! `-w`: packets into files, with tcpdump's rotation.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::poll::{PollTimeout, poll};
use nix::unistd::dup2_stdout;

use crate::source::write::{FileSink, Rotation, WriteOptions};
use crate::source::{SourceError, SourceErrorKind, write::Written};

/// How often it is looked whether somebody has opened a FIFO; a signal ends the wait.
const LOOK: u8 = 50;

/// Where to save packets.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Saving")]
pub(super) struct SaveArgs {
    /// Save the packets as pcapng, or as pcap where the name ends in .pcap; - is standard output
    ///
    /// With -w - all that is shown goes to standard error.
    ///
    /// Of a live capture the system has every packet within a second, and the disk within
    /// five: no more is lost when the program is killed, or when the power fails.
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Begin another file after so many million octets
    #[arg(short = 'C', value_name = "MILLIONS", requires = "file")]
    size: Option<u64>,

    /// Begin another file after so many seconds; the name is a strftime format
    #[arg(short = 'G', value_name = "SECONDS", requires = "file")]
    seconds: Option<u64>,

    /// Files at most: a ring with -C, the end with -G alone
    #[arg(short = 'W', value_name = "FILES", requires = "file")]
    files: Option<u32>,
}

impl SaveArgs {
    /// When to begin another file.
    pub fn rotation(&self) -> Rotation {
        Rotation {
            bytes: self.size.map(|m| m.saturating_mul(1_000_000)),
            seconds: self.seconds,
            files: self.files,
        }
    }

    /// The file, created; `None` where none was asked for. A FIFO waits for somebody to
    /// open it for reading, as long as `go_on` says. Call it before anything is shown:
    /// `-` is standard output as it was, and standard error is standard output from then on.
    ///
    /// # Errors
    /// It cannot be created, or is one of `inputs`.
    pub fn open(
        &self,
        inputs: &[PathBuf],
        owner: Option<(u32, u32)>,
        go_on: impl Fn() -> bool,
    ) -> Result<Option<FileSink>, SourceError> {
        let Some(path) = &self.file else { return Ok(None) };
        // At a limit of file size the write shall fail, and say so, not the program end.
        let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
        let stdout = match path == Path::new("-") {
            true => Some(claim().map_err(|e| SourceError::from_os("-", e))?),
            false => None,
        };
        let options = WriteOptions { rotation: self.rotation(), inputs: inputs.to_vec(), owner, stdout };
        let mut waiting = false;
        loop {
            match FileSink::create(path, options.clone()) {
                Err(e) if is_unread(&e) && go_on() => {
                    if !waiting {
                        let name = path.display();
                        super::complain(&format!("{name} is a FIFO: waiting until somebody reads it"));
                        waiting = true;
                    }
                    // The kernel tells nobody of a reader who waits for a writer.
                    let _ = poll(&mut [], PollTimeout::from(LOOK));
                }
                other => return other.map(Some),
            }
        }
    }
}

/// Standard output for the packets alone: what else is printed there goes to standard error.
fn claim() -> io::Result<Arc<File>> {
    let stdout = io::stdout();
    if stdout.is_terminal() {
        // Nothing that a stranger sent reaches a terminal as it is.
        return Err(io::Error::other("packets are not for a terminal: choose a file, or a pipe (-w - | …)"));
    }
    let packets = stdout.as_fd().try_clone_to_owned()?;
    dup2_stdout(io::stderr())?;
    Ok(Arc::new(packets.into()))
}

/// A FIFO that nobody has opened for reading yet?
fn is_unread(e: &SourceError) -> bool {
    matches!(&e.kind, SourceErrorKind::Io(e) if e.kind() == ErrorKind::NotConnected)
}

/// Says what was saved, as tcpdump does, on standard error.
pub(super) fn told(written: &Written) {
    let name = |f: &PathBuf| match f == Path::new("-") {
        true => "standard output".to_owned(),
        false => f.display().to_string(),
    };
    let files = written.files.iter().map(name).collect::<Vec<_>>();
    let names = if files.len() > 3 { format!("{} files", files.len()) } else { files.join(", ") };
    let plural = if written.packets == 1 { "" } else { "s" };
    super::complain(&format!("{} packet{plural} saved to {names}", written.packets));
    if written.lost > 0 {
        super::complain(&format!("{} packets were NOT saved: the disk was too slow", written.lost));
    }
}
