//! Events with their evidence, each packet a link.

use maud::{Markup, html};

use super::conversation::frame_link;
use super::limits::Limits;
use super::rows::Shown;
use super::summary::count;
use crate::report::{Conversation, Detail};
use crate::track::Event;
use crate::view::graph::time;

/// The table of events.
pub(super) fn table(detail: &Detail, c: &Conversation, shown: &Shown, limits: &Limits) -> Markup {
    let events = &detail.events;
    html! {
        h3 { "What happened" }
        @if events.is_empty() {
            p { "No event: nothing out of the ordinary was seen." }
        } @else {
            @if events.len() > limits.events {
                p.note {
                    "The first " (count(limits.events as u64)) " of " (count(events.len() as u64))
                    " events are listed: a longer list would make the page slow."
                }
            }
            div.scroll role="region" aria-label={ "Events of " (c.id) } tabindex="0" {
                table {
                    caption.hidden { "Events of " (c.id) }
                    thead { tr {
                        th.n scope="col" { "Frame" }
                        th.n scope="col" { "Time" }
                        th scope="col" { "By" }
                        th scope="col" { "What" }
                        th scope="col" { "Sure" }
                        th scope="col" { "Evidence" }
                        th scope="col" { "Wireshark says" }
                    } }
                    tbody {
                        @for event in events.iter().take(limits.events) { (row(event, c, shown)) }
                    }
                }
            }
        }
    }
}

fn row(event: &Event, c: &Conversation, shown: &Shown) -> Markup {
    let labels: Vec<&str> = event.labels.names().collect();
    html! {
        tr {
            th.n scope="row" { (frame_link(c.id, event.packet, shown)) }
            td.n { (time(event.ts.since(c.first))) }
            td { (c.endpoints[event.side]) }
            td { (event.kind.name().replace('_', " ")) }
            td.{ "sure-" (event.confidence.name()) } { (event.confidence.name()) }
            td.wide { (evidence(event, c, shown)) }
            td { (labels.join(", ").replace('_', " ")) }
        }
    }
}

/// Only what the packets have.
fn evidence(event: &Event, c: &Conversation, shown: &Shown) -> Markup {
    let e = &event.evidence;
    let mut parts: Vec<Markup> = Vec::new();
    if let Some(frame) = e.original {
        let after = e.elapsed.map(|n| format!(", {} earlier", time(n)));
        parts.push(html! { "original: " (frame_link(c.id, frame, shown)) (after.unwrap_or_default()) });
    } else if let Some(elapsed) = e.elapsed {
        parts.push(html! { (time(elapsed)) " since the original" });
    }
    if let Some(frame) = e.witness {
        parts.push(html! { "witness: " (frame_link(c.id, frame, shown)) });
    }
    if let Some(seq) = e.seq {
        parts.push(html! { "seq " (seq) @if let Some(len) = e.len { ", " (len) " octets" } });
    } else if let Some(len) = e.len {
        parts.push(html! { (len) " octets" });
    }
    if let Some(n) = e.duplicate_acks {
        parts.push(html! { (n) " duplicate ACKs" });
    }
    if let Some((a, b)) = e.sack {
        parts.push(html! { "SACK " (a) "–" (b) });
    }
    if let Some((a, b)) = e.ip_id {
        parts.push(html! { "IP ID " (a) " then " (b) });
    }
    if let Some((a, b)) = e.tsval {
        parts.push(html! { "TSval " (a) " then " (b) });
    }
    if let Some((a, b)) = e.ttl {
        parts.push(html! { "TTL " (b) " instead of " (a) });
    }
    if let Some(rtt) = e.rtt {
        parts.push(html! { "round trip " (time(rtt)) });
    }
    if let Some(n) = e.count {
        parts.push(html! { "count " (count(n)) });
    }
    html! { @for (i, part) in parts.iter().enumerate() { @if i > 0 { "; " } (part) } }
}
