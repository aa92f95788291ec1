//! Every scenario in `captures/` and `tests/scenarios/` says what the analysis must find, packet by packet, and
//! the analysis must find exactly that: a label or a verdict that a line does not list
//! fails like one that it lists and that does not come.

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use common::{Seen, analyse_script, scenarios};
use serde_json::Value;
use synfin::model::{Side, StreamId, TcpState};
use synfin::source::script::Script;
use synfin::track::EventKind;

/// What happens in every connection is no verdict, and a scenario need not list it.
const FACTS: [EventKind; 5] =
    [EventKind::Opening, EventKind::Established, EventKind::Midstream, EventKind::Fin, EventKind::Closed];

fn state(state: Option<TcpState>) -> &'static str {
    state.map_or("?", TcpState::name)
}

fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    if words.is_empty() { "none".into() } else { words.join(", ") }
}

/// Where `seen` is not what `script` expects, a line each.
fn differences(name: &str, text: &str, script: &Script, seen: &Seen) -> Vec<String> {
    let mut out = Vec::new();
    let mut streams: BTreeMap<usize, StreamId> = BTreeMap::new();
    for (index, step) in script.steps.iter().enumerate() {
        let frame = index as u64 + 1;
        let packet = seen.packets.get(&frame).cloned().unwrap_or_default();
        if let Some(stream) = packet.stream {
            streams.insert(step.connection, stream);
        }
        let mut say = |what: String| {
            let typed = text.lines().nth(step.line - 1).unwrap_or("").trim();
            out.push(format!("{name}:{} (frame {frame}): {what}\n      {typed}", step.line));
        };

        let mut expected: Vec<&str> = step.expect.labels.iter().map(String::as_str).collect();
        let mut found = packet.labels.clone();
        expected.sort_unstable();
        found.sort_unstable();
        if expected != found {
            say(format!("labels: expected {}, found {}", list(expected), list(found)));
        }

        for side in Side::BOTH {
            let Some(expected) = step.expect.states[side] else { continue };
            match packet.states.map(|states| states[side]) {
                Some(found) if found == expected => {}
                Some(found) => say(format!(
                    "state of {}: expected {}, found {}",
                    side.name(),
                    state(expected),
                    state(found)
                )),
                None => say(format!("state of {}: this packet is no TCP segment", side.name())),
            }
        }

        let is_fact = |kind: &str| FACTS.iter().any(|fact| fact.name() == kind);
        let mut unlisted = packet.events.clone();
        for event in &step.expect.events {
            let fits = |found: &(&str, &str)| {
                found.0 == event.kind && event.confidence.as_deref().is_none_or(|c| c == found.1)
            };
            match unlisted.iter().position(fits) {
                Some(at) => drop(unlisted.remove(at)),
                None => {
                    let found = packet.events.iter().map(|(k, c)| format!("{k} {c}")).collect::<Vec<_>>();
                    let confidence = event.confidence.as_deref().unwrap_or("(any)");
                    let found = list(found.iter().map(String::as_str));
                    say(format!("event: expected {} {confidence}, found {found}", event.kind));
                }
            }
        }
        for (kind, confidence) in unlisted.into_iter().filter(|(kind, _)| !is_fact(kind)) {
            say(format!("event: {kind} {confidence} is not listed"));
        }
    }

    for end in &script.ends {
        let mut say = |what: String| out.push(format!("{name}:{} (end): {what}", end.line));
        let stream = streams.get(&end.connection);
        let Some(conversation) = seen.conversations.iter().find(|c| Some(&c.id) == stream) else {
            say("the connection was not found".into());
            continue;
        };
        let record = synfin::view::json::conversation(conversation);
        let record: Value = serde_json::from_str(&record).unwrap();
        for (key, expected) in &end.pairs {
            match value(&record, key) {
                Some(found) if found == *expected => {}
                Some(found) => say(format!("{key}: expected {expected}, found {found}")),
                None => say(format!("{key}: expected {expected}, but the record has no such field")),
            }
        }
    }
    out
}

