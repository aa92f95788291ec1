//! A lab as a small readable file: hosts, wire, rules, programs, claims.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::error::LabError;
use super::hosts::Sysctl;
use super::line::LineScript;

/// A lab as it is written, in TOML.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Script {
    /// Its name; a file's name does when it has none.
    #[serde(default)]
    pub name: String,
    /// The chapter of the course.
    #[serde(default = "own")]
    pub group: String,
    /// What it answers.
    pub question: String,
    /// The answer in a sentence.
    pub lesson: String,
    /// Its machines; the first is the client.
    #[serde(default = "pair")]
    pub hosts: Vec<String>,
    /// The version of IP: 4 for labs that only IPv4 makes sense for, 6 for those of IPv6; those
    /// that say nothing run over either, over IPv4 unless asked.
    #[serde(default)]
    pub ip: Option<u8>,
    /// Why IPv6 makes no sense for it, where it says `ip = 4`.
    #[serde(default)]
    pub ip_because: Option<String>,
    /// Sysctls by host, or for `all`.
    #[serde(default)]
    pub sysctl: BTreeMap<String, BTreeMap<String, toml::Value>>,
    /// The wire.
    #[serde(default)]
    pub wire: WireScript,
    /// Lengthen the retransmission timers, so that a busy machine adds no retransmissions of
    /// its own to a lab that is about something else.
    #[serde(default)]
    pub patient: bool,
    /// Its claims hold on loopback too, if it needs nothing that loopback lacks.
    #[serde(default = "yes")]
    pub lo: bool,
    /// What the wire does to which frames.
    #[serde(default)]
    pub rules: Vec<String>,
    /// What the programs do, a line each.
    #[serde(default)]
    pub steps: String,
    /// What must be seen.
    #[serde(default)]
    pub expect: Vec<Expect>,
    /// Lines that are not as the wire says, by host.
    #[serde(default)]
    pub line: BTreeMap<String, LineScript>,
    /// Why it is not exact to the bit, if it is not.
    #[serde(default)]
    pub note: Option<String>,
}

/// The wire as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct WireScript {
    /// One-way delay, milliseconds.
    pub delay: f64,
    /// What each direction carries, `10mbit`; empty for no limit.
    pub rate: String,
    /// Frames that may wait before a limited line; 0 for no limit.
    pub queue: usize,
    /// Share of frames lost by chance, percent.
    pub loss: f64,
    /// Largest packet, octets.
    pub mtu: u16,
    /// Join the hosts by a hub that carries Ethernet frames.
    pub hub: bool,
    /// Let the first host's sequence numbers wrap after so many octets.
    pub wrap: Option<u32>,
}

impl Default for WireScript {
    fn default() -> Self {
        Self { delay: 0.0, rate: String::new(), queue: 0, loss: 0.0, mtu: 1500, hub: false, wrap: None }
    }
}

/// A claim and the check that bears it out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// In words.
    pub claim: String,
    /// As a line that the lab evaluates.
    pub check: String,
}

fn yes() -> bool {
    true
}

fn own() -> String {
    "your own".into()
}

fn pair() -> Vec<String> {
    vec!["client".into(), "server".into()]
}

/// Bits a second from `10mbit`, `64kbit`, `1gbit` or a plain number.
///
/// # Errors
/// What to say instead.
pub fn rate(text: &str) -> Result<u64, String> {
    if text.is_empty() {
        return Ok(0);
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim_end_matches("/s") {
        "" | "bit" => 1,
        "kbit" | "k" => 1_000,
        "mbit" | "m" => 1_000_000,
        "gbit" | "g" => 1_000_000_000,
        _ => return Err(format!("{text:?}: say 64kbit, 10mbit or 1gbit")),
    };
    match number.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)) {
        Some(n) if n > 0 => Ok(n),
        _ => Err(format!("{text:?}: say 64kbit, 10mbit or 1gbit")),
    }
}

