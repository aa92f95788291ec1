//! Names of a rotating set of files, as tcpdump's `-C`, `-G` and `-W` make them.

use std::io;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use crate::model::Timestamp;

/// When to begin another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rotation {
    /// After this many octets (tcpdump's `-C`, there in millions).
    pub bytes: Option<u64>,
    /// After this many seconds of packet time (`-G`); the name is a `strftime` format.
    pub seconds: Option<u64>,
    /// Files at most (`-W`): with `bytes` a ring, with `seconds` alone the end.
    pub files: Option<u32>,
}

impl Rotation {
    /// The name of a file begun at `ts`, the `count`th since the last one that time
    /// began.
    pub(super) fn name(self, base: &Path, ts: Timestamp, count: u32) -> io::Result<PathBuf> {
        let name = match self.seconds {
            Some(_) => formatted(base, ts)?,
            None => base.to_owned(),
        };
        // A ring's numbers are padded, so that its names sort.
        let width = match self.files {
            Some(files) if self.bytes.is_some() => files.saturating_sub(1).to_string().len(),
            _ => 0,
        };
        if self.bytes.is_none() || count == 0 && width == 0 {
            return Ok(name);
        }
        let mut numbered = name.into_os_string();
        numbered.push(format!("{count:0width$}"));
        Ok(numbered.into())
    }

    /// The count after `count`: back to 0 where a ring is full.
    pub(super) fn next(self, count: u32) -> u32 {
        let next = count.saturating_add(1);
        match self.files {
            Some(files) if self.seconds.is_none() && next >= files => 0,
            _ => next,
        }
    }
}

/// `base` as a `strftime` format, in the time zone of this machine.
fn formatted(base: &Path, ts: Timestamp) -> io::Result<PathBuf> {
    let invalid = |e: jiff::Error| {
        let text = format!("its name is no time format: {e}");
        io::Error::new(io::ErrorKind::InvalidInput, text)
    };
    let format = base.to_str().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "its name is no time format: not UTF-8")
    })?;
    let seconds = ts.nanos().div_euclid(1_000_000_000);
    let zoned = jiff::Timestamp::from_second(seconds).map_err(invalid)?.to_zoned(TimeZone::system());
    jiff::fmt::strtime::format(format, &zoned).map(PathBuf::from).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_tcpdump() {
        let size = Rotation { bytes: Some(1), ..Rotation::default() };
        let ring = Rotation { files: Some(3), ..size };
        let wide = Rotation { files: Some(11), ..size };
        let time = Rotation { seconds: Some(60), ..Rotation::default() };
        let both = Rotation { bytes: Some(1), ..time };
        let cases = [
            (Rotation::default(), "a.pcap", 0, "a.pcap"),
            (size, "a.pcap", 0, "a.pcap"),
            (size, "a.pcap", 2, "a.pcap2"),
            (ring, "a", 0, "a0"),
            (wide, "a", 4, "a04"),
            (time, "a-%Y.pcap", 0, "a-2023.pcap"),
            (both, "a-%Y", 0, "a-2023"),
            (both, "a-%Y", 3, "a-20233"),
        ];
        for (rotation, base, count, expected) in cases {
            let ts = Timestamp::new(1_690_000_000, 5);
            assert_eq!(rotation.name(Path::new(base), ts, count).unwrap(), Path::new(expected));
        }
        assert_eq!([ring.next(0), ring.next(1), ring.next(2)], [1, 2, 0]);
        assert_eq!(size.next(7), 8);
    }
}
