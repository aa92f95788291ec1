//! A rotating set: files whose names differ in their numbers only.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The set that a file belongs to, as tcpdump's `-C`, `-G` and `-W` make them.
#[derive(Debug, Clone)]
pub(super) struct Set {
    directory: PathBuf,
    shape: String,
}

/// When a file was last written and its name with numbers padded: the order of a set.
type Rank = (SystemTime, String);

impl Set {
    /// The set of `path`.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(Self { directory: directory.to_owned(), shape: shape(name) })
    }

    /// Where its files are.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file of the set that was written next after `path`.
    pub(super) fn after(&self, path: &Path) -> Option<PathBuf> {
        let current = rank(path)?;
        let entries = fs::read_dir(&self.directory).ok()?;
        let members = entries.flatten().map(|entry| entry.path()).filter(|member| {
            let name = member.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| shape(name) == self.shape) && member.file_name() != path.file_name()
        });
        let later = members.filter_map(|member| Some((rank(&member)?, member))).filter(|(r, _)| *r > current);
        later.min().map(|(_, member)| member)
    }
}

fn rank(path: &Path) -> Option<Rank> {
    let about = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let name = path.file_name()?.to_str()?;
    let mut padded = String::new();
    for part in parts(name) {
        match part.starts_with(|c: char| c.is_ascii_digit()) {
            true => padded.push_str(&format!("{part:0>20}")),
            false => padded.push_str(part),
        }
    }
    Some((about.modified().ok()?, padded))
}

/// A name without its numbers; one that ends in none is of the set of those that do.
fn shape(name: &str) -> String {
    let mut shape = String::new();
    let mut number = false;
    for part in parts(name) {
        number = part.starts_with(|c: char| c.is_ascii_digit());
        shape.push_str(if number { "#" } else { part });
    }
    if !number {
        shape.push('#');
    }
    shape
}

/// Runs of digits and runs of others.
fn parts(name: &str) -> impl Iterator<Item = &str> {
    name.as_bytes().chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()).scan(0, move |at, run| {
        let start = *at;
        *at += run.len();
        name.get(start..*at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_set_have_one_shape() {
        let cases = [
            ("a.pcap", "a.pcap12", true),
            ("a.pcap1", "a.pcap2", true),
            ("a-20260102.pcap", "a-20260103.pcap", true),
            ("é1", "é22", true),
            ("a1.pcap", "b1.pcap", false),
            ("a.pcap", "a.pcapng", false),
        ];
        for (one, other, same) in cases {
            assert_eq!(shape(one) == shape(other), same, "{one} {other}");
        }
        assert!(parts("a10b").eq(["a", "10", "b"]));
    }
}
