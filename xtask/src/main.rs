//! What a contributor types: `cargo xtask setup | build | vm | demo | test`.
//!
//! Everything here runs on the host, and everything that the project needs it gets itself: see
//! [`setup`].

mod arch;
mod bench;
mod build;
mod checked;
mod cli;
mod demo;
mod fidelity;
mod package;
mod process;
mod setup;
mod test;
mod torture;
mod vm;
mod workspace;

fn main() -> std::process::ExitCode {
    cli::main()
}
