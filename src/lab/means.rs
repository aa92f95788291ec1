//! Which ways of running labs this machine allows, and why not the others.

use super::error::LabError;
use super::hosts::{self, HostSpec, Medium};
use super::lo;

/// A way of running labs, tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Means {
    /// What it is, in words.
    pub what: &'static str,
    /// Whether it works; if not, the step that failed and what would mend it.
    pub works: Result<(), LabError>,
}

/// Tries each way of running labs by doing it, for `doctor`.
///
/// An unprivileged process becomes root of a user namespace of its own: try this last, and
/// before any thread has been started.
#[must_use]
pub fn means() -> Vec<Means> {
    // First what needs the machine's own namespaces, which cannot be had back.
    let capture = lo::probe();
    let private = hosts::become_root();
    let try_medium = |medium| {
        private.clone()?;
        let spec = |name: &str| HostSpec { name: name.into(), sysctls: Vec::new(), mtu: 1500, ipv6: false };
        std::thread::scope(|s| {
            s.spawn(|| hosts::build(&[spec("a"), spec("b")], false, Some(medium)).map(drop))
                .join()
                .unwrap_or_else(|_| Err(LabError::of_lab("probe", "a fault of synfin; report this")))
        })
    };
    vec![
        Means { what: "labs in private namespaces, joined by TUN devices", works: try_medium(Medium::Tun) },
        Means { what: "labs in private namespaces, joined by veth pairs", works: try_medium(Medium::Veth) },
        Means { what: "labs on this machine's loopback (--on lo)", works: capture },
    ]
}
