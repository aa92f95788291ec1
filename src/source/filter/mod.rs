//! Filters in libpcap's language (pcap-filter(7)) on packets of any source. libpcap
//! compiles them, one program for each link type; [`machine`] runs them.

mod machine;

use pcap::{Capture, Linktype};

use self::machine::Program;
use super::open::at_opening;
use super::{Drops, Interface, PacketSource, Progress, SourceError, SourceErrorKind};
use crate::model::{LinkType, Packet};

/// A filter and its programs.
#[derive(Debug)]
pub struct Filter {
    text: String,
    /// `None` where libpcap has no such program for the link type.
    programs: Vec<(LinkType, Option<Program>)>,
}

impl Filter {
    /// The filter `text` for packets of `links`; where they are not known yet, it must
    /// be good for some common link type.
    ///
    /// # Errors
    /// libpcap does not accept the filter.
    pub fn new(text: &str, links: &[LinkType]) -> Result<Self, SourceError> {
        let bad = |why| at_opening(text, SourceErrorKind::Filter(why));
        let mut programs = Vec::new();
        if links.is_empty() {
            let common = [LinkType::RAW, LinkType::IEEE802_11_RADIOTAP, LinkType::PFLOG];
            if let Err(why) = compile(text, LinkType::ETHERNET)
                && !common.into_iter().any(|link| compile(text, link).is_ok())
            {
                return Err(bad(why));
            }
        }
        for &link in links {
            if !programs.iter().any(|(known, _)| *known == link) {
                programs.push((link, Some(compile(text, link).map_err(bad)?)));
            }
        }
        Ok(Self { text: text.to_owned(), programs })
    }

    /// Does the packet pass? `Err` says, the first time only, that the filter cannot
    /// be applied to its link type; no packet of that type passes.
    ///
    /// # Errors
    /// libpcap's reason.
    pub fn matches(&mut self, packet: &Packet<'_>) -> Result<bool, String> {
        let known = self.programs.iter().find(|(link, _)| *link == packet.link);
        if let Some((_, program)) = known {
            return Ok(program.as_ref().is_some_and(|p| p.matches(packet.data, packet.orig_len)));
        }
        let compiled = compile(&self.text, packet.link);
        let verdict = match &compiled {
            Ok(program) => Ok(program.matches(packet.data, packet.orig_len)),
            Err(why) => Err(why.clone()),
        };
        self.programs.push((packet.link, compiled.ok()));
        verdict
    }
}

fn compile(text: &str, link: LinkType) -> Result<Program, String> {
    let dead = Capture::dead(dlt(link)).map_err(|e| e.to_string())?;
    let compiled = dead.compile(text, true).map_err(|e| match e {
        pcap::Error::PcapError(text) => text,
        other => other.to_string(),
    })?;
    Program::new(compiled.get_instructions().iter().map(ToString::to_string))
        .ok_or_else(|| "libpcap made a program that synfin cannot run".to_owned())
}

/// libpcap's own number of a link type, which differs from the registry's for a few.
fn dlt(link: LinkType) -> Linktype {
    Linktype(match link {
        LinkType::RAW => 12,
        LinkType::ATM_RFC1483 => 11,
        LinkType(other) => i32::from(other),
    })
}

/// A source whose packets pass a filter. They keep their numbers in it.
pub struct Filtered<S> {
    source: S,
    filter: Filter,
    data: Vec<u8>,
    remarks: Vec<String>,
    taken: usize,
}

impl<S: PacketSource> Filtered<S> {
    /// Filters `source`.
    ///
    /// # Errors
    /// libpcap does not accept the filter.
    pub fn new(source: S, text: &str) -> Result<Self, SourceError> {
        let mut links: Vec<LinkType> = source.interfaces().iter().map(|i| i.link).collect();
        links.dedup();
        let filter = Filter::new(text, &links)?;
        Ok(Self { source, filter, data: Vec::new(), remarks: Vec::new(), taken: 0 })
    }

    /// The source.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Goes on to the next packet that passes; its octets are copied to `data`.
    fn advance(&mut self) -> Result<Option<Packet<'static>>, SourceError> {
        loop {
            let Some(packet) = self.source.next_packet()? else { return Ok(None) };
            match self.filter.matches(&packet) {
                Ok(false) => {}
                Ok(true) => {
                    self.data.clear();
                    self.data.extend_from_slice(packet.data);
                    let Packet { number, ts, orig_len, link, interface, .. } = packet;
                    return Ok(Some(Packet { number, ts, orig_len, link, interface, data: &[] }));
                }
                Err(why) => {
                    let link = packet.link;
                    self.remarks.push(format!(
                        "the filter cannot be applied to {link} ({why}): its packets are left out"
                    ));
                }
            }
        }
    }

    fn learn(&mut self) {
        let remarks = self.source.remarks();
        if remarks.len() > self.taken {
            self.remarks.extend(remarks.iter().skip(self.taken).cloned());
            self.taken = remarks.len();
        }
    }
}

impl<S: PacketSource> PacketSource for Filtered<S> {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, SourceError> {
        let found = self.advance();
        self.learn();
        Ok(found?.map(|head| Packet { data: &self.data, ..head }))
    }

    fn interfaces(&self) -> &[Interface] {
        self.source.interfaces()
    }

    fn progress(&self) -> Progress {
        self.source.progress()
    }

    fn drops(&mut self) -> Option<Drops> {
        self.source.drops()
    }

    fn remarks(&self) -> &[String] {
        &self.remarks
    }
}

#[cfg(test)]
mod tests;
