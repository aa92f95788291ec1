//! A confined process proves what it can no longer do. Confinement is for good, so each
//! case is this test program started again, with the case's name in its environment.

use std::env;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, chown, fchown};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::thread;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::kill;
use nix::unistd::{dup, execv, getppid};

use super::*;

const CASE: &str = "SYNFIN_TEST_CONFINE";
const DIRECTORY: &str = "SYNFIN_TEST_DIRECTORY";

fn somebody() -> Option<User> {
    let id = 65_534;
    geteuid().is_root().then(|| User { name: "nobody".into(), uid: id.into(), gid: id.into() })
}

/// Runs a case in a process of its own, in a fresh directory of the user it becomes.
fn run(case: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    if let Some(user) = somebody() {
        chown(directory.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
    }
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "cli::confine::tests::inside", "--nocapture"])
        .env(CASE, case)
        .env(DIRECTORY, directory.path())
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{case}:\n{text}");
    assert!(text.contains("case done"), "{case}:\n{text}");
    text
}

/// Does nothing in an ordinary test run.
#[test]
fn inside() {
    let (Ok(case), Some(directory)) = (env::var(CASE), env::var_os(DIRECTORY)) else { return };
    let directory = Path::new(&directory);
    match case.as_str() {
        "one file" => one_file(directory),
        "reading" => reading(directory),
        "rotating" => rotating(directory),
        "no room" => no_room(directory),
        "capture" => capture(),
        "renounce" => renounced(),
        other => panic!("no case {other}"),
    }
    println!("case done");
}

fn refused<T>(what: &str, result: Result<T, impl Into<std::io::Error>>) {
    let Err(error) = result.map_err(Into::into) else { panic!("{what} was not refused") };
    let errno = error.raw_os_error().map(Errno::from_raw);
    assert!(matches!(errno, Some(Errno::EPERM | Errno::EACCES)), "{what}: {error}");
}

fn nothing_but_files(held: &Held) {
    println!("{held}");
    refused("UDP socket", UdpSocket::bind("127.0.0.1:0"));
    refused("TCP socket", TcpStream::connect("127.0.0.1:1"));
    refused("local socket", UnixStream::connect("/run/none"));
    refused("spawn", Command::new("/bin/true").spawn());
    refused("exec", execv(c"/bin/true", &[c"true"]));
    refused("user namespace", unshare(CloneFlags::CLONE_NEWUSER));
    refused("network namespace", unshare(CloneFlags::CLONE_NEWNET));
    refused("mount", mount(None::<&str>, "/tmp", Some("tmpfs"), MsFlags::empty(), None::<&str>));
    refused("signal to the parent", kill(getppid(), None));
    refused("setuid", setuid(nix::unistd::ROOT));
    assert!(prctl::get_no_new_privs().unwrap());
    for set in [CapSet::Permitted, CapSet::Effective, CapSet::Inheritable, CapSet::Ambient] {
        assert_eq!(caps::read(None, set).unwrap(), CapsHashSet::new(), "{set:?}");
    }
    if somebody().is_some() {
        assert_eq!((geteuid().as_raw(), getegid().as_raw(), getgroups().unwrap().len()), (65_534, 65_534, 0));
        assert_eq!(held.stage("bounding set").unwrap().force, Force::Full);
    }
    // What a capture does need: threads, memory, clocks, pipes for signals.
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    let thread = thread::spawn(move || {
        theirs.write_all(&vec![1; 1_000_000]).unwrap();
        std::time::Instant::now()
    });
    let mut got = Vec::new();
    ours.read_to_end(&mut got).unwrap();
    thread.join().unwrap();
    assert_eq!(got.len(), 1_000_000);
}

fn one_file(directory: &Path) {
    let path = directory.join("out.pcap");
    let mut file = File::create(&path).unwrap();
    let (mut capture, mut wire) = UnixStream::pair().unwrap();
    let read_only = vec![capture.as_raw_fd()];
    let plan = Plan { user: somebody(), output: Some(path.clone()), read_only, ..Plan::default() };
    let held = confine(&plan).unwrap();
    nothing_but_files(&held);
    refused("read", File::open("/etc/passwd"));
    refused("read of the output", File::open(&path));
    refused("second file", File::create(directory.join("second")));
    refused("unlink", fs::remove_file(&path));
    refused("rename", fs::rename(&path, directory.join("other")));
    refused("chmod", fs::set_permissions(&path, fs::Permissions::from_mode(0o777)));
    refused("sending on the capture's socket", capture.write(b"frame"));
    refused("a second name for it", dup(&capture));
    refused("a third", capture.try_clone());
    wire.write_all(b"frame").unwrap();
    capture.read_exact(&mut [0; 5]).unwrap();
    file.write_all(b"packets").unwrap();
    file.sync_all().unwrap();
}

