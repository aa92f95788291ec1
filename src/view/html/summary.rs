//! The head of the page: what was read.

use maud::{Markup, html};

use super::limits::Limits;
use crate::model::{Printable, Timestamp};
use crate::report::Report;
use crate::view::graph::{octets, time};

/// The page's title.
pub(super) fn title(report: &Report) -> String {
    match report.summary.origins.as_slice() {
        [] => "synfin report".into(),
        [one] => format!("synfin: {}", Printable(one)),
        [first, rest @ ..] => format!("synfin: {} and {} more", Printable(first), rest.len()),
    }
}

/// A count with its digits in threes.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// Octets, exactly and in short.
pub(super) fn volume(n: u64) -> String {
    let short = octets(i64::try_from(n).unwrap_or(i64::MAX));
    if n < 1000 { short } else { format!("{short} ({} octets)", count(n)) }
}

/// A moment as date and time, UTC.
pub(super) fn moment(ts: Timestamp) -> String {
    if ts == Timestamp::NONE {
        return "unknown".into();
    }
    match jiff::Timestamp::from_nanosecond(ts.nanos().into()) {
        Ok(t) => t.strftime("%Y-%m-%d %H:%M:%S%.6f UTC").to_string(),
        Err(_) => format!("{ts} s since 1970"),
    }
}

/// The section.
pub(super) fn section(report: &Report, limits: &Limits) -> Markup {
    let s = &report.summary;
    let kinds = [
        ("TCP segments", s.tcp_segments),
        ("UDP datagrams", s.udp_datagrams),
        ("ICMP messages", s.icmp_messages),
        ("other packets", s.other_packets),
    ];
    html! {
        section id="summary" aria-labelledby="summary-h" {
            h2 id="summary-h" { "Summary" }
            @if let Some(fault) = &s.fault {
                p.fault role="note" { strong { "Reading ended early: " } (Printable(fault).to_string()) }
            }
            dl {
                dt { "Read from" }
                @if s.origins.is_empty() { dd { "nothing" } }
                @for origin in s.origins.iter().take(limits.connections) { dd { (Printable(origin).to_string()) } }
                dt { "Packets" }
                dd { (count(s.packets)) ", " (volume(s.bytes)) }
                @for (what, n) in kinds { @if n > 0 { dd { (count(n)) " " (what) } } }
                @if let (Some(first), Some(last)) = (s.first, s.last) {
                    dt { "Time" }
                    dd { (moment(first)) }
                    dd { "for " (time(last.since(first))) }
                }
                dt { "Conversations" }
                dd { (count(s.tcp_streams)) " TCP, " (count(s.udp_streams)) " UDP" }
                @if let Some(drops) = s.drops {
                    dt { "Dropped before the capture saw them" }
                    dd { (count(drops.kernel)) " by the kernel, " (count(drops.interface)) " by the interface" }
                }
                @if !s.interfaces.is_empty() {
                    dt { "Interfaces" }
                    @for i in s.interfaces.iter().take(limits.connections) {
                        dd { (i.name.as_deref().map_or_else(|| "unnamed".into(), |n| Printable(n).to_string())) ", " (i.link) }
                    }
                }
                @if !s.remarks.is_empty() {
                    dt { "Remarks" }
                    @for remark in s.remarks.iter().take(limits.connections) { dd { (Printable(remark).to_string()) } }
                }
            }
            @if !s.problems.is_empty() {
                table {
                    caption { "Problems with headers" }
                    thead { tr { th scope="col" { "What is wrong" } th.n scope="col" { "Packets" } th.n scope="col" { "First in frame" } th.n scope="col" { "At byte" } } }
                    tbody {
                        @for (what, n, frame, offset) in &s.problems {
                            tr { th scope="row" { (what) } td.n { (count(*n)) } td.n { (frame) } td.n { (offset) } }
                        }
                    }
                }
            }
        }
    }
}
