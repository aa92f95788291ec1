//! Saved packets carry what was found on them, for Wireshark to show.

use std::path::Path;
use std::process::Command;

#[test]
fn tshark_reads_the_verdicts() {
    let folder = tempfile::TempDir::new().unwrap();
    let saved = folder.path().join("noted.pcapng");
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/retransmission.pkt");
    let mut replay = assert_cmd::Command::new(env!("CARGO_BIN_EXE_synfin"));
    replay.arg("replay").arg(&capture).arg("-w").arg(&saved).assert().success();
    let octets = std::fs::read(&saved).unwrap();
    let noted = b"[timeout_retransmit]";
    assert_eq!(octets.windows(noted.len()).filter(|w| w == noted).count(), 2);

    let fields = ["-T", "fields", "-e", "frame.number", "-e", "frame.comment"];
    let Ok(tshark) = Command::new("tshark").arg("-r").arg(&saved).args(fields).output() else {
        eprintln!("skipped: tshark is not installed");
        return;
    };
    let text = String::from_utf8(tshark.stdout).unwrap();
    let with = |word: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains(word));
        lines.filter_map(|line| line.split('\t').next()).map(str::to_owned).collect()
    };
    assert_eq!(with("[opening]"), ["1"]);
    assert_eq!(with("[established]"), ["3"]);
    assert_eq!(with("[timeout_retransmit]"), ["7", "8"]);
}