fn reading(directory: &Path) {
    let (counters, other) = (directory.join("counters"), directory.join("other"));
    fs::create_dir(&counters).unwrap();
    for path in [counters.join("drops"), other.clone()] {
        fs::write(&path, "7").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    }
    let files_to_read = vec![counters.clone(), directory.join("not there")];
    let held = confine(&Plan { user: somebody(), files_to_read, ..Plan::default() }).unwrap();
    nothing_but_files(&held);
    assert_eq!(fs::read_to_string(counters.join("drops")).unwrap(), "7");
    refused("write", File::options().write(true).open(counters.join("drops")));
    refused("truncate", File::options().read(true).write(true).truncate(true).open(counters.join("drops")));
    refused("creation", File::create(counters.join("new")));
    if held.stage("landlock").unwrap().force != Force::Not {
        refused("read of another file", File::open(&other));
    }
}

fn rotating(directory: &Path) {
    let path = directory.join("out.pcap");
    let _first = File::create(&path).unwrap();
    let plan = Plan { user: somebody(), output: Some(path), rotating: true, ..Plan::default() };
    let held = confine(&plan).unwrap();
    nothing_but_files(&held);
    let second = directory.join("out.pcap1");
    let mut file = File::create(&second).unwrap();
    file.write_all(b"packets").unwrap();
    fchown(&file, Some(geteuid().as_raw()), Some(getegid().as_raw())).unwrap();
    refused("giving it away", fchown(&file, Some(0), Some(0)));
    refused("set-user-ID", file.set_permissions(fs::Permissions::from_mode(0o4755)));
    for zone in ["/etc/localtime", "/usr/share/zoneinfo/Europe/Lisbon"] {
        assert!(!Path::new(zone).exists() || File::open(zone).is_ok(), "{zone}");
    }
    // -W begins again with the first: it is made anew.
    File::create(&second).unwrap();
    fs::remove_file(&second).unwrap();
    let landlock = held.stage("landlock").unwrap();
    if landlock.force == Force::Not {
        assert!(held.stage("seccomp").unwrap().held.contains("without Landlock"), "{held}");
    } else {
        refused("read", File::open("/etc/passwd"));
        refused("file elsewhere", File::create("/tmp/synfin-test-elsewhere"));
    }
}

fn no_room(directory: &Path) {
    if somebody().is_none() {
        return;
    }
    chown(directory, Some(0), Some(0)).unwrap();
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    let output = Some(directory.join("out.pcap"));
    let error = confine(&Plan { user: somebody(), output, rotating: true, ..Plan::default() }).unwrap_err();
    assert!(error.to_string().contains("nobody may not make files in"), "{error}");
}

/// What the whole thing is for: packets still come, and are counted.
fn capture() {
    let Ok(mut capture) =
        pcap::Capture::from_device("lo").and_then(|c| c.promisc(true).immediate_mode(true).open())
    else {
        return println!("no privilege to capture");
    };
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    socket.connect(("127.0.0.1", port)).unwrap();
    capture.filter(&format!("udp port {port}"), true).unwrap();
    let plan = Plan {
        user: somebody(),
        files_to_read: interface_statistics("lo").into_iter().collect(),
        read_only: vec![capture.as_raw_fd()],
        ..Plan::default()
    };
    nothing_but_files(&confine(&plan).unwrap());
    for _ in 0..100 {
        socket.send(b"still here").unwrap();
        assert!(capture.next_packet().unwrap().data.ends_with(b"still here"));
    }
    refused("injection", capture.sendpacket([0; 60]).map_err(|_| std::io::Error::from(Errno::EPERM)));
    let stats = capture.stats().unwrap();
    assert_eq!((stats.dropped, stats.if_dropped), (0, 0));
}

/// An ordinary user whose program has a capability, as setcap gives it.
fn renounced() {
    let Some(user) = somebody() else { return };
    let granted = CapsHashSet::from([caps::Capability::CAP_NET_RAW]);
    prctl::set_keepcaps(true).unwrap();
    setresuid(user.uid, user.uid, user.uid).unwrap();
    caps::set(None, CapSet::Permitted, &granted).unwrap();
    caps::set(None, CapSet::Effective, &granted).unwrap();
    assert!(pcap::Capture::from_device("lo").unwrap().open().is_ok());
    renounce().unwrap();
    assert_eq!(caps::read(None, CapSet::Permitted).unwrap(), CapsHashSet::new());
    assert!(pcap::Capture::from_device("lo").unwrap().open().is_err());
}

#[test]
fn a_command_that_opens_no_device_keeps_no_capability() {
    run("renounce");
}

#[test]
fn a_live_capture_goes_on() {
    run("capture");
}

#[test]
fn a_capture_to_one_file_can_do_nothing_else() {
    run("one file");
}

#[test]
fn what_is_planned_can_be_read_and_not_written() {
    run("reading");
}

#[test]
fn a_rotating_capture_makes_files_beside_its_first() {
    run("rotating");
}

#[test]
fn a_set_that_could_not_rotate_fails_at_once() {
    run("no room");
}
