//! The `roster` command. Everything is in the library, where tests can reach it.

use std::process::ExitCode;

/// Faster than the system allocator for many small allocations on many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    roster_server::main()
}
