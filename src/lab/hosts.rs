//! The machines of a lab: network namespaces of our own, each with one link to the wire.
//!
//! Nothing here touches the namespace synfin was started in: every link, address and
//! sysctl belongs to a namespace made a moment before, and goes away with its last file
//! descriptor, however the process ends.

mod ready;

use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

use netlink_packet_route::link::{LinkAttribute, LinkFlags};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::socket::bind;
use socket2::{Domain, Protocol, Socket, Type};
use tun_rs::{DeviceBuilder, Layer};

use super::error::LabError;
use super::netlink::Links;
use super::port::Port;

/// A setting of a host's kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sysctl {
    /// `net.ipv4.tcp_sack`.
    pub name: String,
    /// What it is to be.
    pub value: String,
    /// Without it the lab would be about something else; else it only shows less well.
    pub needed: bool,
}

/// What a host is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostSpec {
    /// Its name.
    pub name: String,
    /// Set before its link is up.
    pub sysctls: Vec<Sysctl>,
    /// The MTU of its link, octets.
    pub mtu: u16,
    /// Its programs speak IPv6; it has an IPv4 address all the same.
    pub ipv6: bool,
}

/// The address of the `n`th machine of a lab, counted from 1, or of its router, 254.
pub(super) fn address(n: u8, ipv6: bool) -> IpAddr {
    match ipv6 {
        false => Ipv4Addr::new(10, 9, 0, n).into(),
        // A unique local address (RFC 4193).
        true => Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, n.into()).into(),
    }
}

/// A machine: a namespace and its address.
pub(super) struct Host {
    /// Its name.
    pub name: String,
    /// Its address that programs use.
    pub addr: IpAddr,
    /// Its IPv4 address, where programs use IPv6.
    other: Option<IpAddr>,
    /// What it is to the kernel.
    ns: Option<File>,
}

impl Host {
    /// An address of this machine itself.
    pub(super) fn here(name: String, addr: IpAddr) -> Self {
        Self { name, addr, other: None, ns: None }
    }

    /// It is an address of this machine, not a namespace.
    pub(super) fn is_here(&self) -> bool {
        self.ns.is_none()
    }

    /// All its addresses.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        std::iter::once(self.addr).chain(self.other).collect()
    }

    /// The kernel's number of its link. The thread is left in this host.
    pub(super) fn link_index(&self) -> Result<u32, LabError> {
        self.enter()?;
        index_of(DEVICE)
    }

    /// Puts the thread into this host: what it opens from now on belongs to the host.
    pub(super) fn enter(&self) -> Result<(), LabError> {
        let Some(ns) = &self.ns else { return Ok(()) };
        setns(ns.as_fd(), CloneFlags::CLONE_NEWNET)
            .map_err(|e| LabError::of_machine("setns(host)", e, "a seccomp filter may forbid it"))
    }

    /// Frames its link sent, and frames it lost before the wire could take them.
    pub(super) fn link_counts(&self) -> Result<(u64, u64), LabError> {
        let fields = self.link_fields()?;
        let at = |i: usize| fields.get(i).copied().unwrap_or(0);
        Ok((at(9), at(11)))
    }

    /// The columns of its link in /proc/net/dev.
    fn link_fields(&self) -> Result<Vec<u64>, LabError> {
        self.enter()?;
        let text = fs::read_to_string("/proc/thread-self/net/dev")
            .map_err(|e| LabError::of_machine("/proc/thread-self/net/dev", e, "is /proc mounted?"))?;
        Ok(text
            .lines()
            .filter_map(|l| l.split_once(':'))
            .filter(|(name, _)| name.trim() == DEVICE)
            .flat_map(|(_, rest)| rest.split_whitespace())
            .map(|n| n.parse().unwrap_or(0))
            .collect())
    }
}

/// Which kind of device joins a host to the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Medium {
    /// TUN devices.
    Tun,
    /// Pairs of veth and packet sockets.
    Veth,
}

