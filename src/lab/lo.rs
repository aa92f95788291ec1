//! `--on lo`: the programs run on this machine's own loopback, and libpcap watches.
//!
//! Each host is an address of its own in 127.0.0.0/8, so that a packet's source tells who
//! sent it. There is no wire to own: no rules, no delay, and nothing of the machine is set.

use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd};

use pcap::{Active, Capture, Precision};

use super::error::LabError;
use super::hosts::{Host, Net};
use super::port::Port;
use super::run::LabOptions;
use super::script::Script;
use crate::model::{LinkType, Timestamp};

/// A capture on the loopback interface.
pub(super) struct Watch(Capture<Active>);

/// Octets of buffer: a lab's burst fits many times over.
const BUFFER: i32 = 32 << 20;

fn fault(e: pcap::Error) -> LabError {
    let text = e.to_string();
    LabError::of_machine(
        "capturing on lo",
        text,
        "run it with sudo, or: sudo setcap cap_net_raw,cap_net_bind_service+ep \"$(command -v synfin)\"; \
         without --on lo no privilege is needed",
    )
}

impl Watch {
    fn open(hosts: &[Host]) -> Result<Self, LabError> {
        let mut capture = Capture::from_device("lo")
            .and_then(|c| {
                c.immediate_mode(true)
                    .snaplen(1 << 17)
                    .buffer_size(BUFFER)
                    .precision(Precision::Nano)
                    .timeout(1)
                    .open()
            })
            .map_err(fault)?;
        // Other traffic of this machine is nobody's business here: both ends must be ours.
        let any = |side: &str| {
            hosts.iter().map(|h| format!("{side} host {}", h.addr)).collect::<Vec<_>>().join(" or ")
        };
        capture.filter(&format!("ip and ({}) and ({})", any("src"), any("dst")), true).map_err(fault)?;
        capture.setnonblock().map(Self).map_err(fault)
    }

    /// What its first header is.
    pub(super) fn link(&self) -> LinkType {
        LinkType(u16::try_from(self.0.get_datalink().0).unwrap_or(LinkType::ETHERNET.0))
    }

    /// The next packet that passed.
    pub(super) fn next(&mut self) -> Result<Option<(Timestamp, Vec<u8>)>, LabError> {
        match self.0.next_packet() {
            // With Precision::Nano the microseconds' field holds nanoseconds.
            Ok(p) => Ok(Some((Timestamp::new(p.header.ts.tv_sec, p.header.ts.tv_usec), p.data.to_vec()))),
            Err(pcap::Error::TimeoutExpired | pcap::Error::NoMorePackets) => Ok(None),
            Err(e) => Err(fault(e)),
        }
    }

    /// Packets that passed without being captured.
    pub(super) fn dropped(&mut self) -> Result<u32, LabError> {
        self.0.stats().map(|s| s.dropped + s.if_dropped).map_err(fault)
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// May packets on loopback be captured?
pub(super) fn probe() -> Result<(), LabError> {
    Watch::open(&[Host::here(String::new(), Ipv4Addr::LOCALHOST.into())]).map(drop)
}

/// Can this lab do without a wire of its own?
pub(super) fn refuse(script: &Script, options: &LabOptions) -> Result<(), LabError> {
    let wire = &script.wire;
    let needs = if options.ipv6 || script.ip == Some(6) {
        "an IPv6 address for each host, so that a packet's source tells who sent it, and loopback has ::1 alone"
    } else if !script.rules.is_empty() || options.alters_the_wire() {
        "rules of the wire"
    } else if wire.delay > 0.0 || !wire.rate.is_empty() || wire.loss > 0.0 || wire.mtu != 1500 {
        "a wire with a delay, a rate, a loss or an MTU of its own"
    } else if !script.lo {
        "segments as a real link carries them"
    } else if wire.hub || wire.wrap.is_some() || script.steps.contains(" inject ") {
        "frames that only a wire of ours can carry"
    } else if !script.sysctl.is_empty() {
        "kernel settings, and those of this machine are left alone"
    } else {
        return Ok(());
    };
    Err(LabError {
        step: format!("lab {} on lo", script.name),
        why: format!("it needs {needs}"),
        mend: Some("run it without --on lo".into()),
        environment: false,
        lacking: false,
    })
}

/// The machines: addresses of this one.
pub(super) fn build(script: &Script) -> Result<Net, LabError> {
    let mut hosts = Vec::new();
    for (i, name) in script.hosts.iter().enumerate() {
        let last = u8::try_from(i + 1).map_err(|_| LabError::of_lab("hosts", "more than 255 hosts"))?;
        hosts.push(Host::here(name.clone(), Ipv4Addr::new(127, 0, 0, last).into()));
    }
    let watch = Watch::open(&hosts)?;
    Ok(Net {
        medium: "addresses of this machine's loopback, captured with libpcap".into(),
        notes: vec![
            "On loopback nothing finishes checksums (they are left to a network card that is not there), and \
             segments may be far larger than any link's."
                .into(),
        ],
        hosts,
        ports: vec![Port::Lo(watch)],
    })
}
