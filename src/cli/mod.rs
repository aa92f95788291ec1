//! The command line: what was typed, what it means, and the trip through the layers.

mod browse;
mod capture;
pub mod completions;
pub mod confine;
pub mod doctor;
mod far;
mod flow;
pub mod interfaces;
pub mod lab;
mod look;
mod noted;
mod pictures;
mod progress;
mod relay;
mod replay;
mod save;
pub mod serve;
mod shards;
mod show;
pub mod talk;
#[cfg(test)]
mod tests;

use std::io;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::model::Printable;

/// Every connection, from SYN to FIN: capture or replay TCP and UDP, and see the
/// handshake, the teardown, the sequence numbers, the headers, and what went wrong
#[derive(Debug, Parser)]
#[command(name = "synfin", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  synfin lab run tcp-basic                  a real connection, without sudo
  synfin replay trace.pcapng                what happened in a capture
  synfin replay trace.pcap --stream 3 --view ladder
  sudo synfin capture -i lo tcp port 1898   watch a connection as it happens";

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what happened in capture files (pcap, pcapng, .gz .zst .lz4, .pkt; - is standard input)
    Replay(Box<replay::ReplayArgs>),
    /// Browse a capture in panes, from files or live
    Browse(Box<browse::BrowseArgs>),
    /// Capture live (with sudo, or after setcap)
    Capture(Box<capture::CaptureArgs>),
    /// Make traffic on the real kernel, in namespaces of its own, and look at it
    Lab(Box<lab::LabArgs>),
    /// What can be captured on
    Interfaces(interfaces::InterfacesArgs),
    /// What this machine allows, and the command that mends what it does not
    Doctor(doctor::DoctorArgs),
    /// Run one of the course's servers: echo, chat, discard, udp-echo
    Serve(serve::ServeArgs),
    /// Talk to a server from the keyboard
    Talk(talk::TalkArgs),
    /// Print a shell's completions
    Completions(completions::CompletionsArgs),
    #[command(hide = true)]
    Man(completions::ManArgs),
}

/// Runs the program; its exit status is 0 for fine, 1 for a fault, 2 for a wrong command line.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let captures = matches!(
        cli.command,
        Command::Capture(_)
            | Command::Browse(_)
            | Command::Lab(_)
            | Command::Doctor(_)
            | Command::Interfaces(_)
    );
    if !captures && let Err(e) = confine::renounce() {
        complain(&e.to_string());
        return ExitCode::FAILURE;
    }
    let result = match cli.command {
        Command::Replay(args) => replay::run(*args),
        Command::Browse(args) => browse::run(*args),
        Command::Capture(args) => capture::run(*args),
        Command::Lab(args) => lab::run(*args),
        Command::Interfaces(args) => interfaces::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Talk(args) => talk::run(args),
        Command::Completions(args) => completions::run(args, Cli::command()),
        Command::Man(args) => completions::run_man(args, Cli::command()),
    };
    match result {
        Ok(code) => code,
        Err(e) if is_broken_pipe(&e) => ExitCode::SUCCESS,
        Err(e) => {
            complain(&format!("{e:#}"));
            ExitCode::FAILURE
        }
    }
}

/// A fault on standard error, with nothing in it that a terminal would obey.
fn complain(text: &str) {
    anstream::eprintln!("synfin: {}", Printable(text));
}

/// Whoever read our output has seen enough.
fn is_broken_pipe(e: &anyhow::Error) -> bool {
    e.chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe))
}
