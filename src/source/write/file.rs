//! The sink into a file, or a set of files one after another.

use std::path::{Path, PathBuf};

use super::encode::{self, Format};
use super::output::{Output, fault};
use super::{PacketSink, WriteOptions, Written};
use crate::model::{Packet, Timestamp};

use super::super::{Drops, Interface, SourceError, SourceErrorKind};

/// Nanoseconds of packet time after which what was gathered is written.
const INTERVAL: i64 = 1_000_000_000;

/// Writes pcapng or, by the name, classic pcap.
pub struct FileSink {
    base: PathBuf,
    options: WriteOptions,
    format: Format,
    interfaces: Vec<Interface>,
    /// A packet whose interface is not described yet, and its comment.
    waiting: Option<Waiting>,
    current: Option<Current>,
    /// Files begun since time began the last one, and in all.
    count: u32,
    begun: u32,
    written: Written,
    last: Timestamp,
    full: bool,
}

/// The file that is being written.
struct Current {
    output: Output,
    path: PathBuf,
    /// When it was begun, in packet time.
    since: Timestamp,
    flushed: Timestamp,
    /// Interfaces described in it.
    described: usize,
    /// Classic pcap: its times are in nanoseconds.
    nanos: bool,
}

struct Waiting {
    packet: Packet<'static>,
    data: Vec<u8>,
    comment: Option<String>,
}

impl FileSink {
    /// A sink into `path`, created at once; `-` is standard output.
    ///
    /// # Errors
    /// The file cannot be created, or is one that is being read. A FIFO that nobody has
    /// opened for reading is [`std::io::ErrorKind::NotConnected`]: the caller knows how
    /// long to try again.
    pub fn create(path: &Path, options: WriteOptions) -> Result<Self, SourceError> {
        let classic = |e: &std::ffi::OsStr| e.eq_ignore_ascii_case("pcap") || e.eq_ignore_ascii_case("cap");
        let format = if path.extension().is_some_and(classic) { Format::Pcap } else { Format::Pcapng };
        let mut sink = Self {
            base: path.to_owned(),
            options,
            format,
            interfaces: Vec::new(),
            waiting: None,
            current: None,
            count: 0,
            begun: 0,
            written: Written::default(),
            last: Timestamp(0),
            full: false,
        };
        // A name that depends on time waits for the first packet.
        if sink.options.rotation.seconds.is_none() {
            sink.begin(Timestamp(0))?;
        }
        Ok(sink)
    }

    /// Begins the next file at `ts`.
    fn begin(&mut self, ts: Timestamp) -> Result<(), SourceError> {
        let name = self.options.rotation.name(&self.base, ts, self.count);
        let path = name.map_err(|e| fault(&self.base, e))?;
        let mut output = Output::create(&path, &self.options)?;
        if self.format == Format::Pcapng {
            output.record(|out| {
                encode::section(out);
                Some(())
            })?;
        }
        if !self.written.files.contains(&path) {
            self.written.files.push(path.clone());
        }
        self.begun = self.begun.saturating_add(1);
        self.current = Some(Current { output, path, since: ts, flushed: ts, described: 0, nanos: false });
        Ok(())
    }

    /// Ends the file at hand.
    fn end(&mut self, drops: Option<Drops>) -> Result<(), SourceError> {
        self.head(None)?;
        let (format, last) = (self.format, self.last);
        let Some(mut current) = self.current.take() else { return Ok(()) };
        if let (Format::Pcapng, Some(drops), 1..) = (format, drops, current.described) {
            current.output.record(|out| {
                encode::statistics(out, 0, last, drops);
                Some(())
            })?;
        }
        self.written.bytes += current.output.len();
        current.output.sync()
    }

    /// Begins another file where the one at hand is large or old enough.
    fn rotate(&mut self, ts: Timestamp) -> Result<(), SourceError> {
        let Some(current) = &self.current else { return self.begin(ts) };
        let rotation = self.options.rotation;
        let span = rotation.seconds.map(|s| i64::try_from(s).unwrap_or(i64::MAX).saturating_mul(INTERVAL));
        if span.is_some_and(|span| ts.since(current.since) >= span) {
            if rotation.bytes.is_none() && rotation.files.is_some_and(|files| self.begun >= files) {
                self.full = true;
                return Ok(());
            }
            self.end(None)?;
            self.count = 0;
            return self.begin(ts);
        }
        if rotation.bytes.is_some_and(|bytes| current.output.len() > bytes) {
            let since = current.since;
            self.end(None)?;
            self.count = rotation.next(self.count);
            self.begin(since)?;
        }
        Ok(())
    }

