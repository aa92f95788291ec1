//! What headers cost: UDP's 8 octets beside TCP's 20 to 60, and which options make
//! the difference.

use std::io::{self, Write};

use super::number::{count, share};
use super::pen::Pen;
use super::table::{Column, Line};
use super::{Style, View, sentence};
use crate::report::Report;

/// Header lengths as a histogram, shares by protocol, and options.
#[derive(Debug, Clone, Copy, Default)]
pub struct OverheadTable {
    /// Plain text or Markdown.
    pub pen: Pen,
}

/// Columns of the longest bar.
const BAR: u64 = 30;

impl View for OverheadTable {
    fn render(&self, report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        let pen = self.pen;
        let o = &report.overhead;
        let mut lengths: Vec<(&str, u8, u64)> = vec![("UDP", 8, o.udp_headers)];
        lengths.extend(o.tcp_headers.iter().map(|(octets, times)| ("TCP", octets, times)));
        lengths.retain(|&(.., times)| times > 0);
        if lengths.is_empty() {
            return pen.line("No TCP or UDP header was read.", style, out);
        }
        let all: u64 = lengths.iter().map(|&(.., times)| times).sum();
        let most = lengths.iter().map(|&(.., times)| times).max().unwrap_or(1);
        let bar = |times: u64| {
            // A length that was seen at all has a bar that can be seen.
            let columns = (u128::from(times) * u128::from(BAR) / u128::from(most)).max(1);
            "█".repeat(usize::try_from(columns).unwrap_or(0))
        };
        pen.title("Header lengths", style, out)?;
        let columns = [
            Column::text("protocol"),
            Column::number("octets"),
            Column::number("headers"),
            Column::number("share"),
            Column::text("").or_hide(2),
        ];
        let line = |&(protocol, octets, times): &(&str, u8, u64)| Line {
            cells: vec![
                protocol.into(),
                octets.to_string().into(),
                count(times).into(),
                share(times, all).into(),
                bar(times).into(),
            ],
            note: None,
        };
        pen.table(&columns, || lengths.iter().map(line), style, out)?;
        pen.gap(out)?;
        self.shares(report, style, out)?;
        self.options(report, style, out)
    }
}

impl OverheadTable {
    fn shares(&self, report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        let o = &report.overhead;
        let tcp_headers: u64 = o.tcp_headers.iter().map(|(_, times)| times).sum();
        let protocols = [
            ("UDP", o.udp_headers, o.udp_headers.saturating_mul(8), o.udp_payload),
            ("TCP", tcp_headers, o.tcp_header_bytes, o.tcp_payload),
        ];
        let columns = [
            Column::text("protocol"),
            Column::number("headers"),
            Column::number("header bytes"),
            Column::number("payload bytes"),
            Column::number("header share"),
            Column::number("bytes a header"),
        ];
        let lines = || {
            protocols.iter().filter(|p| p.1 > 0).map(|&(name, headers, octets, payload)| Line {
                cells: vec![
                    name.into(),
                    count(headers).into(),
                    count(octets).into(),
                    count(payload).into(),
                    share(octets, octets.saturating_add(payload)).into(),
                    average(octets, headers).into(),
                ],
                note: None,
            })
        };
        self.pen.title("Headers and payload", style, out)?;
        self.pen.table(&columns, lines, style, out)?;
        if tcp_headers == 0 {
            return Ok(());
        }
        let options = o.tcp_header_bytes.saturating_sub(tcp_headers.saturating_mul(20));
        let (mean, mean_options) = (average(o.tcp_header_bytes, tcp_headers), average(options, tcp_headers));
        self.pen.line(&sentence::overhead(&mean, &mean_options), style, out)
    }

    fn options(&self, report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        let o = &report.overhead;
        let segments: u64 = o.tcp_headers.iter().map(|(_, times)| times).sum();
        let mut options: Vec<(usize, u64, u64)> =
            o.options.by_kind.iter().enumerate().map(|(kind, &(n, octets))| (kind, n, octets)).collect();
        options.retain(|&(_, n, _)| n > 0);
        if options.is_empty() {
            return Ok(());
        }
        options.sort_by_key(|&(kind, _, octets)| (std::cmp::Reverse(octets), kind));
        let columns = [
            Column::text("option"),
            Column::number("segments"),
            Column::number("of all"),
            Column::number("bytes"),
            Column::number("of TCP headers"),
        ];
        let line = |&(kind, n, octets): &(usize, u64, u64)| Line {
            cells: vec![
                option_name(kind).into(),
                count(n).into(),
                share(n, segments).into(),
                count(octets).into(),
                share(octets, o.tcp_header_bytes).into(),
            ],
            note: None,
        };
        self.pen.gap(out)?;
        self.pen.title("TCP options: what makes a header longer than 20", style, out)?;
        self.pen.table(&columns, || options.iter().map(line), style, out)
    }
}

fn average(sum: u64, n: u64) -> String {
    let tenths = (u128::from(sum) * 20 + u128::from(n)) / (u128::from(n.max(1)) * 2);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The name of an option kind as counted; 35 is every kind beyond 34.
pub(super) fn option_name(kind: usize) -> String {
    let name = match kind {
        0 => "end of list and padding",
        1 => "nop (alignment)",
        2 => "maximum segment size",
        3 => "window scale",
        4 => "SACK permitted",
        5 => "SACK blocks",
        8 => "timestamps",
        19 => "MD5 signature",
        29 => "TCP-AO",
        30 => "Multipath TCP",
        34 => "Fast Open",
        35 => "other kinds",
        _ => return format!("kind {kind}"),
    };
    name.into()
}
