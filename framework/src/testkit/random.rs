//! Numbers that look random and are the same for the same seed, so that a run that fails can be repeated.

use std::collections::BTreeSet;

/// The generator `SplitMix64` (Steele, Lea and Flood, 2014): a counter whose values are mixed well.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not zero. The tiny bias of the remainder does not matter here.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// So many different numbers below `end`, in their order; all of them where there are no more.
    pub(crate) fn choose(&mut self, count: usize, end: usize) -> BTreeSet<usize> {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_reference() {
        let mut random = Random::new(1_234_567);
        let numbers = [(); 3].map(|()| random.next());
        assert_eq!(
            numbers,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
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
