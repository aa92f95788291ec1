//! Capturing under load: many connections, a flood, and a capture that cannot keep up.
//! Small by default; the runs recorded in docs/security.md set
//! `SYNFIN_LOAD_CONNECTIONS=1000000` and `SYNFIN_LOAD_SECONDS=600`, and
//! `SYNFIN_TEST_PROGRAM=target/release/synfin`.
//!
//! Frames are put on a link of the test's own by a packet socket, and captured where they
//! leave: the kernel counts each one that was sent, and none gets lost on the way.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, bind, socket};

use super::*;

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |v| v.parse().unwrap_or_else(|_| panic!("{name}={v}: not a number")))
}

/// The sending end of a link that leads nowhere.
struct Wire(OwnedFd);

impl Wire {
    fn new() -> Self {
        ip("link add va type veth peer name vb");
        for end in ["va", "vb"] {
            // Nothing of the kernel's own is to be counted with the frames.
            fs::write(format!("/proc/sys/net/ipv6/conf/{end}/disable_ipv6"), "1").unwrap();
            ip(&format!("link set {end} up"));
        }
        let all = nix::ifaddrs::getifaddrs().unwrap();
        let mut links = all.filter(|i| i.interface_name == "va");
        let link = links.find_map(|i| i.address?.as_link_addr().copied()).unwrap();
        let fd = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None).unwrap();
        bind(fd.as_raw_fd(), &link).unwrap();
        Self(fd)
    }

    fn send(&self, frame: &[u8]) {
        while let Err(e) = nix::unistd::write(&self.0, frame) {
            // The link's queue is full for a moment.
            assert_eq!(e, nix::errno::Errno::ENOBUFS);
            let _ = poll(&mut [PollFd::new(self.0.as_fd(), PollFlags::POLLOUT)], PollTimeout::from(1_u8));
        }
    }
}

/// An Ethernet, IPv4, TCP frame of connection `n` with its checksums left out.
fn frame(n: u32, reply: bool, flags: u8, seq: u32, ack: u32, payload: usize) -> Vec<u8> {
    let [_, a, b, c] = n.to_be_bytes();
    let (client, server) = ([10, a, b, c], [192, 0, 2, 1]);
    let client_port = (1024 + (n >> 24) as u16 + (n % 60_000) as u16).to_be_bytes();
    let mut out = vec![2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8, 8, 0, 0x45, 0];
    out.extend((40 + payload as u16).to_be_bytes());
    out.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    let (ends, ports) = match reply {
        false => ([client, server], [client_port, 80u16.to_be_bytes()]),
        true => ([server, client], [80u16.to_be_bytes(), client_port]),
    };
    out.extend(ends.concat());
    out.extend(ports.concat());
    out.extend(seq.to_be_bytes());
    out.extend(ack.to_be_bytes());
    out.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    out.resize(out.len() + payload, 0x2e);
    out
}

/// The frames of one connection: three to open, data and its acknowledgment, three to close.
fn connection(n: u32) -> [Vec<u8>; 8] {
    const FIN: u8 = 1;
    const SYN: u8 = 2;
    const PUSH: u8 = 8;
    const ACK: u8 = 16;
    [
        frame(n, false, SYN, 100, 0, 0),
        frame(n, true, SYN | ACK, 900, 101, 0),
        frame(n, false, ACK, 101, 901, 0),
        frame(n, false, PUSH | ACK, 101, 901, 64),
        frame(n, true, ACK, 901, 165, 0),
        frame(n, false, FIN | ACK, 165, 901, 0),
        frame(n, true, FIN | ACK, 901, 166, 0),
        frame(n, false, ACK, 166, 902, 0),
    ]
}

/// A quiet capture on `va`, ready.
fn capture(arguments: &[&str]) -> (Child, BufReader<ChildStderr>) {
    let mut child = Command::new(&*PROGRAM)
        .args(["capture", "-q", "-v", "-i", "va"])
        .args(arguments)
        .arg("tcp")
        .env("COLUMNS", "120")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("\nseccomp") {
        assert!(errors.read_line(&mut said).unwrap() > 0, "{said}");
    }
    (child, errors)
}

