//! Compares the instruction counts of the hot path with those in `benches/instructions.json`.
//!
//! ```text
//! cargo run --example drift              fails where a count grew by more than 3 %
//! cargo run --example drift -- --accept  writes the counts of today as the new baseline
//! ```
//!
//! Counts depend on the compiler: the baseline names the one that it was made with.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::{Command, ExitCode, Stdio};

use serde::{Deserialize, Serialize};
use serde_json::Value;

const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.json");

/// Packets that each benchmark handles, for the figure a packet.
const PACKETS: f64 = 20_000.0;

/// What a count may grow or shrink by, in percent, before it is worth a word.
const LIMIT: f64 = 3.0;

#[derive(Serialize, Deserialize)]
struct Baseline {
    compiler: String,
    instructions: BTreeMap<String, u64>,
}

/// What is not installed, if anything is missing.
fn missing() -> Option<&'static str> {
    let there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !there("valgrind") {
        Some("valgrind is not installed (apt install valgrind)")
    } else if !there("gungraun-runner") {
        Some("gungraun-runner is not installed (cargo install gungraun-runner --version 0.20.0)")
    } else {
        None
    }
}

fn compiler() -> Result<String, Box<dyn Error>> {
    let output = Command::new("rustc").arg("--version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs the benchmarks; instructions by `function/case`.
fn measure() -> Result<BTreeMap<String, u64>, Box<dyn Error>> {
    let output = Command::new(env!("CARGO"))
        .args(["bench", "--bench", "instructions", "--", "--output-format=json"])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("cargo bench --bench instructions: {}", output.status).into());
    }
    let text = String::from_utf8(output.stdout)?;
    text.lines().filter(|l| l.starts_with('{')).map(count).collect()
}

/// Name and instructions of one line of gungraun's output.
fn count(line: &str) -> Result<(String, u64), Box<dyn Error>> {
    let summary: Value = serde_json::from_str(line)?;
    let name = |key: &str| summary[key].as_str().ok_or_else(|| format!("no {key:?} in {line}"));
    let values = &summary["profiles"][0]["data"]["total"]["metrics"]["Ir"]["values"];
    // Beside an earlier run in the build directory there are two: the new one comes first.
    let instructions = values["new"].as_u64().or_else(|| values["both"][0].as_u64());
    let instructions = instructions.ok_or_else(|| format!("no instructions in {line}"))?;
    Ok((format!("{}/{}", name("function_name")?, name("id")?), instructions))
}

/// Prints the comparison; true where nothing drifted.
fn compare(baseline: &Baseline, today: &BTreeMap<String, u64>) -> bool {
    let mut fine = true;
    println!("{:<20} {:>14} {:>14} {:>8} {:>9}", "benchmark", "baseline", "today", "drift", "a packet");
    for (name, &now) in today {
        let each = now as f64 / PACKETS;
        match baseline.instructions.get(name) {
            Some(&then) => {
                let drift = (now as f64 / then.max(1) as f64 - 1.0) * 100.0;
                let verdict = if drift > LIMIT {
                    fine = false;
                    "  MORE: too many"
                } else if drift < -LIMIT {
                    "  less: accept it as the new baseline"
                } else {
                    ""
                };
                println!("{name:<20} {then:>14} {now:>14} {drift:>+7.2}% {each:>9.1}{verdict}");
            }
            None => {
                println!("{name:<20} {:>14} {now:>14} {:>8} {each:>9.1}  NEW: not in the baseline", "", "");
                fine = false;
            }
        }
    }
    for name in baseline.instructions.keys().filter(|n| !today.contains_key(*n)) {
        println!("{name:<20} GONE: in the baseline only");
        fine = false;
    }
    fine
}

fn run(accept: bool) -> Result<bool, Box<dyn Error>> {
    if let Some(reason) = missing() {
        println!("instruction counts: skipped, {reason}");
        return Ok(true);
    }
    let compiler = compiler()?;
    let today = measure()?;
    if accept {
        let baseline = Baseline { compiler, instructions: today };
        std::fs::write(BASELINE, serde_json::to_string_pretty(&baseline)? + "\n")?;
        println!("written: {BASELINE}");
        return Ok(true);
    }
    let baseline: Baseline = serde_json::from_str(&std::fs::read_to_string(BASELINE)?)?;
    if baseline.compiler != compiler {
        println!("the baseline was made with {}, this is {compiler}", baseline.compiler);
    }
    Ok(compare(&baseline, &today))
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let accept = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--accept"] => true,
        _ => {
            eprintln!("usage: drift [--accept]");
            return ExitCode::from(2);
        }
    };
    match run(accept) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("drift: {e}");
            ExitCode::FAILURE
        }
    }
}
