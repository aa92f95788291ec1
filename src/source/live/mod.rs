//! Live capture through libpcap.

mod batch;
mod fault;
mod interfaces;
mod watch;

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pcap::{Active, Capture, Linktype, Precision};

use self::batch::Batch;
pub use self::interfaces::{CaptureInterface, list_interfaces};
use self::watch::Watch;
use super::open::at_opening;
use super::pcap::link_type;
use super::{Drops, Interface, PacketSource, SourceError, SourceErrorKind};
use crate::model::{LinkType, Packet, Timestamp};

/// How often a waiting capture looks at its stop flag. A signal wakes it at once.
const LOOK: Duration = Duration::from_millis(100);
/// How long libpcap gathers packets before it hands them over, unless immediate.
const GATHER: Duration = Duration::from_millis(20);
/// Packets read from the kernel's buffer at a time at most.
const BATCH: usize = 256;

/// How to capture.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    /// The interface, or `any`.
    pub interface: String,
    /// Octets kept of each packet at most.
    pub snaplen: u32,
    /// Octets of the kernel's buffer.
    pub buffer: u32,
    /// See frames that are not for this host.
    pub promiscuous: bool,
    /// Hand each packet over as it comes. The kernel's buffer then has slots of a
    /// snaplen each, so few packets fit and bursts are lost; otherwise packets lie in
    /// it end to end and come at most 20 ms late.
    pub immediate: bool,
    /// A filter in libpcap's language, run by the kernel.
    pub filter: Option<String>,
    /// Ends the capture this long after it started.
    pub duration: Option<Duration>,
    /// Ends the capture once set; what was captured until then is still handed over.
    pub stop: Arc<AtomicBool>,
}

impl LiveOptions {
    /// The defaults for an interface: whole packets, 16 MiB of buffer.
    #[must_use]
    pub fn new(interface: &str) -> Self {
        Self {
            interface: interface.to_owned(),
            snaplen: 262_144,
            buffer: 16 << 20,
            promiscuous: false,
            immediate: false,
            filter: None,
            duration: None,
            stop: Arc::default(),
        }
    }
}

/// Packets as they pass an interface.
pub struct LiveSource {
    capture: Capture<Active>,
    interfaces: [Interface; 1],
    link: LinkType,
    stop: Arc<AtomicBool>,
    deadline: Option<Instant>,
    /// The moment after which packets are no longer handed over.
    until: Option<Timestamp>,
    packets: u64,
    batch: Batch,
    failure: Option<SourceErrorKind>,
    drops: Drops,
    last_stats: [u32; 3],
    finished: bool,
    watch: Option<Watch>,
    /// The interface went down or disappeared.
    gone: bool,
}

impl LiveSource {
    /// Starts capturing: packets from now on are kept in the kernel's buffer.
    ///
    /// # Errors
    /// No privilege, no such interface, a bad filter, or what else libpcap says.
    pub fn open(options: &LiveOptions) -> Result<Self, SourceError> {
        let name = options.interface.as_str();
        let fail = |e: pcap::Error| at_opening(name, fault::of_opening(name, &e));
        let mut capture = Capture::from_device(name)
            .map_err(fail)?
            .snaplen(int(options.snaplen))
            .buffer_size(int(options.buffer))
            .promisc(options.promiscuous && name != "any")
            .immediate_mode(options.immediate)
            .timeout(int(u32::try_from(GATHER.as_millis()).unwrap_or(1)))
            .precision(Precision::Nano)
            .open()
            .map_err(fail)?;
        // Version 2 of the cooked header says which interface a packet passed.
        let cooked = Linktype(i32::from(LinkType::LINUX_SLL2.0));
        if name == "any" && capture.list_datalinks().is_ok_and(|all| all.contains(&cooked)) {
            capture.set_datalink(cooked).map_err(fail)?;
        }
        if let Some(filter) = &options.filter {
            capture
                .filter(filter, true)
                .map_err(|e| at_opening(filter, SourceErrorKind::Filter(fault::text(&e))))?;
        }
        let link = link_type(u32::try_from(capture.get_datalink().0).unwrap_or(u32::MAX));
        let capture = capture.setnonblock().map_err(fail)?;
        let watch = if name == "any" { None } else { Watch::new(name) };
        let (name, snaplen) = (Some(name.to_owned()), options.snaplen);
        Ok(Self {
            capture,
            interfaces: [Interface { name, link, snaplen, ts_digits: 9 }],
            link,
            stop: Arc::clone(&options.stop),
            deadline: options.duration.and_then(|d| Instant::now().checked_add(d)),
            until: None,
            packets: 0,
            batch: Batch::default(),
            failure: None,
            drops: Drops::default(),
            last_stats: [0; 3],
            finished: false,
            watch,
            gone: false,
        })
    }

