//! Measures synfin beside other programs on the same captures, and how it grows.
//!
//! ```text
//! make bench                                   all of it, into docs/performance.md
//! cargo bench --bench compare -- --peers capinfos --kinds short --pairs 5
//! cargo bench --bench compare -- --figures
//! cargo bench --bench compare -- --growth
//! ```

mod captures;
mod figures;
mod growth;
mod measure;
mod pairs;
mod peers;
mod write;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: compare [options]

Runs synfin and whichever of the other programs are installed on generated captures, in
pairs (synfin, other, other, synfin, ...), and writes the ratios and the memory.

options:
  --kinds K,...     short, mixed, bulk                            [all]
  --peers P,...     capinfos, tcpdump, tcptrace, tshark           [those installed]
  --pairs N         pairs of runs with a fast program             [7]
  --slow-pairs N    pairs of runs with tcptrace and tshark        [2]
  --scale F         captures of F times the usual size            [1]
  --dir DIR         where captures are kept between runs          [the build directory]
  --synfin FILE     the program to measure                        [the one just built]
  --figures         instead: other formats, NDJSON, how soon the program is there
  --growth          instead: time and memory against connections and size
  --most SIZE       with --growth: largest file to make           [2G]
  --write FILE      put the tables into this file, between its markers
  --check           exit 1 where a goal is missed
";

/// What was asked for.
pub struct Args {
    kinds: Vec<String>,
    peers: Option<Vec<String>>,
    pairs: usize,
    slow_pairs: usize,
    scale: f64,
    dir: PathBuf,
    synfin: String,
    figures: bool,
    growth: bool,
    most: f64,
    write: Option<PathBuf>,
    check: bool,
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Args, Box<dyn Error>> {
    let mut args = Args {
        kinds: ["short", "mixed", "bulk"].map(String::from).to_vec(),
        peers: None,
        pairs: 7,
        slow_pairs: 2,
        scale: 1.0,
        dir: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("captures"),
        synfin: env!("CARGO_BIN_EXE_synfin").to_owned(),
        figures: false,
        growth: false,
        most: 2e9,
        write: None,
        check: false,
    };
    let list = |text: String| text.split(',').map(String::from).collect::<Vec<_>>();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--bench" => continue, // cargo adds it
            "--figures" => args.figures = true,
            "--growth" => args.growth = true,
            "--check" => args.check = true,
            _ => {
                let value =
                    words.next().ok_or_else(|| format!("{word}: unknown, or its value is missing"))?;
                match word.as_str() {
                    "--kinds" => args.kinds = list(value),
                    "--peers" => args.peers = Some(list(value)),
                    "--pairs" => args.pairs = value.parse()?,
                    "--slow-pairs" => args.slow_pairs = value.parse()?,
                    "--scale" => args.scale = value.parse()?,
                    "--dir" => args.dir = value.into(),
                    "--synfin" => args.synfin = value,
                    "--most" => args.most = captures::size(&value)?,
                    "--write" => args.write = Some(value.into()),
                    _ => return Err(format!("{word}: unknown").into()),
                }
            }
        }
    }
    Ok(args)
}

fn run(args: &Args) -> Result<bool, Box<dyn Error>> {
    let (name, text, met) = if args.growth {
        ("growth", growth::table(args)?, true)
    } else if args.figures {
        let (text, met) = figures::tables(args)?;
        ("figures", text, met)
    } else {
        let (text, met) = pairs::tables(args)?;
        ("compare", text, met)
    };
    println!("{text}");
    if let Some(path) = &args.write {
        write::section(path, name, &text)?;
    }
    Ok(met || !args.check)
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|w| w == measure::CHILD) {
        return match measure::child(&words[1..]) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                eprintln!("{e}");
                ExitCode::FAILURE
            }
        };
    }
    if let [word, path] = words.as_slice()
        && word == figures::READ
    {
        return match figures::read(path) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                eprintln!("{e}");
                ExitCode::FAILURE
            }
        };
    }
    if words.iter().any(|w| w == "--help" || w == "-h") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match parse(words.into_iter()).and_then(|args| run(&args)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("compare: {e}");
            ExitCode::FAILURE
        }
    }
}
