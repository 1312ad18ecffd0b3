//! The `roster` command. All of it is in the library, where tests can reach it.

use std::process::ExitCode;

/// Many small allocations on many threads are what a server does; the system's allocator is slower at that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    roster_server::main()
}
