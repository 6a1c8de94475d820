//! The course of a proof: the reference, then run after run, until one differs.

use std::io;
use std::time::{Duration, Instant};

use super::Prover;
use super::cuts::Cuts;
use super::disproof::{Disproof, Fault};
use super::plan::{self, Batch, Kind, Plan};
use super::proof::{Progress, Proof, Unproven};
use super::run::{Difference, Manner, Outcome, Run};
use super::shrink;
use super::stages::{Play, Stage};
use crate::testkit::script::Layout;

/// A server that stays open although its peer has ended is left after this many gaps, and not after all patience.
const LEAVE_GAPS: u32 = 50;
const LEAVE_MIN: Duration = Duration::from_millis(100);

/// A proof on its way.
pub(super) struct Search<'a> {
    prover: Prover<'a>,
    cuts: Cuts,
    patience: Duration,
    leave_patience: Duration,
    /// When the time is over, where it is limited.
    deadline: Option<Instant>,
    layout: Layout,
    places: Vec<usize>,
    /// What every other run must come to, and what the second one of two connections must.
    reference: Vec<Outcome>,
    proof: Proof,
    total: u64,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        prover: Prover<'a>,
        cuts: Cuts,
        patience: Duration,
        time_max: Option<Duration>,
    ) -> Self {
        let layout = Layout::new(&prover.script);
        Self {
            cuts: prover.cuts.unwrap_or(cuts),
            patience,
            leave_patience: patience,
            deadline: time_max.map(|time| Instant::now() + time),
            places: layout.places(),
            proof: Proof {
                seed: prover.seed,
                input_bytes: layout.input.len(),
                ..Proof::default()
            },
            layout,
            reference: Vec::new(),
            total: 0,
            prover,
        }
    }

    pub(super) fn run(mut self, stage: &mut dyn Stage) -> Result<Proof, Unproven> {
        self.refer(stage)?;
        match self.prover.replay.take() {
            Some(cuts) => self.replay(&cuts, stage)?,
            None => self.try_all(stage)?,
        }
        Ok(self.proof)
    }

    /// Makes the reference, twice.
    fn refer(&mut self, stage: &mut dyn Stage) -> Result<(), Unproven> {
        let run = Run::whole(Manner::Plain);
        let mut outcomes = self.play(&run, stage)?;
        let first = outcomes.swap_remove(0);
        if first.failure.is_some() {
            return Err(self.disproof(Fault::Expectation, run, None, first));
        }
        if first.panicked {
            return Err(self.disproof(Fault::Panic, run, None, first));
        }
        if first.end.is_none() {
            let leave = (self.prover.gap * LEAVE_GAPS).max(LEAVE_MIN);
            self.leave_patience = self.patience.min(leave);
        }
        self.proof.output_bytes = first.output.len();
        self.reference.push(first);
        let mut outcomes = self.play(&run, stage)?;
        if let Some((_, difference)) = self.compare(&outcomes) {
            let second = outcomes.swap_remove(0);
            return Err(self.disproof(Fault::Unsteady, run, Some(difference), second));
        }
        Ok(())
    }

    fn replay(&mut self, cuts: &[usize], stage: &mut dyn Stage) -> Result<(), Unproven> {
        self.proof.replayed = true;
        for &manner in stage.manners() {
            if manner == Manner::Neighbours {
                self.refer_neighbour(stage)?;
            }
            let run = Run {
                cuts: cuts.to_vec(),
                manner,
            };
            self.try_one(run, stage)?;
        }
        Ok(())
    }

    fn try_all(&mut self, stage: &mut dyn Stage) -> Result<(), Unproven> {
        let places = std::mem::take(&mut self.places);
        let plan = Plan {
            cuts: self.cuts,
            places: &places,
            input_bytes: self.layout.input.len(),
            output_bytes: self.proof.output_bytes,
            seed: self.prover.seed,
            manners: stage.manners(),
        };
        let batches = plan.batches();
        let counts = batches.iter().map(|batch| batch.count as u64);
        self.total = self.proof.runs + counts.sum::<u64>();
        for batch in batches {
            self.try_batch(batch, stage)?;
        }
        self.proof.left_out = self.total.saturating_sub(self.proof.runs);
        Ok(())
    }

    fn try_batch(&mut self, batch: Batch<'_>, stage: &mut dyn Stage) -> Result<(), Unproven> {
        let kind = batch.kind;
        for run in batch {
            if self.deadline.is_some_and(|end| Instant::now() >= end) {
                return Ok(());
            }
            if run.manner == Manner::Neighbours && self.reference.len() == 1 {
                self.refer_neighbour(stage)?;
                *self.count(kind) += 1;
                continue;
            }
            self.try_one(run, stage)?;
            *self.count(kind) += 1;
        }
        Ok(())
    }

    fn count(&mut self, kind: Kind) -> &mut u64 {
        match kind {
            Kind::Single => &mut self.proof.single,
            Kind::Pairs => &mut self.proof.pairs,
            Kind::Bytewise => &mut self.proof.bytewise,
            Kind::Random => &mut self.proof.random,
            Kind::Trickling => &mut self.proof.trickling,
            Kind::Neighbours => &mut self.proof.neighbours,
        }
    }

    /// Makes the reference for the second of two connections, which may differ from the first, by its number for instance.
    fn refer_neighbour(&mut self, stage: &mut dyn Stage) -> Result<(), Unproven> {
        let run = Run::whole(Manner::Neighbours);
        let mut outcomes = self.play(&run, stage)?;
        if let Some((index, difference)) = self.compare(&outcomes) {
            let outcome = outcomes.swap_remove(index);
            return Err(self.disproof(Fault::Neighbour, run, Some(difference), outcome));
        }
        self.reference.extend(outcomes.into_iter().skip(1));
        Ok(())
    }

    fn try_one(&mut self, run: Run, stage: &mut dyn Stage) -> Result<(), Unproven> {
        let outcomes = self.play(&run, stage)?;
        if self.compare(&outcomes).is_none() {
            return Ok(());
        }
        let run = self.shrink(run, stage);
        // Once more, so that what is shown is what these cuts do. If it does not come again, the first time is what is known.
        let again = self.play(&run, stage).unwrap_or_default();
        let mut outcomes = if self.compare(&again).is_some() {
            again
        } else {
            outcomes
        };
        let Some((index, difference)) = self.compare(&outcomes) else {
            return Ok(());
        };
        // What also differs whole, by now, is no matter of cuts: the server may say the time.
        let whole = Run::whole(Manner::Plain);
        let mut outcomes_whole = self.play(&whole, stage).unwrap_or_default();
        if let Some((_, difference)) = self.compare(&outcomes_whole) {
            let outcome = outcomes_whole.swap_remove(0);
            return Err(self.disproof(Fault::Unsteady, whole, Some(difference), outcome));
        }
        let fault = match run.manner {
            Manner::Plain => Fault::Cut,
            Manner::Trickling => Fault::Trickle,
            Manner::Neighbours => Fault::Neighbour,
        };
        let outcome = outcomes.swap_remove(index);
        Err(self.disproof(fault, run, Some(difference), outcome))
    }

    /// The same run with the fewest cuts that still fail.
    fn shrink(&mut self, run: Run, stage: &mut dyn Stage) -> Run {
        let manner = run.manner;
        let cuts = shrink::fewest(run.cuts, |cuts| {
            let cuts = cuts.to_vec();
            let outcomes = self.play(&Run { cuts, manner }, stage);
            outcomes.is_ok_and(|outcomes| self.compare(&outcomes).is_some())
        });
        Run { cuts, manner }
    }

    fn play(&mut self, run: &Run, stage: &mut dyn Stage) -> Result<Vec<Outcome>, Unproven> {
        let play = Play {
            script: &self.prover.script,
            layout: &self.layout,
            patience: self.patience,
            leave_patience: self.leave_patience,
            gap: self.prover.gap,
            trickle_bytes: plan::trickle_bytes(self.proof.output_bytes),
        };
        let runs = self.proof.runs;
        let unreachable = |source: io::Error| Unproven::Unreachable { source, runs };
        let outcomes = stage.play(&play, run).map_err(unreachable)?;
        self.proof.runs += 1;
        if let Some(progress) = &mut self.prover.progress {
            let (done, total) = (self.proof.runs, self.total.max(self.proof.runs));
            progress(Progress { done, total });
        }
        Ok(outcomes)
    }

    /// Which of the outcomes differs from its reference, and in what.
    fn compare(&self, outcomes: &[Outcome]) -> Option<(usize, Difference)> {
        // What witnesses note of two connections is mixed, and says nothing about either.
        let with_events = outcomes.len() == 1;
        outcomes.iter().enumerate().find_map(|(index, outcome)| {
            let difference = match self.reference.get(index) {
                Some(reference) => outcome.difference(reference, with_events),
                None => outcome.failure.is_some().then_some(Difference::Expectation),
            };
            difference.map(|difference| (index, difference))
        })
    }

    fn disproof(
        &self,
        fault: Fault,
        run: Run,
        difference: Option<Difference>,
        outcome: Outcome,
    ) -> Unproven {
        Unproven::Disproved(Box::new(Disproof::new(
            fault,
            run.cuts,
            self.layout.input.clone(),
            difference.zip(self.reference.first().cloned()),
            outcome,
        )))
    }
}
