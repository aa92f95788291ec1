//! Owned facts for the views: what was read, each conversation, and the segments
//! of those conversations that somebody wants to look at. Views only read it.

mod conversation;
mod conversations;
mod convert;
mod entry;
mod events;
mod frames;
mod overhead;
mod packed;
mod recorder;
mod segment;

pub use conversation::{Conversation, RttFacts, TcpFacts, TcpSideFacts, Traffic, UdpFacts};
pub use conversations::{Conversations, Entries, List};
pub use entry::{Entry, TcpEntry};
pub use events::Events;
pub use frames::FrameTotals;
pub use overhead::{HeaderLengths, OptionCounts, Overhead};
pub use recorder::{Recorder, RecorderOptions, Selection};
pub use segment::{Detail, Row, RowKind};

use crate::model::Timestamp;
use crate::source::{Drops, Interface};

/// Everything that a view may print.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What was read.
    pub summary: Summary,
    /// Conversations in the order of their numbers, TCP first; at most the limit. Where the recorder
    /// lists entries, those alone that were selected for a closer look.
    pub conversations: Conversations,
    /// What tables list of all of them, in the same order, where the recorder lists entries.
    pub entries: Entries,
    /// Conversations that there were beyond the limit.
    pub conversations_left_out: u64,
    /// The segments of the conversations that were selected for a closer look.
    pub details: Vec<Detail>,
    /// What happened, in packet order.
    pub events: Events,
    /// Events beyond the limit.
    pub events_left_out: u64,
    /// Header lengths and shares by protocol.
    pub overhead: Overhead,
}

impl Report {
    /// How many conversations are listed.
    #[must_use]
    pub const fn listed(&self) -> usize {
        if self.entries.is_empty() { self.conversations.len() } else { self.entries.len() }
    }

    /// What a table lists of the conversation at `at`.
    #[must_use]
    pub fn entry(&self, at: usize) -> Option<Entry> {
        match self.entries.is_empty() {
            true => self.conversations.get(at).map(|c| Entry::from(&c)),
            false => self.entries.get(at),
        }
    }

    /// The conversations that were selected for a closer look, with their segments.
    pub fn in_detail(&self) -> impl Iterator<Item = (&Detail, Conversation)> {
        self.details.iter().filter_map(|detail| Some((detail, self.conversations.find(detail.id?)?)))
    }
}

/// What was read, in numbers.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The files, interface or lab; strangers' text.
    pub origins: Vec<String>,
    /// Packets read (after the filter).
    pub packets: u64,
    /// Octets of those packets on the wire.
    pub bytes: u64,
    /// Earliest packet time.
    pub first: Option<Timestamp>,
    /// Latest packet time.
    pub last: Option<Timestamp>,
    /// TCP segments, UDP datagrams and ICMP messages among them.
    pub tcp_segments: u64,
    /// UDP datagrams.
    pub udp_datagrams: u64,
    /// ICMP messages.
    pub icmp_messages: u64,
    /// Packets with none of these.
    pub other_packets: u64,
    /// TCP connections in all.
    pub tcp_streams: u64,
    /// UDP conversations in all.
    pub udp_streams: u64,
    /// Problems with headers: text, how many packets, the first packet, its byte offset.
    pub problems: Vec<(&'static str, u64, u64, usize)>,
    /// What the kernel dropped, for a live capture.
    pub drops: Option<Drops>,
    /// The interfaces of the source.
    pub interfaces: Vec<Interface>,
    /// What ended the reading early, if anything did.
    pub fault: Option<String>,
    /// Remarks of the source.
    pub remarks: Vec<String>,
}
