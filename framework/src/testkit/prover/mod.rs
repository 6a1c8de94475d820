//! The segmentation prover: plays a script with its input cut in every way, and finds the cut at which a server gives itself away.
//!
//! A stream carries bytes and no messages, so a server must do the same however its input is cut. That is a law, and a law can be
//! tested without knowing what the server does: the script is played whole, which is the reference, and then again with
//!
//! 1. every single cut, which finds most faults there are,
//! 2. all pairs of cuts, for what needs a piece in the middle,
//! 3. a cut before every byte,
//! 4. cuts at random places, which the seed repeats,
//! 5. every single cut while the output is taken one byte at a time (handlers in this process only),
//! 6. every single cut while another connection plays the same in turn (handlers in this process only).
//!
//! Neither the output, nor how the connection ends, nor why, nor what a [`Witness`] has noted may differ. Whatever the script
//! expects is checked in each run besides. [`Cuts`] says how many of these runs are made.
//!
//! A connection whose script is over is half-closed, and what still comes until its end belongs to the output: a server that
//! answers twice is found although no line of the script expects the second answer.
//!
//! # Handlers
//!
//! [`Prover::prove`] drives handlers without sockets, threads or clock, each run being a connection of its own. Time is made up: a timer of an hour
//! rings at once when nothing else is left to happen. Work given to [`Stream::offload`](crate::Stream::offload) is done
//! at once. What other threads do to a connection is not waited for. A handler whose connections are meant to hear
//! of each other, as in a chat, is proved [`alone`](Prover::alone).
//!
//! ```
//! use socketserver::testkit::prover::Prover;
//! use socketserver::testkit::script::Script;
//! use socketserver::{Framed, HandlerError, Lines, Replies};
//!
//! fn shout(line: &[u8], replies: &mut Replies<'_>) -> Result<(), HandlerError> {
//!     Ok(replies.send(&line.to_ascii_uppercase())?)
//! }
//!
//! let script = Script::parse(r#"
//!     send "one\r\ntwo\n"
//!     expect "ONE\nTWO\n"
//! "#)?;
//! let proof = Prover::new(script).prove(|_peer| Framed::new(Lines::default(), shout))?;
//! assert_eq!(proof.single, 8, "nine bytes can be cut at eight places");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Servers
//!
//! [`Prover::prove_server`] plays to whatever listens at an endpoint, and so does the command `socketserver prove`. What is sent with two
//! calls over a socket may still come with one, and no system tells when the other side has received something. So between two pieces
//! there is a [gap](Prover::gap) of time, in which a server that is not very busy has read the first. A proof over a socket is
//! therefore weaker than one in memory, since a fault may be missed when the server is slow. What a server says differently each
//! time, such as a date, a script must `skip`; else the server is called [unsteady](Fault::Unsteady).
//!
//! # What a proof is worth
//!
//! It says that with this script no way of cutting that was tried makes a difference. What the script does not say, was not
//! tried: several messages in one `send`, one that is too long, one that ends in the middle, letters of more than one byte.

mod cuts;
mod disproof;
pub(super) mod memory;
mod plan;
mod proof;
mod run;
mod search;
mod shrink;
mod stages;
mod witness;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

pub use self::cuts::{Cuts, CutsError};
pub use self::disproof::{Disproof, Fault};
pub use self::proof::{Progress, Proof, Unproven};
use self::search::Search;
use self::stages::{Handlers, Peers};
pub use self::witness::Witness;
use super::script::{End, Peer, Script, SocketPeer};
use crate::driver::{Stacks, Suspended};
use crate::net::{Address, Endpoint};
use crate::server::Config;
use crate::{BlockingHandler, Handler};

/// The seed where none is given. It is always the same, since a test that fails now and then helps nobody.
const SEED: u64 = 1;
/// How long a step may take for a handler in this process, in time that costs nothing: longer than the deadlines of `Config` that a
/// message can meet.
const HANDLER_PATIENCE: Duration = Duration::from_secs(60);
/// How long a step may take for a server.
const SERVER_PATIENCE: Duration = Duration::from_secs(5);
/// How long connecting to a server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Plays a script with its input cut in every way.
pub struct Prover<'a> {
    script: Script,
    cuts: Option<Cuts>,
    seed: u64,
    patience: Option<Duration>,
    gap: Duration,
    time_max: Option<Duration>,
    config: Config,
    /// The only cuts to try.
    replay: Option<Vec<usize>>,
    witness: Option<Witness>,
    alone: bool,
    progress: Option<Box<dyn FnMut(Progress) + 'a>>,
}

