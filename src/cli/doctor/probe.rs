//! The probes. Each does the thing itself, in a process that does nothing else.

use std::fs::{self, File};
use std::io;
use std::net::{TcpListener, UdpSocket};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

use crate::cli::confine::{Force, Plan, confine, invoker};
use crate::lab;

macro_rules! probes {
    ($($(#[$doc:meta])* $name:ident $word:literal $title:literal $main:literal,)*) => {
        /// Something that a machine may allow.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        pub(super) enum Probe { $($(#[$doc])* #[value(name = $word)] $name,)* }

        impl Probe {
            pub(super) const ALL: [Self; [$($word),*].len()] = [$(Self::$name),*];

            /// As on the command line.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// As in the table.
            pub(super) const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// Do capturing or the labs need it? [`Tun`](Self::Tun) and [`Veth`](Self::Veth)
            /// can do without each other.
            pub(super) const fn is_main(self) -> bool {
                match self { $(Self::$name => $main,)* }
            }
        }
    };
}

probes! {
    /// Opening an interface.
    Capture "capture" "live capture" true,
    /// A packet socket, which is what CAP_NET_RAW is for.
    PacketSocket "packet-socket" "CAP_NET_RAW" false,
    /// A user namespace with an identity in it.
    UserNamespace "user-namespace" "user namespace" false,
    /// A network namespace with power over it.
    NetworkNamespace "network-namespace" "network namespace" true,
    /// A TUN device in that namespace.
    Tun "tun" "/dev/net/tun" false,
    /// The other way to join namespaces.
    Veth "veth" "veth pairs" false,
    /// Labs on this machine's own loopback.
    Loopback "loopback" "labs on lo" false,
    /// Binding the course's port.
    Port "port" "port 1898" false,
    /// A system call filter.
    Seccomp "seccomp" "seccomp" false,
    /// A file access filter.
    Landlock "landlock" "Landlock" false,
    /// What a capture holds while it reads packets.
    Confine "confine" "least privilege" false,
}

/// Does it; what was done, or why it failed.
pub(super) fn run(probe: Probe) -> Result<String> {
    match probe {
        Probe::Capture => capture(),
        Probe::PacketSocket => packet_socket().map(|()| "a packet socket was opened".to_owned()),
        Probe::UserNamespace => user_namespace(),
        Probe::NetworkNamespace => network_namespace(),
        Probe::Tun => tun(),
        Probe::Veth => veth(),
        Probe::Loopback => loopback(),
        Probe::Port => port(),
        Probe::Seccomp => seccomp(),
        Probe::Landlock => landlock(),
        Probe::Confine => held(),
    }
}

fn capture() -> Result<String> {
    let mut last = None;
    for name in ["lo", "any"] {
        match pcap::Capture::from_device(name).and_then(pcap::Capture::open) {
            Ok(_) => return Ok(format!("'{name}' was opened")),
            Err(e) => last = last.or(Some(e)),
        }
    }
    match last {
        Some(e) => Err(e).context("cannot open 'lo'"),
        None => bail!("no interface"),
    }
}

fn packet_socket() -> Result<()> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};
    socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll)
        .context("cannot open a packet socket")?;
    Ok(())
}

/// A new user namespace, where this user is root.
fn enter_user_namespace(with: CloneFlags) -> Result<()> {
    let (uid, gid) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | with).context("unshare refused")?;
    // Missing before Linux 3.19, where it is not needed.
    let _ = fs::write("/proc/self/setgroups", "deny");
    fs::write("/proc/self/uid_map", format!("0 {uid} 1")).context("uid_map refused")?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1")).context("gid_map refused")?;
    Ok(())
}

fn user_namespace() -> Result<String> {
    enter_user_namespace(CloneFlags::empty())?;
    if !geteuid().is_root() {
        bail!("made, but its root is uid {}", geteuid());
    }
    Ok("made, with this user as its root".to_owned())
}

/// As the labs do: root needs no user namespace for it.
fn enter_network_namespace() -> Result<&'static str> {
    let by = if geteuid().is_root() && unshare(CloneFlags::CLONE_NEWNET).is_ok() {
        "as root"
    } else {
        enter_user_namespace(CloneFlags::CLONE_NEWNET)?;
        "in a user namespace"
    };
    // AppArmor may let it be made and then give no power over it: use some.
    packet_socket().context("made, but without power over it")?;
    Ok(by)
}

fn network_namespace() -> Result<String> {
    let by = enter_network_namespace()?;
    Ok(format!("made {by}, with CAP_NET_RAW in it"))
}

fn tun() -> Result<String> {
    File::options().read(true).write(true).open("/dev/net/tun").context("cannot open it")?;
    enter_network_namespace().context("no network namespace to put a device in")?;
    tun_rs::DeviceBuilder::new()
        .name("synfin0")
        .enable(false)
        .build_sync()
        .context("cannot make a TUN device in a network namespace")?;
    Ok("a TUN device was made in a network namespace of its own".to_owned())
}

fn veth() -> Result<String> {
    let way = lab::means().into_iter().find(|means| means.what.contains("veth")).context("not tried")?;
    way.works?;
    Ok("two namespaces were joined by them, which is what the labs do without /dev/net/tun".to_owned())
}

fn loopback() -> Result<String> {
    let way = lab::means().into_iter().find(|means| means.what.contains("--on lo")).context("not tried")?;
    way.works?;
    Ok("lo can be captured, which is what 'lab run NAME --on lo' does".to_owned())
}

fn port() -> Result<String> {
    let at = ("127.0.0.1", crate::cli::serve::PORT);
    TcpListener::bind(at).context("cannot listen on 127.0.0.1:1898")?;
    Ok("free on 127.0.0.1".to_owned())
}

/// The stage of this name, of the real confinement.
fn stage(name: &str, plan: &Plan) -> Result<String> {
    let held = confine(plan)?;
    let stage = held.stage(name).context("not tried")?;
    if stage.force == Force::Not {
        bail!("{}", stage.held);
    }
    Ok(stage.held.clone())
}

fn seccomp() -> Result<String> {
    let held = stage("seccomp", &Plan { user: invoker(), ..Plan::default() })?;
    // Landlock has no say over UDP.
    match UdpSocket::bind("127.0.0.1:0") {
        Ok(_) => bail!("in force, and yet a socket could be made"),
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Ok(held),
        Err(e) => Err(e).context("a socket was refused for another reason"),
    }
}

fn landlock() -> Result<String> {
    // A rotating set leaves opening to Landlock alone.
    let output = Some(std::env::temp_dir().join("synfin"));
    let held = stage("landlock", &Plan { user: invoker(), output, rotating: true, ..Plan::default() })?;
    match File::open("/etc/passwd") {
        Ok(_) => bail!("in force, and yet a file could be read"),
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Ok(held),
        Err(e) => Err(e).context("a file was refused for another reason"),
    }
}

fn held() -> Result<String> {
    let held = confine(&Plan { user: invoker(), ..Plan::default() })?;
    Ok(format!("what a capture holds once its device is open:\n{held}"))
}
