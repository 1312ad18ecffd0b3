//! The real binary: started, asked, told to stop, killed, and watched by the kernel.

mod backup;
mod common;
mod durability;
mod http;
mod postgres;
mod serve;
mod shell;
mod shutdown;
mod sync;
mod transfer;
mod versions;
