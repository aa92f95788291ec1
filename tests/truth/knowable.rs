//! What a capture can show at all. Whether a repair was needless is known where the receiver
//! is; elsewhere only what came back from it tells, and sometimes nothing does.

use synfin::lab::LabOutcome;
use synfin::model::Timestamp;

use crate::account::Segment;
use crate::fields::{self, Fields, relative};

struct Answer {
    sent: Timestamp,
    came: Timestamp,
    /// From the repair's initial sequence number.
    ack: i64,
    sack: Vec<(i64, i64)>,
    echo: Option<u32>,
    pure: bool,
}

fn first_delivery(run: &LabOutcome, frame: usize) -> Option<Timestamp> {
    run.frames[frame].deliveries.iter().filter(|d| d.altered.is_none()).map(|d| d.ts).min()
}

/// The least time that any packet travelled, there and back, nanoseconds.
fn round_trip(run: &LabOutcome) -> i64 {
    let least = |from| {
        let own = run.frames.iter().filter(|f| f.from == Some(from));
        own.flat_map(|f| f.deliveries.iter().map(|d| d.ts.since(f.ts))).min().unwrap_or(0)
    };
    least(0) + least(1)
}

/// Does the capture at the sender of the repair `frame` show that it was needless?
pub fn shown_to_its_sender(run: &LabOutcome, segments: &[Option<Segment>], frame: usize) -> bool {
    let Some(r) = &segments[frame] else { return false };
    let sent = run.frames[frame].ts;
    let arrived = first_delivery(run, frame);
    let base = fields::isns(run).get(&r.from).copied().unwrap_or(0);
    let own = fields::fields(&run.frames[frame].bytes).unwrap_or_default();
    let mut answers: Vec<Answer> = Vec::new();
    for (i, f) in run.frames.iter().enumerate().filter(|(_, f)| f.from == Some(1 - r.from)) {
        let (Some(came), Some(Fields { ack, stamps, sack, .. })) =
            (first_delivery(run, i), fields::fields(&f.bytes))
        else {
            continue;
        };
        let sack = sack.iter().map(|&(a, b)| (relative(a, base), relative(b, base))).collect();
        let pure = segments[i].as_ref().is_some_and(|s| !s.occupies() && s.flags & 4 == 0);
        answers.push(Answer {
            sent: f.ts,
            came,
            ack: relative(ack, base),
            sack,
            echo: stamps.map(|s| s.1),
            pure,
        });
    }
    let before = |a: &Answer| arrived.is_none_or(|t| a.sent < t);
    let covers = |a: &Answer| a.ack >= r.end || a.sack.iter().any(|s| s.0 <= r.seq && s.1 >= r.end);
    // D-SACK: the receiver says so.
    let told = |a: &Answer| {
        let first = a.sack.first().filter(|s| s.0 < r.end && s.1 > r.seq);
        first.is_some_and(|s| s.1 <= a.ack || a.sack.get(1).is_some_and(|t| t.0 <= s.0 && s.1 <= t.1))
    };
    if answers.iter().any(|a| a.came > sent && !before(a) && told(a)) {
        return true;
    }
    // An answer that was on its way before the repair arrived, and shows it: by an older time
    // stamp, or by coming sooner than anything can have gone there and back.
    let edge = |a: &Answer| answers.iter().filter(|b| b.came < a.came).map(|b| b.ack).max() == Some(r.seq);
    let early = |a: &&Answer| a.came > sent && before(a) && covers(a);
    let least = round_trip(run);
    for a in answers.iter().filter(early) {
        let older = a.echo.zip(own.stamps).is_some_and(|(e, s)| e != 0 && relative(e, s.0) < 0);
        if older && a.ack >= r.end && edge(a) || a.came.since(sent) < least {
            return true;
        }
    }
    // One acknowledgment more of all that was sent, and no SACK to say it.
    let highest = |until: Timestamp| {
        let own = segments.iter().zip(&run.frames).filter(|(_, f)| f.ts <= until);
        own.filter_map(|(s, _)| s.as_ref()).filter(|s| s.from == r.from).map(|s| s.end).max()
    };
    arrived.is_some_and(|t| {
        let reaction = answers.iter().find(|a| a.sent >= t);
        reaction.is_some_and(|a| {
            let again = answers.iter().any(|b| b.sent < t && b.came < a.came && b.ack == a.ack);
            a.pure
                && a.sent.since(t) < 2_000_000
                && again
                && highest(a.came) == Some(a.ack)
                && a.sack.is_empty()
        })
    })
}
