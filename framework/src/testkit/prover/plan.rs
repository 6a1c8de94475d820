//! The runs of a proof, in the order in which they are made: those first whose failure says most.

use super::cuts::Cuts;
use super::run::{Manner, Run};
use crate::testkit::random::Random;

/// How many bytes may move in all the runs of one kind, so that a long input takes no longer than a short one.
const WORK_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What a piece of output that is taken alone costs, in bytes that are taken together.
const TRICKLE_COST: usize = 32;
/// The most pieces in which output is taken: a longer one trickles by more than a byte at a time.
const TRICKLE_PIECES_MAX: usize = 8192;
/// How many runs of a kind are made however much they cost.
const RUNS_MIN: usize = 8;
/// The most cuts of a run that is cut byte by byte: the input behind them comes in one piece.
const BYTEWISE_CUTS_MAX: usize = 64 * 1024;
/// The most cuts of a run that is cut at random.
const RANDOM_CUTS_MAX: usize = 24;

/// What kind of runs these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Single,
    Pairs,
    Bytewise,
    Random,
    Trickling,
    Neighbours,
}

/// Runs of one kind, which are made when they are asked for.
pub(super) struct Batch<'a> {
    pub(super) kind: Kind,
    pub(super) count: usize,
    runs: Box<dyn Iterator<Item = Run> + 'a>,
}

impl Iterator for Batch<'_> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        self.runs.next()
    }
}

/// How many bytes of an output are taken at once when it trickles.
pub(super) fn trickle_bytes(output_bytes: usize) -> usize {
    output_bytes / TRICKLE_PIECES_MAX + 1
}

/// What is known when a plan is made.
pub(super) struct Plan<'a> {
    pub(super) cuts: Cuts,
    /// Where the input can be cut.
    pub(super) places: &'a [usize],
    pub(super) input_bytes: usize,
    pub(super) output_bytes: usize,
    pub(super) seed: u64,
    /// What can be done to the server besides cutting its input.
    pub(super) manners: &'a [Manner],
}

impl<'a> Plan<'a> {
    pub(super) fn batches(&self) -> Vec<Batch<'a>> {
        let mut batches = vec![self.single(Kind::Single, Manner::Plain), self.pairs()];
        batches.push(self.bytewise());
        batches.push(self.random());
        for &manner in self.manners {
            batches.push(match manner {
                Manner::Plain => continue,
                Manner::Trickling => self.single(Kind::Trickling, manner),
                Manner::Neighbours => self.single(Kind::Neighbours, manner),
            });
        }
        batches.retain(|batch| batch.count > 0);
        batches
    }

    /// So many runs, or as many as are affordable.
    fn affordable(&self, runs: usize, manner: Manner) -> usize {
        let bytes = match manner {
            Manner::Plain => self.input_bytes + self.output_bytes,
            Manner::Trickling => {
                let pieces = self.output_bytes.min(TRICKLE_PIECES_MAX);
                self.input_bytes + self.output_bytes + pieces * TRICKLE_COST
            }
            Manner::Neighbours => 2 * (self.input_bytes + self.output_bytes),
        };
        runs.min((WORK_BYTES_MAX / bytes.max(1)).max(RUNS_MIN))
    }

    /// Cuts at one place each, and for what is done besides also without a cut and with every cut.
    fn single(&self, kind: Kind, manner: Manner) -> Batch<'a> {
        let places = self.places;
        let count = places.len().min(self.cuts.single_max);
        let count = self.affordable(count, manner);
        let chosen = Random::new(self.seed).choose(count, places.len());
        let single = chosen.into_iter().map(move |index| vec![places[index]]);
        let besides = manner != Manner::Plain;
        // Without a cut first, so that no cut is blamed for what happens anyway.
        let whole = besides.then(Vec::new);
        let bytewise = (besides && self.cuts.bytes && !places.is_empty())
            .then(|| places[..places.len().min(BYTEWISE_CUTS_MAX)].to_vec());
        let count = count + usize::from(whole.is_some()) + usize::from(bytewise.is_some());
        let cuts = whole.into_iter().chain(single).chain(bytewise);
        Batch {
            kind,
            count,
            runs: Box::new(cuts.map(move |cuts| Run { cuts, manner })),
        }
    }

    fn pairs(&self) -> Batch<'a> {
        let places = self.places;
        let all = places.len() * places.len().saturating_sub(1) / 2;
        let wanted = if self.input_bytes <= self.cuts.pairs_input_max {
            all
        } else {
            0
        };
        let count = self.affordable(wanted, Manner::Plain);
        let plain = |cuts| Run {
            cuts,
            manner: Manner::Plain,
        };
        let runs: Box<dyn Iterator<Item = Run>> = if count == all {
            let firsts = places.iter().enumerate();
            let pairs = firsts.flat_map(move |(index, &first)| {
                places[index + 1..]
                    .iter()
                    .map(move |&second| vec![first, second])
            });
            Box::new(pairs.map(plain))
        } else {
            let mut random = Random::new(self.seed);
            let pairs = (0..count).map(move |_| choose(&mut random, 2, places));
            Box::new(pairs.map(plain))
        };
        Batch {
            kind: Kind::Pairs,
            count,
            runs,
        }
    }

    fn bytewise(&self) -> Batch<'a> {
        let cuts = &self.places[..self.places.len().min(BYTEWISE_CUTS_MAX)];
        let count = usize::from(self.cuts.bytes && !cuts.is_empty());
        let run = move || Run {
            cuts: cuts.to_vec(),
            manner: Manner::Plain,
        };
        Batch {
            kind: Kind::Bytewise,
            count,
            runs: Box::new(std::iter::repeat_with(run).take(count)),
        }
    }

    fn random(&self) -> Batch<'a> {
        let places = self.places;
        // With so few places there is nothing that was not tried.
        let wanted = if places.len() > 2 {
            self.cuts.random
        } else {
            0
        };
        let count = self.affordable(wanted, Manner::Plain);
        let mut random = Random::new(self.seed);
        let runs = (0..count).map(move |_| {
            let cuts = 3 + random.below(RANDOM_CUTS_MAX - 2);
            Run {
                cuts: choose(&mut random, cuts, places),
                manner: Manner::Plain,
            }
        });
        Batch {
            kind: Kind::Random,
            count,
            runs: Box::new(runs),
        }
    }
}

