//! Counts of right and wrong answers.

use std::collections::BTreeMap;
use std::fmt::Write as _;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Said, and so.
    pub right: u64,
    /// Said, and not so.
    pub wrong: u64,
    /// So, and not said.
    pub missed: u64,
}

impl Count {
    fn percent(part: u64, of: u64) -> String {
        if of == 0 { "–".into() } else { format!("{:.2}%", part as f64 * 100.0 / of as f64) }
    }

    pub fn precision(&self) -> String {
        Self::percent(self.right, self.right + self.wrong)
    }

    pub fn recall(&self) -> String {
        Self::percent(self.right, self.right + self.missed)
    }
}

/// Counts by kind for one analyser; and by how sure it was, right and wrong statements.
#[derive(Debug, Clone, Default)]
pub struct Tally(pub BTreeMap<&'static str, Count>, pub BTreeMap<(&'static str, &'static str), (u64, u64)>);

impl Tally {
    /// One question about one packet: what is so, and what was said.
    pub fn add(&mut self, kind: &'static str, so: bool, said: bool) {
        let c = self.0.entry(kind).or_default();
        match (so, said) {
            (true, true) => c.right += 1,
            (false, true) => c.wrong += 1,
            (true, false) => c.missed += 1,
            (false, false) => {}
        }
    }

    /// A statement about one packet, and how sure it was.
    pub fn stated(&mut self, kind: &'static str, so: bool, sure: &'static str) {
        let c = self.1.entry((kind, sure)).or_default();
        if so { c.0 += 1 } else { c.1 += 1 }
    }

    /// A question that always has an answer: `None` where none was given.
    pub fn answer(&mut self, kind: &'static str, right: Option<bool>) {
        let c = self.0.entry(kind).or_default();
        match right {
            Some(true) => c.right += 1,
            Some(false) => (c.wrong, c.missed) = (c.wrong + 1, c.missed + 1),
            None => c.missed += 1,
        }
    }

    pub fn join(&mut self, other: &Self) {
        for (kind, c) in &other.0 {
            let own = self.0.entry(kind).or_default();
            own.right += c.right;
            own.wrong += c.wrong;
            own.missed += c.missed;
        }
        for (key, c) in &other.1 {
            let own = self.1.entry(*key).or_default();
            *own = (own.0 + c.0, own.1 + c.1);
        }
    }
}

/// How many statements of each certainty were right, in Markdown.
pub fn certainty(synfin: &Tally) -> String {
    let mut out = String::from("| Kind | certain | likely | undetermined |\n|---|---:|---:|---:|\n");
    let mut kinds: Vec<&str> = synfin.1.keys().map(|k| k.0).collect();
    kinds.dedup();
    for kind in kinds {
        let cell = |sure| {
            let (right, wrong) = synfin.1.get(&(kind, sure)).copied().unwrap_or_default();
            if right + wrong == 0 { "–".into() } else { format!("{right} of {}", right + wrong) }
        };
        let _ =
            writeln!(out, "| {kind} | {} | {} | {} |", cell("certain"), cell("likely"), cell("undetermined"));
    }
    out
}

/// The table of two analysers side by side, in Markdown.
pub fn table(synfin: &Tally, tshark: Option<&Tally>) -> String {
    let mut out = String::from(
        "| Kind | So | synfin precision | synfin recall | tshark precision | tshark recall |\n|---|---:|---:|---:|---:|---:|\n",
    );
    for (kind, c) in &synfin.0 {
        let other = tshark.and_then(|t| t.0.get(kind));
        let (p, r) = other.map_or(("does not judge".into(), "–".into()), |c| (c.precision(), c.recall()));
        let _ = writeln!(
            out,
            "| {kind} | {} | {} | {} | {p} | {r} |",
            c.right + c.missed,
            c.precision(),
            c.recall()
        );
    }
    out
}
