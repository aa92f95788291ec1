//! The layers of the program, and that each imports only what lies below it.
//!
//! Every path that starts with `crate::` (or climbs there with `super::`) is read out of
//! the sources and held against one table. Tests inside the sources may look anywhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What a layer may use beside itself: another layer, or only some of its items.
struct May {
    from: &'static str,
    to: &'static str,
    /// Only these, where not everything.
    only: &'static [&'static str],
    /// But never these.
    except: &'static [&'static str],
}

const fn may(from: &'static str, to: &'static str) -> May {
    May { from, to, only: &[], except: &[] }
}

/// Bytes flow down, facts flow up: source → decode → track → report → view.
const TABLE: &[May] = &[
    // The words of the field, without any input or output: everything may speak them.
    may("source", "model"),
    may("decode", "model"),
    may("track", "model"),
    may("report", "model"),
    may("view", "model"),
    may("lab", "model"),
    may("apps", "model"),
    may("cli", "model"),
    // The tracker sees headers, never frames.
    may("track", "decode"),
    // Facts with owners: made from what the tracker says of headers.
    may("report", "decode"),
    may("report", "track"),
    // What a source says of itself stands in the summary; a report reads no packets.
    May { from: "report", to: "source", only: &["Interface", "Drops"], except: &[] },
    // Views read reports, event words and header fields. They run no layer themselves.
    may("view", "report"),
    May { from: "view", to: "track", only: &[], except: &["Tracker", "TrackerOptions"] },
    May { from: "view", to: "decode", only: &[], except: &["Decoder"] },
    // A lab is one more source of packets, and runs the programs that people can run too.
    may("lab", "source"),
    may("lab", "apps"),
    // The command line puts the layers together.
    may("cli", "source"),
    may("cli", "decode"),
    may("cli", "track"),
    may("cli", "report"),
    may("cli", "view"),
    may("cli", "lab"),
    may("cli", "apps"),
];

const LAYERS: [&str; 9] = ["model", "source", "decode", "track", "report", "view", "lab", "apps", "cli"];

/// Every Rust file under `folder`.
fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// The text of a file up to its tests, without comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let mut code = String::new();
    let mut test_only = false;
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or("");
        if line.trim() == "#[cfg(test)]" {
            test_only = true;
            continue;
        }
        if test_only && line.trim_start().starts_with("mod ") && line.trim_end().ends_with('{') {
            break;
        }
        if !test_only {
            code.push_str(line);
            code.push('\n');
        }
        test_only = false;
    }
    code
}

/// Expands the path or group that `rest` starts with: `a::{b, c::d}` into `a::b`, `a::c::d`.
/// Returns how many octets it was.
fn expand(rest: &str, prefix: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    let mut at = 0;
    loop {
        let tail = &rest[at..];
        let word =
            tail.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == '*').collect::<String>();
        if !word.is_empty() {
            path.push(word.clone());
            at += word.len();
            if let Some(after) = rest[at..].strip_prefix("::") {
                at = rest.len() - after.len();
                continue;
            }
        } else if tail.starts_with('{') {
            at += 1;
            loop {
                at += rest[at..].len() - rest[at..].trim_start_matches([' ', '\n', ',']).len();
                if rest[at..].starts_with('}') || at >= rest.len() {
                    return at + 1;
                }
                let used = expand(&rest[at..], &path, found);
                assert!(used > 0, "a group that this test cannot read: {}", &rest[..rest.len().min(60)]);
                at += used;
                // `x as y`
                if let Some(alias) = rest[at..].strip_prefix(" as ") {
                    let name = alias.chars().take_while(|c| c.is_alphanumeric() || *c == '_').count();
                    at += 4 + name;
                }
            }
        }
        found.push(path);
        return at;
    }
}

