//! Live captures on the real loopback interface. They need the right to capture; without
//! it each test says that it was skipped. Continuous integration runs as root.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_synfin");

/// May this process capture? Asked of the program itself.
fn may_capture(test: &str) -> bool {
    let tried = Command::new(PROGRAM).args(["capture", "-i", "lo", "--for", "1ms", "-q"]).output().unwrap();
    let fine = tried.status.success();
    if !fine {
        let said = String::from_utf8_lossy(&tried.stderr);
        println!("{test}: skipped, this user may not capture on lo: {}", said.lines().next().unwrap_or(""));
    }
    fine
}

/// A capture that has opened its interface.
struct Capture {
    child: Child,
    errors: BufReader<std::process::ChildStderr>,
}

impl Capture {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["capture", "-i", "lo"])
            .args(args)
            .env("COLUMNS", "120")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        errors.read_line(&mut line).unwrap();
        assert!(line.contains("capturing on lo"), "{line}");
        Self { child, errors }
    }

    fn interrupt(&self) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), Signal::SIGINT).unwrap();
    }

    /// Exit status, tables, diagnostics.
    fn end(mut self) -> (ExitStatus, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.errors.read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap(), out, err)
    }
}

/// A connection with five octets each way; the client closes first.
fn converse(listener: &TcpListener) {
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let mut five = [0; 5];
    client.write_all(b"hello").unwrap();
    server.read_exact(&mut five).unwrap();
    server.write_all(&five).unwrap();
    client.read_exact(&mut five).unwrap();
    drop(client);
    assert_eq!(server.read(&mut five).unwrap(), 0);
}

#[test]
fn a_connection_is_seen_as_it_happens() {
    if !may_capture("a connection") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    // Three to open, two with data and their acknowledgments, and the client's FIN: whatever
    // the kernel joins, the first six are there.
    let capture = Capture::start(&["-c", "6", "tcp", "port", &port]);
    converse(&listener);
    let (status, out, err) = capture.end();
    assert_eq!(status.code(), Some(0), "{err}");
    for word in ["Handshake of tcp:0", "SYN-RECEIVED", "ESTABLISHED", "Opened in three steps", &port] {
        assert!(out.contains(word), "no {word} in\n{out}");
    }
    assert!(err.contains("0 dropped by the kernel"), "{err}");
}

#[test]
fn ctrl_c_ends_with_tables_and_a_whole_file() {
    if !may_capture("Ctrl-C") {
        return;
    }
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let file = folder.path().join("saved.pcapng");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mut capture = Capture::start(&["-w", file.to_str().unwrap(), "tcp", "port", &port]);
    converse(&listener);
    // The events on standard output tell that the packets have arrived.
    let mut out = BufReader::new(capture.child.stdout.take().unwrap());
    let mut seen = String::new();
    while !seen.contains("FIN") && !seen.contains("fin") && !seen.contains("close") {
        assert!(out.read_line(&mut seen).unwrap() > 0, "the capture ended by itself:\n{seen}");
    }
    capture.interrupt();
    out.read_to_string(&mut seen).unwrap();
    let mut err = String::new();
    capture.errors.read_to_string(&mut err).unwrap();
    assert_eq!(capture.child.wait().unwrap().code(), Some(0), "{err}");
    assert!(seen.contains("Teardown of tcp:0"), "{seen}");
    assert!(err.contains("saved to") && err.contains("0 dropped by the kernel"), "{err}");

    let replayed = Command::new(PROGRAM).arg("replay").arg(&file).output().unwrap();
    let text = String::from_utf8_lossy(&replayed.stdout);
    assert_eq!(replayed.status.code(), Some(0));
    assert!(text.contains("Opened in three steps"), "{text}");
}

#[test]
fn datagrams_and_a_time_limit() {
    if !may_capture("a time limit") {
        return;
    }
    let (a, b) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let port = b.local_addr().unwrap().port().to_string();
    let capture = Capture::start(&["--for", "300ms", "udp", "port", &port]);
    for _ in 0..3 {
        a.send_to(b"hello", b.local_addr().unwrap()).unwrap();
    }
    let (status, out, err) = capture.end();
    assert_eq!(status.code(), Some(0), "{err}");
    assert!(out.contains("udp:0") && out.contains("3 UDP datagrams"), "{out}");
}

#[test]
fn faults_of_a_live_capture_are_status_1() {
    if !may_capture("faults") {
        return;
    }
    let cases: [(&[&str], &str); 3] = [
        (&["-i", "no-such0"], "no interface no-such0"),
        (&["-i", "lo", "tcp", "prot", "80"], "filter"),
        (&["-i", "lo", "-w", "/no/such/folder/x.pcap"], "/no/such/folder/x.pcap"),
    ];
    for (args, word) in cases {
        let run = Command::new(PROGRAM).arg("capture").args(args).output().unwrap();
        let err = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(1), "{args:?}: {err}");
        assert!(err.contains(word), "{args:?}: {err}");
        assert_eq!(run.stdout, b"", "{args:?}");
    }
}

#[test]
fn without_the_right_the_way_to_it_is_said() {
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // A copy has no capabilities, wherever the program came from.
    let program = folder.path().join("synfin");
    fs::copy(PROGRAM, &program).unwrap();
    let mut command = if nix::unistd::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]).arg(&program);
        command
    } else {
        Command::new(&program)
    };
    let run = match command.args(["capture", "-i", "lo", "tcp", "port", "80"]).output() {
        Ok(run) => run,
        Err(e) => return println!("no right: skipped, root needs setpriv to give it up: {e}"),
    };
    let err = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(1), "{err}");
    assert_eq!(run.stdout, b"");
    let setcap = format!("sudo setcap cap_net_raw+ep {}", program.display());
    for line in ["sudo synfin capture -i lo tcp port 80", &setcap] {
        assert!(err.lines().any(|l| l.trim() == line), "no line '{line}' in:\n{err}");
    }
}
