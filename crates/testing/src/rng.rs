/// A deterministic pseudo-random number generator: the same seed gives the same numbers.
#[derive(Clone, Debug)]
pub struct TestRng(pub u64);

impl TestRng {
    /// A number from 0 to `bound - 1`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % bound
    }
}
