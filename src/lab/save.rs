//! A lab's capture as pcapng, with what the wire and the kernels know in comments.

use std::io::{self, Write};

use super::outcome::{LabOutcome, Observer, SocketSample};
use crate::model::TcpState;

impl LabOutcome {
    /// What the wire did to a frame, which call sent it and what the kernels said once it
    /// was delivered: a line each. Empty when there is nothing to add.
    #[must_use]
    pub fn comment(&self, frame: usize) -> String {
        let mut lines = Vec::new();
        if let Some(f) = self.frames.get(frame) {
            lines.extend(f.fate.iter().map(|fate| format!("wire: {fate}")));
        }
        for call in self.calls.iter().filter(|c| c.caused.contains(&frame)) {
            let host = self.hosts.get(call.host).map_or("?", |h| h.name.as_str());
            lines.push(format!("sent by {host}: {} {}", call.text, call.result));
            let during = |s: &&SocketSample| {
                s.host == call.host && s.frame.is_none() && s.ts >= call.ts && s.ts <= call.returned
            };
            for s in self.states.iter().filter(during) {
                let state = s.state.map_or("no such socket", TcpState::name);
                lines.push(format!("by it, {host}:{} {state}{}", s.local_port, info(s)));
            }
        }
        for s in self.states.iter().filter(|s| s.frame == Some(frame)) {
            let host = self.hosts.get(s.host).map_or("?", |h| h.name.as_str());
            let state = s.state.map_or("no such socket", TcpState::name);
            lines.push(format!("after it, {host}:{} {state}{}", s.local_port, info(s)));
        }
        lines.join("\n")
    }

    /// What belongs to no packet: the lab, every call, and the counters that moved.
    fn about(&self) -> String {
        let mut lines = vec![format!("synfin lab {}", self.name), self.question.clone(), self.lesson.clone()];
        let host = |i: usize| self.hosts.get(i).map_or("?", |h| h.name.as_str());
        for (call, carried) in self.calls.iter().zip(self.carried()) {
            let quiet =
                if call.caused.is_empty() && carried.is_empty() { ", and no packet with it" } else { "" };
            lines.push(format!("{}: {} {}{quiet}", host(call.host), call.text, call.result));
        }
        for i in 0..self.counters.len() {
            let moved = self.moved(i).map(|(name, by)| format!("{name} {by}"));
            lines.push(format!("{}'s kernel counted: {}", host(i), moved.collect::<Vec<_>>().join(", ")));
        }
        // An option has room for 64 KiB.
        let mut room = 60_000_usize;
        let fits = lines.iter().take_while(|line| {
            room = room.saturating_sub(line.len() + 1);
            room > 0
        });
        let kept = fits.count();
        if kept < lines.len() {
            let more = lines.len() - kept;
            lines.truncate(kept);
            lines.push(format!("and {more} lines more, which --format json has"));
        }
        lines.join("\n")
    }

    /// Writes what `at` saw as pcapng (nanoseconds, one interface), comments included.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn save(&self, at: Observer, out: &mut dyn Write) -> io::Result<()> {
        let name = match at {
            Observer::Wire => "wire",
            Observer::Host(h) => self.hosts.get(h).map_or("wire", |h| h.name.as_str()),
        };
        let about = self.about();
        let mut section = Vec::new();
        section.extend(0x1a2b_3c4d_u32.to_le_bytes());
        section.extend([1, 0, 0, 0]);
        section.extend([0xff; 8]);
        option(&mut section, 1, about.as_bytes());
        option(&mut section, 0, &[]);
        block(out, 0x0a0d_0d0a, &section)?;
        let mut interface = Vec::new();
        interface.extend(self.link.0.to_le_bytes());
        interface.extend([0; 6]);
        option(&mut interface, 2, name.as_bytes());
        option(&mut interface, 9, &[9]);
        option(&mut interface, 0, &[]);
        block(out, 1, &interface)?;
        for c in self.capture(at) {
            let ts = c.ts.nanos().cast_unsigned();
            let len = u32::try_from(c.bytes.len()).unwrap_or(u32::MAX);
            let orig = self.frames.get(c.frame).map_or(len, |f| f.orig_len);
            let mut packet = Vec::new();
            packet.extend(0_u32.to_le_bytes());
            packet.extend(((ts >> 32) as u32).to_le_bytes());
            packet.extend((ts as u32).to_le_bytes());
            packet.extend(len.to_le_bytes());
            packet.extend(orig.to_le_bytes());
            packet.extend(c.bytes);
            pad(&mut packet);
            let comment = self.comment(c.frame);
            if !comment.is_empty() {
                option(&mut packet, 1, comment.as_bytes());
                option(&mut packet, 0, &[]);
            }
            block(out, 6, &packet)?;
        }
        out.flush()
    }
}

/// What TCP_INFO says of a sender, as far as lessons speak of it.
fn info(s: &SocketSample) -> String {
    s.info.map_or_else(String::new, |i| {
        let threshold = if i.snd_ssthresh < 0x7fff_ffff { i.snd_ssthresh.to_string() } else { "none".into() };
        format!(
            ", cwnd {} ssthresh {threshold} rtt {} us rto {} us unacked {} lost {} resent {}",
            i.snd_cwnd, i.rtt, i.rto, i.unacked, i.lost, i.total_retrans
        )
    })
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// An option, cut to what its 16-bit length can say.
fn option(to: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
    to.extend(code.to_le_bytes());
    to.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    to.extend(value);
    pad(to);
}

fn block(out: &mut dyn Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let total = u32::try_from(body.len() + 12).map_err(io::Error::other)?;
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&total.to_le_bytes())?;
    out.write_all(body)?;
    out.write_all(&total.to_le_bytes())
}
