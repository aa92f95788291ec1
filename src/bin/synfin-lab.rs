//! Temporary: tries labs.
#[path = "../cli/lab.rs"]
mod cli_lab;
use clap::Parser;
pub use synfin::{lab, model};
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    lab: cli_lab::LabArgs,
}
fn show(o: &lab::LabOutcome) -> anyhow::Result<()> {
    let verbose = std::env::var("V").is_ok();
    if !verbose {
        return Ok(());
    }
    let t0 = o.frames.first().map(|f| f.ts).unwrap_or_default();
    for (i, f) in o.frames.iter().enumerate().take(400) {
        println!(
            "  {:3} {:9.3}ms {:?} {} {:?} x{}",
            i + 1,
            f.ts.since(t0) as f64 / 1e6,
            f.from,
            synfin::lab::summary(o.link, &f.bytes),
            f.fate,
            f.deliveries.len()
        );
    }
    for c in &o.calls {
        println!(
            "  {:9.3}ms {} {} {} caused {:?}",
            c.ts.since(t0) as f64 / 1e6,
            c.host,
            c.text,
            c.result,
            c.caused.iter().map(|i| i + 1).collect::<Vec<_>>()
        );
    }
    for s in o.states.iter().take(100) {
        println!(
            "  {:9.3}ms host {} :{} {:?} f{:?} rq{} sq{} {:?}",
            s.ts.since(t0) as f64 / 1e6,
            s.host,
            s.local_port,
            s.state,
            s.frame.map(|f| f + 1),
            s.recv_queue,
            s.send_queue,
            s.timer
        );
    }
    for c in &o.counters {
        println!("  {c:?}");
    }
    Ok(())
}
fn main() -> std::process::ExitCode {
    match cli_lab::run(Args::parse().lab, &mut show) {
        Ok(c) => c,
        Err(e) => {
            eprintln!("synfin: {e:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
