//! Strangers' text through every view and format of the program: names of files and
//! interfaces, comments, payloads, scripts, labs. Which views, formats and panes there are,
//! the program says itself, so a new one is in this table from its first day.

#[path = "common/evil.rs"]
mod evil;
#[path = "common/tmux.rs"]
mod tmux;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use evil::{EVIL, NAME, commands};
use synfin::source::{CaptureFile, PacketSource};
use tempfile::TempDir;
use tmux::Tmux;

const PROGRAM: &str = env!("CARGO_BIN_EXE_synfin");

/// Nothing in `octets` commands the program that shows `format`.
fn harmless(what: &str, format: &str, octets: &[u8]) {
    let text = std::str::from_utf8(octets).unwrap_or_else(|e| panic!("{what}: no UTF-8: {e}"));
    // RFC 4180 ends lines with both.
    let text = &if format == "csv" { text.replace("\r\n", "\n") } else { text.to_owned() };
    for line in text.split('\n') {
        assert!(!line.contains(commands), "{what}: {line:?}");
    }
    if ["html", "svg", "markdown"].contains(&format) {
        for tag in ["<script>alert", "<img"] {
            assert!(!text.contains(tag), "{what}: {tag}");
        }
        assert!(format == "markdown" || !text.contains("onload=\"alert"), "{what}");
        assert!(text.matches("<script").count() <= 1, "{what}");
    }
    match format {
        "json" if !text.is_empty() => drop(serde_json::from_str::<serde_json::Value>(text).unwrap()),
        "ndjson" => text.lines().for_each(|l| drop(serde_json::from_str::<serde_json::Value>(l).unwrap())),
        "csv" => cells(text).iter().for_each(|cell| {
            let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<f64>().is_err();
            assert!(!formula, "{what}: the cell {cell:?} is a formula");
        }),
        _ => {}
    }
}

/// The cells of a table as a spreadsheet reads it.
fn cells(text: &str) -> Vec<String> {
    let (mut all, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' | '\n' if !quoted => all.push(std::mem::take(&mut cell)),
            _ => cell.push(c),
        }
    }
    all
}

fn synfin(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.current_dir(directory).env("COLUMNS", "100").args(arguments);
    command.output().unwrap()
}

/// Runs it and sees that neither stream harms; what it wrote on standard output.
fn run(directory: &Path, format: &str, arguments: &[&str]) -> String {
    let out = synfin(directory, arguments);
    let what = format!("{arguments:?}");
    assert!(out.status.code().is_some_and(|code| code < 2), "{what}: {out:?}");
    harmless(&what, format, &out.stdout);
    harmless(&what, "text", &out.stderr);
    String::from_utf8(out.stdout).unwrap()
}

/// The values that an option may have.
fn values(command: &str, option: &str) -> Vec<String> {
    let out = synfin(Path::new("."), &[command, "x", option, "?"]);
    let said = String::from_utf8(out.stderr).unwrap();
    let (_, list) = said.split_once("[possible values: ").unwrap_or_else(|| panic!("{said}"));
    let list: String = list.split(']').next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    list.split(", ").map(str::to_owned).collect()
}

fn block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let length = (12 + body.len().next_multiple_of(4)) as u32;
    out.extend(kind.to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend(body);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend(length.to_le_bytes());
}

fn option(out: &mut Vec<u8>, code: u16, text: &str) {
    out.extend(code.to_le_bytes());
    out.extend((text.len() as u16).to_le_bytes());
    out.extend(text.as_bytes());
    out.resize(out.len().next_multiple_of(4), 0);
}

