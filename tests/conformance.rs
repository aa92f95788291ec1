//! Real captures by others, and what tshark says of them: nothing may disagree that did
//! not disagree before.
//!
//! The corpus is not part of this repository. It is looked for in `../shared/conformance`
//! or where `SYNFIN_CONFORMANCE` says, and the test says so where it is not there.
//! `tests/conformance/known.json` counts the known disagreements of each capture; their
//! reasons are in `docs/conformance.md`. `SYNFIN_ACCEPT=1` writes the counts of today.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

const SCOPE: &str = "core,link,tunnel";

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Known {
    /// Which encapsulations were compared.
    scope: String,
    /// Disagreements of any kind, for each capture that has some.
    files: BTreeMap<String, u64>,
}

/// The part of the comparison's answer that is used here.
#[derive(Debug, Deserialize)]
struct Answer {
    files: Vec<Compared>,
    problems: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Compared {
    file: String,
    errors: u64,
}

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance");
    let folder = std::env::var_os("SYNFIN_CONFORMANCE").map_or(beside, PathBuf::from);
    if !folder.join("compare.py").is_file() {
        println!("conformance: skipped, there is no corpus in {}", folder.display());
        return None;
    }
    let python = Command::new("python3").arg("--version").stdout(Stdio::null()).status();
    if !python.is_ok_and(|s| s.success()) {
        println!("conformance: skipped, the comparison needs python3");
        return None;
    }
    Some(folder)
}

/// Replays one capture into records; what went wrong beyond a message and status 1.
fn replay(corpus: &Path, path: &str, out: &Path) -> Option<String> {
    let file = out.join(format!("{path}.ndjson"));
    fs::create_dir_all(file.parent()?).unwrap();
    let begin = Instant::now();
    let run = Command::new(env!("CARGO_BIN_EXE_synfin"))
        .arg("replay")
        .arg(corpus.join("open").join(path))
        .args(["--format", "ndjson"])
        .stdin(Stdio::null())
        .stdout(File::create(&file).unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    match run.status.code() {
        _ if said.contains("panicked at") => Some(format!("{path}: {said}")),
        None => Some(format!("{path}: {}", run.status)),
        Some(0) if begin.elapsed() < Duration::from_secs(60) => None,
        Some(1) if !said.trim().is_empty() => None,
        Some(status) => Some(format!("{path}: status {status} after {:?}: {said}", begin.elapsed())),
    }
}

#[test]
fn nothing_new_disagrees_with_tshark() {
    let Some(corpus) = corpus() else { return };
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("conformance");
    let list = fs::read_to_string(corpus.join("open.txt")).unwrap();
    let paths: Vec<&str> =
        list.lines().filter_map(|l| l.split('\t').next()).filter(|l| !l.is_empty()).collect();

    let (next, faults) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(fault) = replay(&corpus, path, &out) {
                        faults.lock().unwrap().push(fault);
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));

    let answer = out.join("answer.json");
    let compared = Command::new("python3")
        .arg(corpus.join("compare.py"))
        .arg("--oracle-dir")
        .arg(corpus.join("oracle"))
        .arg("--tool-dir")
        .arg(&out)
        .arg("--list")
        .arg(corpus.join("open.txt"))
        .args(["--scope", SCOPE, "--worst", "0", "--show", "0", "--json"])
        .arg(&answer)
        .output()
        .unwrap();
    assert!(compared.status.success(), "{}", String::from_utf8_lossy(&compared.stderr));
    let answer: Answer = serde_json::from_slice(&fs::read(&answer).unwrap()).unwrap();
    assert_eq!(answer.problems, Vec::<String>::new(), "records that are no records");
    assert_eq!(answer.files.len(), paths.len());

    let mut now = Known { scope: SCOPE.into(), files: BTreeMap::new() };
    for file in answer.files.into_iter().filter(|f| f.errors > 0) {
        now.files.insert(file.file, file.errors);
    }
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/known.json");
    if std::env::var_os("SYNFIN_ACCEPT").is_some_and(|v| v == "1") {
        fs::write(&stored, serde_json::to_string_pretty(&now).unwrap() + "\n").unwrap();
        return;
    }
    let known: Known = serde_json::from_slice(&fs::read(&stored).unwrap()).unwrap();
    assert_eq!(known.scope, now.scope);
    let worse: Vec<String> = now
        .files
        .iter()
        .map(|(file, n)| (file, *n, known.files.get(file).copied().unwrap_or(0)))
        .filter(|(_, n, before)| n > before)
        .map(|(file, n, before)| format!("  {file}: {n} disagreements, {before} known"))
        .collect();
    let better = known.files.iter().filter(|(f, n)| now.files.get(*f).is_none_or(|m| m < *n)).count();
    println!("{} captures, {} of them with known disagreements", paths.len(), now.files.len());
    if better > 0 {
        println!("{better} captures agree better than known.json says: SYNFIN_ACCEPT=1 keeps that");
    }
    assert!(worse.is_empty(), "new disagreements with tshark:\n{}", worse.join("\n"));
}
