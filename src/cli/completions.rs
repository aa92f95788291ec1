//! `synfin completions` and `synfin man`: what shells and manual readers want to know,
//! made from the command line itself, so that it cannot differ from it.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Command, ValueEnum};
use clap_complete::aot::{self, generate};

use crate::model::Printable;

/// The name under which the program is installed.
const NAME: &str = "synfin";

/// Print the completions of a shell
#[derive(Debug, Args)]
#[command(after_long_help = "For this session:\n  source <(synfin completions bash)\n\nFor all to come:\n  \
    synfin completions bash > ~/.local/share/bash-completion/completions/synfin\n  \
    synfin completions zsh  > ~/.zfunc/_synfin        (with ~/.zfunc in fpath)\n  \
    synfin completions fish > ~/.config/fish/completions/synfin.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// A shell that completions are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    /// Bash
    Bash,
    /// Zsh
    Zsh,
    /// Fish
    Fish,
}

/// Write the manual pages into a directory
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The directory; made if it is not there
    directory: PathBuf,
}

/// Prints completions for `command`, the whole program's.
///
/// # Errors
/// The output failed.
pub fn run(args: CompletionsArgs, command: Command) -> Result<ExitCode> {
    match io::stdout().lock().write_all(&completions(args.shell, command)) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {}
        other => other?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a manual page for `command`, the whole program's, and for each of its subcommands.
///
/// # Errors
/// The directory cannot be written to.
pub fn run_man(args: ManArgs, command: Command) -> Result<ExitCode> {
    let shown = args.directory.display().to_string();
    let shown = Printable(&shown);
    fs::create_dir_all(&args.directory).with_context(|| format!("cannot make the directory {shown}"))?;
    clap_mangen::generate_to(command, &args.directory)
        .with_context(|| format!("cannot write into {shown}"))?;
    Ok(ExitCode::SUCCESS)
}

fn completions(shell: Shell, mut command: Command) -> Vec<u8> {
    let mut text = Vec::new();
    let shell = match shell {
        Shell::Bash => aot::Shell::Bash,
        Shell::Zsh => aot::Shell::Zsh,
        Shell::Fish => aot::Shell::Fish,
    };
    generate(shell, &mut command, NAME, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Subcommand;

    fn command() -> Command {
        crate::cli::serve::What::augment_subcommands(
            Command::new(NAME).version("1").about("Shows connections"),
        )
        .subcommand(CompletionsArgs::augment_args(Command::new("completions")))
        .subcommand(ManArgs::augment_args(Command::new("man").hide(true)))
    }

    #[test]
    fn each_shell_learns_the_subcommands_and_values() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let text = String::from_utf8(completions(shell, command())).unwrap();
            for word in ["udp-echo", "framing", "completions"] {
                assert!(text.contains(word), "{shell:?}: {word}");
            }
        }
    }

    #[test]
    fn a_page_for_each_subcommand_that_is_not_hidden() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("man");
        run_man(ManArgs { directory: directory.clone() }, command()).unwrap();
        let mut pages: Vec<_> = fs::read_dir(&directory)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        pages.sort_unstable();
        let names = ["-chat", "-completions", "-discard", "-echo", "-udp-echo", ""];
        assert_eq!(pages, names.map(|name| format!("synfin{name}.1")));
        let page = fs::read_to_string(directory.join("synfin-chat.1")).unwrap();
        assert!(page.contains(".TH"), "{page}");
        assert!(run_man(ManArgs { directory: "/dev/null/man".into() }, command()).is_err());
    }
}
