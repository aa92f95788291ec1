//! The table of connections: sorted and searched in the page.

use maud::{Markup, html};

use super::conversation::anchor;
use super::limits::Limits;
use super::summary::{count, volume};
use crate::model::Side;
use crate::report::{Conversation, Report};
use crate::view::graph::{octets, time};

/// The section.
pub(super) fn section(report: &Report, limits: &Limits) -> Markup {
    let all = report.conversations.len() as u64 + report.conversations_left_out;
    let shown = report.conversations.len().min(limits.connections);
    html! {
        section id="connections" aria-labelledby="connections-h" {
            h2 id="connections-h" { "Connections" }
            @if report.conversations.is_empty() {
                p { "There is no TCP or UDP conversation." }
            } @else {
                div.tools {
                    label for="search" { "Search" }
                    input id="search" type="search" autocomplete="off" spellcheck="false" data-search="connections-t";
                    span role="status" id="found" data-of="connections-t" { (count(shown as u64)) " shown" }
                }
                @if all > shown as u64 {
                    p.note {
                        "The first " (count(shown as u64)) " of " (count(all)) " are listed: with all of them the page would \
                         take long to open. "
                        @if report.conversations_left_out > 0 {
                            "Of these, " (count(report.conversations_left_out)) " were beyond the limit of the report itself."
                        }
                    }
                }
                div.scroll role="region" aria-labelledby="connections-h" tabindex="0" {
                    table id="connections-t" data-sort="" {
                        caption.hidden { "Connections, in the order of their numbers" }
                        thead { tr {
                            th scope="col" { "Stream" }
                            th scope="col" { "Originator" }
                            th scope="col" { "Responder" }
                            th scope="col" { "Began" }
                            th scope="col" { "Ended" }
                            th scope="col" { "State" }
                            th.n scope="col" { "Handshake" }
                            th.n scope="col" { "Packets →" }
                            th.n scope="col" { "Packets ←" }
                            th.n scope="col" { "Payload →" }
                            th.n scope="col" { "Payload ←" }
                            th.n scope="col" { "Resent" }
                            th.n scope="col" { "Start" }
                            th.n scope="col" { "Duration" }
                        } }
                        tbody {
                            @for (i, c) in report.conversations.iter().take(shown).enumerate() {
                                (row(i, &c, report))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn row(order: usize, c: &Conversation, report: &Report) -> Markup {
    let detailed = report.details.iter().any(|d| d.id == Some(c.id));
    let start = report.summary.first.map_or(0, |first| c.first.since(first));
    let (start, duration) = (c.first.known().map(|_| start), c.lasted());
    let value = |nanos: Option<i64>| nanos.unwrap_or(-1);
    let shown = |nanos: Option<i64>| nanos.map_or_else(|| "?".into(), time);
    let tcp = c.tcp.as_deref();
    let resent = tcp.map(|t| Side::BOTH.iter().map(|&s| t.sides[s].retransmitted_segments).sum::<u64>());
    let payload = |side| c.traffic[side].payload;
    html! {
        tr {
            th scope="row" data-v=(order) {
                @if detailed { a href={ "#" (anchor(c.id)) } { (c.id) } } @else { (c.id) }
            }
            td { (c.endpoints[Side::Orig]) }
            td { (c.endpoints[Side::Resp]) @if tcp.is_some_and(|t| !t.roles_known) { " (roles are a guess)" } }
            td { (tcp.map_or("", |t| t.handshake.name())) }
            td { (tcp.map_or_else(|| udp_end(c), |t| t.teardown.name().into())) }
            td { (tcp.map_or("", |t| t.conn_state)) }
            @let rtt = tcp.and_then(|t| t.initial_rtt);
            td.n data-v=(rtt.unwrap_or(-1)) { (rtt.map_or_else(String::new, time)) }
            @for side in Side::BOTH { td.n data-v=(c.traffic[side].packets) { (count(c.traffic[side].packets)) } }
            @for side in Side::BOTH {
                td.n data-v=(payload(side)) title=(volume(payload(side))) {
                    (octets(i64::try_from(payload(side)).unwrap_or(i64::MAX)))
                }
            }
            td.n data-v=(resent.map_or(-1, |n| i64::try_from(n).unwrap_or(i64::MAX))) { (resent.map_or_else(String::new, count)) }
            td.n data-v=(value(start)) { (shown(start)) }
            td.n data-v=(value(duration)) { (shown(duration)) }
        }
    }
}

/// UDP has no end; what there is to say is whether somebody refused.
fn udp_end(c: &Conversation) -> String {
    match c.udp.map_or(0, |u| u.icmp_errors) {
        0 => String::new(),
        1 => "1 ICMP error".into(),
        n => format!("{} ICMP errors", count(n)),
    }
}
