//! Numbers that look random and are the same for the same seed, on every machine.

use std::collections::BTreeSet;

/// A generator of numbers: `SplitMix64`, which passes the usual tests and needs one word of state.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is at least one.
    pub fn below(&mut self, bound: usize) -> usize {
        // The multiplication spreads the number over the range; its bias is far below what a test could see.
        ((u128::from(self.next_u64()) * bound as u128) >> 64) as usize
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// So many different numbers below `end`, in their order; all of them where there are no more.
    pub fn choose(&mut self, count: usize, end: usize) -> BTreeSet<usize> {
        let mut chosen = BTreeSet::new();
        // Robert Floyd's way: each round adds one, however many were chosen already.
        for last in end.saturating_sub(count)..end {
            let number = self.below(last + 1);
            if !chosen.insert(number) {
                chosen.insert(last);
            }
        }
        chosen
    }

    /// One of several values.
    pub fn pick<'a, T>(&mut self, values: &'a [T]) -> &'a T {
        &values[self.below(values.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_another_one_others() {
        let numbers = |seed| {
            let mut random = Random::new(seed);
            [(); 4].map(|()| random.next_u64())
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
    }

    #[test]
    fn every_number_below_a_bound_comes_up() {
        let mut random = Random::new(1);
        let mut seen = [0; 5];
        for _ in 0..1000 {
            seen[random.below(5)] += 1;
        }
        assert!(seen.iter().all(|&count| count > 150), "{seen:?}");
    }

    #[test]
    fn what_is_chosen_is_different_and_in_order() {
        let mut random = Random::new(1);
        for (count, end, expected) in [(0, 5, 0), (3, 5, 3), (5, 5, 5), (9, 5, 5), (1, 1, 1)] {
            let chosen = random.choose(count, end);
            assert_eq!(chosen.len(), expected);
            assert!(chosen.iter().all(|&number| number < end));
        }
    }
}