/// Time from `20ms`, `1.5s`, `300us` or plain milliseconds.
///
/// # Errors
/// What to say instead.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "" | "ms" => 1e-3,
        "s" => 1.0,
        "us" | "µs" => 1e-6,
        _ => return Err(format!("{text:?}: say 20ms, 1.5s or 300us")),
    };
    let number: f64 = number.parse().map_err(|_| format!("{text:?}: say 20ms, 1.5s or 300us"))?;
    let seconds = number * seconds;
    if !(0.0..=3600.0).contains(&seconds) {
        return Err(format!("{text:?}: from 0 to 3600s"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Reads a lab file without running it: its words, its figures, the hosts it names.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn validate(name: &str, text: &str) -> Result<(), LabError> {
    Script::parse(name, text).map(drop)
}

impl Script {
    /// Reads a lab.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, LabError> {
        let mut script: Self = toml::from_str(text).map_err(|e| LabError::of_lab(name, e))?;
        if script.name.is_empty() {
            name.clone_into(&mut script.name);
        }
        if script.hosts.len() < 2 || script.hosts.len() > 16 {
            return Err(LabError::of_lab(name, "a lab has 2 to 16 hosts"));
        }
        if script.ip.is_some_and(|v| v != 4 && v != 6) {
            return Err(LabError::of_lab(name, "ip: 4 or 6"));
        }
        if script.over_ipv6() && script.wire.mtu < 1280 {
            return Err(LabError::of_lab(name, "wire.mtu: over IPv6 from 1280 octets (RFC 8200 section 5)"));
        }
        if !(576..=9000).contains(&script.wire.mtu) {
            return Err(LabError::of_lab(name, "wire.mtu: from 576 to 9000 octets"));
        }
        if let Some(odd) = script.sysctl.keys().find(|k| *k != "all" && !script.hosts.contains(k)) {
            return Err(LabError::of_lab(name, format!("sysctl.{odd}: no such host")));
        }
        Ok(script)
    }

    /// The sysctls of one host.
    pub(super) fn sysctls(&self, host: &str) -> Vec<Sysctl> {
        let patience: &[(&str, &str)] = match self.patient {
            // A kernel that lacks them only keeps its usual timers.
            true => &[("net.ipv4.tcp_early_retrans", "0"), ("net.ipv4.tcp_rto_min_us", "3000000")],
            false => &[],
        };
        let patience =
            patience.iter().map(|&(n, v)| Sysctl { name: n.into(), value: v.into(), needed: false });
        let keys = ["all", host];
        let settings = keys.iter().filter_map(|k| self.sysctl.get(*k)).flatten();
        // What belongs to IPv6 alone is let be over IPv4, where nothing would come of it.
        let settings = settings.filter(|(name, _)| self.over_ipv6() || !name.starts_with("net.ipv6."));
        let own = settings.map(|(name, value)| {
            let value = match value {
                toml::Value::String(s) => s.clone(),
                other => other.to_string(),
            };
            let name = if name.starts_with("net.") { name.clone() } else { format!("net.ipv4.{name}") };
            Sysctl { name, value, needed: true }
        });
        patience.chain(own).collect()
    }

    /// The steps, parsed.
    pub(super) fn steps(&self) -> Result<Vec<Step>, LabError> {
        self.steps
            .lines()
            .enumerate()
            .filter_map(|(i, line)| Step::parse(i + 1, line).transpose())
            .collect::<Result<_, _>>()
            .map_err(|e| LabError::of_lab(&self.name, e))
    }
}

/// A line of the steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// Its number in the steps, from 1.
    pub line: usize,
    /// The words before `=>`.
    pub words: Vec<Token>,
    /// What the call is to return.
    pub wants: Option<Token>,
    /// The line as written, without the comment.
    pub text: String,
}

/// A word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A bare word.
    Word(String),
    /// Quoted text, escapes resolved.
    Text(String),
}

impl Token {
    /// The word, whichever kind it is.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Word(s) | Self::Text(s) => s,
        }
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Word(w) => f.write_str(w),
            Self::Text(t) => write!(f, "{t:?}"),
        }
    }
}

impl Step {
    /// The words before `=>`, one blank between them.
    pub(super) fn call(&self) -> String {
        self.words.iter().map(Token::to_string).collect::<Vec<_>>().join(" ")
    }

    fn parse(line: usize, text: &str) -> Result<Option<Self>, String> {
        let mut words = Vec::new();
        let mut wants = None;
        let mut arrow = false;
        let mut chars = text.chars().peekable();
        let mut end = text.len();
        let mut at = 0;
        while let Some(&c) = chars.peek() {
            if c == '#' {
                end = at;
                break;
            }
            chars.next();
            at += c.len_utf8();
            if c.is_whitespace() {
                continue;
            }
            let token = if c == '"' {
                let mut s = String::new();
                loop {
                    let Some(c) = chars.next() else {
                        return Err(format!("step {line}: a quotation mark is missing"));
                    };
                    at += c.len_utf8();
                    match c {
                        '"' => break,
                        '\\' => {
                            let e = chars.next();
                            at += e.map_or(0, char::len_utf8);
                            s.push(match e {
                                Some('n') => '\n',
                                Some('r') => '\r',
                                Some('t') => '\t',
                                Some('0') => '\0',
                                Some(other) => other,
                                None => return Err(format!("step {line}: a quotation mark is missing")),
                            });
                        }
                        c => s.push(c),
                    }
                }
                Token::Text(s)
            } else {
                let mut s = String::from(c);
                while let Some(&c) = chars.peek()
                    && !c.is_whitespace()
                {
                    s.push(c);
                    chars.next();
                    at += c.len_utf8();
                }
                Token::Word(s)
            };
            if token == Token::Word("=>".into()) {
                arrow = true;
            } else if !arrow {
                words.push(token);
            } else if wants.replace(token).is_some() {
                return Err(format!("step {line}: one result after =>"));
            }
        }
        if words.is_empty() {
            return Ok(None);
        }
        if arrow && wants.is_none() {
            return Err(format!("step {line}: a result is missing after =>"));
        }
        let text = text.get(..end).unwrap_or(text).trim().to_owned();
        Ok(Some(Self { line, words, wants, text }))
    }
}
