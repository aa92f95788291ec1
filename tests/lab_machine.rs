//! Labs and the machine that they run on: what it lacks is said, and nothing of it is touched.
//!
//! A machine that refuses namespaces cannot run labs; the tests then say so and pass.

#[path = "common/labs.rs"]
mod labs;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use labs::{LESSON, lab, lesson, synfin, text};

fn able() -> bool {
    labs::able(&["udp-basic"])
}

/// What a lab could leave behind or change on this machine: interfaces, addresses, routes, and
/// every setting of the network.
fn machine() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for interface in nix::ifaddrs::getifaddrs().unwrap() {
        let (name, flags) = (interface.interface_name, interface.flags);
        // A link's own address holds its index, and for loopback counters that move.
        let address = interface.address.filter(|a| a.as_link_addr().is_none()).map(|a| a.to_string());
        let netmask = interface.netmask.map(|m| m.to_string());
        all.insert(format!("interface {name} {flags:?} {address:?} {netmask:?}"));
    }
    for (file, fields) in [("route", &[0, 1, 2, 7][..]), ("ipv6_route", &[0, 1, 2, 3, 4, 9])] {
        let text = fs::read_to_string(format!("/proc/net/{file}")).unwrap_or_default();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let route: Vec<&str> = fields.iter().filter_map(|n| words.get(*n).copied()).collect();
            all.insert(format!("{file} {}", route.join(" ")));
        }
    }
    let mut folders = vec![PathBuf::from("/proc/sys/net")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            let name = path.to_string_lossy().into_owned();
            // Keys and counts, which the kernel itself moves.
            let moves = ["tcp_fastopen_key", "nf_conntrack_count"].iter().any(|own| name.contains(own));
            match path.is_dir() {
                true => folders.push(path),
                false if moves => {}
                false => drop(fs::read_to_string(&path).map(|value| all.insert(format!("{name} = {value}")))),
            }
        }
    }
    assert!(all.iter().any(|line| line.contains("/ipv4/tcp_sack = ")), "no settings can be read here");
    all
}

/// Nothing of it is other than before.
fn unchanged(before: &BTreeSet<String>) {
    let after = machine();
    let changes: Vec<_> = before.symmetric_difference(&after).collect();
    assert!(changes.is_empty(), "{changes:#?}");
}

#[test]
fn nothing_of_this_machine_is_touched_and_nothing_stays() {
    if !able() {
        return;
    }
    let before = machine();
    assert!(lab(&["tcp-header-60", "time-wait", "ipv6-basic", "neighbours"]).status.success());
    unchanged(&before);
}

#[test]
fn an_interrupt_in_the_middle_leaves_nothing() {
    if !able() {
        return;
    }
    let before = machine();
    // This lab waits three seconds for the kernel's timers: long enough to be interrupted.
    let mut child = synfin()
        .args(["lab", "run", "syn-lost"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    let own = fs::read_link("/proc/self/ns/net").unwrap();
    let begun = Instant::now();
    // Until one of its threads has gone into a namespace of the lab.
    let inside = || {
        fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|tasks| {
            tasks.flatten().any(|t| fs::read_link(t.path().join("ns/net")).is_ok_and(|ns| ns != own))
        })
    };
    while !inside() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the lab never began");
        std::thread::yield_now();
    }
    // Whoever starts the tests in the background has children ignore Ctrl-C.
    let ignored = fs::read_to_string(format!("/proc/{pid}/status")).is_ok_and(|s| {
        let mask = s.lines().find_map(|l| l.strip_prefix("SigIgn:")).unwrap_or_default();
        u64::from_str_radix(mask.trim(), 16).is_ok_and(|m| m & 2 != 0)
    });
    let signal = if ignored { Signal::SIGTERM } else { Signal::SIGINT };
    kill(pid, signal).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(signal as i32), "{status}");
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    unchanged(&before);
}

