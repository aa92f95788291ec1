//! What can be captured on.

use std::net::IpAddr;

use pcap::Device;
use pnet::datalink;

use super::super::open::at_opening;
use super::super::{SourceError, SourceErrorKind};
use super::fault;

/// An interface of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureInterface {
    /// Its name, as `-i` takes it.
    pub name: String,
    /// libpcap's description.
    pub description: Option<String>,
    /// Its addresses and the bits of their network masks, where it has any.
    pub addresses: Vec<(IpAddr, Option<u8>)>,
    /// Its link-layer address, where it has one.
    pub mac: Option<String>,
    /// It is up.
    pub up: bool,
    /// It is running: a cable is in, a peer is there.
    pub running: bool,
    /// It leads back to this host.
    pub loopback: bool,
    /// It is wireless.
    pub wireless: bool,
}

/// The interfaces that libpcap can capture on, in its order (best first).
///
/// # Errors
/// libpcap cannot list them.
pub fn list_interfaces() -> Result<Vec<CaptureInterface>, SourceError> {
    let devices =
        Device::list().map_err(|e| at_opening("interfaces", SourceErrorKind::Capture(fault::text(&e))))?;
    let links = datalink::interfaces();
    Ok(devices
        .into_iter()
        .map(|device| {
            let flags = &device.flags;
            let (up, running) = (flags.is_up(), flags.is_running());
            let (loopback, wireless) = (flags.is_loopback(), flags.is_wireless());
            // libpcap has no masks in bits and no link-layer addresses.
            let link = links.iter().find(|link| link.name == device.name);
            let mask = |addr| {
                let networks = link.into_iter().flat_map(|link| &link.ips);
                networks.into_iter().find(|network| network.ip() == addr).map(|network| network.prefix())
            };
            let addresses = device.addresses.iter().map(|a| (a.addr, mask(a.addr))).collect();
            let mac = link.and_then(|link| link.mac).filter(|mac| !mac.is_zero()).map(|mac| mac.to_string());
            CaptureInterface {
                name: device.name,
                description: device.desc,
                addresses,
                mac,
                up,
                running,
                loopback,
                wireless,
            }
        })
        .collect())
}
