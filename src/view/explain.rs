//! Each conversation's story in plain words: how it began, what went each way, what went
//! wrong, and who ended it, citing packets.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::pen::Pen;
use super::services::Services;
use super::words::story;
use super::{Style, View};
use crate::model::{PerSide, Side, StreamId};
use crate::report::{Conversation, Report, TcpFacts};
use crate::track::{Event, EventKind};

/// The stories of all conversations.
#[derive(Debug, Clone, Copy)]
pub struct Explain<'a> {
    /// Names for ports.
    pub services: &'a Services,
    /// Plain text or Markdown.
    pub pen: Pen,
}

impl Default for Explain<'static> {
    fn default() -> Self {
        Self { services: Services::system(), pen: Pen::Text }
    }
}

impl View for Explain<'_> {
    fn render(&self, report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        let mut by_stream: BTreeMap<StreamId, Vec<Event>> = BTreeMap::new();
        for event in report.events.iter() {
            by_stream.entry(event.stream).or_default().push(event);
        }
        let shown = style.limit.unwrap_or(usize::MAX);
        for (i, c) in report.conversations.iter().take(shown).enumerate() {
            if i > 0 {
                self.pen.gap(out)?;
            }
            let known = c.tcp.as_ref().is_none_or(|t| t.roles_known);
            let responder = self.services.endpoint(c.endpoints[Side::Resp], c.id.protocol);
            let arrow = if known { "→" } else { "→?" };
            let title = format!("{}  {} {arrow} {responder}", c.id, c.endpoints[Side::Orig]);
            self.pen.title(&title, style, out)?;
            let events = by_stream.get(&c.id).map_or(&[][..], Vec::as_slice);
            for paragraph in tell(&c, events) {
                self.pen.line(&paragraph, style, out)?;
            }
        }
        let more = report.conversations.len().saturating_sub(shown) as u64 + report.conversations_left_out;
        if more > 0 {
            self.pen.line(&format!("… {} more: --limit all", super::number::count(more)), style, out)?;
        }
        if report.events_left_out > 0 {
            self.pen.line(&story::left_out(report.events_left_out), style, out)?;
        }
        Ok(())
    }
}

/// The story of a conversation, a paragraph each; `events` are its own, in packet order.
#[must_use]
pub fn tell(c: &Conversation, events: &[Event]) -> Vec<String> {
    let mut paragraphs = match (&c.tcp, &c.udp) {
        (Some(tcp), _) => tell_tcp(c, tcp, events),
        (None, Some(udp)) => {
            let mut sentences = vec![story::udp(c, udp)];
            sentences.extend(groups(c, events));
            vec![sentences.join(" ")]
        }
        (None, None) => Vec::new(),
    };
    paragraphs.push(story::filter(c));
    paragraphs
}

fn tell_tcp(c: &Conversation, tcp: &TcpFacts, events: &[Event]) -> Vec<String> {
    let first = |kind: EventKind, side: Option<Side>| {
        events.iter().find(|e| e.kind == kind && side.is_none_or(|s| s == e.side)).map(|e| e.packet)
    };
    let mut began = vec![story::who(c, tcp)];
    began.extend(story::began(tcp, first(EventKind::Established, None)));
    let payload = Side::BOTH.iter().any(|&s| c.traffic[s].payload > 0);
    let mut passed = Vec::new();
    if payload {
        passed.push(story::data(c, Some(tcp)));
        passed.extend(Side::BOTH.iter().filter_map(|&s| story::figures(s, &tcp.sides[s])));
        passed.extend(Side::BOTH.iter().filter_map(|&s| story::closed_window(s, &tcp.sides[s])));
    }
    let wrong = groups(c, events);
    let fins = PerSide::new(first(EventKind::Fin, Some(Side::Orig)), first(EventKind::Fin, Some(Side::Resp)));
    let ended = story::ended(tcp, fins);
    [began, passed, wrong, ended.into_iter().collect()]
        .into_iter()
        .filter(|sentences| !sentences.is_empty())
        .map(|sentences| sentences.join(" "))
        .collect()
}

/// What went wrong, kind by kind in the order it first happened.
fn groups(c: &Conversation, events: &[Event]) -> Vec<String> {
    let six = c.endpoints[Side::Orig].addr.is_ipv6();
    let mut groups: Vec<Vec<&Event>> = Vec::new();
    for event in events.iter().filter(|e| !explained(e, events)) {
        let same = |g: &&mut Vec<&Event>| {
            g.first().is_some_and(|f| {
                f.kind == event.kind
                    && f.side == event.side
                    && f.confidence == event.confidence
                    && (f.kind != EventKind::IcmpError || f.evidence.count == event.evidence.count)
            })
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(event),
            None => groups.push(vec![event]),
        }
    }
    let told = |group: &Vec<&Event>| match group.first() {
        Some(e) if e.kind == EventKind::IcmpError && six => story::icmp6(group),
        _ => story::group(group),
    };
    groups.iter().filter_map(told).collect()
}

/// A gap that a later verdict explains needs no sentence of its own.
fn explained(event: &Event, events: &[Event]) -> bool {
    let (EventKind::Gap, Some(from), Some(len)) = (event.kind, event.evidence.seq, event.evidence.len) else {
        return false;
    };
    events.iter().any(|later| {
        let inside = later.evidence.seq.is_some_and(|seq| seq.wrapping_sub(from) < len.max(1));
        later.kind != EventKind::Gap && later.packet > event.packet && later.side == event.side && inside
    })
}
