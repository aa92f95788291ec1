//! The records of `--format ndjson` and their JSON Schema, docs/records.schema.json, say
//! the same: both are held against the types of `tests/schema/records.rs`.
//!
//! `SYNFIN_ACCEPT=1 cargo test --test schema` writes the schema anew.

#[path = "schema/line.rs"]
mod line;
#[path = "schema/rare.rs"]
mod rare;
#[path = "schema/records.rs"]
mod records;
#[path = "schema/words.rs"]
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use line::Record;

/// What no capture here shows: `definition.field`. The first fragment of a datagram has
/// 8 octets or more, and so all of a UDP header.
const NEVER_SHOWN: &[&str] = &["UdpCut.frag"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn schema() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Record>().to_value()
}

#[test]
fn the_schema_in_docs_is_that_of_the_records() {
    let file = root().join("docs/records.schema.json");
    let text = format!("{:#}\n", schema());
    if std::env::var_os("SYNFIN_ACCEPT").is_some_and(|v| v == "1") {
        fs::write(&file, &text).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == text, "docs/records.schema.json: SYNFIN_ACCEPT=1 writes it anew");
}

/// Every bundled capture and scenario.
fn captures() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = ["captures", "captures/labs", "tests/scenarios"]
        .iter()
        .flat_map(|folder| fs::read_dir(root().join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension().is_some_and(|e| ["pkt", "pcap", "pcapng", "gz"].iter().any(|x| e == *x))
        })
        .collect();
    found.sort();
    assert!(found.len() > 60, "only {} captures found", found.len());
    found
}

/// The records of a file held against their types; the fields they show.
fn check(file: &Path, shown: &mut BTreeSet<String>) {
    let name = file.strip_prefix(root()).unwrap_or(file).display();
    let out = Command::new(env!("CARGO_BIN_EXE_synfin"))
        .arg("replay")
        .arg(file)
        .args(["--format", "ndjson"])
        .output()
        .unwrap();
    assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(!text.is_empty(), "{name}: no records");
    assert!(!text.contains(&i64::MIN.to_string()), "{name}: a moment that is none");
    for (number, line) in text.lines().enumerate() {
        let definition =
            line::read(line).unwrap_or_else(|e| panic!("{name}: line {}: {e}\n{line}", number + 1));
        let record: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
        let dated = file.ends_with("timeless.pcapng") && record.contains_key("ts");
        assert!(!dated, "{name}: a time is made up\n{line}");
        shown.extend(record.keys().map(|key| format!("{definition}.{key}")));
        if let Some(quoted) = record.get("orig").and_then(Value::as_object) {
            shown.extend(quoted.keys().map(|key| format!("Quoted.{key}")));
        }
    }
}

#[test]
fn every_record_is_as_the_schema_says() {
    let mut shown = BTreeSet::new();
    for file in captures() {
        check(&file, &mut shown);
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, octets) in [("rare.pcap", rare::pcap()), ("timeless.pcapng", rare::timeless())] {
        let file = folder.path().join(name);
        fs::write(&file, octets).unwrap();
        check(&file, &mut shown);
    }
    // What the schema has and nothing shows is either rare or gone.
    let schema = schema();
    let described: BTreeSet<String> = schema["$defs"]
        .as_object()
        .unwrap()
        .iter()
        .filter_map(|(name, s)| Some((name, s.get("properties")?.as_object()?)))
        .flat_map(|(name, fields)| fields.keys().map(move |field| format!("{name}.{field}")))
        .collect();
    let never: Vec<&str> = described.difference(&shown).map(String::as_str).collect();
    assert_eq!(never, NEVER_SHOWN, "described and never shown");
}

#[test]
fn what_a_record_must_not_have_is_refused() {
    let good = r#"{"type":"event","frame":3,"ts":1,"protocol":"tcp","stream":0,"side":"orig","kind":"closed","confidence":"certain"}"#;
    assert_eq!(line::read(good).unwrap(), "Event");
    for (from, to) in [
        (r#""frame":3"#, r#""frame":-3"#),
        (r#""frame":3,"#, ""),
        (r#""frame":3"#, r#""frame":3,"color":1"#),
        (r#""frame":3"#, r#""frame":3,"frame":3"#),
        (r#""frame":3"#, r#""frame":3,"len":null"#),
        (r#""side":"orig""#, r#""side":"left""#),
        (r#""kind":"closed""#, r#""kind":"slept""#),
        (r#""type":"event""#, r#""type":"tcp""#),
        (r#""type":"event""#, r#""type":"events""#),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        assert!(line::read(&bad).is_err(), "{bad}");
    }
}

#[test]
fn no_format_makes_up_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("timeless.pcapng");
    fs::write(&file, rare::timeless()).unwrap();
    for (format, view) in
        [("json", None), ("csv", None), ("html", None), ("text", None), ("text", Some("explain"))]
    {
        let mut run = Command::new(env!("CARGO_BIN_EXE_synfin"));
        run.arg("replay").arg(&file).args(["--format", format]);
        run.args(view.map(|v| ["--view", v]).into_iter().flatten());
        let out = run.output().unwrap();
        assert!(out.status.success(), "{format}: {}", String::from_utf8_lossy(&out.stderr));
        let text = String::from_utf8(out.stdout).unwrap();
        // The least moment there is, as a number and as a date.
        for made_up in [&i64::MIN.to_string()[..16], "1677", "1970"] {
            assert!(!text.contains(made_up), "{format}: {made_up}\n{text}");
        }
        let told = match format {
            "json" => {
                let all: Value = serde_json::from_str(&text).unwrap();
                let streams = all["streams"].as_array().unwrap();
                assert!(streams.iter().all(|s| s["duration"].is_null() && s["first"].is_null()), "{text}");
                streams.len() >= 4
            }
            "csv" => text.lines().count() >= 5,
            "html" => text.contains("<dd>unknown</dd>"),
            _ => text.contains(if view.is_some() { "the capture does not tell" } else { ", ?" }),
        };
        assert!(told, "{format}: {text}");
    }
}