fn choose(random: &mut Random, count: usize, places: &[usize]) -> Vec<usize> {
    let chosen = random.choose(count, places.len());
    chosen.into_iter().map(|index| places[index]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(cuts: Cuts, places: &[usize]) -> Vec<(Kind, Vec<Vec<usize>>)> {
        let plan = Plan {
            cuts,
            places,
            input_bytes: places.len() + 1,
            output_bytes: 1,
            seed: 7,
            manners: &[Manner::Plain],
        };
        let cuts = |batch: Batch<'_>| {
            let (kind, count) = (batch.kind, batch.count);
            let cuts: Vec<_> = batch.map(|run| run.cuts).collect();
            assert_eq!(cuts.len(), count, "{kind:?}");
            (kind, cuts)
        };
        plan.batches().into_iter().map(cuts).collect()
    }

    #[test]
    fn a_short_input_is_cut_everywhere() {
        let batches = plan(Cuts::HANDLER, &[1, 2, 3]);
        let of = |kind| &batches.iter().find(|(other, _)| *other == kind).unwrap().1;
        assert_eq!(*of(Kind::Single), [[1], [2], [3]]);
        assert_eq!(*of(Kind::Pairs), [[1, 2], [1, 3], [2, 3]]);
        assert_eq!(*of(Kind::Bytewise), [[1, 2, 3]]);
        assert!(of(Kind::Random).iter().all(|cuts| cuts == &[1, 2, 3]));
    }

    #[test]
    fn an_input_without_places_needs_no_runs() {
        assert!(plan(Cuts::HANDLER, &[]).is_empty());
        assert!(plan(Cuts::NONE, &[1, 2]).is_empty());
    }

    #[test]
    fn a_long_input_is_cut_at_some_places_and_the_same_seed_chooses_the_same() {
        let places: Vec<_> = (1..1_000_000).collect();
        let batches = plan(Cuts::HANDLER, &places);
        assert_eq!(batches, plan(Cuts::HANDLER, &places));
        let single = &batches[0];
        assert_eq!((single.0, single.1.len()), (Kind::Single, 16));
        assert!(batches.iter().all(|(kind, _)| *kind != Kind::Pairs));
        let bytewise = &batches[1];
        assert_eq!(bytewise.1[0].len(), BYTEWISE_CUTS_MAX);
    }
}