/// A capture with strangers' text wherever pcapng has room for some, and in the payloads.
fn evil_capture(directory: &Path) -> Vec<u8> {
    let base = directory.join("base.pcap");
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let scripts: Vec<_> = ["retransmission.pkt", "udp-basic.pkt", "udp-unreachable.pkt"]
        .iter()
        .map(|name| captures.join(name).to_str().unwrap().to_owned())
        .collect();
    let words =
        [&["replay"], &scripts.iter().map(String::as_str).collect::<Vec<_>>()[..], &["-w", "base.pcap"]];
    assert!(synfin(directory, &words.concat()).status.success());
    let mut out = Vec::new();
    let mut body = vec![0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255];
    (1..5).for_each(|code| option(&mut body, code, EVIL));
    block(&mut out, 0x0a0d_0d0a, &body);
    let mut source = CaptureFile::open(&base).unwrap();
    let mut described = false;
    while let Some(packet) = source.next_packet().unwrap() {
        if !described {
            let mut body = u32::from(packet.link.0).to_le_bytes().to_vec();
            body.extend([0; 4]);
            [1, 2, 3, 12, 15].into_iter().for_each(|code| option(&mut body, code, EVIL));
            block(&mut out, 1, &body);
            described = true;
        }
        let mut data = packet.data.to_vec();
        // Behind the longest headers that these frames have.
        data.iter_mut().skip(94).zip(EVIL.bytes().cycle()).for_each(|(octet, evil)| *octet = evil);
        let micros = (packet.ts.nanos() / 1000) as u64;
        let mut body = vec![0; 4];
        for word in [(micros >> 32) as u32, micros as u32, data.len() as u32, packet.orig_len] {
            body.extend(word.to_le_bytes());
        }
        body.extend(&data);
        body.resize(body.len().next_multiple_of(4), 0);
        option(&mut body, 1, EVIL);
        block(&mut out, 6, &body);
    }
    // Names for addresses.
    let mut body = vec![1, 0];
    body.extend((4 + EVIL.len() as u16 + 1).to_le_bytes());
    body.extend([10, 0, 0, 1]);
    body.extend(EVIL.as_bytes());
    body.push(0);
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend([0; 4]);
    block(&mut out, 4, &body);
    out
}

#[test]
fn no_view_of_a_capture_obeys_it() {
    let folder = TempDir::new().unwrap();
    let octets = evil_capture(folder.path());
    fs::write(folder.path().join(NAME), &octets).unwrap();
    let cut = format!("cut {NAME}");
    fs::write(folder.path().join(&cut), &octets[..octets.len() - 99]).unwrap();
    let (views, formats) = (values("replay", "--view"), values("replay", "--format"));
    assert!(views.len() >= 11 && formats.len() >= 8, "{views:?} {formats:?}");
    let mut spoke = 0;
    for file in [NAME, &cut] {
        for format in &formats {
            spoke +=
                usize::from(!run(folder.path(), format, &["replay", file, "--format", format]).is_empty());
            for view in &views {
                let words = ["replay", file, "--format", format, "--view", view, "--packet", "4"];
                spoke += usize::from(!run(folder.path(), format, &words).is_empty());
            }
        }
    }
    // Few combinations have nothing to say; that all were silent would prove nothing.
    assert!(spoke > views.len() * formats.len(), "{spoke}");
    // What xplot wrote beside them, and what is saved with our own comments.
    for entry in fs::read_dir(folder.path()).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if name.ends_with("xpl") || name.ends_with("xplot") {
            harmless(&name, "text", name.as_bytes());
            harmless(&name, "text", &fs::read(entry.path()).unwrap());
        }
    }
    let saved = format!("{NAME}.saved.pcapng");
    run(folder.path(), "text", &["replay", NAME, "-w", &saved]);
    run(folder.path(), "text", &["replay", &saved]);
    let html = run(folder.path(), "html", &["replay", NAME, "--format", "html"]);
    assert!(html.contains("\\u{1b}[2J") || html.contains("\\u{1b}"), "the name is shown, spelled out");
}

/// Nothing commands the terminal but what the browser is made of: where the cursor is, colours,
/// what is erased, modes.
fn only_draws(what: &str, raw: &[u8]) {
    let text = String::from_utf8_lossy(raw);
    let mut rest = text.as_ref();
    while let Some(at) = rest.find(|c| commands(c) && c != '\r' && c != '\n') {
        let (before, command) = rest.split_at(at);
        let sequence = command.strip_prefix("\x1b[").unwrap_or_else(|| {
            let tail = before.char_indices().rev().nth(80).map_or(before, |(i, _)| &before[i..]);
            panic!("{what}: behind {tail:?} comes {:?}", command.chars().take(20).collect::<String>())
        });
        let end = sequence.find(|c: char| !matches!(c, '0'..='?')).unwrap_or(sequence.len());
        // Cut off by the end of what was read.
        let Some(last) = sequence[end..].chars().next() else { return };
        assert!("ABCDGHJKXdhlmq".contains(last), "{what}: ESC [ {:?}", &sequence[..=end]);
        rest = &sequence[end + 1..];
    }
}

