//! From many cuts that show a fault to the few that make it.

/// The most runs that looking for fewer cuts may take.
const RUNS_MAX: usize = 500;

/// The fewest of the cuts that still fail, none of which can be left out. `fails` runs with some of them; none of them does not fail.
pub(super) fn fewest(mut cuts: Vec<usize>, mut fails: impl FnMut(&[usize]) -> bool) -> Vec<usize> {
    let mut runs = 0;
    let mut fails = |cuts: &[usize]| {
        runs += 1;
        runs <= RUNS_MAX && fails(cuts)
    };
    // Most faults need cuts that lie close together: all behind them go first, then all before them.
    let (mut passing, mut failing) = (0, cuts.len());
    while failing - passing > 1 {
        let middle = passing.midpoint(failing);
        if fails(&cuts[..middle]) {
            failing = middle;
        } else {
            passing = middle;
        }
    }
    cuts.truncate(failing);
    let (mut failing, mut passing) = (0, cuts.len());
    while passing - failing > 1 {
        let middle = passing.midpoint(failing);
        if fails(&cuts[middle..]) {
            failing = middle;
        } else {
            passing = middle;
        }
    }
    cuts.drain(..failing);
    // What is left is tried piece by piece, in pieces that become smaller.
    let mut piece = cuts.len() / 2;
    while piece > 0 {
        let mut start = 0;
        while start < cuts.len() && cuts.len() > 1 {
            let end = cuts.len().min(start + piece);
            let rest = [&cuts[..start], &cuts[end..]].concat();
            if !rest.is_empty() && fails(&rest) {
                cuts = rest;
            } else {
                start = end;
            }
        }
        piece /= 2;
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_guilty_cut_is_found_among_thousands() {
        let cuts: Vec<_> = (1..10_000).collect();
        let mut runs = 0;
        let fewest = fewest(cuts, |cuts| {
            runs += 1;
            cuts.contains(&4242)
        });
        assert_eq!(fewest, [4242]);
        assert!(runs < 40, "{runs} runs");
    }

    #[test]
    fn two_cuts_that_are_guilty_together_are_found() {
        let fails = |cuts: &[usize]| cuts.contains(&3) && cuts.contains(&900);
        assert_eq!(fewest((1..1000).collect(), fails), [3, 900]);
    }

    #[test]
    fn what_needs_a_number_of_cuts_keeps_that_number() {
        assert_eq!(fewest((1..100).collect(), |cuts| cuts.len() >= 5).len(), 5);
    }

    #[test]
    fn a_fault_that_does_not_come_again_keeps_its_cuts_or_some_of_them() {
        assert_eq!(fewest(vec![1, 2, 3], |_| false), [1, 2, 3]);
        assert_eq!(fewest(Vec::new(), |_| true), Vec::<usize>::new());
    }
}
