//! Time and memory against the number of connections and the size of the file.

use std::error::Error;
use std::fmt::Write as _;

use crate::measure::{median, run};
use crate::{Args, captures, write};

/// Octets of a packet with its record header in each kind, roughly, to know what a file
/// of so many would take.
const FLOOD_PACKET: f64 = 90.0;
const SHORT_PACKET: f64 = 148.5;

/// The table.
pub fn table(args: &Args) -> Result<String, Box<dyn Error>> {
    let mut text = write::heading(args)?;
    writeln!(text, "\nHalf-open connections, all of them open at once (`generate flood`):\n")?;
    head(&mut text)?;
    let mut base = None;
    for connections in [1e4, 1e5, 1e6, 1e7] {
        let packets = 2.0 * connections;
        if packets * FLOOD_PACKET <= args.most {
            let options = ["flood", "--packets", &format!("{packets}")].map(String::from);
            row(args, &mut text, &options, connections, packets, &mut base)?;
        }
    }
    writeln!(
        text,
        "\nConnections of ten packets, all of them open at once (`generate short --live`), whose packets come in turn, so that each finds its connection at rest:\n"
    )?;
    head(&mut text)?;
    let mut base = None;
    for connections in [1e4, 1e5, 1e6] {
        let packets = 10.0 * connections;
        if packets * SHORT_PACKET <= args.most {
            let options = ["short", "--live", &format!("{connections}"), "--packets", &format!("{packets}")];
            row(args, &mut text, &options.map(String::from), connections, packets, &mut base)?;
        }
    }
    writeln!(text, "\nConnections of ten packets, 2,000 of them open at once (`generate short`):\n")?;
    head(&mut text)?;
    for connections in [1e4, 1e5, 1e6, 1e7] {
        let packets = 10.0 * connections;
        if packets * SHORT_PACKET <= args.most {
            let options = ["short", "--packets", &format!("{packets}")].map(String::from);
            row(args, &mut text, &options, connections, packets, &mut None)?;
        }
    }
    writeln!(text, "\nEight transfers (`generate bulk`):\n")?;
    head(&mut text)?;
    for bytes in [1e8, 1e9, 1e10] {
        if bytes <= args.most {
            let options = ["bulk", "--bytes", &format!("{bytes}")].map(String::from);
            row(args, &mut text, &options, 8.0, bytes / 1047.0, &mut None)?;
        }
    }
    Ok(text)
}

fn head(text: &mut String) -> std::fmt::Result {
    writeln!(text, "| connections | file, MB | time, s | ns a packet | memory, MB | octets a connection |")?;
    writeln!(text, "|--:|--:|--:|--:|--:|--:|")
}

/// One row; the capture is deleted afterwards. With a `base`, memory a connection is
/// counted from the smallest row on.
fn row(
    args: &Args,
    text: &mut String,
    options: &[String],
    connections: f64,
    packets: f64,
    base: &mut Option<(f64, f64)>,
) -> Result<(), Box<dyn Error>> {
    let file = captures::make(&args.dir, &format!("growth-{}", options.join("-")), options)?;
    let size = std::fs::metadata(&file)?.len();
    let path = file.to_string_lossy();
    let words = [&args.synfin, "replay", &*path, "--view", "connections", "--limit", "all"].map(String::from);
    run(&words)?;
    let runs = (0..3).map(|_| run(&words)).collect::<Result<Vec<_>, _>>()?;
    let time = median(runs.iter().map(|r| r.wall.as_secs_f64()));
    let memory = runs.iter().map(|r| r.memory).max().unwrap_or(0) as f64;
    let (n0, m0) = *base.get_or_insert((connections, memory));
    let each =
        if connections > n0 { format!("{:.0}", (memory - m0) / (connections - n0)) } else { String::new() };
    writeln!(
        text,
        "| {connections} | {:.0} | {time:.3} | {:.1} | {:.1} | {each} |",
        size as f64 / 1e6,
        time * 1e9 / packets,
        memory / 1e6,
    )?;
    std::fs::remove_file(&file)?;
    Ok(())
}
