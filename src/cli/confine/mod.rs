//! Least privilege for a live capture: once the device is open, nothing that opening it
//! needed is kept. Who parses strangers' octets has no privilege, no file but its
//! output, no network and no other program.

mod files;
mod invoker;
mod syscalls;

use std::fmt;
use std::os::fd::RawFd;
use std::path::PathBuf;

use caps::{CapSet, CapsHashSet};
use nix::sys::prctl;
use nix::unistd::{getegid, geteuid, getgroups, setgroups, setresgid, setresuid, setuid};

pub use files::interface_statistics;
pub use invoker::{User, invoker, user};

/// What is still needed after the device is open.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Whom to become when running as root; `None` to stay.
    pub user: Option<User>,
    /// The output, for [`Plan::rotating`]: what is already open stays usable in any case.
    pub output: Option<PathBuf>,
    /// More files will be made beside the output.
    pub rotating: bool,
    /// Files and directories that are read later: [`interface_statistics`], which libpcap
    /// reads to count drops.
    pub files_to_read: Vec<PathBuf>,
    /// Descriptors that are only read: the capture's socket, which could also send.
    pub read_only: Vec<RawFd>,
}

/// What could not be confined and must not go on so. What an older kernel cannot do is
/// no error: [`Held`] says it.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// The process is still root.
    #[error("cannot become {user}: {error}")]
    User {
        /// Whom it was to become.
        user: String,
        /// The system's error.
        error: nix::Error,
    },
    /// Becoming the user can be undone.
    #[error("became {0}, and could become root again")]
    NotForGood(String),
    /// The next file of a rotating set could not be made.
    #[error(
        "{user} may not make files in {directory}, so the capture could not go on in a second file: choose a directory \
         of {user}'s, or stay root with '-Z root'"
    )]
    NoRoom {
        /// Who runs the capture from here.
        user: String,
        /// The output's directory.
        directory: String,
    },
    /// Capabilities stayed.
    #[error("cannot give up capabilities: {0}")]
    Capabilities(String),
}

/// Is a measure in force?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// Wholly.
    Full,
    /// As far as this kernel can.
    Part,
    /// Not at all: this kernel cannot, or it does not apply.
    Not,
}

/// One measure, in the order in which it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// What it is about: user, groups, capabilities, no_new_privs, Landlock, seccomp.
    pub name: &'static str,
    /// Is it in force?
    pub force: Force,
    /// What is held now.
    pub held: String,
}

/// What a process holds after each stage.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Held {
    /// The stages in order, the state before them first.
    pub stages: Vec<Stage>,
}

impl Held {
    fn push(&mut self, name: &'static str, force: Force, held: impl Into<String>) {
        self.stages.push(Stage { name, force, held: held.into() });
    }

    /// The stage of this name.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name == name)
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, stage) in self.stages.iter().enumerate() {
            let mark = match stage.force {
                Force::Full => "",
                Force::Part => "in part: ",
                Force::Not => "not held: ",
            };
            let end = if i == 0 { "" } else { "\n" };
            write!(f, "{end}{:<13} {mark}{}", stage.name, stage.held)?;
        }
        Ok(())
    }
}

/// Confines this process for good. Call it after the device and the first output file
/// are open, the time zone is loaded and signals are handled, on the main thread before
/// any other starts: the kernel confines a thread and those it makes.
///
/// # Errors
/// The process keeps what it was to give up, or could not do its work afterwards. It
/// must end then.
pub fn confine(plan: &Plan) -> Result<Held, ConfineError> {
    let mut held = Held::default();
    held.push("before", Force::Full, format!("{}; capabilities: {}", identity(), capabilities()));
    // Paths are opened while everything can be opened.
    let rules = files::Rules::prepare(plan);
    drop_bounding_set(&mut held);
    become_user(plan, &mut held)?;
    drop_capabilities(&mut held)?;
    match prctl::set_no_new_privs() {
        Ok(()) => held.push("no_new_privs", Force::Full, "set: no program can give privilege back"),
        Err(e) => held.push("no_new_privs", Force::Not, e.to_string()),
    }
    files::check_rotation(plan, &held)?;
    let landlocked = rules.enforce(&mut held);
    syscalls::refuse(plan, landlocked, &mut held);
    Ok(held)
}

