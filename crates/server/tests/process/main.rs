//! The real binary: started, asked, told to stop, killed, and watched by the kernel.

mod common;
mod durability;
mod http;
mod serve;
mod shell;
mod shutdown;
mod sync;
mod versions;