#[test]
fn no_pane_of_the_browser_obeys_a_stranger() {
    let Some(tmux) = Tmux::start("strangers") else { return };
    let folder = TempDir::new().unwrap();
    let octets = evil_capture(folder.path());
    let (whole, cut) = (folder.path().join(NAME), folder.path().join(format!("cut {NAME}")));
    fs::write(&whole, &octets).unwrap();
    fs::write(&cut, &octets[..octets.len() - 99]).unwrap();
    for (name, file) in [("whole", &whole), ("cut", &cut)] {
        let raw = folder.path().join(format!("{name}.raw"));
        // It waits until each octet that it will write is kept.
        let script = "read -r go; exec \"$0\" browse \"$1\"";
        tmux.run_program(name, &["sh", "-c", script, PROGRAM, file.to_str().unwrap()]);
        let keep = format!("cat > '{}'", raw.display());
        assert!(tmux.tmux(&["pipe-pane", "-t", name, &keep]).0);
        tmux.keys(name, &["Enter"]);
        tmux.sees(name, "the connections", |s| s.contains("● 1 ") && s.contains("tcp:0"));
        tmux.sees(name, "the name, spelled out", |s| s.contains("\\u{1b}[5i"));
        tmux.keys(name, &["?"]);
        let help = tmux.sees(name, "the keys", |s| s.contains("Keys"));
        let panes = help.split_once(", 1 to ").unwrap().1.split(' ').next().unwrap();
        tmux.keys(name, &["q"]);
        let panes: u32 = panes.parse().unwrap();
        assert!(panes >= 4, "{help}");
        // Every packet of every connection in every pane, alone and beside the others; every
        // graph; an end of each; and strangers' text typed, as it might be pasted.
        for pane in 1..=panes {
            let (number, title) = (pane.to_string(), format!("● {pane} "));
            let shown = |screen: &str| screen.contains(&title);
            for connection in 0..3 {
                tmux.keys(name, &["1", "g"]);
                (0..connection).for_each(|_| tmux.keys(name, &["j"]));
                tmux.keys(name, &[&number, "z"]);
                tmux.sees(name, "the pane alone", shown);
                tmux.keys(name, &["J", "J", "J", "J", "K", "e", "E", "C-f", "C-b", "G", "g", "t", "o", "z"]);
                tmux.sees(name, "the pane beside the others", shown);
            }
            for ask in ["/", "&"] {
                tmux.keys(name, &[ask]);
                tmux.keys(name, &["-l", "\u{202e}\u{200b}\u{feff}=1+1"]);
                tmux.sees(name, "what is typed", |s| s.contains("\\u{202e}\\u{200b}"));
                tmux.keys(name, &["Enter"]);
                tmux.sees(name, "what was found", |s| s.contains("not found") || s.contains("0 of "));
                tmux.keys(name, &[ask, "C-u", "Enter"]);
            }
            tmux.sees(name, "all again", |s| shown(s) && s.contains("connections"));
        }
        tmux.keys(name, &["q"]);
        tmux.ends(name);
        // What keeps the octets may be behind; the last that the program writes leaves the other screen.
        let whole = || Some(fs::read(&raw).unwrap()).filter(|o| o.windows(8).any(|w| w == b"\x1b[?1049l"));
        let octets = std::iter::repeat_with(whole).take(100_000).flatten().next().expect("the end of it");
        assert!(octets.len() > 10_000, "{} octets", octets.len());
        only_draws(name, &octets);
    }
}

