//! Claims about what a kernel said of a socket: its states, and TCP_INFO.

use super::{Compare, Evidence, Found};
use crate::lab::outcome::{SocketSample, TcpFacts, history};
use crate::model::TcpState;

/// The state of congestion control in which lost segments are repaired, TCP_CA_Recovery.
const RECOVERY: u8 = 3;

impl Evidence<'_> {
    fn port(text: &str) -> Result<u16, String> {
        text.parse().map_err(|_| format!("{text:?} is no port"))
    }

    /// What the kernel said of the socket, in the order of time.
    fn samples(&self, host: &str, port: &str) -> Result<impl Iterator<Item = &SocketSample>, String> {
        let (host, port) = (self.host(host)?, Self::port(port)?);
        Ok(self.run.states.iter().filter(move |s| s.host == host && s.local_port == port))
    }

    /// TCP_INFO of the socket, in the order of time.
    fn infos(&self, host: &str, port: &str) -> Result<impl Iterator<Item = &TcpFacts>, String> {
        Ok(self.samples(host, port)?.filter_map(|s| s.info.as_ref()))
    }

    /// The kernel said that this socket was in these states, in this order.
    pub(super) fn states(&self, host: &str, port: &str, list: &[&str]) -> Result<Found, String> {
        let history = history(self.samples(host, port)?);
        let history: Vec<&str> = history.into_iter().map(|s| s.map_or("none", TcpState::name)).collect();
        let mut rest = history.iter();
        let held = list.iter().all(|want| rest.any(|h| h == want));
        Ok(Found { held, seen: history.join(" "), frames: Vec::new() })
    }

    fn values(&self, host: &str, port: &str, field: &str) -> Result<Vec<i64>, String> {
        self.infos(host, port)?.map(|i| value(i, field)).collect()
    }

    /// A field of TCP_INFO satisfies this: in some sample (`info`), in every one (`always`), or in
    /// the `last`.
    pub(super) fn info(
        &self,
        how: &str,
        [host, port, field]: [&str; 3],
        op: Compare,
        n: i64,
    ) -> Result<Found, String> {
        let values = self.values(host, port, field)?;
        let holds = |v: &i64| op.holds(*v, n);
        let (Some(least), Some(most), Some(last)) = (values.iter().min(), values.iter().max(), values.last())
        else {
            return Ok(Found { held: false, seen: "never asked".into(), frames: Vec::new() });
        };
        let (held, seen) = match (how, op) {
            ("always", _) => (values.iter().all(holds), format!("{field} was {least} to {most}")),
            ("last", _) => (holds(last), format!("{field} was {last} in the end")),
            (_, Compare::AtMost | Compare::Less) => (holds(least), format!("{field} came to {least}")),
            _ => (values.iter().any(holds), format!("{field} came to {most}")),
        };
        Ok(Found { held, seen, frames: Vec::new() })
    }

    /// A field of TCP_INFO came down from its highest: in the middle of the samples from there on it is lower.
    pub(super) fn came_down(&self, host: &str, port: &str, field: &str) -> Result<Found, String> {
        let values = self.values(host, port, field)?;
        let most = values.iter().max().copied().unwrap_or(0);
        let mut after: Vec<i64> = values.into_iter().skip_while(|v| *v != most).collect();
        after.sort_unstable();
        let middle = after.get(after.len() / 2).copied().unwrap_or(most);
        let seen = format!("{field} was {most}, and in the middle of what followed {middle}");
        Ok(Found { held: middle < most, seen, frames: Vec::new() })
    }

    /// When it first began to repair a loss, the slow start threshold became about so many
    /// hundredths of the window.
    pub(super) fn cut(&self, host: &str, port: &str, percent: i64) -> Result<Found, String> {
        let infos: Vec<_> = self.infos(host, port)?.collect();
        let begins = infos
            .iter()
            .zip(infos.iter().skip(1))
            .find(|(before, now)| before.ca_state != RECOVERY && now.ca_state == RECOVERY);
        let Some((before, now)) = begins else {
            return Ok(Found { held: false, seen: "it repaired no loss".into(), frames: Vec::new() });
        };
        let (window, threshold) = (i64::from(before.snd_cwnd), i64::from(now.snd_ssthresh));
        // The window is asked before, and may have grown by a segment or two since.
        let held = (threshold * 100 - window * percent).abs() <= 5 * window;
        let seen = format!("a window of {window}, then a threshold of {threshold}");
        Ok(Found { held, seen, frames: Vec::new() })
    }

    /// The kernel's retransmission timeout doubled with each backoff (RFC 6298 section 5.5).
    pub(super) fn backoff(&self, host: &str, port: &str) -> Result<Found, String> {
        let mut steps: Vec<(u8, u32)> = Vec::new();
        for i in self.infos(host, port)? {
            if i.backoff > steps.last().map_or(0, |s| s.0) {
                steps.push((i.backoff, i.rto));
            }
        }
        let doubled = steps.iter().zip(steps.iter().skip(1)).all(|((b, r), (c, q))| {
            let factor = 1_u64 << u32::from(c - b).min(32);
            u64::from(*q).abs_diff(u64::from(*r) * factor) <= u64::from(*q) / 50
        });
        let seen = steps.iter().map(|(_, rto)| format!("{} ms", rto / 1000)).collect::<Vec<_>>().join(", ");
        Ok(Found {
            held: steps.len() >= 2 && doubled,
            seen: format!("timeouts of {seen}"),
            frames: Vec::new(),
        })
    }
}

fn value(i: &TcpFacts, field: &str) -> Result<i64, String> {
    Ok(match field {
        "ca_state" => i.ca_state.into(),
        "backoff" => i.backoff.into(),
        "probes" => i.probes.into(),
        "retransmits" => i.retransmits.into(),
        "unacked" => i.unacked.into(),
        "sacked" => i.sacked.into(),
        "lost" => i.lost.into(),
        "pmtu" => i.pmtu.into(),
        "snd_mss" => i.snd_mss.into(),
        "ssthresh" => i.snd_ssthresh.into(),
        "cwnd" => i.snd_cwnd.into(),
        "total_retrans" => i.total_retrans.into(),
        "dsack_dups" => i.dsack_dups.into(),
        "reord_seen" => i.reord_seen.into(),
        "rcv_ooopack" => i.rcv_ooopack.into(),
        "snd_wnd" => i.snd_wnd.into(),
        "notsent" => i.notsent.into(),
        _ => return Err(format!("{field:?} is no field of TCP_INFO that labs know")),
    })
}