/// The crate's items that a file names, each as its path from the root of the crate.
fn used(file: &Path, root: &Path) -> BTreeSet<Vec<String>> {
    let text = code(file);
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let before = text[..at].chars().next_back().unwrap_or(' ');
        if before.is_alphanumeric() || before == '_' || before == '$' {
            continue;
        }
        expand(&text[at + "crate::".len()..], &[], &mut found);
    }
    let inside = file.strip_prefix(root).unwrap().with_extension("");
    let mut module: Vec<String> = inside.iter().map(|p| p.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|m| m == "mod") {
        module.pop();
    }
    for (at, _) in text.match_indices("super::") {
        if text[..at].ends_with("super::") {
            continue;
        }
        let climbing = text[at..].split("super::").take_while(|part| part.is_empty()).count();
        let base = module.get(..module.len().saturating_sub(climbing)).unwrap_or_default();
        expand(&text[at + "super::".len() * climbing..], base, &mut found);
    }
    found.into_iter().filter(|path| path.first().is_some_and(|l| LAYERS.contains(&l.as_str()))).collect()
}

fn allowed(from: &str, path: &[String]) -> bool {
    let to = path[0].as_str();
    let item = path.get(1).map_or("", String::as_str);
    from == to
        || TABLE.iter().any(|may| {
            may.from == from
                && may.to == to
                && (may.only.is_empty() || may.only.contains(&item))
                && !may.except.contains(&item)
        })
}

#[test]
fn layers_import_downward_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut files, mut broken, mut edges) = (Vec::new(), Vec::new(), 0);
    sources(&root, &mut files);
    for file in &files {
        let inside = file.strip_prefix(&root).unwrap();
        let layer = inside.iter().next().unwrap().to_string_lossy().into_owned();
        let is_test = inside.iter().any(|part| {
            part.to_str().is_some_and(|p| p == "tests" || p == "tests.rs" || p.ends_with("_tests.rs"))
        });
        if layer == "lib.rs" || layer == "main.rs" || is_test || is_test_module(file) {
            continue;
        }
        assert!(LAYERS.contains(&layer.as_str()), "{}: no layer of the table", inside.display());
        for path in used(file, &root) {
            edges += 1;
            if !allowed(&layer, &path) {
                broken.push(format!("  src/{}: {layer} must not use {}", inside.display(), path.join("::")));
            }
        }
    }
    assert!(edges > 100, "only {edges} imports found: this test does not read the sources any more");
    assert!(
        broken.is_empty(),
        "layers import upward (the table is in tests/layers.rs):\n{}",
        broken.join("\n")
    );
}

/// Its parent declares it under `#[cfg(test)]`.
fn is_test_module(file: &Path) -> bool {
    let name = file.file_stem().unwrap().to_string_lossy().into_owned();
    let parent = file.parent().unwrap();
    let outer = parent.with_extension("rs");
    [parent.join("mod.rs"), outer].iter().filter_map(|f| fs::read_to_string(f).ok()).any(|text| {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        lines.windows(2).any(|pair| pair[0] == "#[cfg(test)]" && pair[1].ends_with(&format!("mod {name};")))
    })
}

#[test]
fn the_reader_of_imports_can_fail() {
    let mut found = Vec::new();
    expand("view::{Style, table::{Table, Row as R}}, more", &[], &mut found);
    let found: Vec<String> = found.iter().map(|p| p.join("::")).collect();
    assert_eq!(found, ["view::Style", "view::table::Table", "view::table::Row"]);
    let path = |text: &str| text.split("::").map(str::to_owned).collect::<Vec<_>>();
    let cases = [
        ("track", "view::Style", false),
        ("track", "decode::Record", true),
        ("decode", "track::Event", false),
        ("view", "decode::Decoder", false),
        ("view", "decode::TcpOptions", true),
        ("report", "source::Interface", true),
        ("report", "source::CaptureFile", false),
        ("model", "source::Packet", false),
        ("cli", "apps::chat", true),
        ("apps", "cli::main", false),
    ];
    for (from, to, fine) in cases {
        assert_eq!(allowed(from, &path(to)), fine, "{from} → {to}");
    }
}
