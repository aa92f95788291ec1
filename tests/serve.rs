//! `synfin serve` and `synfin talk` as people run them.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use assert_cmd::cargo::cargo_bin;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use predicates::str::contains;

struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Program {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(cargo_bin("synfin"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output }
    }

    /// A server on a free port, and that port's address.
    fn serve(what: &str, extra: &[&str]) -> (Self, String) {
        let mut server = Self::start(&[&["serve", what, "--bind", "127.0.0.1:0"], extra].concat());
        let line = server.line();
        let at = line
            .split(' ')
            .find(|word| word.starts_with("127."))
            .unwrap_or_else(|| panic!("{line}"))
            .to_owned();
        (server, at)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn types(&mut self, text: &str) {
        self.input.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Exit status, the rest of the output, diagnostics.
    fn end(mut self) -> (Option<i32>, String, String) {
        drop(self.input.take());
        let (mut out, mut err) = (String::new(), String::new());
        self.output.read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code(), out, err)
    }
}

fn synfin(args: &[&str]) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(cargo_bin("synfin"));
    command.args(args);
    command
}

#[test]
fn a_chat_in_three_terminals() {
    let (server, at) = Program::serve("chat", &[]);
    let enter = |name: &str| {
        let mut talk = Program::start(&["talk", "tcp", &at]);
        assert_eq!(talk.line(), "* your name?");
        talk.types(&format!("{name}\n"));
        assert!(talk.line().starts_with(&format!("* hello {name}")));
        talk
    };
    let mut ann = enter("ann");
    let mut bob = enter("bob");
    assert_eq!(ann.line(), "* bob joined");
    ann.types("hello, \x1b[31mbob\n");
    assert_eq!(bob.line(), "ann: hello, \\u{1b}[31mbob");
    bob.types("exit\n");
    assert_eq!(bob.end(), (Some(0), "* goodbye\n".into(), String::new()));
    assert_eq!(ann.line(), "* bob left");
    server.signal(Signal::SIGINT);
    let (status, _, told) = server.end();
    assert_eq!(status, Some(0));
    assert!(told.contains("chat: 2 clients"), "{told}");
    let (status, heard, told) = ann.end();
    assert_eq!((status, heard.as_str()), (Some(0), "* the chat is over\n"));
    assert!(told.contains("the other side closed"), "{told}");
}

#[test]
fn each_signal_ends_a_server_cleanly() {
    for (what, signal) in [
        ("echo", Signal::SIGINT),
        ("discard", Signal::SIGTERM),
        ("chat", Signal::SIGHUP),
        ("udp-echo", Signal::SIGINT),
    ] {
        let (server, _) = Program::serve(what, &[]);
        server.signal(signal);
        assert_eq!(server.end().0, Some(0), "{what}");
    }
}

#[test]
fn echo_through_a_pipe() {
    let octets: Vec<u8> = (0..500_000u32).map(|i| (i * 7 % 256) as u8).collect();
    let (server, at) = Program::serve("echo", &["-v"]);
    synfin(&["talk", "tcp", &at, "--framing", "raw"])
        .write_stdin(octets.clone())
        .assert()
        .success()
        .stdout(octets);
    server.signal(Signal::SIGINT);
    let (_, _, calls) = server.end();
    for call in ["accept() = 127.0.0.1:", "recv(16384) = ", "send(", "shutdown(SHUT_WR)", "close()"] {
        assert!(calls.contains(call), "{call}: {calls}");
    }
}

#[test]
fn udp_echo_tells_what_it_lost() {
    let (server, at) = Program::serve("udp-echo", &["--buffer", "4"]);
    synfin(&["talk", "udp", &at]).write_stdin("Hello!\nHi!\n").assert().success().stdout("Hell\nHi!\n");
    server.signal(Signal::SIGINT);
    let (_, _, told) = server.end();
    assert!(told.contains("6 octets, 2 octets lost"), "{told}");
}

#[test]
fn faults_are_told_with_what_to_do() {
    let (server, at) = Program::serve("echo", &[]);
    synfin(&["serve", "echo", "--bind", &at])
        .assert()
        .code(1)
        .stderr(contains("\n  Another program holds port"));
    server.signal(Signal::SIGINT);
    server.end();
    synfin(&["talk", "tcp", &at]).assert().code(1).stderr(contains("\n  Nobody listens there"));
    synfin(&["talk", "udp", &at]).write_stdin("hi\n").assert().code(1).stderr(contains("port unreachable"));
    synfin(&["serve", "echo", "--bind", "192.0.2.1:1898"]).assert().code(1).stderr(contains("No interface"));
    synfin(&["serve", "echo", "--bind", "nonsense"]).assert().code(1).stderr(contains("is no ADDRESS:PORT"));
    synfin(&["serve", "nonsense"]).assert().code(2);
    synfin(&["talk", "tcp"]).assert().code(2);
}
