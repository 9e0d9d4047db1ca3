//! birdcall: see the library's documentation, or `birdcall --help`.

/// The system's allocator keeps what a large answer of the feed's history took, scattered over the heap, and grows with every gap; this one
/// gives it back within seconds.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    birdcall::cli::main()
}