/// For a command that opens no device: what `setcap` gave the program is of no use to it,
/// and would only be there for whoever breaks in. Root keeps what it is, to read files.
///
/// # Errors
/// The kernel did not let go of a capability.
pub fn renounce() -> Result<(), ConfineError> {
    if geteuid().is_root() { Ok(()) } else { clear_capabilities() }
}

fn identity() -> String {
    let groups = getgroups().map_or(0, |groups| groups.len());
    let name = nix::unistd::User::from_uid(geteuid()).ok().flatten().map(|user| format!("{} ", user.name));
    format!(
        "{}(uid {}, gid {}), {groups} supplementary groups",
        name.unwrap_or_default(),
        geteuid(),
        getegid()
    )
}

fn names(set: &CapsHashSet) -> String {
    let mut names: Vec<_> = set.iter().map(ToString::to_string).collect();
    names.sort_unstable();
    match names.len() {
        0 => "none".to_owned(),
        1..=4 => names.join(", ").to_lowercase(),
        n => format!("{n} of {}", caps::all().len()),
    }
}

/// The capabilities that can be used.
fn capabilities() -> String {
    caps::read(None, CapSet::Permitted).map_or_else(|e| e.to_string(), |set| names(&set))
}

/// Needs CAP_SETPCAP, so it comes first; a process without it cannot gain capabilities
/// either once no_new_privs is set.
fn drop_bounding_set(held: &mut Held) {
    let left = caps::clear(None, CapSet::Bounding).and_then(|()| caps::read(None, CapSet::Bounding));
    match left {
        Ok(left) if left.is_empty() => held.push("bounding set", Force::Full, "none"),
        Ok(left) => held.push("bounding set", Force::Part, names(&left)),
        Err(_) => held.push("bounding set", Force::Not, "needs CAP_SETPCAP; no_new_privs makes it useless"),
    }
}

fn become_user(plan: &Plan, held: &mut Held) -> Result<(), ConfineError> {
    let root = geteuid().is_root();
    let Some(user) = plan.user.as_ref().filter(|_| root) else {
        let held_by = identity();
        let why = match (root, &plan.user) {
            (true, _) => " (root without SUDO_UID: '-Z USER' becomes another)",
            (false, Some(_)) => " (only root can become another)",
            (false, None) => "",
        };
        held.push("user", if root { Force::Not } else { Force::Full }, format!("{held_by}{why}"));
        return Ok(());
    };
    let fault = |error| ConfineError::User { user: user.name.clone(), error };
    setgroups(&[]).map_err(fault)?;
    setresgid(user.gid, user.gid, user.gid).map_err(fault)?;
    setresuid(user.uid, user.uid, user.uid).map_err(fault)?;
    if !user.uid.is_root()
        && (setuid(nix::unistd::ROOT).is_ok() || geteuid() != user.uid || getegid() != user.gid)
    {
        return Err(ConfineError::NotForGood(user.name.clone()));
    }
    held.push("user", Force::Full, identity());
    Ok(())
}

fn drop_capabilities(held: &mut Held) -> Result<(), ConfineError> {
    clear_capabilities()?;
    held.push("capabilities", Force::Full, capabilities());
    Ok(())
}

fn clear_capabilities() -> Result<(), ConfineError> {
    // Ambient is missing before Linux 4.3, and empties with the permitted set anyhow.
    let _ = caps::clear(None, CapSet::Ambient);
    for set in [CapSet::Effective, CapSet::Inheritable, CapSet::Permitted] {
        caps::clear(None, set).map_err(|e| ConfineError::Capabilities(e.to_string()))?;
    }
    let left = caps::read(None, CapSet::Permitted).map_err(|e| ConfineError::Capabilities(e.to_string()))?;
    if !left.is_empty() {
        return Err(ConfineError::Capabilities(format!("left: {}", names(&left))));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