/// What a capture told at its end.
#[derive(Debug)]
struct Told {
    captured: u64,
    passed: u64,
    dropped: u64,
    tables: String,
    said: String,
}

fn id(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap())
}

fn stop(child: Child, mut errors: impl Read) -> Told {
    kill(id(&child), Signal::SIGINT).unwrap();
    let out = child.wait_with_output().unwrap();
    let mut said = String::new();
    errors.read_to_string(&mut said).unwrap();
    assert_eq!(out.status.code(), Some(0), "{said}");
    let number = |word: &str| {
        let before = said.split_once(word).unwrap_or_else(|| panic!("no '{word}' in {said}")).0;
        let digits = before.rsplit([' ', '\n']).next().unwrap();
        digits.parse().unwrap_or_else(|_| panic!("'{digits}' before '{word}'"))
    };
    Told {
        captured: number(" packets captured"),
        passed: number(" passed the filter"),
        dropped: number(" dropped by the kernel"),
        // Without the commas between thousands.
        tables: String::from_utf8_lossy(&out.stdout).replace(',', ""),
        said: said.clone(),
    }
}

/// Resident memory in KiB.
fn memory(id: Pid) -> u64 {
    let text = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn what_the_kernel_dropped_is_told_to_the_packet() {
    inside("load::what_the_kernel_dropped_is_told_to_the_packet", || {
        let wire = Wire::new();
        let folder = folder();
        let path = join(&folder, "a.pcapng");
        let (child, errors) = capture(&["-B", "256", "-w", text(&path)]);
        let other = join(&folder, "tcpdump.pcap");
        let beside = tcpdump("va", &["-B", "256", "-w", text(&other)], "tcp");
        let both: Vec<Pid> =
            [Some(&child), beside.as_ref().map(|(child, _)| child)].into_iter().flatten().map(id).collect();
        // Nobody empties the kernel's buffers meanwhile.
        both.iter().for_each(|id| kill(*id, Signal::SIGSTOP).unwrap());
        let sent = 20_000;
        (0..sent).for_each(|n| wire.send(&frame(n, false, 2, 1, 0, 0)));
        both.iter().for_each(|id| kill(*id, Signal::SIGCONT).unwrap());
        let told = stop(child, errors);
        if let Some((mut child, mut errors)) = beside {
            kill(id(&child), Signal::SIGINT).unwrap();
            let mut said = String::new();
            errors.read_to_string(&mut said).unwrap();
            assert!(child.wait().unwrap().success(), "{said}");
            let number = |word: &str| -> u64 {
                let line = said.lines().find(|line| line.contains(word)).unwrap_or_else(|| panic!("{said}"));
                line.split(' ').next().unwrap().parse().unwrap()
            };
            let (passed, dropped) = (number("received by filter"), number("dropped by kernel"));
            println!(
                "tcpdump beside it: {passed} passed, {dropped} dropped; synfin: {} and {}",
                told.passed, told.dropped
            );
            assert_eq!(passed, told.passed, "{said}");
            // Its kernel buffer is as large; only where its blocks end is its own affair.
            assert!(dropped > 0 && dropped.abs_diff(told.dropped) <= u64::from(sent) / 5, "{said} {told:?}");
        }
        assert!(told.dropped > 0, "{told:?}");
        assert_eq!(told.passed, u64::from(sent), "{told:?}");
        assert_eq!(told.captured + told.dropped, u64::from(sent), "{told:?}");
        assert!(told.tables.contains(&format!("{} packets", told.captured)), "{told:?}");
        // The file has what was captured, and says what was not.
        let mut file = CaptureFile::open(&path).unwrap();
        let mut packets = 0;
        while file.next_packet().unwrap().is_some() {
            packets += 1;
        }
        let drops = file.drops().unwrap();
        assert_eq!((packets, drops.kernel, drops.received), (told.captured, told.dropped, told.passed));
        println!("{sent} sent: {} captured and {} dropped", told.captured, told.dropped);
    });
}

#[test]
fn many_connections_open_and_close() {
    inside("load::many_connections_open_and_close", || {
        let many = u32::try_from(setting("SYNFIN_LOAD_CONNECTIONS", 20_000)).unwrap();
        let rate = setting("SYNFIN_LOAD_RATE", 50_000);
        // So many are open at any time.
        let open = many.min(10_000);
        let wire = Wire::new();
        let buffer = setting("SYNFIN_LOAD_BUFFER", 65_536).to_string();
        let (child, errors) = capture(&["-B", &buffer, "--view", "connections", "--limit", "3"]);
        let (began, mut sent, mut most) = (Instant::now(), 0u64, 0);
        for n in 0..many + open {
            if n < many {
                connection(n)[..5].iter().for_each(|f| wire.send(f));
                sent += 5;
            }
            if n >= open {
                connection(n - open)[5..].iter().for_each(|f| wire.send(f));
                sent += 3;
            }
            if n % 1000 == 0 {
                most = most.max(memory(id(&child)));
                // Its rate is what the load is: time between the frames is part of it.
                while began.elapsed() < Duration::from_micros(sent * 1_000_000 / rate) {
                    poll(&mut [], PollTimeout::from(1_u8)).unwrap();
                }
            }
        }
        let took = began.elapsed();
        most = most.max(memory(id(&child)));
        let told = stop(child, errors);
        println!(
            "{many} connections, {open} open at once, {sent} frames in {took:.0?}: {} captured, {} dropped, {} MB at most",
            told.captured,
            told.dropped,
            most >> 10
        );
        assert_eq!((told.passed, told.captured + told.dropped), (sent, sent), "{}", told.said);
        let first = told.tables.lines().next().unwrap_or_default().to_owned();
        println!("{first}");
        if told.dropped == 0 {
            assert!(told.tables.contains(&format!("in {many} connections")), "{}", told.tables);
        }
    });
}

#[test]
fn a_flood_takes_no_more_memory_however_long_it_lasts() {
    inside("load::a_flood_takes_no_more_memory_however_long_it_lasts", || {
        let seconds = setting("SYNFIN_LOAD_SECONDS", 4);
        let wire = Wire::new();
        let folder = folder();
        let path = join(&folder, "ring.pcapng");
        let limits = ["--max-connections", "20000", "--limit", "3", "-B", "32768"];
        let saving = ["-w", text(&path), "-C", "20", "-W", "2"];
        let (child, errors) = capture(&[&limits[..], &saving].concat());
        let began = Instant::now();
        let (mut sent, mut samples, mut next) = (0u64, Vec::new(), 0);
        while began.elapsed().as_secs() < seconds {
            // Every frame from somebody else: each a connection of its own.
            for _ in 0..1000 {
                let n = (sent as u32).wrapping_mul(0x9e37_79b1);
                wire.send(&frame(n, false, 2, n, 0, 0));
                sent += 1;
            }
            if began.elapsed().as_millis() as u64 >= next {
                samples.push(memory(id(&child)) >> 10);
                next += (seconds * 1000 / 40).max(50);
            }
        }
        let told = stop(child, errors);
        println!(
            "a flood of {seconds} s: {sent} frames, {} captured, {} dropped",
            told.captured, told.dropped
        );
        println!("memory, MB: {samples:?}");
        println!(
            "{}",
            told.said.lines().filter(|l| l.starts_with("synfin: ")).collect::<Vec<_>>().join("\n")
        );
        assert_eq!((told.passed, told.captured + told.dropped), (sent, sent), "{}", told.said);
        // What is kept is full early on; after that there is only noise.
        let (early, late) = samples.split_at(samples.len() / 2);
        let (early, late) = (early.iter().max().unwrap(), late.iter().max().unwrap());
        assert!(*late <= early + early / 4 + 64, "{samples:?}");
    });
}
