//! Test support: a whole server in the process, and one driver per surface that speaks of the domain.

pub mod operations;
pub mod scenario;
pub mod surface;
pub mod vendor;
pub mod world;

pub use scenario::{Expect, Scenario, Step, Why};
pub use world::{Answer, TestClock, World};
