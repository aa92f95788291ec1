//! Real captures with `-w`: whatever ends them or stands in their way, nothing is lost in
//! silence. Each test runs itself again in network and mount namespaces of its own, as
//! root or, in a user namespace, as an ordinary user; where that cannot be, it says so.

mod disk;
mod ends;
mod load;
mod sets;
mod streams;
mod who;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::thread::{self, JoinHandle};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use synfin::source::{CaptureFile, PacketSource};
use tempfile::TempDir;

/// The program: another build of it where `SYNFIN_TEST_PROGRAM` names one.
static PROGRAM: LazyLock<String> = LazyLock::new(|| {
    std::env::var("SYNFIN_TEST_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_synfin").to_owned())
});

/// Set to the name of the test in the process that is inside.
const INSIDE: &str = "SYNFIN_TEST_INSIDE";

fn may(command: &str, arguments: &[&str]) -> Result<(), String> {
    match Command::new(command).args(arguments).output() {
        Ok(out) if out.status.success() => Ok(()),
        Ok(out) => Err(format!("{command}: {}", String::from_utf8_lossy(&out.stderr).trim())),
        Err(e) => Err(format!("{command}: {e}")),
    }
}

/// Runs `body` in namespaces of its own: the test's program once more, this test alone.
fn inside(test: &str, body: impl FnOnce()) {
    if std::env::var(INSIDE).is_ok_and(|name| name == test) {
        may("ip", &["link", "set", "lo", "up"]).unwrap();
        return body();
    }
    let namespaces: &[&str] = match nix::unistd::geteuid().is_root() {
        true => &["--net", "--mount"],
        false => &["--user", "--map-root-user", "--net", "--mount"],
    };
    let probe = [namespaces, &["ip", "link", "set", "lo", "up"]].concat();
    if let Err(why) = may("unshare", &probe) {
        return println!("{test}: SKIPPED, no namespaces here: {why}");
    }
    let itself = std::env::current_exe().unwrap();
    let run = Command::new("unshare")
        .args(namespaces)
        .arg(&itself)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(INSIDE, test)
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    print!("{said}");
    assert!(run.status.success() && said.contains("1 passed"), "{test}, inside: {said}");
}

fn ip(arguments: &str) {
    may("ip", &arguments.split(' ').collect::<Vec<_>>()).unwrap();
}

/// A directory that everybody may use.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    folder
}

/// A capture that has opened its interface.
struct Capture {
    child: Child,
    errors: BufReader<ChildStderr>,
    tables: JoinHandle<String>,
    said: String,
}

impl Capture {
    /// `synfin capture` with these arguments, of the test's datagrams.
    fn start(arguments: &[&str]) -> Self {
        Self::start_by(Command::new(&*PROGRAM), arguments)
    }

    /// The same, started by another program: `prlimit … synfin`.
    fn start_by(command: Command, arguments: &[&str]) -> Self {
        Self::begin(command, arguments, "capturing on")
    }

    /// The same, that has said this much: it may not have come to capturing yet.
    fn start_until(words: &str, arguments: &[&str]) -> Self {
        Self::begin(Command::new(&*PROGRAM), arguments, words)
    }

    fn begin(mut command: Command, arguments: &[&str], words: &str) -> Self {
        command.arg("capture").args(arguments).args(["udp", "port", "7777"]).env("COLUMNS", "120");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let tables = thread::spawn(move || {
            let mut octets = Vec::new();
            stdout.read_to_end(&mut octets).unwrap();
            String::from_utf8_lossy(&octets).into_owned()
        });
        let errors = BufReader::new(child.stderr.take().unwrap());
        let mut capture = Self { child, errors, tables, said: String::new() };
        capture.hear(words);
        capture
    }

    /// Reads its diagnostics until it has said this.
    fn hear(&mut self, words: &str) {
        while !self.said.contains(words) {
            let more = self.errors.read_line(&mut self.said).unwrap();
            assert!(more > 0, "it ended without '{words}': {}", self.said);
        }
    }

    fn id(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    fn signal(&self, signal: Signal) {
        kill(self.id(), signal).unwrap();
    }

    /// Exit status, tables, diagnostics.
    fn end(mut self) -> (ExitStatus, String, String) {
        self.errors.read_to_string(&mut self.said).unwrap();
        (self.child.wait().unwrap(), self.tables.join().unwrap(), self.said)
    }
}

/// Sends numbered datagrams of `size` octets to port 7777 of `to`.
struct Sender {
    socket: UdpSocket,
    /// Takes them, so that nobody answers that the port is closed.
    _taker: Option<UdpSocket>,
    to: String,
    size: usize,
    next: u32,
}

impl Sender {
    fn new(to: &str, size: usize) -> Self {
        let taker = UdpSocket::bind(format!("{to}:7777")).ok();
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        Self { socket, _taker: taker, to: format!("{to}:7777"), size, next: 0 }
    }

    fn send(&mut self, count: u32) {
        for _ in 0..count {
            let mut data = vec![0x2e; self.size.max(4)];
            data[..4].copy_from_slice(&self.next.to_be_bytes());
            self.socket.send_to(&data, &self.to).unwrap();
            self.next += 1;
        }
    }
}

/// The numbers of the datagrams in a capture, and what was wrong with it.
fn saved(path: &Path) -> (Vec<u32>, Option<String>) {
    let mut numbers = Vec::new();
    let mut file = match CaptureFile::open(path) {
        Ok(file) => file,
        Err(e) => return (numbers, Some(e.to_string())),
    };
    loop {
        match file.next_packet() {
            Ok(Some(packet)) => numbers.push(number(packet.data)),
            Ok(None) => return (numbers, None),
            Err(e) => return (numbers, Some(e.to_string())),
        }
    }
}

/// The number in a frame: behind Ethernet, IPv4 and UDP.
fn number(frame: &[u8]) -> u32 {
    u32::from_be_bytes(frame[42..46].try_into().unwrap())
}

/// The numbers from 0, none missing and none twice.
fn in_order(numbers: &[u32]) -> bool {
    numbers.iter().copied().eq(0..u32::try_from(numbers.len()).unwrap())
}

/// The files of a directory and their sizes, by name.
fn listing(directory: &Path) -> Vec<(String, u64)> {
    let mut all: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .flatten()
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.metadata().unwrap().len()))
        .collect();
    all.sort();
    all
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn join(folder: &TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

/// tcpdump with these arguments, listening; `None`, and why, where it cannot be.
fn tcpdump(on: &str, arguments: &[&str], filter: &str) -> Option<(Child, BufReader<ChildStderr>)> {
    let mut child = Command::new("tcpdump")
        .args(["-i", on, "-n", "-Z", "root", "--time-stamp-precision=nano"])
        .args(arguments)
        .args(filter.split(' '))
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| println!("SKIPPED, the comparison with tcpdump: {e}"))
        .ok()?;
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("listening on") {
        if errors.read_line(&mut said).unwrap() == 0 {
            println!("SKIPPED, the comparison with tcpdump: {said}");
            return None;
        }
    }
    Some((child, errors))
}
