//! The `tracer` command. All of it is in the library.

fn main() -> std::process::ExitCode {
    tracer::cli::main()
}
