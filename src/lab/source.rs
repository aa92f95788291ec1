//! A lab as one more source of packets.

use crate::model::{LinkType, Packet, Timestamp};
use crate::source::{Interface, PacketSource, SourceError};

use super::outcome::{LabOutcome, Observer};

/// The frames of a lab as its observer saw them.
#[derive(Debug)]
pub struct LabSource {
    frames: Vec<(Timestamp, Vec<u8>)>,
    next: usize,
    interfaces: [Interface; 1],
}

impl LabSource {
    /// What `at` saw of this lab.
    #[must_use]
    pub fn new(outcome: &LabOutcome, at: Observer) -> Self {
        let name = match at {
            Observer::Wire => "wire".to_owned(),
            Observer::Host(h) => outcome.hosts.get(h).map_or_else(|| "wire".to_owned(), |h| h.name.clone()),
        };
        Self {
            frames: outcome.capture(at).into_iter().map(|c| (c.ts, c.bytes.to_vec())).collect(),
            next: 0,
            interfaces: [Interface { name: Some(name), link: outcome.link, snaplen: 0, ts_digits: 9 }],
        }
    }

    fn link(&self) -> LinkType {
        self.interfaces[0].link
    }
}

impl PacketSource for LabSource {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, SourceError> {
        let link = self.link();
        let number = self.next as u64 + 1;
        let Some((ts, data)) = self.frames.get(self.next) else { return Ok(None) };
        self.next += 1;
        let orig_len = u32::try_from(data.len()).unwrap_or(u32::MAX);
        Ok(Some(Packet { number, ts: *ts, orig_len, link, interface: 0, data }))
    }

    fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }
}
