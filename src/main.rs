//! The `synfin` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    synfin::cli::main()
}
