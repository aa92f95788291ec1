//! Who ran sudo: whom a capture becomes, and to whom its files belong.

use std::env;
use std::io;

use nix::unistd::{Gid, Uid, geteuid};

/// A user of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name, or the number where there is none; for messages.
    pub name: String,
    /// User.
    pub uid: Uid,
    /// The user's own group.
    pub gid: Gid,
}

/// Who ran sudo. `None` when not root, or when root was not reached by sudo: a variable
/// that somebody else's environment brings along gives nobody anything.
#[must_use]
pub fn invoker() -> Option<User> {
    if !geteuid().is_root() {
        return None;
    }
    let number = |name| env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    sudo_user(number("SUDO_UID")?, number("SUDO_GID")?)
}

fn sudo_user(uid: u32, gid: u32) -> Option<User> {
    // sudo run by root: there is nobody to become.
    if uid == 0 || uid == u32::MAX || gid == u32::MAX {
        return None;
    }
    let uid = Uid::from_raw(uid);
    let known = nix::unistd::User::from_uid(uid).ok().flatten();
    let name = known.map_or_else(|| format!("uid {uid}"), |user| user.name);
    Some(User { name, uid, gid: Gid::from_raw(gid) })
}

/// The user of this name, as in `-Z USER`; `root` stays root.
///
/// # Errors
/// There is no such user.
pub fn user(name: &str) -> io::Result<User> {
    let found = nix::unistd::User::from_name(name)?;
    let found = found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no user of this name"))?;
    Ok(User { name: found.name, uid: found.uid, gid: found.gid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_ran_sudo() {
        assert_eq!(sudo_user(0, 0), None);
        assert_eq!(sudo_user(u32::MAX, 1), None);
        let somebody = sudo_user(4_000_000, 4_000_001).unwrap();
        assert_eq!((somebody.name.as_str(), somebody.gid.as_raw()), ("uid 4000000", 4_000_001));
        assert!(user("no such user").is_err());
        assert!(user("root").unwrap().uid.is_root());
    }
}