/// Makes this process root of a user namespace of its own, unless it already may make
/// network namespaces. The process must have one thread only.
pub(super) fn become_root() -> Result<(), LabError> {
    let may = caps::has_cap(None, caps::CapSet::Effective, caps::Capability::CAP_SYS_ADMIN).unwrap_or(false)
        && caps::has_cap(None, caps::CapSet::Effective, caps::Capability::CAP_NET_ADMIN).unwrap_or(false);
    if may {
        return Ok(());
    }
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|e| {
        let mend = match e {
            nix::errno::Errno::EINVAL => "other threads were running: start the lab before them",
            nix::errno::Errno::ENOSPC => "raise user.max_user_namespaces",
            _ => {
                "run it as root, or allow user namespaces: sysctl kernel.unprivileged_userns_clone=1; \
                 in a container, --security-opt seccomp=unconfined"
            }
        };
        LabError::of_machine("unshare(NEWUSER)", e, mend)
    })?;
    // A gid map may be written only once setgroups is denied.
    for (file, text) in [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("0 {uid} 1")),
        ("gid_map", format!("0 {gid} 1")),
    ] {
        fs::write(format!("/proc/self/{file}"), text).map_err(|e| {
            LabError::of_machine(
                format!("/proc/self/{file}"),
                e,
                "run it as root, or: sysctl kernel.apparmor_restrict_unprivileged_userns=0",
            )
        })?;
    }
    Ok(())
}

fn namespace() -> Result<File, LabError> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|e| {
        let mend = match e {
            nix::errno::Errno::ENOSPC => "the limit is reached: raise user.max_net_namespaces",
            _ => "run it as root, or: sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        };
        LabError::of_machine("unshare(NEWNET)", e, mend)
    })?;
    File::open("/proc/thread-self/ns/net")
        .map_err(|e| LabError::of_machine("/proc/thread-self/ns/net", e, "is /proc mounted?"))
}

/// Sets a sysctl of the namespace the thread is in; `Ok(false)` when this kernel lacks it.
fn sysctl(name: &str, value: &str) -> Result<bool, LabError> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if !(name.starts_with("net.ipv4.") || name.starts_with("net.ipv6."))
        || !name.chars().all(fine)
        || name.contains("..")
    {
        return Err(LabError::of_lab(
            format!("sysctl {name}"),
            "a lab may set net.ipv4.* and net.ipv6.* only",
        ));
    }
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    if !Path::new(&path).exists() {
        return Ok(false);
    }
    match fs::write(&path, value) {
        Ok(()) => Ok(true),
        Err(e) => Err(LabError::of_machine(
            format!("sysctl {name}={value}"),
            e,
            "is /proc/sys mounted read-only, as in a container without --privileged?",
        )),
    }
}

/// The machines and their ends of the wire, in the same order.
pub(super) struct Net {
    /// The machines.
    pub hosts: Vec<Host>,
    /// Their ends of the wire.
    pub ports: Vec<Port>,
    /// How they are joined, in words.
    pub medium: String,
    /// Remarks, such as a sysctl this kernel lacks.
    pub notes: Vec<String>,
}

/// Makes the machines and their ends of the wire: by TUN devices, or, where those cannot be
/// had, by veth pairs. `ethernet` joins them by a hub rather than by plain IP. The thread
/// is left in a namespace of its own.
pub(super) fn build(specs: &[HostSpec], ethernet: bool, medium: Option<Medium>) -> Result<Net, LabError> {
    let words = |how: &str| format!("private network namespaces joined by {how}");
    let tun = match (medium, ethernet) {
        (Some(Medium::Veth), _) => {
            let mut net = join(specs, ethernet, Medium::Veth)?;
            net.medium = words("veth pairs");
            return Ok(net);
        }
        (_, false) => "TUN devices",
        (_, true) => "TAP devices on a hub",
    };
    let why = match probe_tun().and_then(|()| join(specs, ethernet, Medium::Tun)) {
        Ok(mut net) => {
            net.medium = words(tun);
            return Ok(net);
        }
        Err(e) if e.environment && e.step == TUN && medium.is_none() => e,
        Err(e) => return Err(e),
    };
    let mut net = join(specs, ethernet, Medium::Veth)?;
    net.medium = words(&format!("veth pairs ({}: {})", why.step, why.why));
    Ok(net)
}