    /// Waits until there is something to read, the deadline or the stop flag; `false`
    /// when the capture is over and the kernel's buffer is empty.
    fn wait(&mut self) -> Result<bool, SourceError> {
        let ending = self.until.is_some();
        // The last packets may still be gathered.
        let most = if ending { GATHER * 3 } else { LOOK };
        let left = self.deadline.map_or(most, |d| d.saturating_duration_since(Instant::now()));
        let wait = if ending { most } else { left.min(most) };
        // Rounded up, so that a deadline is not approached in steps of nothing.
        let timeout = u16::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(u16::MAX);
        let ready = {
            let mut fds = vec![PollFd::new(self.capture.as_fd(), PollFlags::POLLIN)];
            fds.extend(self.watch.iter().map(|watch| PollFd::new(watch.as_fd(), PollFlags::POLLIN)));
            poll(&mut fds, PollTimeout::from(timeout))
        };
        // What libpcap still has is read before the capture ends.
        if !self.gone && self.watch.as_ref().is_some_and(Watch::is_gone) {
            self.gone = true;
            self.watch = None;
            self.until.get_or_insert_with(now);
        }
        match ready {
            Ok(0) if ending => return Ok(false),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(e) => return Err(self.fault(SourceErrorKind::Io(e.into()))),
        }
        Ok(true)
    }

    /// Has the capture been asked to end? Then packets until now are still wanted.
    #[inline]
    fn look_at_end(&mut self) {
        let over = self.stop.load(Ordering::Relaxed) || self.deadline.is_some_and(|d| Instant::now() >= d);
        if self.until.is_none() && over {
            self.until = Some(now());
        }
    }

    #[cold]
    fn fault(&mut self, kind: SourceErrorKind) -> SourceError {
        self.finished = true;
        let origin = self.interfaces.first().and_then(|i| i.name.clone()).unwrap_or_default();
        SourceError { origin, offset: None, packet: Some(self.packets + 1), kind }
    }

    fn update_drops(&mut self) {
        let Ok(stat) = self.capture.stats() else { return };
        let now = [stat.received, stat.dropped, stat.if_dropped];
        // The counters are of 32 bits and wrap in a long capture.
        let [received, kernel, interface] = self.last_stats;
        self.drops.received += u64::from(stat.received.wrapping_sub(received));
        self.drops.kernel += u64::from(stat.dropped.wrapping_sub(kernel));
        self.drops.interface += u64::from(stat.if_dropped.wrapping_sub(interface));
        self.last_stats = now;
    }

    /// Waits for what the kernel still gathers after a failure; `false` when time is up.
    fn await_the_rest(&self) -> bool {
        let left = self.deadline.map_or(Duration::ZERO, |d| d.saturating_duration_since(Instant::now()));
        let timeout = u16::try_from(left.as_micros().div_ceil(1000)).unwrap_or(u16::MAX);
        let _ = poll(&mut [PollFd::new(self.capture.as_fd(), PollFlags::POLLIN)], PollTimeout::from(timeout));
        !left.is_zero()
    }

    /// Reads what libpcap has into the batch; `false` when the capture is over.
    fn gather(&mut self) -> Result<bool, SourceError> {
        loop {
            if self.finished {
                return match self.failure.take() {
                    Some(kind) => Err(self.fault(kind)),
                    None => Ok(false),
                };
            }
            self.look_at_end();
            self.batch.clear();
            let batch = &mut self.batch;
            match self.capture.dispatch(Some(BATCH), |packet| batch.push(&packet)) {
                // libpcap tells of an interface that is gone before it hands over what the
                // kernel holds of it, or still gathers; once it has told, it reads on.
                Err(e) if self.failure.is_none() => {
                    self.failure = Some(SourceErrorKind::Capture(fault::text(&e)));
                    self.deadline = Some(Instant::now() + GATHER * 3);
                }
                _ if !self.batch.is_empty() => {}
                _ if self.failure.is_some() => self.finished = !self.await_the_rest(),
                _ => {
                    if !self.wait()? {
                        let text = "the interface went down or disappeared".to_owned();
                        self.failure = self.gone.then_some(SourceErrorKind::Capture(text));
                        self.finished = true;
                    }
                }
            }
            if !self.batch.is_empty() {
                return Ok(true);
            }
        }
    }
}

impl LiveSource {
    /// Nothing more has come yet: the next call will wait.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.batch.is_spent()
    }

    /// Packets handed over so far.
    #[must_use]
    pub fn captured(&self) -> u64 {
        self.packets
    }

    /// The descriptor of the capture's socket.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.capture.as_fd().as_raw_fd()
    }
}

impl PacketSource for LiveSource {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, SourceError> {
        if self.batch.is_spent() && !self.gather()? {
            return Ok(None);
        }
        if let Some((until, ts)) = self.until.zip(self.batch.next_time())
            && ts > until
        {
            self.finished = true;
            self.batch.clear();
        }
        let Some((ts, orig_len, data)) = self.batch.next() else { return Ok(None) };
        self.packets += 1;
        Ok(Some(Packet { number: self.packets, ts, orig_len, link: self.link, interface: 0, data }))
    }

    fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    fn drops(&mut self) -> Option<Drops> {
        self.update_drops();
        Some(self.drops)
    }
}

/// The time on the clock that stamps packets.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// libpcap takes its sizes as `int`.
fn int(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
