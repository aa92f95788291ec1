//! Running a lab from its script to its outcome.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::catalogue;
use super::compare;
use super::error::LabError;
use super::expect::Evidence;
use super::hosts::{self, Host, HostSpec, Medium};
use super::line::LineOptions;
use super::lo;
use super::outcome::{LabHost, LabOutcome, Observer};
use super::program::Programs;
use super::rules::Rule;
use super::script::Script;
use super::truth::{self, Truth};
use super::wire::Wire;

/// Where a lab's hosts live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Where {
    /// In network namespaces of their own.
    #[default]
    Private,
    /// The same, joined by veth pairs even where TUN devices may be had.
    Veth,
    /// On this machine's own loopback, captured with libpcap.
    Lo,
}

impl Where {
    /// Which devices are asked for, if any.
    pub(super) const fn medium(self) -> Option<Medium> {
        match self {
            Self::Veth => Some(Medium::Veth),
            Self::Private | Self::Lo => None,
        }
    }
}

/// What the user adds to a lab.
#[derive(Debug, Clone, PartialEq)]
pub struct LabOptions {
    /// Where its hosts live.
    pub on: Where,
    /// They speak IPv6.
    pub ipv6: bool,
    /// Rule lines for the wire, before the lab's own.
    pub rules: Vec<String>,
    /// Its lines, instead of as the lab has them.
    pub line: LineOptions,
    /// What chance follows from.
    pub seed: u64,
    /// Where the views look from.
    pub at: Observer,
    /// How long a call may wait. It waits on where a kernel is about to send something again, as long
    /// as that takes no longer than this either.
    pub patience: Duration,
}

impl Default for LabOptions {
    fn default() -> Self {
        Self {
            on: Where::default(),
            ipv6: false,
            rules: Vec::new(),
            line: LineOptions::default(),
            seed: 0,
            at: Observer::default(),
            patience: Duration::from_secs(20),
        }
    }
}

impl LabOptions {
    /// The user changed what happens on the wire, so the lab's own claims need not hold.
    #[must_use]
    pub fn alters_the_wire(&self) -> bool {
        !self.rules.is_empty() || !self.line.is_empty()
    }
}

/// Runs a lab: one of the catalogue by its name, or a file.
///
/// An unprivileged process becomes root of a user namespace of its own first, which the
/// kernel allows only while it has a single thread: run labs before starting others.
///
/// # Errors
/// The step that failed and what would mend it.
pub fn run(name: &str, options: &LabOptions) -> Result<LabOutcome, LabError> {
    if name == "compare" {
        if options.on == Where::Lo {
            return Err(LabError::of_lab("lab compare on lo", "it needs a wire with a delay and losses"));
        }
        hosts::become_root()?;
        return alone(name, || compare::perform(options));
    }
    let mut script = match catalogue::find(name) {
        Some(script) => script?,
        None if Path::new(name).extension().is_some_and(|e| e == "toml") => {
            let text = std::fs::read_to_string(name).map_err(|e| LabError::of_lab(name, e))?;
            Script::parse(name, &text)?
        }
        None => {
            return Err(LabError {
                step: format!("lab {name}"),
                why: "no such lab".into(),
                mend: Some(
                    "synfin lab list shows them; a lab of your own is a file that ends in .toml".into(),
                ),
                environment: false,
                lacking: false,
            });
        }
    };
    if options.on == Where::Lo {
        lo::refuse(&script, options)?;
    }
    script.settle_ip(options.ipv6)?;
    match options.on {
        Where::Private | Where::Veth => hosts::become_root()?,
        Where::Lo => {}
    }
    alone(&script.name, || perform(&script, options))
}

/// Runs a lab in a thread of its own, so that the caller stays in its network namespace.
fn alone(
    name: &str,
    lab: impl FnOnce() -> Result<LabOutcome, LabError> + Send,
) -> Result<LabOutcome, LabError> {
    std::thread::scope(|s| {
        s.spawn(lab).join().unwrap_or_else(|_| {
            Err(LabError::of_lab(name, "the lab ended with a fault of synfin; report this"))
        })
    })
}

/// A lab must have seen every frame that a link sent.
fn all_taken(sent: u64, lost: u64, taken: u64) -> Result<(), String> {
    if lost == 0 && sent <= taken {
        return Ok(());
    }
    Err(format!("the link sent {sent} frames and lost {lost}, the wire took {taken}"))
}