#[test]
fn no_fault_quotes_a_stranger_raw() {
    let folder = TempDir::new().unwrap();
    let script = folder.path().join("evil.pkt");
    for text in [
        format!("tcp 10.0.0.1:1 > 10.0.0.2:2\n0 > {EVIL} 0:0(0)\n"),
        format!("# {EVIL}\n{EVIL}\n"),
        format!("tcp 10.0.0.1:1 > 10.0.0.2:2\n0 > S 0:0(0) # orig={EVIL}\nend {EVIL}\n"),
    ] {
        fs::write(&script, text).unwrap();
        run(folder.path(), "text", &["replay", "evil.pkt"]);
    }
    fs::write(folder.path().join("evil.toml"), format!("question = '''{EVIL}\n")).unwrap();
    fs::write(folder.path().join(NAME), b"no capture").unwrap();
    for words in [
        &["replay", NAME][..],
        &["replay", EVIL],
        &["replay", "evil.pkt", EVIL],
        &["replay", "evil.pkt", "-w", EVIL],
        &["capture", "-i", EVIL],
        &["capture", "-i", "lo", "-Z", EVIL],
        &["lab", "run", EVIL],
        &["lab", "run", "./evil.toml"],
        &["browse", EVIL],
        &["talk", "tcp", EVIL],
        &["serve", "echo", "--bind", EVIL],
    ] {
        let out = synfin(folder.path(), words);
        harmless(&format!("{words:?}"), "text", &out.stdout);
        // What clap quotes of the command line is the user's own.
        if out.status.code() != Some(2) {
            harmless(&format!("{words:?}"), "text", &out.stderr);
        }
    }
}

#[test]
fn no_lab_commands_the_terminal_of_who_runs_it() {
    let folder = TempDir::new().unwrap();
    let evil = serde_json::to_string(EVIL).unwrap();
    let lesson = format!(
        r#"
question = {evil}
lesson = {evil}
steps = '''
server socket s udp
server bind s 5000
client socket c udp
client bind c 40000
client sendto c server:5000 "a\x1b[2Jb"
settle
server recv s 20
'''
[[expect]]
claim = {evil}
check = "count client:udp == 1"
[[expect]]
claim = {evil}
check = "count client:udp == 9"
"#
    );
    fs::write(folder.path().join("evil.toml"), lesson).unwrap();
    for format in values("replay", "--format") {
        let words =
            ["lab", "run", "./evil.toml", "--view", "calls,connections,segments", "--format", &format];
        let out = synfin(folder.path(), &words);
        // The lab's own words stand around what the format makes.
        let ends = if format == "csv" { "csv" } else { "text" };
        harmless(&format!("{words:?}"), ends, &out.stdout);
        harmless(&format!("{words:?}"), "text", &out.stderr);
        println!("{format}: status {:?}, {} octets", out.status.code(), out.stdout.len());
    }
}

#[test]
fn no_interface_commands_the_terminal_of_who_lists_it() {
    let namespaces: &[&str] = match nix::unistd::geteuid().is_root() {
        true => &["--net"],
        false => &["--user", "--map-root-user", "--net"],
    };
    let evil = "\x1b[2J\u{202e}<b>";
    let script = "set -e; ip link add \"$EVIL\" type veth peer name vb; ip link set \"$EVIL\" up; ip link set vb up
        \"$PROGRAM\" interfaces; \"$PROGRAM\" capture -v -i \"$EVIL\" --for 200ms -w \"$FOLDER/$EVIL.pcapng\"
        \"$PROGRAM\" replay \"$FOLDER/$EVIL.pcapng\"; \"$PROGRAM\" replay \"$FOLDER/$EVIL.pcapng\" --format json
        \"$PROGRAM\" capture -i nope0 || true";
    let folder = TempDir::new().unwrap();
    let mut command = Command::new("unshare");
    command.args(namespaces).args(["sh", "-c", script]);
    command.env("EVIL", evil).env("PROGRAM", PROGRAM).env("FOLDER", folder.path());
    let out = match command.output() {
        Ok(out) if out.status.success() => out,
        other => return println!("SKIPPED: no network namespace with such an interface here: {other:?}"),
    };
    harmless("interfaces", "text", &out.stdout);
    harmless("capture", "text", &out.stderr);
    let said = String::from_utf8(out.stdout).unwrap();
    assert!(said.contains("\\u{1b}[2J"), "{said}");
}
