//! A recorder for each shard of a tracker, and one report of what they kept.

use super::{Kept, Recorder, Selection};
use crate::model::StreamId;
use crate::track::{Event, Merged, Numbers};

impl Recorder {
    /// A recorder for each of so many shards. `None` where conversations are selected by their
    /// numbers: those are not known before all shards are done.
    #[must_use]
    pub fn split(&self, shards: usize) -> Option<Vec<Self>> {
        let by_number = self.options.only.is_some() || matches!(self.options.select, Selection::Only(_));
        (!by_number).then(|| (0..shards).map(|_| Self::new(self.options.clone())).collect())
    }

    /// Takes in what the recorders of all shards kept, and is then as if it had been the only
    /// one. Each comes with the numbers that its shard gave.
    pub fn join(&mut self, mut parts: Vec<(Self, Numbers)>) {
        let upto = parts.iter().map(|(part, _)| part.upto()).max().unwrap_or(0);
        let numbers: Vec<Numbers> = parts.iter_mut().map(|(_, n)| std::mem::take(n)).collect();
        let merged = Numbers::merge(&numbers, upto);
        let mut parts: Vec<Self> = parts.into_iter().map(|(part, _)| part).collect();
        self.join_details(&mut parts, &merged);
        self.join_events(&parts, &merged);
        for (part, numbers) in parts.into_iter().zip(&merged) {
            let (from, to) = (part.report, &mut self.report);
            to.summary.tcp_streams += from.summary.tcp_streams;
            to.summary.udp_streams += from.summary.udp_streams;
            to.conversations_left_out += from.conversations_left_out;
            to.events_left_out += from.events_left_out;
            let (mut conversations, mut entries) = (from.conversations, from.entries);
            conversations.renumber(|id| renumbered(id, numbers));
            entries.renumber(|id| renumbered(id, numbers));
            to.conversations.append(conversations);
            to.entries.append(entries);
        }
    }

    /// Every number that something kept here has is below it.
    fn upto(&self) -> u32 {
        let listed = self.report.conversations.ids().chain(self.report.entries.ids());
        let told = self.report.events.iter().map(|event| event.stream);
        let looked_at = self.details.keys().copied();
        listed.chain(told).chain(looked_at).map(|id| id.number.saturating_add(1)).max().unwrap_or(0)
    }

    fn join_details(&mut self, parts: &mut [Self], merged: &[Merged]) {
        let too_many = parts.iter().any(|part| part.options.select == Selection::None);
        let mut kept: Vec<(StreamId, Kept)> = Vec::new();
        for (part, numbers) in parts.iter_mut().zip(merged) {
            kept.extend(std::mem::take(&mut part.details).into_iter().map(|(id, mut kept)| {
                let id = renumbered(id, numbers);
                kept.detail.id = Some(id);
                kept.detail.events.iter_mut().for_each(|event| event.stream = id);
                (id, kept)
            }));
        }
        match self.options.select {
            Selection::Few(n) if too_many || kept.len() > n => {
                self.options.select = Selection::None;
                return;
            }
            Selection::First(n) => {
                kept.sort_by_key(|(_, kept)| kept.since);
                kept.truncate(n);
            }
            _ => {}
        }
        self.details.extend(kept);
    }

    /// The events of all, in the order of the records that they are about.
    fn join_events(&mut self, parts: &[Self], merged: &[Merged]) {
        let mut waiting: Vec<_> = parts
            .iter()
            .zip(merged)
            .map(|(part, numbers)| {
                let renumber = |event: Event| Event { stream: renumbered(event.stream, numbers), ..event };
                part.told_of.iter().zip(part.report.events.iter().map(renumber)).peekable()
            })
            .collect();
        let most = self.options.events.unwrap_or(usize::MAX);
        while let Some((_, i)) =
            waiting.iter_mut().enumerate().filter_map(|(i, events)| Some((*events.peek()?.0, i))).min()
        {
            let Some((_, event)) = waiting[i].next() else { break };
            if self.report.events.len() < most {
                self.report.events.push(&event);
            } else {
                self.report.events_left_out += 1;
            }
        }
    }
}

fn renumbered(id: StreamId, numbers: &Merged) -> StreamId {
    StreamId { number: numbers.number(id.protocol, id.number), ..id }
}
