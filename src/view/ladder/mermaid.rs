//! The Mermaid pen: a `sequenceDiagram` for documents.

use std::fmt::Write;

use super::label::duration;
use super::layout::{Form, Layout, What};
use crate::model::{Printable, Side};

/// Text that Mermaid takes as text: what it reads as syntax becomes its entity codes.
fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in Printable(text).to_string().chars() {
        match c {
            '#' | ';' | '<' | '>' | '&' | '"' | '%' | '{' | '}' | '`' | '\\' => {
                let _ = write!(out, "#{};", c as u32);
            }
            _ => out.push(c),
        }
    }
    out
}

pub(super) fn draw(layout: &Layout) -> String {
    let mut out = String::from("sequenceDiagram\n");
    let name = |side: Side| if side == Side::Orig { "A" } else { "B" };
    for side in Side::BOTH {
        let head = layout.heads[side].iter().map(|l| safe(l)).collect::<Vec<_>>().join("<br/>");
        let _ = writeln!(out, "    participant {} as {head}", name(side));
    }
    for item in &layout.items {
        let _ = match &item.what {
            What::Arrow(a) => {
                let arrow = match (a.lost, a.form) {
                    (true, _) => "-x",
                    (_, Form::Icmp) => "-->>",
                    _ => "->>",
                };
                let (from, to) = (name(a.from), name(a.from.other()));
                let _ = writeln!(out, "    {from}{arrow}{to}: {}", safe(&a.parts.join(" ")));
                for mark in &a.marks {
                    let _ = writeln!(out, "    Note right of B: {}", safe(&mark.text));
                }
                Ok(())
            }
            What::Fold(f) => writeln!(out, "    Note over A,B: {}", safe(&f.words())),
            What::Pause(gap) => writeln!(out, "    Note over A,B: {}", safe(&duration(*gap))),
            What::Call(side, text) => {
                let place = if *side == Side::Orig { "left of A" } else { "right of B" };
                writeln!(out, "    Note {place}: {}", safe(text))
            }
        };
    }
    out
}
