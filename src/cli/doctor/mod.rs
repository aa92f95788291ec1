//! `synfin doctor`: what this machine allows, found out by doing it, and what mends it.

mod mend;
mod probe;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};
use clap::Args;

use crate::model::Printable;
use mend::{Facts, mends};
use probe::Probe;

/// Show what this machine allows, and the command that mends what it does not
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Do one probe in this process and tell how it went
    #[arg(long, value_name = "PROBE", hide = true)]
    probe: Option<Probe>,
}

/// How one probe went.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    probe: Probe,
    works: bool,
    /// What was done, or why it failed; lines.
    detail: String,
    /// What to do about a failure.
    mends: Vec<String>,
}

/// Probes and tells. 0 when everything that capturing and the labs need works, else 1.
///
/// # Errors
/// A probe could not be started, or the output failed.
pub fn run(args: DoctorArgs) -> Result<ExitCode> {
    if let Some(probe) = args.probe {
        let (works, detail) = match probe::run(probe) {
            Ok(detail) => (true, detail),
            Err(error) => (false, format!("{error:#}")),
        };
        io::stdout().write_all(detail.as_bytes())?;
        return Ok(if works { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let facts = Facts::gather();
    let mut findings = Vec::new();
    for probe in Probe::ALL {
        let (works, detail) = child(probe)?;
        let mends = if works { Vec::new() } else { mends(probe, &facts) };
        findings.push(Finding { probe, works, detail, mends });
    }
    let text = render(&facts, &findings);
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {}
        other => other?,
    }
    Ok(if missing(&findings).is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One probe in a process of its own: namespaces and filters stay with it, and end with it.
fn child(probe: Probe) -> Result<(bool, String)> {
    // This very program, even if its file was replaced meanwhile.
    let output = Command::new("/proc/self/exe")
        .args(["doctor", "--probe", probe.name()])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .context("cannot start a probe")?;
    let detail = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    let detail = if detail.is_empty() { format!("the probe ended with {}", output.status) } else { detail };
    Ok((output.status.success(), detail))
}

/// What capturing and the labs need, and do not have here.
fn missing(findings: &[Finding]) -> Vec<&'static str> {
    let fails = |probe| findings.iter().any(|f| f.probe == probe && !f.works);
    let mut missing: Vec<_> =
        findings.iter().filter(|f| !f.works && f.probe.is_main()).map(|f| f.probe.title()).collect();
    // Labs join their hosts by either.
    if fails(Probe::Tun) && fails(Probe::Veth) {
        missing.push("/dev/net/tun or veth pairs");
    }
    missing
}

fn render(facts: &Facts, findings: &[Finding]) -> String {
    let mut text = format!("synfin {} on {}\n\n", env!("CARGO_PKG_VERSION"), Printable(&facts.system));
    let mut put = |line: String| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{line}");
    };
    for Finding { probe, works, detail, mends } in findings {
        let mut lines = detail.lines().map(|line| Printable(line).to_string());
        let word = if *works { "yes" } else { "no" };
        put(format!("{:<22} {word:<4} {}", probe.title(), lines.next().unwrap_or_default()));
        for line in lines {
            put(format!("{:27} {line}", ""));
        }
        for mend in mends {
            put(format!("{:27} mend: {}", "", Printable(mend)));
        }
    }
    let missing = missing(findings);
    put(String::new());
    put(if missing.is_empty() {
        "Capturing and the labs work here.".to_owned()
    } else {
        format!(
            "Missing: {}. Reading capture files works in any case, and so do the captures of the labs that come \
             with synfin.",
            missing.join(", ")
        )
    });
    text
}

#[cfg(test)]
mod tests;
