//! Is the interface still there and up? libpcap 1.10 waits in silence for one that
//! went down; the kernel tells over rtnetlink(7).

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::net::if_::{InterfaceFlags, if_nametoindex};

/// The group of messages about links.
const LINKS: u32 = 1;
/// A link changed, a link is gone.
const NEW_LINK: u16 = 16;
const DELETE_LINK: u16 = 17;
/// Octets of a message's header, and from its start to the flags.
const HEADER: usize = 16;
const INDEX: usize = HEADER + 4;
const FLAGS: usize = HEADER + 8;

/// A watch on one interface.
pub(super) struct Watch {
    socket: Socket,
    index: u32,
}

impl Watch {
    /// Watches the interface `name`; `None` for `any` and where the kernel tells nothing.
    pub(super) fn new(name: &str) -> Option<Self> {
        let index = if_nametoindex(name).ok()?;
        let open = || -> io::Result<Socket> {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind(&SocketAddr::new(0, 0))?;
            socket.add_membership(LINKS)?;
            socket.set_non_blocking(true)?;
            Ok(socket)
        };
        Some(Self { socket: open().ok()?, index })
    }

    /// Reads what was told: has the interface gone down or away?
    pub(super) fn is_gone(&self) -> bool {
        let mut gone = false;
        let mut buffer = Vec::with_capacity(1 << 16);
        while self.socket.recv_from(&mut buffer, 0).is_ok_and(|(n, _)| n > 0) {
            gone |= messages(&buffer).any(|message| self.tells_gone(message));
            buffer.clear();
        }
        gone
    }

    fn tells_gone(&self, message: &[u8]) -> bool {
        let number = |at: usize| message.get(at..)?.first_chunk().map(|raw| u32::from_ne_bytes(*raw));
        let kind = message.get(4..).and_then(|rest| rest.first_chunk()).map(|raw| u16::from_ne_bytes(*raw));
        let up = InterfaceFlags::IFF_UP.bits().cast_unsigned();
        number(INDEX) == Some(self.index)
            && match kind {
                Some(DELETE_LINK) => true,
                Some(NEW_LINK) => number(FLAGS).is_some_and(|flags| flags & up == 0),
                _ => false,
            }
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The messages in what was received, each with its header.
fn messages(mut octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(*octets.first_chunk()?) as usize;
        if length < HEADER {
            return None;
        }
        let message = octets.get(..length)?;
        octets = octets.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    })
}
