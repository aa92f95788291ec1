//! The pictures that the other views draw, for the page.

use std::fmt;

use super::Pictures;
use crate::decode::headers::HeaderTree;
use crate::model::TcpFlags;
use crate::report::{Conversation, Detail, Row, RowKind};
use crate::view::graph::Extra;
use crate::view::header::HeaderDiagram;
use crate::view::ladder::{Ladder, Options};

/// Arrows of a ladder on a page; longer conversations fold.
const ARROWS: usize = 300;

/// Tells the story of a conversation.
pub type Story<'a> = dyn Fn(&Detail, &Conversation) -> Option<String> + 'a;
/// The headers of a frame, where its octets are still there.
pub type Headers<'a> = dyn Fn(u64) -> Option<HeaderTree> + 'a;
/// What the ladder of a conversation may know beyond the report.
pub type OfLadder<'a> = dyn Fn(&Detail, &Conversation) -> Options + 'a;
/// What the graphs of a conversation show that no packet tells.
pub type InGraphs<'a> = dyn Fn(&Conversation) -> Vec<Extra<'a>> + 'a;

/// Ladders, header diagrams and stories from the other views.
#[derive(Clone, Copy, Default)]
pub struct Drawn<'a> {
    /// The story of a conversation.
    pub story: Option<&'a Story<'a>>,
    /// The headers of a frame: the page shows those of the frames that say most.
    pub headers: Option<&'a Headers<'a>>,
    /// What ladders may know beyond the report.
    pub ladder: Option<&'a OfLadder<'a>>,
    /// What graphs show beyond the packets.
    pub extra: Option<&'a InGraphs<'a>>,
}

impl fmt::Debug for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Drawn")
    }
}

impl Pictures for Drawn<'_> {
    fn story(&self, detail: &Detail, conversation: &Conversation) -> Option<String> {
        self.story?(detail, conversation)
    }

    fn ladder_svg(&self, detail: &Detail, conversation: &Conversation, _id: &str) -> Option<String> {
        let known = self.ladder.map(|of| of(detail, conversation)).unwrap_or_default();
        let options = Options { limit: Some(ARROWS), ..known };
        (!detail.rows.is_empty()).then(|| Ladder::new(conversation, detail, &options).svg())
    }

    fn headers_svg(&self, detail: &Detail, _: &Conversation, _id: &str) -> Vec<(String, String)> {
        let Some(headers) = self.headers else { return Vec::new() };
        telling(detail)
            .into_iter()
            .filter_map(|(what, row)| {
                let tree = headers(row.frame)?;
                Some((format!("Frame {}: {what}", row.frame), HeaderDiagram.render_svg(&tree)))
            })
            .collect()
    }

    fn extra(&self, conversation: &Conversation) -> Vec<Extra<'_>> {
        self.extra.map(|of| of(conversation)).unwrap_or_default()
    }
}

/// The packets whose headers say most: the first SYN, the answer to it, the first with
/// payload, and the longest header.
fn telling(detail: &Detail) -> Vec<(&'static str, &Row)> {
    let flags = |row: &Row| match row.kind {
        RowKind::Tcp { flags, .. } => Some(flags),
        RowKind::Udp { .. } | RowKind::Icmp { .. } => None,
    };
    let first = |wanted: &dyn Fn(&Row) -> bool| detail.rows.iter().find(|row| wanted(row));
    let syn = |row: &Row, ack: bool| {
        flags(row).is_some_and(|f| f.has(TcpFlags::SYN) && f.has(TcpFlags::ACK) == ack)
    };
    // The first of the longest ones.
    let longest = detail.rows.iter().rev().max_by_key(|row| row.header_len);
    let found = [
        ("the SYN", first(&|row| syn(row, false))),
        ("the SYN-ACK", first(&|row| syn(row, true))),
        ("the first with payload", first(&|row| row.len > 0)),
        ("the longest header", longest),
    ];
    let mut chosen: Vec<(&'static str, &Row)> = Vec::new();
    for (what, row) in found {
        if let Some(row) = row.filter(|row| chosen.iter().all(|(_, other)| other.frame != row.frame)) {
            chosen.push((what, row));
        }
    }
    chosen
}
