//! Landlock: which files a confined process may still open. None, unless planned.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope,
};
use nix::unistd::{AccessFlags, access};

use super::{ConfineError, Force, Held, Plan};

/// The newest kernel interface whose every right is known here; an older kernel
/// enforces what it knows.
const NEWEST: ABI = ABI::V6;

/// Files opened beforehand, with what may be done beneath them.
pub(super) struct Rules {
    rules: Vec<(PathFd, BitFlags<AccessFs>)>,
    shown: Vec<String>,
}

impl Rules {
    pub(super) fn prepare(plan: &Plan) -> Self {
        let mut rules = Vec::new();
        let mut shown = Vec::new();
        let mut add = |path: &Path, rights: BitFlags<AccessFs>, what: &str| {
            // What is not there cannot be needed.
            if let Ok(fd) = PathFd::new(path) {
                let rights = if path.is_dir() { rights } else { rights & AccessFs::from_file(NEWEST) };
                rules.push((fd, rights));
                shown.push(format!("{what} {}", path.display()));
            }
        };
        for path in &plan.files_to_read {
            add(path, AccessFs::ReadFile.into(), "read");
        }
        if let Some(directory) = rotation_directory(plan) {
            let rights = AccessFs::MakeReg | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::RemoveFile;
            add(&directory, rights, "make files in");
            // Their names may tell the local time, and the zone is read anew every few minutes.
            for zone in ["/etc/localtime", "/usr/share/zoneinfo"] {
                add(Path::new(zone), AccessFs::ReadFile.into(), "read");
            }
        }
        Self { rules, shown }
    }

    /// Puts them in force; true when the kernel did so.
    pub(super) fn enforce(self, held: &mut Held) -> bool {
        let files = if self.shown.is_empty() { "no file".to_owned() } else { self.shown.join(", ") };
        let restrict = || {
            let mut ruleset = Ruleset::default()
                .handle_access(AccessFs::from_all(NEWEST))?
                .handle_access(AccessNet::from_all(NEWEST))?
                .scope(Scope::from_all(NEWEST))?
                .create()?;
            for (fd, rights) in self.rules {
                ruleset = ruleset.add_rule(PathBeneath::new(fd, rights))?;
            }
            ruleset.restrict_self()
        };
        let status = match restrict() {
            Ok(status) => status,
            Err(e) => {
                held.push("landlock", Force::Not, e.to_string());
                return false;
            }
        };
        let abi = match status.landlock {
            LandlockStatus::Available { effective_abi, kernel_abi } => {
                format!("ABI {}", kernel_abi.unwrap_or(effective_abi as i32))
            }
            LandlockStatus::NotEnabled => {
                "this kernel has it switched off (boot with lsm=landlock,…)".to_owned()
            }
            LandlockStatus::NotImplemented => "this kernel has none (Linux 5.13 and later do)".to_owned(),
        };
        match status.ruleset {
            RulesetStatus::FullyEnforced => held.push("landlock", Force::Full, format!("{files} ({abi})")),
            RulesetStatus::PartiallyEnforced => {
                held.push("landlock", Force::Part, format!("{files} ({abi})"))
            }
            RulesetStatus::NotEnforced => held.push("landlock", Force::Not, abi),
        }
        status.ruleset != RulesetStatus::NotEnforced
    }
}

/// Where a rotating set grows.
fn rotation_directory(plan: &Plan) -> Option<PathBuf> {
    let output = plan.output.as_ref().filter(|_| plan.rotating)?;
    let parent = output.parent().filter(|parent| !parent.as_os_str().is_empty());
    Some(parent.unwrap_or(Path::new(".")).to_path_buf())
}

/// Better now than at the second file, hours later.
pub(super) fn check_rotation(plan: &Plan, held: &Held) -> Result<(), ConfineError> {
    let Some(directory) = rotation_directory(plan) else { return Ok(()) };
    if access(&directory, AccessFlags::W_OK | AccessFlags::X_OK).is_ok() {
        return Ok(());
    }
    let user = plan.user.as_ref().map(|user| user.name.clone());
    let user = user.or_else(|| held.stage("user").map(|stage| stage.held.clone())).unwrap_or_default();
    Err(ConfineError::NoRoom { user, directory: directory.display().to_string() })
}

/// The directory of an interface's counters, which libpcap reads when asked for drops:
/// refused, it would take them for zero, and the difference for a huge number.
#[must_use]
pub fn interface_statistics(interface: &str) -> Option<PathBuf> {
    // A name is one path component, or it is no interface's name.
    if interface.is_empty() || interface.starts_with('.') || interface.contains('/') {
        return None;
    }
    let path = Path::new("/sys/class/net").join(interface).join("statistics");
    path.is_dir().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::interface_statistics;

    #[test]
    fn only_an_interface_has_statistics() {
        assert!(interface_statistics("lo").is_some() || !std::path::Path::new("/sys/class/net/lo").exists());
        for name in ["", ".", "..", "../../../etc", "lo/../lo", "no-such-interface"] {
            assert_eq!(interface_statistics(name), None, "{name}");
        }
    }
}