fn perform(script: &Script, options: &LabOptions) -> Result<LabOutcome, LabError> {
    let specs: Vec<HostSpec> = script
        .hosts
        .iter()
        .map(|h| HostSpec {
            name: h.clone(),
            sysctls: script.sysctls(h),
            mtu: script.wire.mtu,
            ipv6: script.over_ipv6(),
        })
        .collect();
    let steps = script.steps()?;
    let rules = options
        .rules
        .iter()
        .chain(&script.rules)
        .map(|r| Rule::parse(r, &script.hosts))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| LabError::of_lab(&script.name, e))?;
    script.check_rules(&rules)?;
    let lines = (options.line.lines(&script.hosts, &script.wire, &script.line))
        .map_err(|e| LabError::of_lab(&script.name, e))?;

    let on_lo = options.on == Where::Lo;
    let mut net =
        if on_lo { lo::build(script)? } else { hosts::build(&specs, script.wire.hub, options.on.medium())? };
    let truth = Truth::open(&net.hosts)?;
    let addrs = net.hosts.iter().map(Host::addresses).collect();
    let mut wire = Wire::new(net.ports, addrs, script.wire.hub || on_lo, truth);
    wire.lines = lines;
    wire.rules = rules;
    wire.seed(options.seed);
    wire.patience = options.patience;
    if let Some(room) = script.wire.wrap {
        wire.wrap_after(room);
    }
    // What the kernels send on their own when a link comes up is no part of the lab.
    wire.settle()?;
    wire.forget();
    let mut before = Vec::new();
    for host in &net.hosts {
        let (sent, lost) = host.link_counts()?;
        before.push((truth::counters(script.over_ipv6())?, sent, lost));
    }

    let mut programs = Programs::new(&net.hosts);
    for step in &steps {
        programs.step(step, &mut wire)?;
    }
    wire.pump()?;
    wire.sample();
    let mut counters: Vec<BTreeMap<String, i64>>;
    loop {
        let frames = wire.frames.len();
        counters = Vec::new();
        for (i, host) in net.hosts.iter().enumerate() {
            let (sent, lost) = host.link_counts()?;
            let Some((old, old_sent, old_lost)) = before.get(i) else { continue };
            counters.push(truth::moved(old, &truth::counters(script.over_ipv6())?));
            // A timer may have sent one more meanwhile: that one is there to be taken.
            wire.pump()?;
            let taken = wire.taken().get(i).copied().unwrap_or(0);
            if !on_lo {
                all_taken(sent - old_sent, lost - old_lost, taken)
                    .map_err(|why| LabError::of_lab(format!("capture at {}", host.name), why))?;
            }
        }
        // Then the counters are to have counted it. Timers double, so this ends.
        if wire.frames.len() == frames {
            break;
        }
    }
    let dropped = wire.dropped()?;
    if dropped > 0 {
        return Err(LabError::of_lab("capture on lo", format!("{dropped} packets passed uncaptured")));
    }
    wire.finish();
    programs.close();
    let link = wire.link();
    if on_lo {
        // The counters of this machine count everybody's packets.
        counters.clear();
        net.notes.push("On loopback a segment, its answer and the answer to that pass within one call, so claims about states in \
             between are left out; so are those about counters, which count all of this machine.".into());
    }

    let mut calls = programs.calls;
    calls.append(&mut wire.served);
    calls.sort_by_key(|c| c.ts);

    let mut run = LabOutcome {
        name: script.name.clone(),
        group: script.group.clone(),
        question: script.question.clone(),
        lesson: script.lesson.clone(),
        medium: net.medium,
        hosts: net.hosts.iter().map(|h| LabHost { name: h.name.clone(), addr: h.addr }).collect(),
        link,
        at: options.at,
        frames: wire.frames,
        calls,
        states: wire.truth.samples,
        counters,
        expectations: Vec::new(),
        rules: wire.rules.iter().map(Rule::report).collect(),
        notes: net.notes,
        table: None,
    };
    run.notes.extend(script.note.clone());
    let evidence = Evidence { run: &run, seen: &wire.seen, received: &programs.received };
    let mut verdicts = script
        .expect
        .iter()
        .filter(|e| !(on_lo && (e.check.starts_with("counter ") || e.check.starts_with("states "))))
        .map(|e| evidence.check(e))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| LabError::of_lab(&script.name, e))?;
    verdicts.extend(programs.verdicts);
    run.expectations = verdicts;
    Ok(run)
}

#[cfg(test)]
mod tests {
    use super::all_taken;

    #[test]
    fn a_frame_that_the_wire_did_not_get_fails_the_lab() {
        assert_eq!(all_taken(3, 0, 3), Ok(()));
        assert_eq!(all_taken(3, 0, 4), Ok(()), "one more came since the link was asked");
        assert!(all_taken(4, 0, 3).is_err());
        assert!(all_taken(3, 1, 3).unwrap_err().contains("lost 1"));
    }
}
