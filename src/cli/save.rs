//! `-w`: packets into files, with tcpdump's rotation.

use std::path::PathBuf;
use std::sync::Arc;

use crate::source::write::{FileSink, Rotation, WriteOptions};
use crate::source::{SourceError, write::Written};

/// Where to save packets.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Saving")]
pub(super) struct SaveArgs {
    /// Save the packets as pcapng, or as pcap where the name ends in .pcap; - is standard output
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

    /// The file, created; `None` where none was asked for.
    ///
    /// # Errors
    /// It cannot be created, or is one of `inputs`.
    pub fn open(
        &self,
        inputs: &[PathBuf],
        owner: Option<(u32, u32)>,
    ) -> Result<Option<FileSink>, SourceError> {
        let Some(path) = &self.file else { return Ok(None) };
        // At a limit of file size the write shall fail, and say so, not the program end.
        let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
        let options = WriteOptions { rotation: self.rotation(), inputs: inputs.to_vec(), owner };
        FileSink::create(path, options).map(Some)
    }
}

/// Says what was saved, as tcpdump does, on standard error.
pub(super) fn told(written: &Written) {
    let files = written.files.iter().map(|f| f.display().to_string()).collect::<Vec<_>>();
    let names = if files.len() > 3 { format!("{} files", files.len()) } else { files.join(", ") };
    let plural = if written.packets == 1 { "" } else { "s" };
    super::complain(&format!("{} packet{plural} saved to {names}", written.packets));
    if written.lost > 0 {
        super::complain(&format!("{} packets were NOT saved: the disk was too slow", written.lost));
    }
}
