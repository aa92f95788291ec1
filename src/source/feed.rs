//! What every file reader keeps beside its format: the window, the count of
//! packets, the interfaces and the remarks.

use std::io::{ErrorKind, Read};

use super::bytes::Order;
use super::window::Window;
use super::{Interface, SourceError, SourceErrorKind};
use crate::model::{LinkType, Timestamp};

/// Remarks kept at most; a stranger writes the file, not our memory.
const REMARKS: usize = 64;
/// Interfaces of a file at most.
const INTERFACES: usize = 1 << 20;
/// Octets of their names in all at most: packed, a megabyte of file is a thousand of names.
const NAMES: usize = 32 << 20;
/// The largest packet of most link types, as libpcap and Wireshark have it.
const LARGEST: u32 = 262_144;
/// The largest packet of D-Bus, USBPcap and EBHSCR captures.
const LARGEST_MESSAGE: u32 = 128 << 20;

/// The common part of the file readers.
pub(crate) struct Feed {
    pub(crate) window: Window,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) remarks: Vec<String>,
    /// Octets of the interfaces' names.
    names: usize,
    origin: String,
    packets: u64,
    latest: Timestamp,
    went_back: bool,
}

impl Feed {
    /// A feed from the start of `input`; `origin` names it in faults.
    pub(crate) fn new(origin: &str, input: Box<dyn Read + Send>) -> Self {
        Self {
            window: Window::new(input),
            interfaces: Vec::new(),
            remarks: Vec::new(),
            names: 0,
            origin: origin.to_owned(),
            packets: 0,
            latest: Timestamp(i64::MIN),
            went_back: false,
        }
    }

    /// Counts a packet captured at `ts`; its number.
    #[inline]
    pub(crate) fn count(&mut self, ts: Timestamp) -> u64 {
        self.packets += 1;
        if ts < self.latest && !self.went_back {
            self.say_back(ts);
        }
        self.latest = ts;
        self.packets
    }

    /// Counts a record that is no packet but has a number.
    pub(crate) fn count_record(&mut self) {
        self.packets += 1;
    }

    #[cold]
    fn say_back(&mut self, ts: Timestamp) {
        self.went_back = true;
        self.remark(format!(
            "packets are not in order of time: packet {} ({ts}) is before packet {} ({})",
            self.packets,
            self.packets - 1,
            self.latest
        ));
    }

    /// Notes something that is no fault.
    pub(crate) fn remark(&mut self, text: String) {
        if self.remarks.len() < REMARKS {
            self.remarks.push(text);
        } else if self.remarks.len() == REMARKS {
            self.remarks.push(format!("more than {REMARKS} remarks; the rest is not shown"));
        }
    }

    /// Adds an interface.
    pub(crate) fn add_interface(&mut self, at: u64, interface: Interface) -> Result<(), SourceError> {
        if self.interfaces.len() >= INTERFACES {
            let kind = SourceErrorKind::Unsupported(format!("more than {INTERFACES} interfaces"));
            return Err(self.fault(at, kind));
        }
        self.names += interface.name.as_ref().map_or(0, String::len);
        if self.names > NAMES {
            let text = format!("more than {NAMES} octets of interface names");
            return Err(self.fault(at, SourceErrorKind::Unsupported(text)));
        }
        self.interfaces.push(interface);
        Ok(())
    }

    /// A fault of the thing that starts at `at`; nothing is read after it.
    #[cold]
    pub(crate) fn fault(&mut self, at: u64, kind: SourceErrorKind) -> SourceError {
        self.window.close();
        let packet = (!self.interfaces.is_empty()).then_some(self.packets + 1);
        SourceError { origin: self.origin.clone(), offset: Some(at), packet, kind }
    }

    /// A fault: `what` has a value that cannot be.
    #[cold]
    pub(crate) fn damaged(&mut self, at: u64, what: String) -> SourceError {
        self.fault(at, SourceErrorKind::Damaged(what))
    }

    /// Makes `need` octets available, all of them; the faults are those of `what`.
    #[inline]
    pub(crate) fn need(&mut self, what: &'static str, need: usize) -> Result<(), SourceError> {
        match self.window.fill(need) {
            Ok(have) if have >= need => Ok(()),
            short => Err(self.short(what, need, short)),
        }
    }

    /// As [`need`](Self::need), but `false` where the stream ends right here.
    #[inline]
    pub(crate) fn need_or_end(&mut self, what: &'static str, need: usize) -> Result<bool, SourceError> {
        match self.window.fill(need) {
            Ok(have) if have >= need => Ok(true),
            Ok(0) => Ok(false),
            short => Err(self.short(what, need, short)),
        }
    }

    /// Looks up to `want` octets ahead; `false` where there are none.
    pub(crate) fn look(&mut self, want: usize) -> Result<bool, SourceError> {
        match self.window.fill(want) {
            // What came before the error may be enough to know the format.
            Err(e) if self.window.ahead().is_empty() => Err(self.fault(0, read_fault(e))),
            Err(_) | Ok(1..) => Ok(true),
            Ok(0) => Ok(false),
        }
    }

    #[cold]
    fn short(&mut self, what: &'static str, need: usize, short: std::io::Result<usize>) -> SourceError {
        let at = self.window.offset();
        let kind = match short {
            Ok(have) => SourceErrorKind::Truncated { what, need: need as u64, have: have as u64 },
            Err(e) => read_fault(e),
        };
        self.fault(at, kind)
    }

    /// Steps over the thing of `whole` octets that starts `at` octets into the stream, but
    /// for its last `keep`, which are made available.
    pub(crate) fn skip(
        &mut self,
        what: &'static str,
        at: u64,
        whole: u64,
        keep: usize,
    ) -> Result<(), SourceError> {
        let rest = whole.saturating_sub(keep as u64);
        let skipped = self.window.skip(rest).and_then(|_| self.window.fill(keep));
        match skipped {
            Ok(have) if have >= keep => Ok(()),
            Ok(have) => {
                let have = self.window.offset() - at + have as u64;
                Err(self.fault(at, SourceErrorKind::Truncated { what, need: whole, have }))
            }
            Err(e) => Err(self.fault(at, read_fault(e))),
        }
    }

    /// Reads one 32-bit number at `at` octets ahead, which `need` made available.
    #[inline]
    pub(crate) fn u32_at(&self, order: Order, at: usize) -> u32 {
        order.u32(self.window.ahead(), at)
    }
}

/// An error of reading: of the compressed data, or of the operating system.
fn read_fault(e: std::io::Error) -> SourceErrorKind {
    match e.kind() {
        ErrorKind::InvalidData => SourceErrorKind::Damaged(e.to_string()),
        _ => SourceErrorKind::Io(e),
    }
}

/// The largest packet that a capture of `link` may have, as Wireshark bounds it.
pub(crate) const fn largest(link: LinkType) -> u32 {
    match link.0 {
        231 | 249 | 279 => LARGEST_MESSAGE,
        _ => LARGEST,
    }
}
