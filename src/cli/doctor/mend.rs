//! From a failed probe to the command that mends it.

use std::env;
use std::fs;
use std::path::Path;

use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{AccessFlags, access, geteuid};

use super::probe::Probe;

/// What mending depends on.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// Kernel, release, architecture and user, for the first line.
    pub(super) system: String,
    root: bool,
    /// In a container, whose host decides.
    container: bool,
    /// This program, and whether its file system ignores file capabilities.
    executable: String,
    nosuid: bool,
    /// kernel.unprivileged_userns_clone = 0 (older Debian).
    no_unprivileged: bool,
    /// user.max_user_namespaces = 0.
    no_namespaces: bool,
    /// kernel.apparmor_restrict_unprivileged_userns = 1 (Ubuntu 23.10 and later).
    apparmor: bool,
    /// /dev/net/tun is there, and may be opened.
    tun: bool,
    tun_open: bool,
}

impl Facts {
    pub(super) fn gather() -> Self {
        let sysctl =
            |path: &str| fs::read_to_string(format!("/proc/sys/{path}")).ok().map(|s| s.trim().to_owned());
        let is = |path: &str, value: &str| sysctl(path).as_deref() == Some(value);
        let executable = env::current_exe().unwrap_or_default();
        let release = sysctl("kernel/osrelease").unwrap_or_default();
        let root = geteuid().is_root();
        let nosuid = statvfs(&executable).is_ok_and(|fs| fs.flags().contains(FsFlags::ST_NOSUID));
        Self {
            system: format!("Linux {release} {}, uid {}", env::consts::ARCH, geteuid()),
            root,
            container: ["/.dockerenv", "/run/.containerenv"].iter().any(|path| Path::new(path).exists()),
            executable: executable.display().to_string(),
            nosuid,
            no_unprivileged: is("kernel/unprivileged_userns_clone", "0"),
            no_namespaces: is("user/max_user_namespaces", "0"),
            apparmor: is("kernel/apparmor_restrict_unprivileged_userns", "1"),
            tun: Path::new("/dev/net/tun").exists(),
            tun_open: access("/dev/net/tun", AccessFlags::R_OK | AccessFlags::W_OK).is_ok(),
        }
    }
}

/// What to do about a probe that failed, the likeliest first.
pub(super) fn mends(probe: Probe, facts: &Facts) -> Vec<String> {
    match probe {
        Probe::Capture | Probe::PacketSocket | Probe::Loopback => privilege(facts),
        Probe::UserNamespace | Probe::NetworkNamespace => namespace(facts),
        Probe::Tun if !facts.tun && facts.container => {
            vec!["run the container with --device /dev/net/tun".to_owned()]
        }
        Probe::Tun if !facts.tun => vec![
            "sudo modprobe tun".to_owned(),
            "sudo mkdir -p /dev/net && sudo mknod -m 666 /dev/net/tun c 10 200".to_owned(),
        ],
        Probe::Tun if !facts.tun_open => vec!["sudo chmod 666 /dev/net/tun".to_owned()],
        Probe::Tun | Probe::Veth => namespace(facts),
        Probe::Port => vec![
            "end the program that `ss -tlnp 'sport = :1898'` shows".to_owned(),
            "or take another port: synfin serve echo --bind 127.0.0.1:0".to_owned(),
        ],
        Probe::Seccomp => vec!["a kernel with CONFIG_SECCOMP_FILTER (every distribution's)".to_owned()],
        Probe::Landlock => vec![
            "Linux 5.13 or later, with landlock in the boot option lsm= (see /sys/kernel/security/lsm)"
                .to_owned(),
        ],
        Probe::Confine => Vec::new(),
    }
}

fn privilege(facts: &Facts) -> Vec<String> {
    if facts.root {
        // Root without the capability: somebody took it away.
        let container = facts
            .container
            .then(|| "run the container with --cap-add NET_RAW --cap-add NET_ADMIN".to_owned());
        return container.into_iter().collect();
    }
    let mut mends = Vec::new();
    let executable = quote(&facts.executable);
    if facts.nosuid {
        mends.push(format!(
            "move {executable} to a file system without 'nosuid', where file capabilities count"
        ));
    }
    mends.push(format!("sudo setcap cap_net_raw+ep {executable}"));
    mends.push("or capture with sudo: the privilege is given up once the device is open".to_owned());
    mends
}

fn namespace(facts: &Facts) -> Vec<String> {
    let mut mends = Vec::new();
    if facts.no_namespaces {
        mends.push("sudo sysctl -w user.max_user_namespaces=15000".to_owned());
    }
    if facts.no_unprivileged && !facts.root {
        mends.push("sudo sysctl -w kernel.unprivileged_userns_clone=1".to_owned());
    }
    if facts.apparmor && !facts.root {
        mends.push("sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0".to_owned());
    }
    if facts.container {
        mends.push("run the container with --cap-add NET_ADMIN --cap-add SYS_ADMIN --security-opt seccomp=unconfined".to_owned());
    } else if !facts.root {
        mends.push(
            if mends.is_empty() { "run the labs with sudo" } else { "or run the labs with sudo" }.to_owned(),
        );
    }
    mends
}

/// For a shell.
fn quote(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_names_the_command_that_mends_it() {
        let user =
            Facts { executable: "/usr/bin/synfin".into(), tun: true, tun_open: true, ..Facts::default() };
        let cases = [
            (Probe::Capture, user.clone(), "sudo setcap cap_net_raw+ep /usr/bin/synfin"),
            (Probe::Capture, Facts { executable: "/a b/it's".into(), ..user.clone() }, "+ep '/a b/it'\\''s'"),
            (Probe::Capture, Facts { nosuid: true, ..user.clone() }, "without 'nosuid'"),
            (Probe::PacketSocket, Facts { root: true, container: true, ..user.clone() }, "--cap-add NET_RAW"),
            (
                Probe::UserNamespace,
                Facts { no_unprivileged: true, ..user.clone() },
                "unprivileged_userns_clone=1",
            ),
            (
                Probe::UserNamespace,
                Facts { no_namespaces: true, ..user.clone() },
                "max_user_namespaces=15000",
            ),
            (
                Probe::NetworkNamespace,
                Facts { apparmor: true, ..user.clone() },
                "restrict_unprivileged_userns=0",
            ),
            (Probe::NetworkNamespace, user.clone(), "run the labs with sudo"),
            (Probe::NetworkNamespace, Facts { container: true, ..user.clone() }, "seccomp=unconfined"),
            (Probe::Tun, Facts { tun: false, ..user.clone() }, "modprobe tun"),
            (Probe::Tun, Facts { tun: false, container: true, ..user.clone() }, "--device /dev/net/tun"),
            (Probe::Tun, Facts { tun_open: false, ..user.clone() }, "chmod 666 /dev/net/tun"),
            (Probe::Tun, Facts { apparmor: true, ..user.clone() }, "restrict_unprivileged_userns=0"),
            (Probe::Landlock, user, "lsm="),
        ];
        for (probe, facts, expected) in cases {
            let text = mends(probe, &facts).join("\n");
            assert!(text.contains(expected), "{probe:?}: {text}");
        }
    }
}
