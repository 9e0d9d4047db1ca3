//! birdcall: see the library's documentation, or `birdcall --help`.

fn main() -> std::process::ExitCode {
    birdcall::cli::main()
}