#[test]
fn where_namespaces_are_refused_the_step_is_named_and_a_capture_shown() {
    // A user namespace that may have no network namespaces: what a locked machine looks like.
    let script = "echo 0 > /proc/sys/user/max_net_namespaces && exec \"$0\" lab run tcp-basic";
    let out = Command::new("unshare")
        .args(["--user", "--map-root-user", "sh", "-c", script, env!("CARGO_BIN_EXE_synfin")])
        .output();
    let Ok(out) = out else { return };
    let stderr = text(&out.stderr);
    if !stderr.contains("synfin:") {
        return; // unshare itself was refused
    }
    assert_eq!(out.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("unshare(NEWNET)"), "{stderr}");
    assert!(stderr.contains("comes with synfin instead"), "{stderr}");
    assert!(text(&out.stdout).contains("40000"), "{}", text(&out.stdout));
}

#[test]
fn without_tun_devices_the_labs_take_veth_and_say_why() {
    // A mount namespace where /dev/net/tun is something else.
    let script = "mount --bind /dev/null /dev/net/tun && exec \"$0\" lab run tcp-basic";
    let out = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_synfin")])
        .output();
    let said = out.as_ref().map(|o| text(&o.stdout)).unwrap_or_default();
    if !said.contains("tcp-basic") {
        eprintln!("SKIPPED: no mount namespace, or no /dev/net/tun to hide: {out:?}");
        return;
    }
    assert!(said.contains("joined by veth pairs (/dev/net/tun: "), "{said}");
    assert!(!said.contains('✗'), "{said}");
}

#[test]
fn a_lab_that_needs_a_setting_which_this_kernel_lacks_does_not_run() {
    if !able() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = lesson(dir.path(), &format!("{LESSON}\n[sysctl.client]\ntcp_no_such_setting = 1\n"));
    let out = lab(&[path.to_str().unwrap()]);
    let stderr = text(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("sysctl net.ipv4.tcp_no_such_setting: this kernel has none"), "{stderr}");
}

#[test]
fn on_loopback_labs_run_and_an_occupied_port_is_named() {
    if !able() {
        return;
    }
    // Loopback of a namespace of its own: on the machine's, anyone may have the lab's ports.
    let inside = "ip link set lo up && exec \"$0\" lab run tcp-basic --on lo";
    let own = if geteuid().is_root() { "--net" } else { "--net --map-root-user" };
    let probe = Command::new("unshare").args(own.split(' ')).args(["ip", "link", "set", "lo", "up"]).status();
    if !probe.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no network namespace can be made here (it takes `unshare` and `ip`)");
        return;
    }
    let mut run = Command::new("unshare");
    let run = run.args(own.split(' ')).args(["sh", "-c", inside, env!("CARGO_BIN_EXE_synfin")]);
    let out = run.output().unwrap();
    let (stdout, stderr) = (text(&out.stdout), text(&out.stderr));
    assert!(out.status.success() && stdout.contains("✓ four segments close it"), "{stdout}{stderr}");

    let taken = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let steps = format!("server socket s tcp\nserver bind s {port}\nserver listen s 1\n");
    let toml = format!("question = 'q?'\nlesson = 'l.'\nsteps = '''\n{steps}'''\n");
    let dir = tempfile::tempdir().unwrap();
    let out = lab(&[lesson(dir.path(), &toml).to_str().unwrap(), "--on", "lo"]);
    assert_eq!(out.status.code(), Some(1));
    let said = text(&out.stderr);
    if !geteuid().is_root() && said.contains("capturing on lo") {
        eprintln!("SKIPPED the second half: an ordinary user may not capture on this machine's own lo");
        return;
    }
    assert!(said.contains(&format!("server bind s {port}: EADDRINUSE")), "{said}");
}

#[test]
fn every_lab_passes() {
    if !able() {
        return;
    }
    let before = machine();
    let out = lab(&["all"]);
    let stdout = text(&out.stdout);
    assert!(out.status.success(), "{stdout}{}", text(&out.stderr));
    let scored = stdout.lines().filter(|l| l.starts_with('✓')).collect::<Vec<_>>();
    // None is left out here.
    let labs = text(&synfin().args(["lab", "list"]).output().unwrap().stdout);
    let labs = labs.lines().filter(|line| line.starts_with("  ")).count();
    assert!(stdout.contains(&format!("\n{labs} of {labs} labs passed\n")), "{stdout}");
    assert!(scored.len() == labs && scored.iter().all(|l| l.contains(" packets, shape ")), "{stdout}");
    unchanged(&before);
}
