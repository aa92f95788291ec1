//! One conversation closely: its story, pictures, events and packets.

use maud::{Markup, PreEscaped, html};

use super::limits::{Budget, Limits};
use super::rows::Shown;
use super::summary::{count, moment, volume};
use super::{Pictures, evidence, rows};
use crate::model::{Printable, Side, StreamId};
use crate::report::{Conversation, Detail};
use crate::view::graph::{self, Graph, time};

/// The id of a conversation's section.
pub(super) fn anchor(id: StreamId) -> String {
    format!("{}-{}", id.protocol.name(), id.number)
}

/// The id of a packet's row.
pub(super) fn packet_anchor(id: StreamId, frame: u64) -> String {
    format!("{}-p{frame}", anchor(id))
}

/// The frame's number, as a link to its row where the page has that.
pub(super) fn frame_link(id: StreamId, frame: u64, shown: &Shown) -> Markup {
    html! {
        @if shown.has(frame) { a href={ "#" (packet_anchor(id, frame)) } { "frame " (frame) } }
        @else { "frame " (frame) }
    }
}

/// The section.
pub(super) fn section(
    detail: &Detail,
    c: &Conversation,
    pictures: &dyn Pictures,
    limits: &Limits,
    budget: &mut Budget,
) -> Markup {
    let id = anchor(c.id);
    let heading = html! {
        h2 id={ (id) "-h" } { (c.id) ": " (c.endpoints[Side::Orig]) " → " (c.endpoints[Side::Resp]) }
    };
    if !budget.conversation() {
        budget.left_out.push(format!(
            "{} in detail: this page shows {} conversations closely at most, and only as far as its size allows.",
            c.id, limits.conversations
        ));
        return html! {
            section id=(id) aria-labelledby={ (id) "-h" } {
                (heading)
                p.note { "Its details are left out: the page would become too large." }
            }
        };
    }
    let shown = Shown::new(detail, budget.rows(limits.packets));
    // First of all, because everything else links to its rows.
    let packets = rows::table(detail, c, &shown).into_string();
    let (packets, shown) = match budget.fit(packets, || format!("The packets of {}", c.id)) {
        Ok(markup) => (PreEscaped(markup), shown),
        Err(words) => (html! { p.note { (words) } }, Shown::nothing()),
    };
    let mut place = |markup: String, what: &str| match budget.fit(markup, || format!("{what} of {}", c.id)) {
        Ok(markup) => PreEscaped(markup),
        Err(words) => html! { p.note { (words) } },
    };
    html! {
        section.conversation id=(id) aria-labelledby={ (id) "-h" } {
            (heading)
            (facts(c))
            @if let Some(story) = pictures.story(detail, c) { (prose(&story, c, &shown)) }
            (place(evidence::table(detail, c, &shown, limits).into_string(), "The events"))
            @if let Some(svg) = pictures.ladder_svg(detail, c, &format!("{id}-l")) {
                h3 { "Ladder" }
                div.picture.scroll role="region" aria-label={ "Ladder of " (c.id) } tabindex="0" {
                    (place(element(&svg).into(), "The ladder"))
                }
            }
            @let extra = pictures.extra(c);
            @for kind in Graph::ALL {
                h3 { (kind.title()) }
                figure.picture data-graph=(id) {
                    (place(graph::render_svg_element(kind, detail, c, &extra, &format!("{id}-{}", kind.name())), kind.title()))
                }
            }
            @let headers = pictures.headers_svg(detail, c, &format!("{id}-x"));
            @if !headers.is_empty() {
                h3 { "Headers" }
                @for (caption, svg) in &headers {
                    figure.picture {
                        (place(element(svg).into(), "A header diagram"))
                        figcaption { (Printable(caption).to_string()) }
                    }
                }
            }
            (packets)
        }
    }
}

/// The `svg` element without what an XML file has before it.
fn element(svg: &str) -> &str {
    svg.find("<svg").and_then(|at| svg.get(at..)).unwrap_or("")
}

fn facts(c: &Conversation) -> Markup {
    html! {
        dl {
            dt { "Time" }
            dd { (moment(c.first)) @if let Some(nanos) = c.lasted() { ", for " (time(nanos)) } }
            @for side in Side::BOTH {
                @let t = &c.traffic[side];
                dt { (c.endpoints[side]) " sent" }
                dd { (count(t.packets)) " packets, " (volume(t.payload)) " of payload under " (volume(t.header_bytes)) " of headers" }
            }
            @if let Some(tcp) = c.tcp.as_deref() {
                dt { "Handshake" }
                dd {
                    (tcp.handshake.name())
                    @if let Some(rtt) = tcp.initial_rtt { ", round trip " (time(rtt)) }
                }
                dt { "Ending" }
                dd {
                    (tcp.teardown.name())
                    @if let Some(by) = tcp.teardown.by() { ", begun by " (c.endpoints[by]) }
                    "; " (tcp.conn_state) " " (tcp.history)
                }
                @for side in Side::BOTH {
                    @if let Some(state) = tcp.states[side] { dt { (c.endpoints[side]) " is left in" } dd { (state) } }
                }
                dt { "The same in Wireshark" }
                dd { code { "tcp.stream eq " (c.id.number) } }
            } @else {
                dt { "The same in Wireshark" }
                dd { code { "udp.stream eq " (c.id.number) } }
            }
        }
    }
}

/// Plain words in paragraphs; "frame 7" is a link.
fn prose(story: &str, c: &Conversation, shown: &Shown) -> Markup {
    html! {
        div.story {
            @for paragraph in story.split("\n\n").map(str::trim).filter(|p| !p.is_empty()) {
                p { (linked(&Printable(&paragraph.replace('\n', " ")).to_string(), c, shown)) }
            }
        }
    }
}

fn linked(text: &str, c: &Conversation, shown: &Shown) -> Markup {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = ["frame ", "packet "].iter().filter_map(|w| rest.find(w).map(|i| i + w.len())).min()
    {
        let (before, after) = rest.split_at(at);
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (number, tail) = after.split_at(digits);
        out.push(html! { (before) });
        out.push(match number.parse().ok().filter(|&f| shown.has(f)) {
            Some(frame) => html! { a href={ "#" (packet_anchor(c.id, frame)) } { (number) } },
            None => html! { (number) },
        });
        rest = tail;
    }
    html! { @for part in &out { (part) } (rest) }
}
