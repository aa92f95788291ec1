//! How the wire lets time pass: until nothing moves, until something is so.

use std::cmp::Reverse;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::super::error::LabError;
use super::super::outcome::Call;
use super::super::port::Port;
use super::Wire;

impl Wire {
    /// Moves what can move now. `true` when something did.
    pub(in crate::lab) fn pump(&mut self) -> Result<bool, LabError> {
        let mut moved = !self.intake()?.is_empty();
        while self.deliver()? {
            moved = true;
            self.intake()?;
        }
        Ok(self.serve()? || moved)
    }

    /// Gives each server its turn. `true` when one of them called anything.
    fn serve(&mut self) -> Result<bool, LabError> {
        let before = self.served.len();
        let mut residents = std::mem::take(&mut self.residents);
        for resident in &mut residents {
            let fault = |e| LabError::of_machine("a server's poll", e, "report this");
            let mut calls = resident.turn(&self.clock).map_err(fault)?;
            for frame in self.intake()? {
                // It left with the last call on its connection.
                let to = self
                    .seen
                    .get(frame)
                    .and_then(|s| s.peek.as_ref())
                    .and_then(|p| Some((p.dst, p.tcp()?.dst_port)));
                let on = |c: &&mut Call| to.is_some_and(|(addr, port)| resident.is_with(c, addr, port));
                if let Some(call) = calls.iter_mut().rev().find(on) {
                    call.caused.push(frame);
                }
            }
            if !calls.is_empty() {
                self.sample();
            }
            self.served.append(&mut calls);
        }
        self.residents = residents;
        Ok(self.served.len() > before)
    }

    /// Moves one frame that can move now. `true` when there was one.
    pub(in crate::lab) fn advance(&mut self) -> Result<bool, LabError> {
        let new = !self.intake()?.is_empty();
        Ok(self.deliver()? || new)
    }

    /// Nothing is on its way.
    pub(in crate::lab) fn is_idle(&self) -> bool {
        self.due.is_empty()
    }

    /// Lets time pass until a host sends something, a frame is due, or `longest` is over.
    pub(in crate::lab) fn rest(&self, longest: Duration) -> Result<(), LabError> {
        let now = self.clock.now();
        let next = self.due.peek().map_or(longest, |Reverse(d)| {
            Duration::from_nanos(u64::try_from(d.at.since(now)).unwrap_or(0)).min(longest)
        });
        let mut fds: Vec<PollFd<'_>> =
            self.ports.iter().map(|p| PollFd::new(p.as_fd(), PollFlags::POLLIN)).collect();
        match ppoll(&mut fds, Some(TimeSpec::from_duration(next)), None) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(e) => Err(LabError::of_machine("poll", e, "report this")),
        }
    }

    /// Runs until nothing is on its way and no host has anything to send at once.
    pub(in crate::lab) fn settle(&mut self) -> Result<(), LabError> {
        let lag = self.ports.iter().any(Port::may_lag);
        let limit = Instant::now() + Duration::from_secs(30);
        loop {
            if self.pump()? {
                continue;
            }
            if !self.due.is_empty() {
                self.rest(Duration::from_secs(1))?;
            } else if !lag {
                return Ok(());
            } else {
                self.rest(Duration::from_millis(2))?;
                if !self.pump()? && self.due.is_empty() {
                    return Ok(());
                }
            }
            if Instant::now() > limit {
                return Err(LabError::of_lab("settle", "the wire did not come to rest in 30 s"));
            }
        }
    }

    /// Runs until `done` says so, for as long as there is something to wait for: first as long as
    /// the lab's patience, then on while a kernel has a timer running to send something again (RFC
    /// 6298, RFC 9293 section 3.8.6.1) that will run out within as long, and while that is on its way.
    /// Such a timer doubles each time, so this ends. `Some`: it gave up, in words.
    pub(in crate::lab) fn wait(
        &mut self,
        mut done: impl FnMut(&mut Self) -> Result<bool, LabError>,
    ) -> Result<Option<String>, LabError> {
        let begun = Instant::now();
        let mut limit = self.patience;
        loop {
            if self.run_until(limit, &mut done)? {
                return Ok(None);
            }
            let armed = self.truth.armed();
            limit = match (armed, self.due.peek()) {
                (Some(left), _) if left <= self.patience => left + Duration::from_millis(10),
                (_, Some(Reverse(due))) => {
                    let left = due.at.since(self.clock.now()).max(0);
                    Duration::from_nanos(left.cast_unsigned()) + Duration::from_millis(10)
                }
                _ => {
                    self.settle()?;
                    if done(self)? {
                        return Ok(None);
                    }
                    let more = armed.map_or(String::new(), |left| {
                        format!("; a kernel would send again in {:.0} s", left.as_secs_f64().ceil())
                    });
                    return Ok(Some(format!("gave up after {:.0} s{more}", begun.elapsed().as_secs_f64())));
                }
            };
        }
    }

    /// Runs until `done` says so; `false` when `limit` passes first.
    pub(in crate::lab) fn run_until(
        &mut self,
        limit: Duration,
        mut done: impl FnMut(&mut Self) -> Result<bool, LabError>,
    ) -> Result<bool, LabError> {
        let end = Instant::now() + limit;
        loop {
            if done(self)? {
                return Ok(true);
            }
            if self.pump()? {
                continue;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            // Kernel timers change sockets without a frame: look again soon.
            self.rest(left.min(Duration::from_millis(5)))?;
        }
    }
}
