//! Who runs the capture once its device is open, and whose its files are.

use std::os::unix::fs::MetadataExt;

use super::*;

/// A line of /proc/PID/status.
fn status(id: Pid, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn root_is_given_up_and_files_belong_to_who_ran_sudo() {
    let test = "who::root_is_given_up_and_files_belong_to_who_ran_sudo";
    if !nix::unistd::geteuid().is_root() {
        return println!("{test}: SKIPPED, it takes root to give root up");
    }
    inside(test, || {
        let nobody = "65534 65534 65534 65534";
        let sudo = &[("SUDO_UID", "65534"), ("SUDO_GID", "65534")][..];
        let cases = [
            ("sudo", sudo, &[][..], nobody, 65_534),
            ("-Z", &[], &["-Z", "nobody"], nobody, 65_534),
            ("-Z over sudo", sudo, &["-Z", "root"], "0 0 0 0", 0),
            ("root", &[], &[], "0 0 0 0", 0),
        ];
        for (what, environment, arguments, user, owner) in cases {
            let folder = folder();
            let path = join(&folder, "a.pcapng");
            let mut command = Command::new(&*PROGRAM);
            command.env_remove("SUDO_UID").env_remove("SUDO_GID").envs(environment.iter().copied());
            let words = [&["-i", "lo", "-w", text(&path)][..], arguments].concat();
            let capture = Capture::start_by(command, &words);
            assert_eq!(status(capture.id(), "Uid"), user, "{what}");
            assert_eq!(
                status(capture.id(), "Groups"),
                if owner == 0 { status(Pid::this(), "Groups") } else { String::new() },
                "{what}"
            );
            for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                assert_eq!(status(capture.id(), set), "0000000000000000", "{what}: {set}");
            }
            assert_eq!(
                (status(capture.id(), "NoNewPrivs"), status(capture.id(), "Seccomp")),
                ("1".into(), "2".into()),
                "{what}"
            );
            Sender::new("127.0.0.1", 100).send(3);
            capture.signal(Signal::SIGINT);
            let (status, _, said) = capture.end();
            assert_eq!(status.code(), Some(0), "{what}: {said}");
            assert_eq!((fs::metadata(&path).unwrap().uid(), saved(&path).0.len()), (owner, 3), "{what}");
        }
    });
}
