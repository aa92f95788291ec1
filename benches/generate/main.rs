//! Makes captures of any size for measuring: the same seed gives the same file.
//!
//! ```text
//! cargo run --release --example generate -- short --packets 4000000 -o short.pcap
//! ```

mod endpoint;
mod frame;
mod random;
mod short;
mod transfer;
mod truth;

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::process::ExitCode;

use crate::frame::Capture;
use crate::transfer::{Plan, Simulation};
use crate::truth::Truth;

const USAGE: &str = "\
usage: generate KIND [options] -o FILE

Writes a classic pcap file (Ethernet, microseconds) that depends on nothing but these options.

kinds:
  short   connections of ten packets each: handshake, request, reply, four-segment teardown
  mixed   TCP of all sizes over lossy paths with SACK, some without; some UDP, some IPv6
  bulk    a few long transfers without loss
  flood   SYNs and SYN-ACKs that nobody acknowledges

options:
  --seed N          another capture of the same kind              [1]
  --packets N       short, flood: packets to write                [4000000]
  --bytes N[k|M|G]  mixed, bulk: size of the file, roughly        [1100M]
  --live N          connections open at a time    [short 2000, mixed 150, bulk 8]
  --loss P          mixed, bulk: probability that a packet is lost     [mixed 0.005, bulk 0]
  --reorder P       mixed, bulk: probability that a segment is overtaken [mixed 0.0002, bulk 0]
  --truth FILE      mixed, bulk: what was sent, lost and sent again, as NDJSON
  -o FILE           where to write
";

#[derive(Debug, Default)]
struct Args {
    kind: String,
    seed: Option<u64>,
    packets: Option<u64>,
    bytes: Option<u64>,
    live: Option<usize>,
    loss: Option<f64>,
    reorder: Option<f64>,
    truth: Option<String>,
    out: Option<String>,
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Args, Box<dyn Error>> {
    let mut args = Args::default();
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            args.kind = word;
            continue;
        }
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--seed" => args.seed = Some(value.parse()?),
            "--packets" => args.packets = Some(size(&value)?),
            "--bytes" => args.bytes = Some(size(&value)?),
            "--live" => args.live = Some(value.parse()?),
            "--loss" => args.loss = Some(value.parse()?),
            "--reorder" => args.reorder = Some(value.parse()?),
            "--truth" => args.truth = Some(value),
            "-o" => args.out = Some(value),
            _ => return Err(format!("unknown option {word}").into()),
        }
    }
    Ok(args)
}

/// `12`, `3k`, `4M`, `5G`: powers of ten.
fn size(text: &str) -> Result<u64, Box<dyn Error>> {
    let (digits, factor) = match text.as_bytes().last() {
        Some(b'k') => (&text[..text.len() - 1], 1_000),
        Some(b'M') => (&text[..text.len() - 1], 1_000_000),
        Some(b'G') => (&text[..text.len() - 1], 1_000_000_000),
        _ => (text, 1),
    };
    Ok((digits.parse::<f64>()? * f64::from(factor)) as u64)
}

fn run(args: &Args) -> Result<(u64, u64), Box<dyn Error>> {
    let path = args.out.as_ref().ok_or("-o FILE is missing")?;
    let mut out = Capture::new(BufWriter::with_capacity(1 << 20, File::create(path)?))?;
    let mut truth = Truth::new(args.truth.as_deref())?;
    let seed = args.seed.unwrap_or(1);
    let packets = args.packets.unwrap_or(4_000_000);
    let bulk = args.kind == "bulk";
    match args.kind.as_str() {
        "short" => short::short(&mut out, packets / 10, args.live.unwrap_or(2000), seed)?,
        "flood" => short::flood(&mut out, packets / 2, seed)?,
        "mixed" | "bulk" => {
            let bytes = args.bytes.unwrap_or(1_100_000_000);
            let few = (bytes / 4_000_000 + 2).min(150) as usize;
            let plan = Plan {
                seed,
                bytes,
                live: args.live.unwrap_or(if bulk { 8 } else { few }),
                loss: args.loss.unwrap_or(if bulk { 0.0 } else { 0.005 }),
                reorder: args.reorder.unwrap_or(if bulk { 0.0 } else { 0.0002 }),
                bulk,
            };
            Simulation::new(plan, &mut out, &mut truth).run()?;
        }
        other => return Err(format!("unknown kind {other:?}").into()),
    }
    truth.finish()?;
    Ok(out.finish()?)
}

fn main() -> ExitCode {
    let words = std::env::args().skip(1);
    let result = match parse(words) {
        Ok(args) if args.kind.is_empty() => {
            print!("{USAGE}");
            return ExitCode::from(2);
        }
        Ok(args) => run(&args),
        Err(e) => Err(e),
    };
    match result {
        Ok((packets, bytes)) => {
            eprintln!("{packets} packets, {bytes} octets");
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("generate: {e}");
            ExitCode::FAILURE
        }
    }
}