fn join(specs: &[HostSpec], ethernet: bool, medium: Medium) -> Result<Net, LabError> {
    // A home to come back to: an unprivileged process may never return to the first one.
    let home = namespace()?;
    // The wire's ends of veth pairs live here, and are to say nothing of their own.
    let _ = sysctl("net.ipv6.conf.default.disable_ipv6", "1");
    let mut net = Net { hosts: Vec::new(), ports: Vec::new(), medium: String::new(), notes: Vec::new() };
    for (i, spec) in specs.iter().enumerate() {
        let ns = namespace()?;
        let off = if spec.ipv6 { "0" } else { "1" };
        let defaults = [
            ("net.ipv6.conf.all.disable_ipv6", off),
            ("net.ipv6.conf.default.disable_ipv6", off),
            // No address that a host makes up, no search for a double of it, no question for routers.
            ("net.ipv6.conf.default.addr_gen_mode", "1"),
            ("net.ipv6.conf.all.accept_dad", "0"),
            ("net.ipv6.conf.default.accept_dad", "0"),
            ("net.ipv6.conf.default.accept_ra", "0"),
            ("net.ipv6.conf.default.router_solicitations", "0"),
            ("net.ipv6.icmp.ratelimit", "0"),
            ("net.ipv4.tcp_no_metrics_save", "1"),
            ("net.ipv4.tcp_ecn", "0"),
            ("net.ipv4.tcp_congestion_control", "reno"),
            ("net.ipv4.ip_local_port_range", "40000 60999"),
            ("net.ipv4.icmp_ratelimit", "0"),
            ("net.ipv4.ping_group_range", "0 0"),
        ];
        for (name, value) in defaults {
            // What an old kernel or a container withholds here only changes details.
            let _ = sysctl(name, value);
        }
        for Sysctl { name, value, needed } in &spec.sysctls {
            match sysctl(name, value)? {
                true => {}
                false if *needed => {
                    return Err(LabError::of_kernel(
                        format!("sysctl {name}"),
                        "the lab is about what it sets; a newer kernel, or another spelling, may have it",
                    ));
                }
                false => net.notes.push(format!("{}: this kernel has no {name}; left as it is", spec.name)),
            }
        }
        let last = u8::try_from(i + 1).map_err(|_| LabError::of_lab("hosts", "more than 255 hosts"))?;
        let mut addresses = vec![address(last, false)];
        if spec.ipv6 {
            if !Path::new("/proc/sys/net/ipv6/conf").exists() {
                return Err(LabError::of_machine(
                    "IPv6",
                    "this kernel has none",
                    "boot it without ipv6.disable=1, or run the lab over IPv4",
                ));
            }
            addresses.push(address(last, true));
        }
        let port = match medium {
            Medium::Tun => tun_port(spec, ethernet)?,
            Medium::Veth => veth_port(&home, &ns, i, spec, ethernet)?,
        };
        configure(&addresses, DEVICE)?;
        let addr = addresses.pop().unwrap_or(address(last, false));
        net.hosts.push(Host { name: spec.name.clone(), addr, other: addresses.pop(), ns: Some(ns) });
        net.ports.push(port);
    }
    net.hosts.iter().try_for_each(Host::await_address)?;
    if medium == Medium::Veth {
        for (host, port) in net.hosts.iter().zip(&mut net.ports) {
            host.await_link(port)?;
        }
    }
    setns(home.as_fd(), CloneFlags::CLONE_NEWNET)
        .map_err(|e| LabError::of_machine("setns(home)", e, "a seccomp filter may forbid it"))?;
    Ok(net)
}

/// The step of getting a TUN device.
const TUN: &str = "/dev/net/tun";

/// The name of every host's link.
const DEVICE: &str = "wire0";

/// May TUN devices be had?
pub(super) fn probe_tun() -> Result<(), LabError> {
    // Opened, not merely looked at; and only if it is there, so that nothing ever makes it.
    fs::OpenOptions::new().read(true).write(true).open(TUN).map(drop).map_err(tun_fault)
}

