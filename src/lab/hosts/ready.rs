//! Waiting for what a kernel does in its own time, before a lab begins.

use std::fs;
use std::io;
use std::net::IpAddr;

use super::super::error::LabError;
use super::super::port::Port;
use super::Host;

impl Host {
    /// Waits until its kernel takes packets for its IPv6 address: it makes the route that says
    /// so in its own time, and loses what comes before.
    pub(super) fn await_address(&self) -> Result<(), LabError> {
        const LOCAL: u32 = 0x8000_0000; // RTF_LOCAL
        let IpAddr::V6(own) = self.addr else { return Ok(()) };
        let own: String = own.octets().iter().map(|b| format!("{b:02x}")).collect();
        let fault = |e: &dyn std::fmt::Display| {
            LabError::of_machine("/proc/thread-self/net/ipv6_route", e, "run the lab over IPv4")
        };
        self.enter()?;
        for _ in 0..2000 {
            let routes = fs::read_to_string("/proc/thread-self/net/ipv6_route").map_err(|e| fault(&e))?;
            let ready = routes.lines().map(|l| l.split_whitespace().collect::<Vec<_>>()).any(|f| {
                let flags = f.get(8).and_then(|n| u32::from_str_radix(n, 16).ok()).unwrap_or(0);
                f.starts_with(&[own.as_str(), "80"]) && flags & LOCAL != 0
            });
            if ready {
                return Ok(());
            }
            nix::poll::poll(&mut [], 1_u8).map_err(|e| fault(&e))?;
        }
        Err(fault(&"the address has no route to itself"))
    }

    /// Waits until a frame from the wire reaches the host: the kernel opens the wire's
    /// end of a new veth pair in its own time, and loses what is sent before.
    pub(super) fn await_link(&self, port: &mut Port) -> Result<(), LabError> {
        let fault = |e: io::Error| LabError::of_machine("veth pair", e, "give access to /dev/net/tun");
        let received = |fields: Vec<u64>| fields.get(1).copied().unwrap_or(0);
        let before = received(self.link_fields()?);
        for _ in 0..2000 {
            port.probe().map_err(fault)?;
            if received(self.link_fields()?) > before {
                return Ok(());
            }
            nix::poll::poll(&mut [], 1_u8).map_err(|e| fault(e.into()))?;
        }
        Err(LabError::of_machine("veth pair", "it carries nothing", "give access to /dev/net/tun"))
    }
}
