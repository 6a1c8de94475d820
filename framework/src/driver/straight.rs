//! Blocking handlers on threads: the handler runs on the thread itself, and waits where it stands.
//!
//! The session of such a connection has a [`Relay`] for a handler, which only notes what happens. A stream that waits runs the connection
//! until the relay has noted what it waits for.

use std::any::Any;
use std::panic::resume_unwind;

use super::conversation::{Conversation, Manner};
use crate::server::Stage;
use crate::session::{Session, Vacant};
use crate::stream::{Buffers, Facts, Held, Line, Outcome, Over, Stream, Wait, Waiter, Wake};
use crate::timer::Time;
use crate::{BlockingHandler, CloseReason, Conn, Handler, HandlerError, Input};

/// Runs a blocking handler and its connection to their ends; says whether the peer should see a reset.
pub(crate) fn run(
    conversation: &mut Conversation<'_, Relay>,
    handler: Box<dyn BlockingHandler>,
) -> bool {
    if let Some(facts) = begin(conversation) {
        let (outcome, mut buffers) = Stream::new(conversation, facts, Box::default()).run(handler);
        let session = &mut conversation.talk.session;
        if session.is_open() {
            session.call(&mut conversation.worker.turn, "handle", |_, conn| {
                outcome.apply(&mut buffers.output, conn)
            });
        } else if let Outcome::Panicked(panic) = outcome {
            session.handler_mut().panic = Some(panic);
        }
    }
    conversation.manner = Manner::Callbacks;
    conversation.run_to_the_end()
}

/// Opens the session, and asks it what a stream must know.
pub(crate) fn begin(conversation: &mut Conversation<'_, Relay>) -> Option<Facts> {
    conversation.manner = Manner::Straight;
    let session = &mut conversation.talk.session;
    session.open(&mut conversation.worker.turn);
    let mut facts = None;
    session.call(&mut conversation.worker.turn, "handle", |_, conn| {
        facts = Some(Facts::of(conn));
        Ok(())
    });
    facts
}

/// What stands in a session for a handler that runs elsewhere: it notes what happens.
#[derive(Default)]
pub(crate) struct Relay {
    waiter: Waiter,
    /// What has come and was not handed to the stream.
    input: Vec<u8>,
    /// How the present wait has ended.
    wake: Option<Wake>,
    /// What the handler panicked with when its connection was over already.
    panic: Option<Box<dyn Any + Send>>,
}

impl Relay {
    fn note(&mut self, wake: Option<Wake>) {
        if wake.is_some() {
            self.wake = wake;
        }
    }
}

impl Handler for Relay {
    fn received(&mut self, input: &mut Input<'_>, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.input.extend_from_slice(input.take_all());
        self.wake = Some(self.waiter.received());
        Ok(())
    }

    fn ended(&mut self, input: &mut Input<'_>, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.input.extend_from_slice(input.take_all());
        self.wake = Some(self.waiter.ended());
        Ok(())
    }

    fn drained(&mut self, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        let wake = self.waiter.drained();
        self.note(wake);
        Ok(())
    }

    fn timer(&mut self, timer: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let wake = self.waiter.timer(timer, conn);
        self.note(wake);
        Ok(())
    }

    fn stopping(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let wake = self.waiter.stopping(conn);
        self.note(wake);
        Ok(())
    }

    fn closed(&mut self, _: &CloseReason) {
        if let Some(panic) = self.panic.take() {
            resume_unwind(panic);
        }
    }
}

impl Vacant for Relay {
    fn vacant() -> Self {
        Self::default()
    }
}

impl Line for Conversation<'_, Relay> {
    fn wait(&mut self, wait: Wait, buffers: &mut Held) -> Wake {
        let wake = self.begin_wait(wait, buffers);
        let wake = wake.unwrap_or_else(|| self.wait_for_relay());
        self.manner = Manner::Straight;
        self.hand_over(buffers);
        wake
    }

    fn is_shared(&self) -> bool {
        false
    }
}

impl Conversation<'_, Relay> {
    fn begin_wait(&mut self, wait: Wait, buffers: &mut Buffers) -> Option<Wake> {
        if matches!(wait, Wait::Nothing) {
            return Some(Wake::Ready);
        }
        match &wait {
            Wait::Input { amid, .. } => {
                if self.is_interrupted() && self.talk.drained {
                    // What had arrived was read, and nothing else can be received on this socket any more.
                    return Some(Wake::Ended);
                }
                if *amid {
                    self.manner = Manner::Amid;
                }
            }
            Wait::Sent { until } if *until != Time::NEVER => {
                if let Err(error) = self.never_block() {
                    self.talk.session.fail(error, &mut self.worker.turn);
                }
            }
            _ => {}
        }
        let ends = matches!(wait, Wait::OwnEnd);
        let mut answer = None;
        let is_open = self.talk.session.is_open();
        (self.talk.session).call(&mut self.worker.turn, "handle", |relay, conn| {
            relay.wake = None;
            answer = relay.waiter.begin(wait, &mut buffers.output, conn);
            Ok(())
        });
        if ends {
            // The handler may do something else now than to wait in its stream.
            self.send_own_end();
        }
        if is_open { answer } else { Some(self.over()) }
    }

    /// Runs the connection until the relay has noted how the wait ends.
    fn wait_for_relay(&mut self) -> Wake {
        let stop = |session: &mut Session<Relay>| {
            session.handler_mut().wake.is_some() || !session.is_open()
        };
        self.run_until(stop);
        let wake = self.talk.session.handler_mut().wake.take();
        if self.talk.session.is_open() {
            wake.unwrap_or(Wake::Ready)
        } else {
            self.over()
        }
    }

    fn over(&self) -> Wake {
        let Some(reason) = self.talk.session.core().reason().cloned() else {
            return Wake::Ended;
        };
        let os_error = self.worker.turn.os_error;
        Wake::Over(Box::new(Over { reason, os_error }))
    }

    /// Moves what has come to the stream.
    fn hand_over(&mut self, buffers: &mut Buffers) {
        if self.worker.shared.life.stage() > Stage::Serve {
            // What has arrived is received before the next wait ends.
            self.talk.session.drain(&mut self.worker.turn);
        }
        buffers.stopping = self.talk.session.core().is_draining();
        let input = &mut self.talk.session.handler_mut().input;
        if buffers.is_read() {
            buffers.start = 0;
            buffers.input.clear();
            std::mem::swap(&mut buffers.input, input);
        } else {
            buffers.append(input);
            input.clear();
        }
    }
}
