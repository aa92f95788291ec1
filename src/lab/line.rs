//! Lines of the wire: what carries the frames of each host, as a lab's file and the user set it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::script::{WireScript, rate};
use super::wire::Line;

/// A setting of one host's line, or of all: `client:20ms`, `20ms`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfHost<T> {
    /// The host whose frames it is about; all where it is none.
    pub host: Option<String>,
    /// The setting.
    pub value: T,
}

/// Reads [`OfHost`]; `value` reads what stands behind the host.
///
/// # Errors
/// Those of `value`.
pub fn of_host<T, E>(text: &str, value: impl Fn(&str) -> Result<T, E>) -> Result<OfHost<T>, E> {
    Ok(match text.split_once(':') {
        Some((host, rest)) => OfHost { host: Some(host.to_owned()), value: value(rest)? },
        None => OfHost { host: None, value: value(text)? },
    })
}

/// What the user sets of the lines; a later setting goes before an earlier one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LineOptions {
    /// How long each frame travels.
    pub delay: Vec<OfHost<Duration>>,
    /// Bits a second.
    pub rate: Vec<OfHost<u64>>,
    /// Frames that may wait before a slow line.
    pub queue: Vec<OfHost<usize>>,
    /// Share of frames lost by chance, percent.
    pub loss: Vec<OfHost<f64>>,
}

/// What a lab's file sets of one host's line, `[line.client]`, where it is not as `[wire]` says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineScript {
    delay: Option<f64>,
    rate: Option<String>,
    queue: Option<usize>,
    loss: Option<f64>,
}

fn of<T: Copy>(settings: &[OfHost<T>], host: &str) -> Option<T> {
    settings.iter().rev().find(|s| s.host.as_deref().is_none_or(|h| h == host)).map(|s| s.value)
}

/// A share in percent as a chance in millionths.
pub(super) fn chance(percent: f64) -> u32 {
    (percent.clamp(0.0, 100.0) * 10_000.0) as u32
}

impl LineOptions {
    /// Nothing is set.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.delay.is_empty() && self.rate.is_empty() && self.queue.is_empty() && self.loss.is_empty()
    }

    /// Share of the frames of `host` lost by chance, percent, where that is set.
    pub(super) fn loss_of(&self, host: &str) -> Option<f64> {
        of(&self.loss, host)
    }

    /// `line` as the user wants it for `host`.
    pub(super) fn apply(&self, host: &str, line: Line) -> Line {
        Line {
            delay: of(&self.delay, host).unwrap_or(line.delay),
            rate: of(&self.rate, host).unwrap_or(line.rate),
            queue: of(&self.queue, host).unwrap_or(line.queue),
            loss: of(&self.loss, host).map_or(line.loss, chance),
        }
    }

    /// The line of each host: what the user sets, else what the lab's file says of it, else what
    /// it says of all.
    pub(super) fn lines(
        &self,
        hosts: &[String],
        wire: &WireScript,
        own: &BTreeMap<String, LineScript>,
    ) -> Result<Vec<Line>, String> {
        let set = [names(&self.delay), names(&self.rate), names(&self.queue), names(&self.loss)];
        for name in set.into_iter().flatten().chain(own.keys().map(String::as_str)) {
            if !hosts.iter().any(|h| h == name) {
                return Err(format!("no host {name:?}; there are: {}", hosts.join(" ")));
            }
        }
        let lines: Vec<Line> =
            hosts.iter().map(|host| self.line(host, wire, own.get(host))).collect::<Result<_, _>>()?;
        for queue in &self.queue {
            let about = |host: &String| queue.host.as_ref().is_none_or(|h| h == host);
            if !hosts.iter().zip(&lines).any(|(host, line)| about(host) && line.rate > 0) {
                return Err("a queue fills only before a line with a rate: give --rate too".into());
            }
        }
        Ok(lines)
    }

    fn line(&self, host: &str, wire: &WireScript, own: Option<&LineScript>) -> Result<Line, String> {
        let delay = own.and_then(|o| o.delay).unwrap_or(wire.delay);
        let line = Line {
            delay: Duration::try_from_secs_f64(delay / 1000.0).map_err(|e| format!("delay: {e}"))?,
            rate: rate(own.and_then(|o| o.rate.as_deref()).unwrap_or(&wire.rate))?,
            queue: own.and_then(|o| o.queue).unwrap_or(wire.queue),
            loss: chance(own.and_then(|o| o.loss).unwrap_or(wire.loss)),
        };
        Ok(self.apply(host, line))
    }
}

fn names<T>(settings: &[OfHost<T>]) -> Vec<&str> {
    settings.iter().filter_map(|s| s.host.as_deref()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::script::duration;

    #[test]
    fn the_user_goes_before_the_file_and_a_host_before_all() {
        let hosts = ["client".to_owned(), "server".to_owned()];
        let wire = WireScript { delay: 5.0, rate: "1mbit".into(), ..WireScript::default() };
        let own: BTreeMap<String, LineScript> =
            toml::from_str("[server]\ndelay = 7\nqueue = 3\nloss = 0.5").unwrap();
        let mut options = LineOptions::default();
        let lines = options.lines(&hosts, &wire, &own).unwrap();
        let millis = |lines: &[Line]| lines.iter().map(|l| l.delay.as_millis()).collect::<Vec<_>>();
        assert_eq!(millis(&lines), [5, 7]);
        assert_eq!((lines[0].queue, lines[1].queue, lines[1].loss), (0, 3, 5_000));
        options.delay.push(of_host("20ms", duration).unwrap());
        assert_eq!(millis(&options.lines(&hosts, &wire, &own).unwrap()), [20, 20]);
        options.delay.push(of_host("client:1ms", duration).unwrap());
        assert_eq!(millis(&options.lines(&hosts, &wire, &own).unwrap()), [1, 20]);
        options.delay.push(of_host("nobody:1ms", duration).unwrap());
        assert!(options.lines(&hosts, &wire, &own).unwrap_err().contains("no host \"nobody\""));
    }

    #[test]
    fn a_queue_needs_a_rate() {
        let options = LineOptions { queue: vec![OfHost { host: None, value: 5 }], ..LineOptions::default() };
        let hosts = ["client".to_owned()];
        let said = options.lines(&hosts, &WireScript::default(), &BTreeMap::new()).unwrap_err();
        assert!(said.contains("--rate"), "{said}");
    }
}