/// A field of a conversation's record; `pkts_orig` is another way to say `orig_pkts`, and
/// `orig_mss` is the originator's `mss`.
fn value(record: &Value, key: &str) -> Option<String> {
    let turned = key.rsplit_once('_').map(|(what, side)| format!("{side}_{what}"));
    let of_side = || {
        let (side, what) = key.split_once('_')?;
        record["sides"].get(["orig", "resp"].iter().position(|name| *name == side)?)?.get(what)
    };
    let found = record.get(key).or_else(|| record.get(turned?)).or_else(of_side)?;
    Some(found.as_str().map_or_else(|| found.to_string(), str::to_owned))
}

#[test]
fn every_scenario_is_told_as_it_was_written() {
    let mut report = String::new();
    for (name, text) in scenarios() {
        let script = Script::parse(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let seen = analyse_script(script.clone());
        for difference in differences(&name, &text, &script, &seen) {
            let _ = writeln!(report, "  {difference}");
        }
    }
    assert!(report.is_empty(), "the analysis differs from the scenarios:\n{report}");
}

/// Every kind of event is found somewhere, so none is without a scenario for it. (Those
/// against it are the packets that do not list it.)
#[test]
fn every_kind_has_a_scenario() {
    // It takes 10,000 segments that wait: too many to type, and tested below.
    let not_typed = [EventKind::ListFull];
    let mut found = std::collections::BTreeSet::new();
    for (name, text) in scenarios() {
        let script = Script::parse(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let seen = analyse_script(script);
        found.extend(seen.packets.into_values().flat_map(|p| p.events).map(|e| e.0));
    }
    let missing: Vec<&str> = EventKind::ALL
        .iter()
        .filter(|kind| !not_typed.contains(kind))
        .map(|kind| kind.name())
        .filter(|kind| !found.contains(kind))
        .collect();
    assert!(missing.is_empty(), "no scenario for {missing:?}");
}

/// More segments wait for their acknowledgment than are remembered: that is said, once.
#[test]
fn a_full_list_is_said() {
    for (segments, times) in [(9_990u32, 0), (10_100, 1)] {
        let mut text = String::from(
            "tcp 10.0.0.1:40000 > 192.0.2.1:80\n0 > S 0:0(0) <mss 1000,wscale 14>\n\
             +.01 < S. 0:0(0) ack 1 <mss 1000,wscale 14>\n+.01 > . 1:1(0) ack 1\n",
        );
        for n in 0..segments {
            let _ = writeln!(text, "+0 > . {}:{}(1) ack 1", 1 + n, 2 + n);
        }
        let seen = analyse_script(Script::parse(&text).unwrap());
        let events = seen.packets.values().flat_map(|p| &p.events);
        assert_eq!(events.filter(|e| **e == ("list_full", "certain")).count(), times, "{segments}");
    }
}

#[test]
fn a_wrong_expectation_fails() {
    let good = "tcp 10.0.0.1:40000 > 192.0.2.1:80
0    > S  0:0(0)           # orig=SYN-SENT
+.01 < S. 0:0(0) ack 1     # resp=SYN-RECEIVED
+0   > .  1:1(0) ack 1     # both=ESTABLISHED
+0   > P. 1:6(5) ack 1
+1   > P. 1:6(5) ack 1     # retransmission
end  conn_state=S1 history=ShADT pkts_orig=4
";
    let check = |text: &str| {
        let script = Script::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let seen = analyse_script(script.clone());
        let found = differences("test", text, &script, &seen);
        // Verdicts are not what this test is about.
        found.into_iter().filter(|line| !line.contains(" event: ")).collect::<Vec<_>>()
    };
    assert_eq!(check(good), Vec::<String>::new());
    let cases = [
        ("# orig=SYN-SENT", "# orig=CLOSED", "state of orig: expected CLOSED, found SYN-SENT"),
        ("# both=ESTABLISHED", "# orig=?", "state of orig: expected ?, found ESTABLISHED"),
        ("# retransmission", "", "labels: expected none, found retransmission"),
        ("# retransmission", "# keep_alive", "labels: expected keep_alive, found retransmission"),
        ("conn_state=S1", "conn_state=SF", "conn_state: expected SF, found S1"),
        ("pkts_orig=4", "pkts_orig=5", "pkts_orig: expected 5, found 4"),
        ("pkts_orig=4", "colour=red", "the record has no such field"),
    ];
    for (from, to, expected) in cases {
        let found = check(&good.replace(from, to));
        assert!(found.len() == 1 && found[0].contains(expected), "{from} → {to}: {found:#?}");
    }
}