impl<'a> Prover<'a> {
    /// A prover that will play this script.
    pub fn new(script: Script) -> Self {
        Self {
            script,
            cuts: None,
            seed: SEED,
            patience: None,
            gap: Duration::from_millis(2),
            time_max: Some(Duration::from_secs(30)),
            config: Config::default(),
            replay: None,
            witness: None,
            alone: false,
            progress: None,
        }
    }

    /// Says which cuts to try, instead of [`Cuts::HANDLER`] or [`Cuts::SERVER`].
    pub fn cuts(mut self, cuts: Cuts) -> Self {
        self.cuts = Some(cuts);
        self
    }

    /// Chooses what is chosen at random. The same seed makes the same runs; the default is 1.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How long each step of the script may take: 5 seconds for a server, and 60 for a handler, whose time is made up.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// How much time lies between two pieces that are sent to a server. Default 2 ms.
    pub fn gap(mut self, gap: Duration) -> Self {
        self.gap = gap;
        self
    }

    /// How long the runs with a server may take together; what is left then is not tried, which the proof says. Default 30 s, `None` means no
    /// limit.
    pub fn time_max(mut self, time: Option<Duration>) -> Self {
        self.time_max = time;
        self
    }

    /// The settings with which handlers are driven. They do not matter to a server.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Tries these cuts and no others: those of a [`Disproof`], to see it again. A cut is the number of bytes before it.
    pub fn replay(mut self, cuts: impl IntoIterator<Item = usize>) -> Self {
        let mut cuts: Vec<_> = cuts.into_iter().collect();
        cuts.sort_unstable();
        self.replay = Some(cuts);
        self
    }

    /// Compares what this witness has noted too.
    pub fn witness(mut self, witness: &Witness) -> Self {
        self.witness = Some(witness.clone());
        self
    }

    /// Leaves out the runs with a second connection, for handlers whose connections are meant to hear of each other.
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Has a closure called after each run.
    pub fn progress(mut self, progress: impl FnMut(Progress) + 'a) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    /// Proves a handler, of which `factory` makes one for each connection.
    ///
    /// # Errors
    ///
    /// When the handler does not always do the same, or does not do what the script expects.
    pub fn prove<H, F>(self, factory: F) -> Result<Proof, Box<Disproof>>
    where
        H: Handler + 'static,
        F: Fn(&Address) -> H + Send + Sync + 'static,
    {
        self.prove_handlers(Arc::new(move |peer| Box::new(factory(peer))))
    }

    /// Proves a blocking handler, of which `factory` makes one for each connection.
    ///
    /// # Errors
    ///
    /// As for [`prove`](Prover::prove).
    pub fn prove_blocking<H, F>(self, factory: F) -> Result<Proof, Box<Disproof>>
    where
        H: BlockingHandler + 'static,
        F: Fn(&Address) -> H + Send + Sync + 'static,
    {
        let stacks = Arc::new(Stacks::new(self.config.coroutine_stack_bytes));
        self.prove_handlers(Arc::new(move |peer| {
            Box::new(Suspended::new(Box::new(factory(peer)), &stacks))
        }))
    }

    fn prove_handlers(self, factory: memory::Factory) -> Result<Proof, Box<Disproof>> {
        let patience = self.patience.unwrap_or(HANDLER_PATIENCE);
        let (config, witness) = (self.config.clone(), self.witness.clone());
        let mut stage = Handlers::new(config, factory, witness, self.alone);
        let search = Search::new(self, Cuts::HANDLER, patience, None);
        match search.run(&mut stage) {
            Ok(proof) => Ok(proof),
            Err(Unproven::Disproved(disproof)) => Err(disproof),
            Err(Unproven::Unreachable { source, .. }) => {
                unreachable!("connections in memory do not fail: {source}")
            }
        }
    }

    /// Proves whatever listens at an endpoint.
    ///
    /// # Errors
    ///
    /// When the server does not always do the same, does not do what the script expects, or cannot be connected to.
    pub fn prove_server(self, endpoint: &Endpoint) -> Result<Proof, Unproven> {
        self.prove_peers(|| SocketPeer::connect(endpoint, CONNECT_TIMEOUT))
    }

    /// Proves whatever is at the other end of the connections that `open` makes, one for each run.
    ///
    /// # Errors
    ///
    /// As for [`prove_server`](Prover::prove_server).
    pub fn prove_peers<P: Peer>(
        self,
        open: impl FnMut() -> io::Result<P>,
    ) -> Result<Proof, Unproven> {
        let patience = self.patience.unwrap_or(SERVER_PATIENCE);
        let time_max = self.time_max;
        Search::new(self, Cuts::SERVER, patience, time_max).run(&mut Peers::new(open))
    }
}

impl fmt::Debug for Prover<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prover")
            .field("script", &self.script)
            .field("cuts", &self.cuts)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}
