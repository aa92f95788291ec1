//! Temporary: tries labs.
fn main() {
    let mut bad = 0;
    let verbose = std::env::var("V").is_ok();
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if names.first().is_some_and(|n| n == "all") {
        names = synfin::lab::catalogue().iter().map(|l| l.name.clone()).collect();
    }
    for name in names {
        let t = std::time::Instant::now();
        match synfin::lab::run(&name, &Default::default()) {
            Err(e) => {
                bad += 1;
                println!("✗ {name}: {e}");
            }
            Ok(o) => {
                let ok = o.passed();
                if !ok { bad += 1; }
                println!("{} {name} [{}] {} frames, {} calls, {} samples, {:?}", if ok { "✓" } else { "✗" }, o.medium, o.frames.len(), o.calls.len(), o.states.len(), t.elapsed());
                if verbose || !ok {
                    let t0 = o.frames.first().map(|f| f.ts).unwrap_or_default();
                    for (i, f) in o.frames.iter().enumerate().take(400) {
                        println!("  {:3} {:9.3}ms {:?} {} {:?} x{}", i + 1, f.ts.since(t0) as f64 / 1e6, f.from, synfin::lab::summary(o.link, &f.bytes), f.fate, f.deliveries.len());
                    }
                    for c in &o.calls { println!("  {:9.3}ms {} {} {} caused {:?}", c.ts.since(t0) as f64 / 1e6, c.host, c.text, c.result, c.caused.iter().map(|i| i + 1).collect::<Vec<_>>()); }
                    for s in o.states.iter().take(if verbose {100} else {0}) { println!("  {:9.3}ms host {} :{} {:?} f{:?} rq{} sq{} {:?}", s.ts.since(t0) as f64 / 1e6, s.host, s.local_port, s.state, s.frame.map(|f| f + 1), s.recv_queue, s.send_queue, s.timer); }
                    if verbose { for c in &o.counters { println!("  {c:?}"); } }
                    for n in &o.notes { println!("  note {n}"); }
                    for r in &o.rules { println!("  rule {} fired {}", r.rule, r.fired); }
                }
                for v in &o.expectations {
                    if verbose || !v.held { println!("  {} {} — {} {:?}", if v.held { "✓" } else { "✗" }, v.claim, v.seen, v.frames.iter().map(|i| i + 1).take(8).collect::<Vec<_>>()); }
                }
            }
        }
    }
    if let Ok(f) = std::env::var("OUT") { let _ = f; }
    std::process::exit(i32::from(bad > 0));
}
