//! Where runs take place: in memory, or over connections that somebody opens.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::memory::{Factory, Line, Memory};
use super::run::{Manner, Outcome, Run};
use super::witness::Witness;
use crate::server::Config;
use crate::testkit::script::{Failure, Layout, Peer, Player, Script};

/// Where runs take place.
pub(super) trait Stage {
    /// What can be done here besides cutting the input.
    fn manners(&self) -> &'static [Manner];

    /// Plays once; of several connections the first is the one that matters.
    fn play(&mut self, play: &Play<'_>, run: &Run) -> io::Result<Vec<Outcome>>;
}

/// What is played in every run.
pub(super) struct Play<'a> {
    pub(super) script: &'a Script,
    pub(super) layout: &'a Layout,
    pub(super) patience: Duration,
    /// How long to wait for the end of a connection whose script is over.
    pub(super) leave_patience: Duration,
    pub(super) gap: Duration,
    /// How many bytes of output are taken at once when it trickles.
    pub(super) trickle_bytes: usize,
}

impl<'a> Play<'a> {
    fn player(&'a self, run: &'a Run, gap: Duration) -> Player<'a> {
        Player::new(self.script, self.layout, &run.cuts, self.patience, gap)
    }
}

fn outcome(player: Player<'_>, result: Result<(), Box<Failure>>) -> Outcome {
    Outcome {
        failure: result.err(),
        ..Outcome::new(player.into_transcript())
    }
}

/// Handlers in this process.
pub(super) struct Handlers {
    memory: Rc<RefCell<Memory>>,
    witness: Option<Witness>,
    alone: bool,
}

impl Handlers {
    pub(super) fn new(
        config: Config,
        factory: Factory,
        witness: Option<Witness>,
        alone: bool,
    ) -> Self {
        Self {
            memory: Rc::new(RefCell::new(Memory::new(config, factory))),
            witness,
            alone,
        }
    }

    fn play_once(&mut self, play: &Play<'_>, run: &Run) -> Outcome {
        let mut line = Line::connect(&self.memory);
        let mut player = play.player(run, Duration::ZERO);
        let result = player.play(&mut line);
        let result = result.and_then(|()| player.take_leave(&mut line, play.leave_patience));
        let reason = self.memory.borrow_mut().leave(line.key());
        Outcome {
            events: self.events(),
            ..outcome(player, result).ended(reason.as_ref())
        }
    }

    /// Two connections, whose moves alternate. What witnesses note is mixed then, and not looked at.
    fn play_together(&mut self, play: &Play<'_>, run: &Run) -> Vec<Outcome> {
        let mut lines = [(); 2].map(|()| Line::connect(&self.memory));
        let mut players = [(); 2].map(|()| play.player(run, Duration::ZERO));
        let mut results = [Ok(true), Ok(true)];
        while results.contains(&Ok(true)) {
            let turns = players.iter_mut().zip(&mut lines).zip(&mut results);
            for ((player, line), result) in turns {
                if *result == Ok(true) {
                    *result = player.advance(line);
                }
            }
        }
        let turns = players.into_iter().zip(lines).zip(results);
        let outcomes = turns.map(|((mut player, mut line), result)| {
            let leave = |_| player.take_leave(&mut line, play.leave_patience);
            let result = result.and_then(leave);
            let reason = self.memory.borrow_mut().leave(line.key());
            outcome(player, result).ended(reason.as_ref())
        });
        let outcomes = outcomes.collect();
        self.events();
        outcomes
    }

    fn events(&self) -> Vec<String> {
        self.witness.as_ref().map(Witness::take).unwrap_or_default()
    }
}

impl Stage for Handlers {
    fn manners(&self) -> &'static [Manner] {
        if self.alone {
            &[Manner::Plain, Manner::Trickling]
        } else {
            &[Manner::Plain, Manner::Trickling, Manner::Neighbours]
        }
    }

    fn play(&mut self, play: &Play<'_>, run: &Run) -> io::Result<Vec<Outcome>> {
        let room = match run.manner {
            Manner::Trickling => play.trickle_bytes,
            Manner::Plain | Manner::Neighbours => usize::MAX,
        };
        self.memory.borrow_mut().begin(room);
        self.events();
        Ok(match run.manner {
            Manner::Plain | Manner::Trickling => vec![self.play_once(play, run)],
            Manner::Neighbours => self.play_together(play, run),
        })
    }
}

/// Connections that somebody opens.
pub(super) struct Peers<O> {
    open: O,
}

impl<O> Peers<O> {
    pub(super) fn new(open: O) -> Self {
        Self { open }
    }
}

impl<P: Peer, O: FnMut() -> io::Result<P>> Stage for Peers<O> {
    fn manners(&self) -> &'static [Manner] {
        &[Manner::Plain]
    }

    fn play(&mut self, play: &Play<'_>, run: &Run) -> io::Result<Vec<Outcome>> {
        let mut peer = (self.open)()?;
        let mut player = play.player(run, play.gap);
        let result = player.play(&mut peer);
        let result = result.and_then(|()| player.take_leave(&mut peer, play.leave_patience));
        Ok(vec![outcome(player, result)])
    }
}
