//! `synfin doctor` on whatever machine this is.

use std::process::Command;

use assert_cmd::cargo::cargo_bin;

#[test]
fn each_line_says_yes_or_no_and_a_no_that_matters_is_status_1() {
    let output = Command::new(cargo_bin("synfin")).arg("doctor").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    let probes = [
        "live capture",
        "CAP_NET_RAW",
        "user namespace",
        "network namespace",
        "/dev/net/tun",
        "veth pairs",
        "labs on lo",
        "port 1898",
        "seccomp",
        "Landlock",
        "least privilege",
    ];
    for probe in probes {
        let line =
            text.lines().find(|line| line.starts_with(probe)).unwrap_or_else(|| panic!("{probe}: {text}"));
        assert!(line[22..].starts_with(" yes  ") || line[22..].starts_with(" no   "), "{line}");
    }
    for stage in ["before", "user", "capabilities", "no_new_privs", "landlock", "seccomp"] {
        assert!(text.lines().any(|line| line.trim_start().starts_with(stage)), "{stage}: {text}");
    }
    let well = text.contains("Capturing and the labs work here.");
    assert_eq!(output.status.code(), Some(i32::from(!well)), "{text}");
}

#[test]
fn it_leaves_the_machine_as_it_was() {
    let state = || {
        ["/proc/net/dev", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv4/conf/all/forwarding"]
            .map(|path| std::fs::read_to_string(path).unwrap_or_default())
            .map(|text| {
                text.lines()
                    .map(|line| line.split(':').next().unwrap_or_default().to_owned())
                    .collect::<Vec<_>>()
            })
    };
    let before = state();
    Command::new(cargo_bin("synfin")).arg("doctor").output().unwrap();
    assert_eq!(state(), before);
}