fn tun_fault(e: io::Error) -> LabError {
    LabError::of_machine(TUN, e, "load the tun module (modprobe tun), or give access to it")
}

fn tun_port(spec: &HostSpec, ethernet: bool) -> Result<Port, LabError> {
    let layer = if ethernet { Layer::L2 } else { Layer::L3 };
    let device = DeviceBuilder::new()
        .name(DEVICE)
        .layer(layer)
        .offload(false)
        .mtu(spec.mtu)
        .tx_queue_len(20_000)
        .build_sync()
        .and_then(|d| d.set_nonblocking(true).map(|()| d))
        .map_err(tun_fault)?;
    Ok(Port::Tun(device))
}

fn index_of(device: &str) -> Result<u32, LabError> {
    nix::net::if_::if_nametoindex(device)
        .map_err(|e| LabError::of_machine(format!("link {device}"), e, "it was just made; report this"))
}

fn configure(addresses: &[IpAddr], device: &str) -> Result<(), LabError> {
    let fault = |e: io::Error| LabError::of_machine("addresses", e, "NET_ADMIN is refused in the namespace");
    let links = Links::open().map_err(fault)?;
    links.up(index_of("lo")?, LinkFlags::empty(), Vec::new()).map_err(fault)?;
    let index = index_of(device)?;
    // One segment a frame, as a wire carries them.
    links.up(index, LinkFlags::empty(), vec![LinkAttribute::GsoMaxSegs(1)]).map_err(fault)?;
    addresses.iter().try_for_each(|a| match *a {
        IpAddr::V4(a) => links.address(index, a).map_err(fault),
        IpAddr::V6(a) => links.address_six(index, a).map_err(fault),
    })
}

/// The link of `device` in the namespace the thread is in, as the address to bind to.
fn link_address(device: &str) -> Result<nix::sys::socket::LinkAddr, LabError> {
    nix::ifaddrs::getifaddrs()
        .map_err(|e| LabError::of_machine("getifaddrs", e, "netlink is refused"))?
        .filter(|i| i.interface_name == device)
        .find_map(|i| i.address.and_then(|a| a.as_link_addr().copied()))
        .ok_or_else(|| LabError::of_machine(format!("link {device}"), "not there", "report this"))
}

fn veth_port(home: &File, ns: &File, i: usize, spec: &HostSpec, ethernet: bool) -> Result<Port, LabError> {
    let fault = |e: io::Error| {
        LabError::of_machine("veth pair", e, "load the veth module, or give access to /dev/net/tun")
    };
    let go = |ns: &File| {
        setns(ns.as_fd(), CloneFlags::CLONE_NEWNET)
            .map_err(|e| LabError::of_machine("setns", e, "a seccomp filter may forbid it"))
    };
    go(home)?;
    let near = format!("end{i}");
    let links = Links::open().map_err(fault)?;
    links.veth(&near, DEVICE, ns.as_raw_fd(), spec.mtu.into()).map_err(fault)?;
    links.up(index_of(&near)?, LinkFlags::Noarp, Vec::new()).map_err(fault)?;
    let protocol = Protocol::from(i32::from(3u16.to_be())); // ETH_P_ALL
    let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking(), Some(protocol)).map_err(fault)?;
    // Deep enough for a burst; the kernel's own limit applies, and losses are counted.
    let _ = socket.set_recv_buffer_size(8 << 20);
    bind(socket.as_raw_fd(), &link_address(&near)?).map_err(|e| fault(e.into()))?;
    go(ns)?;
    let mac = link_address(DEVICE)?.addr().unwrap_or_default();
    // No ARP where there is no Ethernet to show.
    let flags = if ethernet { LinkFlags::empty() } else { LinkFlags::Noarp };
    let host = Links::open().map_err(fault)?;
    host.up(index_of(DEVICE)?, flags, Vec::new()).map_err(fault)?;
    Ok(Port::Veth { socket, mac, ethernet })
}
