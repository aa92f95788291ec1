//! What is told of a lab around its packets: who made them, what the kernels said, the claims.

use std::io::{self, Write};

use crate::lab::{self, Fate, LabOutcome};
use crate::model::{Printable, TcpState};
use crate::view::{Style, paragraph};

/// Calls shown unasked.
pub(super) const FEW_CALLS: usize = 40;

pub(super) fn over_ipv6(o: &LabOutcome) -> bool {
    o.hosts.iter().any(|h| h.addr.is_ipv6())
}

/// The lab, before its packets.
pub(super) fn head(out: &mut dyn Write, o: &LabOutcome) -> io::Result<()> {
    writeln!(out, "{}: {}", Printable(&o.name), Printable(&o.question))?;
    let version = if over_ipv6(o) { ", over IPv6" } else { "" };
    writeln!(out, "{} hosts, {}{version}", o.hosts.len(), o.medium)?;
    writeln!(out)
}

/// What the kernels said: the states that each socket went through, and the counters that moved.
pub(super) fn kernels(out: &mut dyn Write, o: &LabOutcome, style: &Style) -> io::Result<()> {
    for (host, lab_host) in o.hosts.iter().enumerate() {
        let mut ends: Vec<_> =
            o.states.iter().filter(|s| s.host == host).map(|s| (s.local_port, s.remote_port)).collect();
        ends.sort_unstable();
        ends.dedup();
        for end in ends {
            let of = o.states.iter().filter(|s| s.host == host && (s.local_port, s.remote_port) == end);
            let names: Vec<&str> =
                lab::history(of).into_iter().map(|s| s.map_or("no socket", TcpState::name)).collect();
            let text =
                format!("{}'s kernel, port {}: {}", Printable(&lab_host.name), end.0, names.join(", "));
            paragraph(&text, 0, style, out)?;
        }
        let moved: Vec<String> = o.moved(host).map(|(name, by)| format!("{name} {by}")).collect();
        if !moved.is_empty() {
            let text = format!("{}'s kernel counted: {}", Printable(&lab_host.name), moved.join(", "));
            paragraph(&text, 0, style, out)?;
        }
    }
    writeln!(out)
}

/// The packets that show something, by the numbers they have in the views.
fn packets(o: &LabOutcome, numbers: &[Option<usize>], list: &[usize]) -> String {
    const SHOWN: usize = 6;
    let number = |i: usize| numbers.get(i).copied().flatten();
    let mut seen: Vec<usize> = list.iter().filter_map(|&i| number(i)).collect();
    seen.sort_unstable();
    let unseen: Vec<&[Fate]> = (list.iter().filter(|&&i| number(i).is_none()))
        .map(|&i| o.frames.get(i).map_or(&[][..], |frame| &frame.fate))
        .collect();
    let all = |of: &[Fate]| unseen.iter().all(|fates| fates.iter().any(|fate| of.contains(fate)));
    let why = if all(&[Fate::Dropped, Fate::QueueFull, Fate::Lost]) {
        "lost on the way here"
    } else if all(&[Fate::InFlight]) {
        "still on the way here in the end"
    } else {
        "not seen here"
    };
    let mut text: Vec<String> = seen.iter().take(SHOWN).map(usize::to_string).collect();
    if seen.len() > SHOWN {
        text.push(format!("and {} more", seen.len() - SHOWN));
    }
    let lost = match unseen.len() {
        0 => String::new(),
        _ if seen.is_empty() => why.to_owned(),
        _ => format!("; the others: {why}"),
    };
    match seen.len() {
        0 if unseen.is_empty() => String::new(),
        0 => format!(" ({lost})"),
        1 => format!(" (packet {}{lost})", text.join(", ")),
        _ => format!(" (packets {}{lost})", text.join(", ")),
    }
}

/// A claim with what bears it out.
fn claim(
    out: &mut dyn Write,
    indent: &str,
    o: &LabOutcome,
    numbers: &[Option<usize>],
    v: &lab::Verdict,
) -> io::Result<()> {
    let mark = if v.held { '✓' } else { '✗' };
    let (claim, seen) = (Printable(&v.claim), Printable(&v.seen));
    writeln!(out, "{indent}{mark} {claim}: {seen}{}", packets(o, numbers, &v.frames))
}

/// The claims with what bears them out, and the lesson.
pub(super) fn verdict(out: &mut dyn Write, o: &LabOutcome, altered: bool) -> io::Result<()> {
    if let Some(table) = &o.table {
        figures(out, table)?;
    }
    let numbers = o.numbers(o.at);
    for v in &o.expectations {
        claim(out, "", o, &numbers, v)?;
    }
    for r in &o.rules {
        if r.fired == 0 {
            writeln!(out, "✗ the rule \"{}\" never fired: no frame was of that kind", Printable(&r.rule))?;
        } else {
            writeln!(out, "· the wire: {}{}", Printable(&r.rule), packets(o, &numbers, &r.frames))?;
        }
    }
    for note in &o.notes {
        writeln!(out, "· {}", Printable(note))?;
    }
    writeln!(out)?;
    if o.passed() {
        writeln!(out, "{}", Printable(&o.lesson))
    } else if altered {
        writeln!(out, "You changed the wire, so not every claim of this lab need hold.")
    } else {
        writeln!(out, "This run does not bear the lesson out: {}", Printable(&o.lesson))
    }
}

fn figures(out: &mut dyn Write, table: &lab::FigureTable) -> io::Result<()> {
    let mut t = comfy_table::Table::new();
    t.load_style(comfy_table::presets::ASCII_MARKDOWN);
    t.set_header(&table.columns);
    for row in &table.rows {
        t.add_row(row);
    }
    writeln!(out, "{t}")?;
    for note in &table.notes {
        writeln!(out, "{}", Printable(note))?;
    }
    writeln!(out)
}

/// A line of the score of all labs.
pub(super) fn score_line(out: &mut dyn Write, o: &LabOutcome) -> io::Result<()> {
    let held = o.expectations.iter().filter(|v| v.held).count();
    let mark = if o.passed() { '✓' } else { '✗' };
    let (claims, sent) = (o.expectations.len(), o.frames.len());
    writeln!(out, "{mark} {:20} {held}/{claims} claims, {sent} packets, shape {:08x}", o.name, o.shape())?;
    let numbers = o.numbers(o.at);
    for v in o.expectations.iter().filter(|v| !v.held) {
        claim(out, "    ", o, &numbers, v)?;
    }
    for r in o.rules.iter().filter(|r| r.fired == 0) {
        writeln!(out, "    ✗ the rule \"{}\" never fired", Printable(&r.rule))?;
    }
    Ok(())
}
