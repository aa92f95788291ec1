//! `synfin interfaces`: what can be captured on.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use crate::model::Printable;
use crate::source::{CaptureInterface, list_interfaces};

/// List the interfaces that `synfin capture -i` takes (as `tcpdump -D`; no privilege is needed)
#[derive(Debug, Clone, clap::Args)]
pub struct InterfacesArgs {
    /// Only those that are up
    #[arg(long)]
    up: bool,
}

/// Prints the interfaces, one a line.
///
/// # Errors
/// libpcap cannot list them, or standard output cannot be written.
pub fn run(args: InterfacesArgs) -> anyhow::Result<ExitCode> {
    let interfaces = list_interfaces()?;
    let shown: Vec<_> = interfaces.iter().filter(|i| i.up || !args.up).collect();
    match print(&shown, &mut io::stdout().lock()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// `1.lo [up, running, loopback] 127.0.0.1/8 ::1/128 (description)`.
fn print(interfaces: &[&CaptureInterface], out: &mut dyn Write) -> io::Result<()> {
    for (index, interface) in interfaces.iter().enumerate() {
        write!(out, "{}.{}", index + 1, Printable(&interface.name))?;
        let states = [
            (interface.up, "up"),
            (interface.running, "running"),
            (interface.loopback, "loopback"),
            (interface.wireless, "wireless"),
        ];
        let states: Vec<&str> = states.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
        write!(out, " [{}]", if states.is_empty() { "down".to_owned() } else { states.join(", ") })?;
        for (address, prefix) in &interface.addresses {
            write!(out, " {address}")?;
            if let Some(prefix) = prefix {
                write!(out, "/{prefix}")?;
            }
        }
        if let Some(mac) = &interface.mac {
            write!(out, " {mac}")?;
        }
        if let Some(description) = &interface.description {
            write!(out, " ({})", Printable(description))?;
        }
        writeln!(out)?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_what_one_chooses_by() {
        let lo = CaptureInterface {
            name: "lo".to_owned(),
            description: None,
            addresses: vec![([127, 0, 0, 1].into(), Some(8)), (std::net::Ipv6Addr::LOCALHOST.into(), None)],
            mac: None,
            up: true,
            running: true,
            loopback: true,
            wireless: false,
        };
        let odd = CaptureInterface {
            name: "e\u{1b}[2J".to_owned(),
            description: Some("a card".to_owned()),
            addresses: Vec::new(),
            mac: Some("02:00:00:00:00:01".to_owned()),
            up: false,
            running: false,
            loopback: false,
            ..lo.clone()
        };
        let mut out = Vec::new();
        print(&[&lo, &odd], &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "1.lo [up, running, loopback] 127.0.0.1/8 ::1\n\
             2.e\\u{1b}[2J [down] 02:00:00:00:00:01 (a card)\n"
        );
    }
}
