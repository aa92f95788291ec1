//! The captures to measure with, made by the `generate` example and kept for the next time.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `generate` makes of the usual sizes.
pub const SHORT_PACKETS: f64 = 4e6;
const MIXED_BYTES: f64 = 1.1e9;
const BULK_BYTES: f64 = 1.25e9;

/// `1.5G`, `200M`, `3k`: powers of ten.
pub fn size(text: &str) -> Result<f64, Box<dyn Error>> {
    let (digits, factor) = match text.chars().last() {
        Some('k') => (text.trim_end_matches('k'), 1e3),
        Some('M') => (text.trim_end_matches('M'), 1e6),
        Some('G') => (text.trim_end_matches('G'), 1e9),
        _ => (text, 1.0),
    };
    Ok(digits.parse::<f64>()? * factor)
}

fn generator() -> Result<PathBuf, Box<dyn Error>> {
    let here = std::env::current_exe()?;
    let path = here.parent().and_then(Path::parent).map(|p| p.join("examples/generate"));
    path.filter(|p| p.exists())
        .ok_or_else(|| "the generator is missing: cargo build --release --example generate".into())
}

/// Makes a capture, unless the directory has it.
pub fn make(dir: &Path, name: &str, options: &[String]) -> Result<PathBuf, Box<dyn Error>> {
    let path = dir.join(format!("{name}.pcap"));
    if path.exists() {
        return Ok(path);
    }
    std::fs::create_dir_all(dir)?;
    let part = dir.join(format!("{name}.part"));
    eprintln!("making {}", path.display());
    let status = Command::new(generator()?).args(options).arg("-o").arg(&part).status()?;
    if !status.success() {
        return Err(format!("generate {}: {status}", options.join(" ")).into());
    }
    std::fs::rename(&part, &path)?; // only a whole one gets the name
    Ok(path)
}

/// One of the three kinds, `scale` times its usual size.
pub fn usual(dir: &Path, kind: &str, scale: f64) -> Result<PathBuf, Box<dyn Error>> {
    let (option, value) = match kind {
        "short" => ("--packets", SHORT_PACKETS),
        "mixed" => ("--bytes", MIXED_BYTES),
        "bulk" => ("--bytes", BULK_BYTES),
        other => return Err(format!("unknown kind {other:?}").into()),
    };
    let name = if (scale - 1.0).abs() < 1e-9 { kind.to_owned() } else { format!("{kind}-{scale}") };
    make(dir, &name, &[kind.to_owned(), option.to_owned(), format!("{}", (value * scale) as u64)])
}
