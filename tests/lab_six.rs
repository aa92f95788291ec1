//! Labs over IPv6, end to end: the real program, on the real kernel.
//!
//! A machine that refuses namespaces or has no IPv6 cannot run them; the tests then say so and pass.

#[path = "common/labs.rs"]
mod labs;

use std::process::Command;

use labs::{lab, lesson, text};

fn able() -> bool {
    labs::able(&["udp-basic", "-6"])
}

#[test]
fn every_lab_that_may_passes_over_ipv6() {
    if !able() {
        return;
    }
    let out = lab(&["all", "-6"]);
    let stdout = text(&out.stdout);
    assert!(out.status.success(), "{stdout}{}", text(&out.stderr));
    for left_out in ["broadcast", "mss", "path-mtu"] {
        assert!(stdout.contains(&format!("· {left_out} was left out")), "{stdout}");
    }
}

#[test]
fn the_hosts_speak_ipv6_on_either_kind_of_wire() {
    if !able() {
        return;
    }
    for name in ["tcp-basic", "fast-retransmit", "udp-closed-port", "udp-fragments", "strange-segments"] {
        for on in ["private", "veth"] {
            let out = lab(&[name, "--ipv6", "--on", on]);
            let stdout = text(&out.stdout);
            assert!(out.status.success(), "{name} on {on}: {stdout}{}", text(&out.stderr));
            assert!(stdout.contains("fd09::1") && !stdout.contains("10.9.0."), "{name} on {on}: {stdout}");
        }
    }
}

/// What a lesson sends is all that travels: no search for doubles of addresses, no question for
/// routers, no reports of groups, though its second and a half gives the kernels time for that.
#[test]
fn the_hosts_say_nothing_of_their_own() {
    if !able() {
        return;
    }
    let lines = "server socket s udp\nserver bind s 5000\nclient socket c udp\nclient bind c 40000\npass 1500\n\
                 client sendto c server:5000 \"one\" => 3\nserver recv s 10 => \"one\"\npass 300\n";
    let dir = tempfile::tempdir().unwrap();
    for (wire, on, frames) in [
        ("", "private", "exactly client:udp"),
        ("", "veth", "exactly client:udp"),
        ("[wire]\nhub = true", "private", "exactly client:icmp=135 server:icmp=136 client:udp"),
        ("[wire]\nhub = true", "veth", "exactly client:icmp=135 server:icmp=136 client:udp"),
    ] {
        let toml = format!(
            "question = 'q?'\nlesson = 'l.'\nip = 6\nsteps = '''\n{lines}'''\n{wire}\n\
             [[expect]]\nclaim = 'nothing else'\ncheck = '{frames}'\n"
        );
        let out = lab(&[lesson(dir.path(), &toml).to_str().unwrap(), "--on", on]);
        assert!(out.status.success(), "{wire} on {on}: {}{}", text(&out.stdout), text(&out.stderr));
    }
}

#[test]
fn what_only_ipv4_has_is_refused_with_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let named = "question = 'q?'\nlesson = 'l.'\nsteps = 'client connect c 10.9.0.2:80'";
    let named = lesson(dir.path(), named);
    for (args, word) in [
        (&["broadcast"][..], "IPv6 has no broadcast"),
        (&["multicast"], "IGMP; multicast-v6"),
        (&["layers"], "IPv4's header"),
        (&["path-mtu"], "ICMP 3/4"),
        (&["mss"], "576 octets, and IPv6 wants 1280"),
        (&["udp-corrupt"], "checksum"),
        (&[named.to_str().unwrap()], "10.9.0.2"),
        (&["tcp-basic", "--on", "lo"], "::1"),
        (&["tcp-basic", "--rule", "too-big 1000 client:data"], "1280"),
    ] {
        let out = lab(&[args, &["-6"]].concat());
        let stderr = text(&out.stderr);
        if stderr.contains("unshare") {
            eprintln!("SKIPPED: no namespaces here");
            continue;
        }
        assert_eq!(out.status.code(), Some(1), "{args:?}: {stderr}");
        assert!(stderr.contains(word), "{args:?}: {stderr}");
    }
}

#[test]
fn a_kernel_without_ipv6_is_named_and_a_capture_shown() {
    // A mount namespace in which the settings of IPv6 are not there: what ipv6.disable=1 looks like.
    let script = "mount -t tmpfs none /proc/sys/net/ipv6 && exec \"$0\" lab run tcp-basic -6";
    let out = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_synfin")])
        .output();
    let said = out.as_ref().map(|o| text(&o.stderr)).unwrap_or_default();
    if !said.contains("synfin:") || said.contains("unshare(") {
        eprintln!("SKIPPED: no mount or network namespace: {out:?}");
        return;
    }
    assert!(said.contains("IPv6: this kernel has none") && said.contains("tcp-basic, over IPv4,"), "{said}");
}

/// A call waits on while a kernel is about to send again, and no longer than that.
#[test]
fn a_wait_ends_with_the_kernels_own_timer() {
    let patience = std::time::Duration::from_secs(1);
    let options = synfin::lab::LabOptions { patience, ..Default::default() };
    let steps = "server socket ls tcp\nserver bind ls 80\nserver listen ls 5\nclient socket c tcp\n\
                 client connect c server:80\nserver accept ls s\nclient send c 100\nserver recv s 100 => 100\n";
    let dir = tempfile::tempdir().unwrap();
    // Sent again after .2, .4 and .8 seconds: when the patience is over, the third is due within it.
    for (which, comes) in [("1-3", true), ("all", false)] {
        let toml = format!(
            "question = 'q?'\nlesson = 'l.'\nrules = ['drop client:data:{which}']\nsteps = '''\n{steps}'''\n\
             [sysctl.all]\ntcp_early_retrans = 0\n"
        );
        let path = lesson(dir.path(), &toml);
        match synfin::lab::run(path.to_str().unwrap(), &options) {
            Ok(run) => assert!(comes && run.passed(), "{:?}", run.expectations),
            Err(e) if e.environment => {
                eprintln!("SKIPPED: {e}");
                return;
            }
            Err(e) => {
                let said = e.to_string();
                assert!(!comes && said.contains("a kernel would send again in"), "{which}: {said}");
            }
        }
    }
}
