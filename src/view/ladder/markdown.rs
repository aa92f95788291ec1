//! The Markdown pen: the Mermaid diagram, and the packets in a table.

use std::fmt::Write;

use super::label::{clock, duration};
use super::layout::{Layout, What};
use crate::model::{PerSide, Printable, Side, TcpState};

/// Text that Markdown takes as text.
fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in Printable(text).to_string().chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '~' | '#' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

pub(super) fn draw(layout: &Layout) -> String {
    let mut out =
        format!("## {}\n\n```mermaid\n{}```\n\n", safe(&layout.title), super::mermaid::draw(layout));
    let head = |side: Side| layout.heads[side].iter().map(|l| safe(l)).collect::<Vec<_>>().join(", ");
    let _ = writeln!(out, "Left: {}. Right: {}.\n", head(Side::Orig), head(Side::Resp));
    out.push_str("| frame | seconds | way | segment | states | findings |\n");
    out.push_str("| ---: | ---: | :---: | --- | --- | --- |\n");
    let mut states: PerSide<Option<TcpState>> = PerSide::default();
    for item in &layout.items {
        let time = item.at.map(clock).unwrap_or_default();
        let _ = match &item.what {
            What::Arrow(a) => {
                let way = match (a.from, a.lost) {
                    (Side::Orig, false) => "→",
                    (Side::Resp, false) => "←",
                    (Side::Orig, true) => "→ ×",
                    (Side::Resp, true) => "× ←",
                };
                let changed = states != a.states;
                states = a.states;
                let name = |side: Side| a.states[side].map_or("?", TcpState::name);
                let known = a.states.0.iter().any(Option::is_some);
                let now = if changed && known {
                    format!("{} / {}", name(Side::Orig), name(Side::Resp))
                } else {
                    String::new()
                };
                let marks: Vec<String> = a.marks.iter().map(|m| safe(&m.text)).collect();
                let (frame, parts) = (a.frame, safe(&a.parts.join(" ")));
                writeln!(out, "| {frame} | {time} | {way} | {parts} | {now} | {} |", marks.join("; "))
            }
            What::Fold(f) => writeln!(out, "|  |  |  | {} |  |  |", safe(&f.words())),
            What::Pause(gap) => writeln!(out, "|  |  |  | … {} … |  |  |", duration(*gap)),
            What::Call(side, text) => {
                let side = if *side == Side::Orig { "left" } else { "right" };
                writeln!(out, "|  | {time} | {side} | {} |  |  |", safe(text))
            }
        };
    }
    out
}
