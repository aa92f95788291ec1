//! What is said for certain, beside what the wire and the kernels can refute of it.

use synfin::lab::LabOutcome;
use synfin::model::{Side, TcpState, Timestamp};
use synfin::track::{Event, EventKind};

use crate::account::{self, Cause, FIN, RST, SYN, Segment};
use crate::ends::{self, Why};
use crate::fields::{isns, relative};
use crate::score::{Said, Seen};

/// One capture and what is so of it.
pub struct Case<'a> {
    pub run: &'a LabOutcome,
    pub host: usize,
    pub segments: &'a [Option<Segment>],
    pub seen: &'a [Option<Seen<'a>>],
    pub said: &'a Said,
    /// The first reset and its reason.
    pub reset: Option<(u64, Why)>,
}

fn unless(so: bool, why: &str) -> Option<String> {
    (!so).then(|| why.to_owned())
}

impl Case<'_> {
    fn at(&self, number: u64) -> Option<&Seen<'_>> {
        self.seen.get(usize::try_from(number).ok()?.checked_sub(1)?)?.as_ref()
    }

    fn before(&self, number: u64) -> impl Iterator<Item = &Segment> {
        self.seen.iter().take(number as usize - 1).flatten().map(|p| p.segment)
    }

    /// Why a certain verdict is wrong, if it is.
    pub fn wrong(&self, e: &Event) -> Option<String> {
        let Some(p) = self.at(e.packet) else { return Some("no host sent that packet".into()) };
        let s = p.segment;
        match e.kind {
            EventKind::Opening => {
                unless(s.flags & SYN != 0 && s.flags & 16 == 0 && s.seq == 0, "it is no first SYN")
            }
            EventKind::Established => self.not_established(e.packet, p),
            EventKind::Midstream => Some("the capture has the beginning".into()),
            EventKind::PortReused => Some("the lab has one connection".into()),
            EventKind::Fin => {
                let again = self.before(e.packet).any(|b| b.from == s.from && b.flags & FIN != 0);
                unless(s.flags & FIN != 0 && !again, "it is not the side's first FIN")
            }
            EventKind::Closed => self.not_closed(e.packet),
            EventKind::Reset => unless(s.flags & RST != 0, "it is no reset"),
            EventKind::Refused => self.not_for(e.packet, Why::Refused, "a listener was there"),
            EventKind::Aborted => self.not_for(e.packet, Why::Aborted, "the kernel counts no abort"),
            EventKind::UnreadData => {
                let abort = self.not_for(e.packet, Why::Aborted, "");
                abort.and_then(|_| self.not_for(e.packet, Why::AfterClose, "no data came after a close"))
            }
            EventKind::HalfOpen => {
                let kernel = self.kernel(s.from, self.run.frames[p.frame].ts);
                unless(kernel.is_none_or(|s| s == TcpState::Closed), "its kernel still had the socket")
            }
            EventKind::TimedOut => {
                let gave_up = self.run.counters.get(s.from);
                let gave_up =
                    gave_up.and_then(|c| c.get("TcpExt.TCPAbortOnTimeout")).is_some_and(|by| *by > 0);
                unless(gave_up, "the kernel did not give up")
            }
            EventKind::SpuriousRetransmit => {
                let of = e.evidence.witness.and(e.evidence.original).unwrap_or(e.packet);
                let of = self.at(of)?.segment;
                unless(of.resent && of.needed != Some(true), "an octet of it had not got through")
            }
            EventKind::TimeoutRetransmit => {
                let timer = matches!(s.cause, Some(Cause::Timeout | Cause::Unknown));
                unless(timer, "the kernel's timer had not run out").map(|w| format!("{w} ({:?})", s.cause))
            }
            EventKind::TailLossProbe => unless(s.cause == Some(Cause::Probe), "the kernel sent no probe"),
            EventKind::FastRetransmit | EventKind::RackRetransmit => {
                unless(s.cause == Some(Cause::Recovery), "the kernel was not in recovery")
            }
            EventKind::HandshakeRetransmit => {
                unless(s.resent && s.flags & SYN != 0 && !p.copy, "no handshake segment was sent again")
            }
            EventKind::Retransmit => unless(s.resent && !p.copy, "it was not sent again"),
            EventKind::Reordered => unless(p.passed, "it was not overtaken"),
            EventKind::DuplicatedByNetwork if e.evidence.witness.is_some() => {
                let told = ends::copied(self.run, self.segments, self.seen, e);
                unless(told != Some(false), "the wire made no copy of what the D-SACK tells of")
            }
            EventKind::DuplicatedByNetwork => unless(p.copy, "the wire made no copy"),
            EventKind::CaptureMissed => Some("the capture missed nothing".into()),
            EventKind::CapturedTwice => Some("the capture has each packet once".into()),
            EventKind::Gap => self.no_gap(e, s),
            EventKind::WindowProbe => {
                unless(s.probe == Some("persist"), "the kernel's persist timer did not run")
                    .map(|w| format!("{w} ({:?})", s.probe))
            }
            EventKind::KeepAlive => {
                unless(s.probe == Some("keepalive"), "the kernel's keep-alive timer did not run")
                    .map(|w| format!("{w} ({:?})", s.probe))
            }
            EventKind::ZeroWindow => unless(p.shut, "its window is open"),
            EventKind::WindowOpened => unless(p.was_shut && s.window > 0, "its window was open before"),
            EventKind::OffloadSegments => Some("no segment was joined".into()),
            EventKind::OffloadChecksums => Some("checksums were complete".into()),
            EventKind::ResetIgnored => Some("whoever reset it was gone".into()),
            EventKind::Middlebox => Some("nobody else sent anything".into()),
            EventKind::IcmpError => Some("nobody sent an ICMP error".into()),
            // No account decides these: why a sender with data waits is in no kernel's counters, and
            // how long the analysis's lists are is its own affair.
            EventKind::WindowLimited | EventKind::NagleDelayedAck | EventKind::ListFull => None,
        }
    }

    fn kernel(&self, host: usize, at: Timestamp) -> Option<TcpState> {
        account::state(self.run, host, Some(Timestamp(at.0 + 1)))
    }

    /// Only the first reset is accounted for; of another that is certain nothing is known.
    fn not_for(&self, packet: u64, cause: Why, why: &str) -> Option<String> {
        self.reset.filter(|r| r.0 == packet).and_then(|r| unless(r.1 == cause, why))
    }

    /// Both SYNs were seen and acknowledged, and the kernel that sent the last of it agrees.
    fn not_established(&self, packet: u64, p: &Seen<'_>) -> Option<String> {
        let isn = isns(self.run);
        let seen = || self.before(packet).chain([p.segment]);
        for side in [0, 1] {
            let acked = |s: &Segment| {
                s.from != side
                    && s.flags & 16 != 0
                    && isn.get(&side).is_some_and(|i| relative(s.ack, *i) >= 1)
            };
            if !seen().any(|s| s.from == side && s.flags & SYN != 0) || !seen().any(acked) {
                return Some(format!("no SYN of host {side} was acknowledged yet"));
            }
        }
        let kernel = self.kernel(p.segment.from, self.run.frames[p.frame].ts);
        let early = [TcpState::Listen, TcpState::SynSent, TcpState::SynReceived];
        unless(!kernel.is_some_and(|k| early.contains(&k)), "its sender's kernel is still opening it")
    }

    /// Both FINs were acknowledged, and the observer's own kernel has no open socket.
    fn not_closed(&self, packet: u64) -> Option<String> {
        let both = self.said.states.get(&packet)?;
        let gone = |s: Option<TcpState>| matches!(s, Some(TcpState::Closed | TcpState::TimeWait));
        if !(gone(both[Side::Orig]) && gone(both[Side::Resp])) {
            return Some("a side was open".into());
        }
        let capture = self.run.capture(synfin::lab::Observer::Host(self.host));
        let own = account::state(self.run, self.host, capture.get(packet as usize).map(|c| c.ts));
        unless(own.is_none() || gone(own), "the observer's own kernel has the socket open")
    }

    /// What is said to be missing is not in the capture so far, and was sent.
    fn no_gap(&self, e: &Event, s: &Segment) -> Option<String> {
        let (seq, len) = e.evidence.seq.zip(e.evidence.len)?;
        let from = relative(seq, isns(self.run).get(&s.from).copied()?);
        let to = from + i64::from(len);
        let had = self.before(e.packet).any(|b| b.from == s.from && b.seq < to && b.end > from);
        let sent = self.segments.iter().flatten().filter(|b| b.from == s.from).map(|b| (b.seq, b.end));
        unless(
            !had && account::covered(sent, from, to),
            "what is said to be missing is there, or was never sent",
        )
    }
}
