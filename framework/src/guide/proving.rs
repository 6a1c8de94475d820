//! How to know that a handler is right: what the module `testkit` is for, and in which order to use it.
//!
//! It is compiled with the cargo feature `testkit`, which belongs among the `dev-dependencies`; its own documentation has the examples.
//!
//! | Question | Tool | What it finds |
//! |---|---|---|
//! | Does it say what it should? | `Script`: a conversation as a text, one step a line | what any test finds |
//! | Does it, however TCP cuts the stream? | `Prover`: every cut, every pair of cuts, byte by byte, in and out | one read taken for one message, letters that are split, the rest after a frame that is lost, state that connections share |
//! | Does it in every mode and style? | `Oracle`: the same scripts over real sockets, compared byte by byte | what works on a thread and not on a reactor, and twins that are none |
//! | Does it when things go wrong? | `Simulation`, and `DatagramSimulation` for datagrams: the real event loop over a network in memory, where a seed decides order, time and faults | answers that are lost at a stop, connections that wait for ever, handlers that are closed twice or never |
//! | What does it cost? | `Budget`: system calls, wake-ups and allocations for each message | writes in pieces, wake-ups without work |
//! | Does hostile input break it? | the fuzz targets in `fuzz/`, for what reads bytes | panics, and input that is read one way whole and another way cut |
//!
//! The first three need no change to a handler and some lines of test each. A failure always comes with what repeats it: the cuts,
//! or a command with the seed, which also tells what happened step by step. `socketserver
//! prove ENDPOINT --script FILE` asks the second question of any server that runs, this one or not.
//!
//! # A script
//!
//! ```text
//! send "hello\r\n"
//! expect "HELLO\r\n"
//! half-close
//! expect end
//! ```
//!
//! # What no kit can show
//!
//! That the script is what the protocol says. A handler that misunderstands the protocol does so in every mode, and however the stream is cut.
