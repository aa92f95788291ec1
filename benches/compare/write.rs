//! Puts a table into a document, between the markers that carry its name. What people
//! wrote around it stays.

use std::error::Error;
use std::path::Path;
use std::process::Command;

use crate::Args;

/// When, of what, on what, and the command that makes it again.
pub fn heading(args: &Args) -> Result<String, Box<dyn Error>> {
    let date = jiff::Zoned::now().strftime("%Y-%m-%d").to_string();
    let version = Command::new(&args.synfin).arg("--version").output()?;
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let commit = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    let commit = commit.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()).unwrap_or_default();
    let cores = std::thread::available_parallelism()?;
    let command = match (args.growth, args.figures) {
        (true, _) => format!("--growth --most {:.0}", args.most),
        (_, true) => format!("--figures --pairs {}", args.pairs),
        _ => compare(args),
    };
    Ok(format!(
        "Measured on {date}, {cores} cores, {version} ({commit}), page cache warm. Again with\n\
         `cargo build --release --example generate && cargo bench --bench compare -- {command}`.\n\n"
    ))
}

fn compare(args: &Args) -> String {
    let mut text = format!("--kinds {} --pairs {}", args.kinds.join(","), args.pairs);
    text.push_str(&format!(" --slow-pairs {}", args.slow_pairs));
    if (args.scale - 1.0).abs() > 1e-9 {
        text.push_str(&format!(" --scale {}", args.scale));
    }
    if let Some(peers) = &args.peers {
        text.push_str(&format!(" --peers {}", peers.join(",")));
    }
    text
}

/// Replaces the section `name` of the document; adds it at the end if there is none.
pub fn section(path: &Path, name: &str, text: &str) -> std::io::Result<()> {
    let (begin, end) = (format!("<!-- {name} begins -->\n"), format!("<!-- {name} ends -->\n"));
    let old = std::fs::read_to_string(path).unwrap_or_else(|_| "# Performance\n".to_owned());
    let body = format!("{begin}{}\n{end}", text.trim_end());
    let new = match (old.split_once(&begin), old.split_once(&end)) {
        (Some((before, _)), Some((_, after))) => format!("{before}{body}{after}"),
        _ => format!("{}\n\n{body}", old.trim_end()),
    };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, new)
}