    /// Writes what must stand before the next packet: pcap's header, pcapng's
    /// descriptions of interfaces.
    fn head(&mut self, packet: Option<&Packet<'_>>) -> Result<(), SourceError> {
        let Some(current) = &mut self.current else { return Ok(()) };
        match self.format {
            Format::Pcapng => {
                for interface in self.interfaces.iter().skip(current.described) {
                    current.output.record(|out| {
                        encode::interface(out, interface);
                        Some(())
                    })?;
                    current.described += 1;
                }
            }
            Format::Pcap if current.described == 0 => {
                let first = self.interfaces.first();
                let link = packet.map(|p| p.link).or(first.map(|i| i.link));
                let link = link.unwrap_or(crate::model::LinkType::ETHERNET);
                let snaplen = self.interfaces.iter().map(|i| i.snaplen).max().unwrap_or(0);
                let nanos = self.interfaces.iter().any(|i| i.ts_digits > 6);
                current.output.record(|out| {
                    encode::pcap_header(out, link, snaplen, nanos);
                    Some(())
                })?;
                (current.described, current.nanos) = (usize::from(link.0) + 1, nanos);
            }
            Format::Pcap => {}
        }
        Ok(())
    }

    /// Writes a packet whose interface is known.
    fn put(&mut self, packet: &Packet<'_>, comment: Option<&str>) -> Result<(), SourceError> {
        self.rotate(packet.ts)?;
        if self.full {
            return Ok(());
        }
        self.head(Some(packet))?;
        let format = self.format;
        let Some(current) = &mut self.current else { return Ok(()) };
        // In classic pcap `described` holds the file's link type, from 1.
        if format == Format::Pcap && current.described != usize::from(packet.link.0) + 1 {
            let text =
                format!("a pcap file has one link type, and packet {} is {}", packet.number, packet.link);
            return Err(unsupported(&current.path, format!("{text} (write .pcapng instead)")));
        }
        let nanos = current.nanos;
        let fits = current.output.record(|out| match format {
            Format::Pcap => encode::pcap_packet(out, packet, nanos),
            Format::Pcapng => encode::packet(out, packet.interface, packet, comment),
        })?;
        if fits.is_none() {
            let text =
                format!("packet {} has the time {}, which the format cannot hold", packet.number, packet.ts);
            return Err(unsupported(&current.path, text));
        }
        self.written.packets += 1;
        if packet.ts == Timestamp::NONE {
            return Ok(());
        }
        self.last = packet.ts;
        if packet.ts.since(current.flushed) >= INTERVAL {
            current.flushed = packet.ts;
            current.output.flush()?;
        }
        Ok(())
    }

    /// Writes the packet that waits for its interface; `made_up` where nobody
    /// described it.
    fn release(&mut self, made_up: bool) -> Result<(), SourceError> {
        let Some(waiting) = &self.waiting else { return Ok(()) };
        let known = (waiting.packet.interface as usize) < self.interfaces.len();
        if !known && !made_up {
            return Ok(());
        }
        let Some(Waiting { packet, data, comment }) = self.waiting.take() else { return Ok(()) };
        while self.interfaces.len() <= packet.interface as usize {
            let link = packet.link;
            self.interfaces.push(Interface { name: None, link, snaplen: 0, ts_digits: 9 });
        }
        self.put(&Packet { data: &data, ..packet }, comment.as_deref())
    }
}

fn unsupported(path: &Path, text: String) -> SourceError {
    let origin = path.to_string_lossy().into_owned();
    SourceError { origin, offset: None, packet: None, kind: SourceErrorKind::Unsupported(text) }
}

impl PacketSink for FileSink {
    fn describe(&mut self, interfaces: &[Interface]) -> Result<(), SourceError> {
        if interfaces.len() > self.interfaces.len() {
            let known = self.interfaces.len();
            self.interfaces.extend(interfaces.iter().skip(known).cloned());
        }
        self.release(false)
    }

    fn write(&mut self, packet: &Packet<'_>, comment: Option<&str>) -> Result<(), SourceError> {
        if self.waiting.is_some() {
            self.release(true)?;
        }
        if self.full {
            return Ok(());
        }
        if packet.interface as usize >= self.interfaces.len() {
            let Packet { number, ts, orig_len, link, interface, data } = *packet;
            self.waiting = Some(Waiting {
                packet: Packet { number, ts, orig_len, link, interface, data: &[] },
                data: data.to_owned(),
                comment: comment.map(str::to_owned),
            });
            return Ok(());
        }
        self.put(packet, comment)
    }

    fn flush(&mut self) -> Result<(), SourceError> {
        self.current.as_mut().map_or(Ok(()), |current| current.output.flush())
    }

    fn sync(&mut self) -> Result<(), SourceError> {
        self.current.as_mut().map_or(Ok(()), |current| current.output.sync())
    }

    fn finish(&mut self, drops: Option<Drops>) -> Result<Written, SourceError> {
        self.release(true)?;
        self.end(drops)?;
        Ok(self.written.clone())
    }

    fn is_full(&self) -> bool {
        self.full
    }
}
