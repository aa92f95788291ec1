//! A run on disk: what the score needs of it, so that a changed analysis can be scored
//! again on the very same packets, without the kernels' timers.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use synfin::lab::{Delivery, Fate, LabFrame, LabOutcome, Observer, SocketSample, TcpFacts};
use synfin::model::{LinkType, TcpState, Timestamp};

use crate::tshark;

/// A run, and what tshark says of the capture at each host.
pub struct Stored {
    pub run: LabOutcome,
    pub tshark: [Option<tshark::Labels>; 2],
}

const STATES: [TcpState; 11] = [
    TcpState::Closed,
    TcpState::Listen,
    TcpState::SynSent,
    TcpState::SynReceived,
    TcpState::Established,
    TcpState::FinWait1,
    TcpState::FinWait2,
    TcpState::CloseWait,
    TcpState::Closing,
    TcpState::LastAck,
    TcpState::TimeWait,
];
const TIMERS: [&str; 4] = ["on", "keepalive", "timewait", "persist"];
const FATES: [Fate; 6] =
    [Fate::Dropped, Fate::QueueFull, Fate::Lost, Fate::Altered, Fate::Injected, Fate::InFlight];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn octets(text: &Value) -> Option<Vec<u8>> {
    let text = text.as_str()?;
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(text.get(i..i + 2)?, 16).ok()).collect()
}

fn fate(f: &Fate) -> Value {
    match f {
        Fate::Duplicated(n) => json!(["dup", n]),
        Fate::Delayed(n) => json!(["delay", n]),
        Fate::Held(n) => json!(["hold", n]),
        other => json!(FATES.iter().position(|x| x == other)),
    }
}

fn read_fate(v: &Value) -> Option<Fate> {
    if let Some(i) = v.as_u64() {
        return FATES.get(i as usize).copied();
    }
    let n = v.get(1)?.as_u64()? as u32;
    Some(match v.get(0)?.as_str()? {
        "dup" => Fate::Duplicated(n),
        "delay" => Fate::Delayed(n),
        _ => Fate::Held(n),
    })
}

fn time(v: &Value) -> Option<Timestamp> {
    v.as_i64().map(Timestamp)
}

fn frame(f: &LabFrame) -> Value {
    let deliveries: Vec<Value> =
        f.deliveries.iter().map(|d| json!([d.ts.0, d.to, d.altered.as_deref().map(hex)])).collect();
    json!([f.ts.0, f.from, hex(&f.bytes), f.fate.iter().map(fate).collect::<Vec<_>>(), deliveries])
}

fn read_frame(v: &Value) -> Option<LabFrame> {
    let bytes = octets(v.get(2)?)?;
    let deliveries = v.get(4)?.as_array()?.iter().map(|d| {
        let altered = d.get(2)?;
        let altered = if altered.is_null() { None } else { Some(octets(altered)?) };
        Some(Delivery { ts: time(d.get(0)?)?, to: d.get(1)?.as_u64()? as usize, altered })
    });
    Some(LabFrame {
        ts: time(v.get(0)?)?,
        orig_len: bytes.len() as u32,
        from: v.get(1)?.as_u64().map(|n| n as usize),
        fate: v.get(3)?.as_array()?.iter().map(read_fate).collect::<Option<_>>()?,
        deliveries: deliveries.collect::<Option<_>>()?,
        bytes,
    })
}

fn sample(s: &SocketSample) -> Value {
    json!([
        s.ts.0,
        s.host,
        s.local_port,
        s.remote_port,
        s.state.and_then(|s| STATES.iter().position(|x| *x == s)),
        s.timer.and_then(|t| TIMERS.iter().position(|x| *x == t)),
        s.info.map(|i| json!([i.ca_state, i.retransmits, i.probes, i.backoff, i.rto, i.rtt, i.snd_mss])),
    ])
}

fn read_sample(v: &Value) -> Option<SocketSample> {
    let number = |i: usize| v.get(i).and_then(Value::as_u64);
    let info = v.get(6)?;
    let of = |i: usize| info.get(i).and_then(Value::as_u64).unwrap_or(0) as u32;
    Some(SocketSample {
        ts: time(v.get(0)?)?,
        host: number(1)? as usize,
        frame: None,
        local_port: number(2)? as u16,
        remote_port: number(3)? as u16,
        state: number(4).and_then(|n| STATES.get(n as usize).copied()),
        recv_queue: 0,
        send_queue: 0,
        timer: number(5).and_then(|n| TIMERS.get(n as usize).copied()),
        info: (!info.is_null()).then(|| TcpFacts {
            ca_state: of(0) as u8,
            retransmits: of(1) as u8,
            probes: of(2) as u8,
            backoff: of(3) as u8,
            rto: of(4),
            rtt: of(5),
            snd_mss: of(6),
            ..TcpFacts::default()
        }),
    })
}

/// Writes a run.
pub fn save(path: &Path, stored: &Stored) {
    let run = &stored.run;
    let value = json!({
        "link": run.link.0,
        "frames": run.frames.iter().map(frame).collect::<Vec<_>>(),
        "states": run.states.iter().map(sample).collect::<Vec<_>>(),
        "counters": run.counters,
        "tshark": stored.tshark,
    });
    std::fs::write(path, value.to_string()).unwrap();
}

/// Reads a run; `None` where there is none.
pub fn load(path: &Path) -> Option<Stored> {
    let text = std::fs::read_to_string(path).ok()?;
    let v: Value = serde_json::from_str(&text).ok()?;
    let all = |name: &str| v.get(name).and_then(Value::as_array);
    let labels = |i: usize| -> Option<tshark::Labels> {
        let own = all("tshark")?.get(i)?.as_object()?;
        let known = |names: &Value| {
            let names = names.as_array()?.iter().filter_map(Value::as_str);
            Some(names.filter_map(|n| tshark::FIELDS.iter().find(|f| **f == n).copied()).collect())
        };
        own.iter().map(|(n, names)| Some((n.parse().ok()?, known(names)?))).collect()
    };
    let counters: Vec<BTreeMap<String, i64>> = serde_json::from_value(v.get("counters")?.clone()).ok()?;
    Some(Stored {
        tshark: [labels(0), labels(1)],
        run: LabOutcome {
            name: String::new(),
            group: String::new(),
            question: String::new(),
            lesson: String::new(),
            medium: String::new(),
            hosts: Vec::new(),
            link: LinkType(v.get("link")?.as_u64()? as u16),
            at: Observer::Wire,
            frames: all("frames")?.iter().map(read_frame).collect::<Option<_>>()?,
            calls: Vec::new(),
            states: all("states")?.iter().map(read_sample).collect::<Option<_>>()?,
            counters,
            expectations: Vec::new(),
            rules: Vec::new(),
            notes: Vec::new(),
            table: None,
        },
    })
}
