//! A host's end of the wire: a TUN or TAP device, or the far end of a veth pair.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use socket2::Socket;
use tun_rs::SyncDevice;

use super::lo::Watch;

/// One end of the wire. Frames are IP packets, or Ethernet frames on a hub.
pub(super) enum Port {
    /// A TUN (or TAP) device: reading takes what the host sent, writing runs the host's stack.
    Tun(SyncDevice),
    /// No end at all: loopback delivers by itself, and we watch.
    Lo(Watch),
    /// A packet socket on the wire's end of a veth pair.
    Veth {
        /// The packet socket.
        socket: Socket,
        /// The host's hardware address, for the header that the wire writes.
        mac: [u8; 6],
        /// Frames keep their Ethernet header.
        ethernet: bool,
    },
}

const ETHER: usize = 14;

impl Port {
    /// The next frame the host sent, `None` when there is none now.
    pub(super) fn receive(&mut self, buf: &mut [u8]) -> io::Result<Option<Vec<u8>>> {
        loop {
            let got = match self {
                Self::Lo(_) => return Ok(None),
                Self::Tun(dev) => dev.recv(buf),
                Self::Veth { socket, .. } => socket.read(buf),
            };
            let n = match got {
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            let frame = buf.get(..n).unwrap_or_default();
            return Ok(Some(match self {
                Self::Tun(_) | Self::Lo(_) => frame.to_vec(),
                Self::Veth { ethernet: true, .. } => {
                    let mut frame = frame.to_vec();
                    if let Some(packet) = frame.get_mut(ETHER..) {
                        super::craft::finish_checksum(packet);
                    }
                    frame
                }
                Self::Veth { .. } => {
                    let Some((header, packet)) = frame.split_at_checked(ETHER) else { continue };
                    if !matches!(header.get(12..), Some([8, 0] | [0x86, 0xdd])) {
                        continue;
                    }
                    let mut packet = packet.to_vec();
                    super::craft::finish_checksum(&mut packet);
                    packet
                }
            }));
        }
    }

    /// Hands a frame to the host.
    pub(super) fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        match self {
            Self::Lo(_) => Ok(()),
            Self::Tun(dev) => dev.send(frame).map(drop),
            Self::Veth { socket, ethernet: true, .. } => socket.write(frame).map(drop),
            Self::Veth { socket, mac, .. } => {
                let mut whole = Vec::with_capacity(frame.len() + ETHER);
                whole.extend_from_slice(mac);
                whole.extend_from_slice(&[2, 0, 0, 0, 0, 1]);
                let six = frame.first().is_some_and(|b| b >> 4 == 6);
                whole.extend_from_slice(if six { &[0x86, 0xdd] } else { &[8, 0] });
                whole.extend_from_slice(frame);
                socket.write(&whole).map(drop)
            }
        }
    }

    /// Sends a frame of an EtherType for local experiments (IEEE 802, 0x88b5), which no
    /// stack takes notice of.
    pub(super) fn probe(&mut self) -> io::Result<()> {
        match self {
            Self::Tun(_) | Self::Lo(_) => Ok(()),
            Self::Veth { socket, mac, .. } => {
                let mut frame = [0; 60];
                frame[..6].copy_from_slice(mac);
                frame[6] = 2;
                frame[12..14].copy_from_slice(&[0x88, 0xb5]);
                socket.write(&frame).map(drop)
            }
        }
    }

    /// A veth hands frames on in a softirq, which a busy machine may put off.
    pub(super) fn may_lag(&self) -> bool {
        matches!(self, Self::Veth { .. } | Self::Lo(_))
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Lo(watch) => watch.as_fd(),
            Self::Tun(dev) => dev.as_fd(),
            Self::Veth { socket, .. } => socket.as_fd(),
        }
    }
}
