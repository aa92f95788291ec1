//! A lab's own account for other programs: the member `lab` of its JSON.

use serde_json::{Value, json};

use crate::lab::{LabOutcome, SocketSample};
use crate::model::TcpState;

/// Calls, what the kernels said, rules and claims. Packets go by their numbers in the rest of the
/// document, `null` where the observer did not see them; times are nanoseconds since the epoch.
pub(super) fn record(o: &LabOutcome) -> Value {
    let numbers = o.numbers(o.at);
    let packets = |frames: &[usize]| -> Vec<Option<usize>> {
        frames.iter().map(|&i| numbers.get(i).copied().flatten()).collect()
    };
    let host = |i: usize| o.hosts.get(i).map(|h| h.name.as_str());
    let carried = o.carried();
    let calls = o.calls.iter().zip(&carried).map(|(c, carried)| {
        json!({
            "host": host(c.host), "socket": c.socket, "call": c.text, "returned": c.result,
            "ts": c.ts.nanos(), "returned_ts": c.returned.nanos(), "bytes": c.bytes,
            "left_meanwhile": packets(&c.caused), "carried_by": packets(carried),
        })
    });
    let state = |s: &SocketSample| {
        json!({
            "host": host(s.host), "ts": s.ts.nanos(), "port": s.local_port, "peer_port": s.remote_port,
            "after": s.frame.map(|i| packets(&[i])), "state": s.state.map(TcpState::name),
            "recv_queue": s.recv_queue, "send_queue": s.send_queue, "timer": s.timer, "tcp_info": s.info,
        })
    };
    let counters = o.hosts.iter().enumerate().map(|(i, h)| {
        let moved: serde_json::Map<String, Value> =
            o.moved(i).map(|(name, by)| (name.to_owned(), by.into())).collect();
        (h.name.clone(), Value::Object(moved))
    });
    json!({
        "name": o.name, "question": o.question, "lesson": o.lesson, "medium": o.medium.to_string(),
        "hosts": o.hosts.iter().map(|h| json!({"name": h.name, "addr": h.addr.to_string()})).collect::<Vec<_>>(),
        "passed": o.passed(),
        "calls": calls.collect::<Vec<_>>(),
        "states": o.states.iter().map(state).collect::<Vec<_>>(),
        "counters": counters.collect::<serde_json::Map<_, _>>(),
        "rules": o.rules.iter().map(|r| json!({"rule": r.rule, "fired": r.fired, "packets": packets(&r.frames)}))
            .collect::<Vec<_>>(),
        "claims": o.expectations.iter().map(|v| json!({
            "claim": v.claim, "check": v.check, "held": v.held, "seen": v.seen, "packets": packets(&v.frames),
        })).collect::<Vec<_>>(),
        "notes": o.notes,
    })
}
